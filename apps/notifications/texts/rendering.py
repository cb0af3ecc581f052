"""A notification as a message: in the recipient's language, with links from BASE_URL alone."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone, translation
from django.utils.translation import gettext as _

from apps.core.mailed_names import mailed_name
from apps.notifications import unsubscribe
from apps.notifications.channels.base import Message
from apps.notifications.facts import Facts
from apps.notifications.models import Channel
from apps.notifications.texts.by_kind import content_of
from apps.notifications.texts.content import Content, path_of
from apps.notifications.texts.digest_lines import digest_lines

# Of one language; DingTalk takes 2,048 bytes, and an unknown language is two texts.
MAX_CHAT_BYTES = 1_000


def render_message(facts: Facts, channel: str, now: datetime) -> Message:
    """The message of a notification; in all languages one after the other where the recipient's is unknown."""
    facts = _with_mailed_names(facts)
    unsubscribe_url = ""
    if facts.definition.can_switch_off:
        unsubscribe_url = absolute_url(
            reverse("unsubscribe", args=[unsubscribe.token(facts.recipient, facts.kind, channel)])
        )
    parts, subjects = [], []
    for language in languages_of(facts):
        with translation.override(language), timezone.override(facts.time_zone):
            content = content_of(facts, now)
            figures = digest_lines(facts, now, with_names=channel != Channel.CHAT)
            content = replace(content, details=[*content.details, *figures])
            url, settings_url = absolute_url(path_of(content, facts)), absolute_url(reverse("notification-settings"))
            context = {
                "content": content, "name": facts.name, "language": language,
                "url": url, "unsubscribe_url": unsubscribe_url, "settings_url": settings_url,
            }  # fmt: skip
            subjects.append(content.subject)
            parts.append({
                "language": language,
                "text": render_to_string("notifications/part.txt", context).strip(),
                "html": render_to_string("notifications/part.html", context),
                "chat": chat_text(content, url, settings_url),
            })  # fmt: skip
    return Message(
        message_id=message_id(facts),
        name=facts.name,
        address=facts.address,
        subject=" · ".join(subjects),
        text="\n\n--\n\n".join(part["chat" if channel == Channel.CHAT else "text"] for part in parts) + "\n",
        html=render_to_string("notifications/message.html", {"parts": parts}),
        unsubscribe_url=unsubscribe_url,
        chat_id=facts.chat_id,
    )


def chat_text(content: Content, url: str, settings_url: str) -> str:
    """A short text without markup. It begins with the subject, which alone a locked screen shows: no number."""
    links = [(content.action, url), (_("All settings"), settings_url)]
    end = [_("%(label)s: %(text)s") % {"label": label, "text": address} for label, address in links]
    lines = [content.subject, content.summary, *content.details]
    while len(lines) > 1 and len("\n".join([*lines, *end]).encode()) > MAX_CHAT_BYTES:
        # The last details first: the page has them.
        lines.pop()
    return "\n".join([*lines, *end])


def _with_mailed_names(facts: Facts) -> Facts:
    names = {field: getattr(facts, field) for field in ("name", "campaign", "deputy", "deputy_of", "sender")}
    mailed: dict[str, Any] = {field: mailed_name(name) for field, name in names.items() if name}
    return replace(facts, **mailed)


def languages_of(facts: Facts) -> list[str]:
    known = [code for code, _name in settings.LANGUAGES]
    return [facts.language] if facts.language in known else known


def message_id(facts: Facts) -> str:
    """The same at every attempt, so that a repeated mail is recognised as the same message."""
    # With the instant: ids begin again in a restored or a second installation.
    return f"<notification-{facts.id}-{facts.created_at.timestamp():.0f}@{urlsplit(settings.BASE_URL).hostname}>"


def absolute_url(path: str) -> str:
    return settings.BASE_URL.rstrip("/") + path
