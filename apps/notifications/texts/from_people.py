"""The texts of what a person sends: a reminder, and an offer of help. Both name the sender."""

from __future__ import annotations

from datetime import datetime

from django.utils.translation import get_language
from django.utils.translation import gettext as _

from apps.notifications.facts import Facts
from apps.notifications.models import HelpOffer, Reminder
from apps.notifications.texts.content import Content, standing_lines, time_lines


def reminder(facts: Facts, now: datetime) -> Content:
    role = Reminder.Role(facts.sender_role or Reminder.Role.HR).label
    summary = _("%(sender)s (%(role)s) reminds you of %(campaign)s.") % {
        "sender": facts.sender or "", "role": role, "campaign": facts.campaign,
    }  # fmt: skip
    reassurance = _("No one can see whether you have read this, and you do not need to reply.")
    return Content(
        _("A reminder"), summary, [*standing_lines(facts), *time_lines(facts, now), reassurance],
        action=_("Open your page"), quote=text_for(get_language(), facts.text_en or "", facts.text_zh or ""),
    )  # fmt: skip


def help_offered(facts: Facts, now: datetime) -> Content:
    offered = HelpOffer.Kind(facts.help or HelpOffer.Kind.TALK).label
    summary = _("%(sender)s offers you help in %(campaign)s: %(help)s.") % {
        "sender": facts.sender or "", "campaign": facts.campaign, "help": offered,
    }  # fmt: skip
    detail = _("Your page has two buttons: accept, or not needed. You do not need to give a reason.")
    return Content(_("Help is offered to you"), summary, [detail], action=_("Open your page"))


def text_for(language: str | None, text_en: str, text_zh: str) -> str:
    """The text of a person in this language."""
    return text_zh if (language or "").startswith("zh") else text_en
