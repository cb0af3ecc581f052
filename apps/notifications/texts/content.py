"""What a notification says, and the lines that several kinds share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from urllib.parse import urlencode

from django.urls import reverse
from django.utils import formats, timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext, pgettext

from apps.campaigns.rules import needed_per_day
from apps.core.sentences import join_sentences
from apps.notifications.facts import Facts


@dataclass(frozen=True)
class Content:
    """A text in the language in force. `page`: the name of the page that the link opens, with the arguments `args`.
    `action`: the link's label.

    A subject is constant: no number, no name and no campaign stands where a screen shows it to others. A summary stays
    true later, because the list in the application shows it; details hold the numbers of the moment of sending. `quote`
    is what a person wrote: it stands below the summary, never in a header.
    """

    subject: str
    summary: str
    details: Sequence[str] = ()
    page: str = "me"
    action: str = ""
    quote: str = ""
    args: Sequence[str] = ()


# Pages that show the campaign of a notification, and not the reader's default.
CAMPAIGN_PAGES = frozenset({"me", "contacts", "review", "team-home", "company", "company-reviews", "result"})


def path_of(content: Content, facts: Facts) -> str:
    """The path of the page that the notification leads to, for its campaign."""
    path = reverse(content.page, args=content.args)
    if content.page in CAMPAIGN_PAGES and facts.slug and facts.campaign_state in ("open", "closing", "frozen"):
        return f"{path}?{urlencode({'campaign': facts.slug})}"
    return path


def standing_lines(facts: Facts) -> list[str]:
    """The recipient's own numbers; nothing for a recipient without a standing."""
    if facts.counted is None or facts.target is None:
        return []
    numbers = {"counted": facts.counted, "target": facts.target, "remaining": facts.remaining}
    if facts.exempt:
        return [_("%(counted)s of your contacts count. You are exempt from the target.") % numbers]
    if not facts.remaining:
        return [_("%(counted)s of your contacts count. Your target is %(target)s.") % numbers]
    return [_("%(counted)s of your contacts count. Your target is %(target)s, so %(remaining)s are missing.") % numbers]


def day_text(day: date) -> str:
    """30 Nov 2026, as the pages write days."""
    return formats.date_format(day, pgettext("date format, day, month and year", "j M Y"))


def time_lines(facts: Facts, now: datetime) -> list[str]:
    days, last_day = facts.days_left(now), facts.deadline
    if not days or last_day is None:
        return []
    day = day_text(last_day)
    if days == 1 and facts.cutoff_at and facts.is_abroad(now):
        end = timezone.localtime(facts.cutoff_at, facts.time_zone)
        lines = [_("The campaign ends on %(instant)s in your time zone.") % {
            "instant": formats.date_format(end, pgettext("date format, with year and time", "j M Y H:i"))
        }]  # fmt: skip
    elif days == 1:
        lines = [_("Today, %(day)s, is the last day.") % {"day": day}]
    else:
        left = ngettext("%(days)s day is left, today included.", "%(days)s days are left, today included.", days)
        lines = [left % {"days": days}, _("The last day is %(day)s.") % {"day": day}]
    needed = needed_per_day(facts.remaining, days)
    if facts.red and needed and days > 1:
        lines.append(_("With %(number)s a day you reach the target.") % {"number": needed})
    return [join_sentences(lines)]
