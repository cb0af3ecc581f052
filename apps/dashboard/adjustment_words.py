"""What pages say about adjustments: what was adjusted, for when, and how far a request is."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext, pgettext_lazy

from apps.dashboard import words
from apps.quotas.adjustments import FOR_EVER

SHOWN: dict[str, words.Text] = {
    "mine": gettext_lazy("Waiting for me"),
    "waiting": gettext_lazy("All that wait"),
    "in_force": gettext_lazy("In force"),
    "all": gettext_lazy("Everything"),
}
STATES: dict[str, tuple[words.Text, str, str]] = {
    "waiting": (gettext_lazy("waiting"), "amber", "hourglass"),
    "in_force": (gettext_lazy("in force"), "green", "check"),
    "later": (gettext_lazy("begins later"), "", "calendar"),
    "over": (pgettext_lazy("an adjustment", "over"), "", "minus"),
    "granted": (gettext_lazy("granted"), "", "check"),
    "refused": (gettext_lazy("refused"), "", "x"),
    "withdrawn": (gettext_lazy("withdrawn"), "", "undo-2"),
}


@dataclass(frozen=True)
class State:
    """How far a request is, as a badge says it."""

    code: str

    @property
    def label(self) -> words.Text:
        return STATES[self.code][0]

    @property
    def colour(self) -> str:
        return STATES[self.code][1]

    @property
    def icon(self) -> str:
        return STATES[self.code][2]


def state_of(request: Any) -> State:
    """Of a request with its counts of people (reports.one_request)."""
    if request.decision is None:
        return State("waiting")
    if request.decision != "granted" or request.ends_id:
        return State(request.decision)
    if request.holding:
        return State("in_force")
    return State("later" if request.lasting else "over")


def kind_of(request: Any) -> words.Text:
    """Leave, joined late, part time, or what HR called it."""
    return request.kind_text or request.get_kind_display()


def effect(target: int | None, exempt: bool | None) -> str:
    """Target 64 · Exempt"""
    if target is not None:
        return _("Target %(target)s") % {"target": words.number(target)}
    return _("Exempt") if exempt else _("No longer exempt")


def _day(day: date) -> str:
    return date_format(day, pgettext("date format, day, month and year", "j M Y"))


def first_day(adjustment: Any) -> date:
    """In the zone in force."""
    return timezone.localtime(adjustment.starts_at).date()


def last_day(until: datetime) -> date | None:
    """The last local day before an end; None for what has none."""
    return None if until >= FOR_EVER else timezone.localtime(until - timedelta(microseconds=1)).date()


def period(adjustment: Any, opens_at: datetime) -> str:
    """From which day until which, in the zone in force; an end that HR made has its time."""
    begins = "" if adjustment.starts_at <= opens_at else _day(first_day(adjustment))
    if adjustment.ended_at is not None and adjustment.ended_at < adjustment.ends_at:
        ended = timezone.localtime(adjustment.ended_at)
        end = date_format(ended, pgettext("date format, with year and time", "j M Y H:i"))
    else:
        last = last_day(adjustment.ends_at)
        end = "" if last is None else _day(last)
    if begins and end:
        return _("from %(begin)s to %(end)s") % {"begin": begins, "end": end}
    if begins:
        return _("from %(begin)s on") % {"begin": begins}
    return _("until %(end)s") % {"end": end} if end else _("for the whole campaign")


def subject(request: Any) -> str:
    """Whom a request is about."""
    if request.employee is not None:
        return str(request.employee.name)
    many = request.ends if request.ends_id else request
    day = words.short_date(many.joined_after)
    if many.department:
        return _("Joined after %(day)s, %(department)s") % {"day": day, "department": many.department}
    return _("Joined after %(day)s") % {"day": day}
