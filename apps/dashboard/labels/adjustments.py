"""Labels for adjustments: kind, period and state of a request."""

from datetime import date, datetime, timedelta
from typing import Any

from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext, pgettext_lazy

from apps.campaigns.models.adjustment import FOR_EVER
from apps.dashboard.labels import base, files
from apps.roster.people_file import MAX_LINES

FILTERS: dict[str, base.Text] = {
    "mine": gettext_lazy("Waiting for me"),
    "waiting": gettext_lazy("Waiting for a decision"),
    "in_force": gettext_lazy("In force"),
    "all": gettext_lazy("Everything"),
}
# What a decision does to a standing (reports.adjustment_effects); empty for all employees of the list.
RED_CHANGES: dict[str, base.Text] = {
    "": gettext_lazy("All"),
    "red": gettext_lazy("Turn red"),
    "not_red": gettext_lazy("No longer red"),
}
_STATES: dict[str, tuple[base.Text, str, str]] = {
    "waiting": (gettext_lazy("waiting"), "amber", "hourglass"),
    "in_force": (gettext_lazy("in force"), "green", "check"),
    "later": (gettext_lazy("starts later"), "", "calendar"),
    "over": (pgettext_lazy("an adjustment", "over"), "", "minus"),
    "granted": (gettext_lazy("approved"), "", "check"),
    "refused": (gettext_lazy("refused"), "", "x"),
    "withdrawn": (gettext_lazy("withdrawn"), "", "undo-2"),
}


def state_of(request: Any) -> base.Badge:
    """The state of a request with its headcounts (reports.one_request)."""
    code = request.decision or "waiting"
    # A granted request that ends another adjustment has no period of its own.
    if code == "granted" and not request.ends_id:
        code = "in_force" if request.holding else "later" if request.lasting else "over"
    return base.Badge(code, *_STATES[code])


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
    # The database stores an open end as a day far in the future, so that periods can be compared.
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


def bulk_effect(request: Any) -> str:
    """The effect of a request for many: pro rata by a rule, or as in a file."""
    many = request.ends if request.ends_id else request
    return _("as in the file") if many.from_file else _("pro rata")


def subject(request: Any) -> str:
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
        return files.too_large(line, error["limit"], error["unit"])
    sentences = {
        "no_staff_no": _("No column identifies the employees. Add a column named staff_no or email."),
        "no_target": _("No column has the new target. Add a column named target or exempt."),
        "no_counted": _("No column has a new value. Add a column named counted, target or exempt."),
        "packed": _("This is an archive or a picture, not a list. Use XLSX or CSV; save an old XLS file as XLSX."),
        "unsure_encoding": _("The encoding of the file cannot be detected."),
        "too_many": _("The file has more than %(most)s lines. Split it into several files.")
        % {"most": base.number(MAX_LINES)},
        "gave_up": _("Processing this file was interrupted too often. Upload it again."),
    }
    if code in sentences:
        return sentences[code]
    unreadable = _("This file cannot be read as a list of employees.")
    if line:
        return _("%(sentence)s The problem is near line %(lines)s.") % {"sentence": unreadable, "lines": line}
    return unreadable
