"""Labels for adjustments: kind, period and state of a request."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext, pgettext_lazy

from apps.campaigns.adjustments.bulk_file import MOST_LINES
from apps.campaigns.models.adjustment import FOR_EVER
from apps.dashboard.labels import base

FILTERS: dict[str, base.Text] = {
    "mine": gettext_lazy("Waiting for me"),
    "waiting": gettext_lazy("All that wait"),
    "in_force": gettext_lazy("In force"),
    "all": gettext_lazy("Everything"),
}
STATES: dict[str, tuple[base.Text, str, str]] = {
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
    """The state of a request, as a badge."""

    code: str

    @property
    def label(self) -> base.Text:
        return STATES[self.code][0]

    @property
    def colour(self) -> str:
        return STATES[self.code][1]

    @property
    def icon(self) -> str:
        return STATES[self.code][2]


def state_of(request: Any) -> State:
    """The state of a request with its headcounts (reports.one_request)."""
    if request.decision is None:
        return State("waiting")
    if request.decision != "granted" or request.ends_id:
        return State(request.decision)
    if request.holding:
        return State("in_force")
    return State("later" if request.lasting else "over")


def kind_of(request: Any) -> base.Text:
    """Leave, joined late, part time, or HR's own word."""
    return request.kind_text or request.get_kind_display()


def effect(target: int | None, exempt: bool | None) -> str:
    """Target 64 · Exempt"""
    if target is not None:
        return _("Target %(target)s") % {"target": base.number(target)}
    return _("Exempt") if exempt else _("No longer exempt")


def _day(day: date) -> str:
    return date_format(day, pgettext("date format, day, month and year", "j M Y"))


def first_day(adjustment: Any) -> date:
    """In the zone in force."""
    return timezone.localtime(adjustment.starts_at).date()


def last_day(until: datetime) -> date | None:
    """The last local day before an end; None without an end."""
    return None if until >= FOR_EVER else timezone.localtime(until - timedelta(microseconds=1)).date()


def period(adjustment: Any, opens_at: datetime) -> str:
    """The period in the zone in force; an early end by HR is shown with its time."""
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


def of_many(request: Any) -> str:
    """The effect of a request for many: pro rata by a rule, or as in a file."""
    many = request.ends if request.ends_id else request
    return _("as in the file") if many.from_file else _("pro rata")


def subject(request: Any) -> str:
    """The employees of a request."""
    if request.employee is not None:
        return str(request.employee.name)
    many = request.ends if request.ends_id else request
    if many.from_file:
        return _("File %(name)s") % {"name": many.file_name}
    day = base.short_date(many.joined_after)
    if many.department:
        return _("Joined after %(day)s, %(department)s") % {"day": day, "department": many.department}
    return _("Joined after %(day)s") % {"day": day}


def problem(error: dict[str, Any]) -> str:
    """Why a whole file is refused."""
    code, line = error["problem"], error.get("line", 0)
    if code == "too_large":
        return base.too_large(line, error["limit"], error["unit"])
    sentences = {
        "no_staff_no": _("No heading says who is meant. Name a column staff_no or email in the first line."),
        "no_target": _("No heading says what they get. Name a column target or exempt in the first line."),
        "packed": _(
            "This is an archive or a picture, and no list. XLSX and CSV are read here; save an old XLS as XLSX."
        ),
        "unsure_encoding": _("The file does not say which alphabet its bytes mean."),
        "too_many": _("The file has more than %(most)s lines. Send it in parts.") % {"most": base.number(MOST_LINES)},
        "gave_up": _("The work on this file was cut off too often. Please send it again."),
    }
    if code in sentences:
        return sentences[code]
    unreadable = _("This file cannot be read as a list of adjustments.")
    if line:
        return _("%(sentence)s It breaks near line %(lines)s.") % {"sentence": unreadable, "lines": line}
    return unreadable
