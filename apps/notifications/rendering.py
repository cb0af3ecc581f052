"""A notification as a message: in the recipient's language, with links from BASE_URL alone."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from urllib.parse import urlsplit

from django.conf import settings
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone, translation

from apps.notifications import unsubscribe
from apps.notifications.channels.base import Message
from apps.notifications.content import path_of
from apps.notifications.contents import content_of
from apps.notifications.digests import digest_lines
from apps.notifications.facts import Facts


def render_message(facts: Facts, channel: str, now: datetime) -> Message:
    """The message of a notification; in all languages one after the other where the recipient's is unknown."""
    unsubscribe_url = ""
    if facts.definition.can_switch_off:
        unsubscribe_url = absolute_url(
            reverse("unsubscribe", args=[unsubscribe.token(facts.recipient, facts.kind, channel)])
        )
    parts, subjects = [], []
    for language in languages_of(facts):
        with translation.override(language), timezone.override(facts.time_zone):
            content = content_of(facts, now)
            content = replace(content, details=[*content.details, *digest_lines(facts, now)])
            context = {
                "content": content, "name": facts.name, "language": language,
                "url": absolute_url(path_of(content, facts)), "unsubscribe_url": unsubscribe_url,
                "settings_url": absolute_url(reverse("notification-settings")),
            }  # fmt: skip
            subjects.append(content.subject)
            parts.append({
                "language": language,
                "text": render_to_string("notifications/part.txt", context).strip(),
                "html": render_to_string("notifications/part.html", context),
            })  # fmt: skip
    return Message(
        message_id=message_id(facts),
        name=facts.name,
        address=facts.address,
        subject=" · ".join(subjects),
        text="\n\n--\n\n".join(part["text"] for part in parts) + "\n",
        html=render_to_string("notifications/message.html", {"parts": parts}),
        unsubscribe_url=unsubscribe_url,
    )


def languages_of(facts: Facts) -> list[str]:
    known = [code for code, _name in settings.LANGUAGES]
    return [facts.language] if facts.language in known else known


def message_id(facts: Facts) -> str:
    """The same at every attempt, so that a repeated mail is recognised as the same message."""
    # With the instant: ids begin again in a restored or a second installation.
    return f"<notification-{facts.id}-{facts.created_at.timestamp():.0f}@{urlsplit(settings.BASE_URL).hostname}>"


def absolute_url(path: str) -> str:
    return settings.BASE_URL.rstrip("/") + path
