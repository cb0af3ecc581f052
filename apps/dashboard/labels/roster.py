"""Labels for the codes of a roster import."""

from __future__ import annotations

from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext, pgettext_lazy

from apps.dashboard.labels import base

Text = str | Promise

# The roles a reader can give a column, required ones first.
ROLES: dict[str, Text] = {
    "": gettext_lazy("not used"),
    "staff_no": gettext_lazy("Staff number"),
    "name": gettext_lazy("Name"),
    "given_name": gettext_lazy("First name"),
    "family_name": gettext_lazy("Family name"),
    "email": gettext_lazy("E-mail"),
    "phone": gettext_lazy("Phone"),
    "department": gettext_lazy("Department"),
    "manager_staff_no": gettext_lazy("Manager (number or name)"),
    "time_zone": gettext_lazy("Time zone"),
    "started_on": gettext_lazy("First day"),
    "left_on": gettext_lazy("Last day"),
    "effective_on": gettext_lazy("Change counts from"),
}
FIELDS: dict[str, Text] = {name: text for name, text in ROLES.items() if name} | {"manager": gettext_lazy("Manager")}


def role(name: str) -> str:
    return str(FIELDS.get(name, name))


def rejection(code: str, column: str, about: str, dependents: int = 0) -> str:
    """Why a row would not be loaded, and how many more rows depend on it."""
    why = _why(code, column, about)
    if not dependents:
        return why
    more = ngettext(
        "%(count)s more row depends on it and is not loaded either.",
        "%(count)s more rows depend on it and are not loaded either.",
        dependents,
    ) % {"count": base.number(dependents)}
    return _("%(why)s %(more)s") % {"why": why, "more": more}


def _why(code: str, column: str, about: str) -> str:
    values = {"about": about}
    sentences = {
        "missing": _("The name is missing.") if column == "name" else _("The staff number is missing."),
        "too_long": _("This is too long."),
        "staff_no_sign": _("A staff number cannot have an @."),
        "staff_no_taken": _("The sign-in for this staff number would be the same as for %(about)s.") % values,
        "unterminated_quote": _("A quotation mark is missing or stands in the wrong place."),
        "invalid_identity": _("The phone number is not valid.") if column == "phone" else _("The e-mail is not valid."),
        "email_shared": _("The same e-mail as %(about)s: nobody can say whose it is.") % values,
        "email_taken": _("This is the e-mail of %(about)s, who is employed and not in the file.") % values,
        "unknown_manager": _("The manager %(about)s is nobody's number, and no one employee's name.") % values,
        "manager_rejected": _("The manager %(about)s is not loaded.") % values,
        "ambiguous_manager": _("More than one employee has the manager's name: %(about)s.") % values,
        "own_manager": _("%(about)s is named as their own manager.") % values,
        "unknown_time_zone": _("%(about)s is no time zone such as Asia/Shanghai.") % values,
        "bad_date": _("%(about)s is no date such as 2026-11-30 or 30.11.2026.") % values,
        "left_before_start": _("The last day lies before the first."),
    }
    return sentences.get(code, code)


def problem(error: dict[str, Any]) -> str:
    """Why a whole file is refused."""
    if error["code"] == "too_large":
        return base.too_large(error["line"], error["limit"], error["unit"])
    lines = [str(line) for line in error.get("lines", [])]
    values = {
        "about": error.get("about", ""),
        "lines": ", ".join(lines),
        "columns": ", ".join(role(column) for column in error.get("columns", [])),
    }
    sentences = {
        "column_missing": _("Say below which column is: %(columns)s.") % values,
        "column_twice": _("Two columns are said to be the same: %(columns)s.") % values,
        "disagree": _("Lines %(lines)s say different things about %(about)s.") % values,
        "somebody_unread": _(
            "Line %(lines)s cannot be read, and anybody may stand there: a complete file could send that person away."
        )
        % values,
        "cycle": _("These people report to each other in a circle: %(about)s.") % values,
        "too_deep": _("More than 100 levels of managers stand below %(about)s.") % values,
        "overlap": _("Two periods of %(about)s overlap.") % values,
        "nobody": _("The file names nobody, so as a complete file it would send everybody away."),
        "yourself": _(
            "This file would send away the one who loads it. Is it the right file? If so, a colleague loads it."
        ),
        "packed": _(
            "This is an archive or a picture, and no list. XLSX and CSV are read here; save an old XLS as XLSX."
        ),
        "unsure_encoding": _("The file does not say which alphabet its bytes mean."),
        "freezing": _("A campaign is being frozen, so its past cannot change now. Try again in a minute."),
        "approval_unsettled": _(
            "A second HR user has to approve this file, and your account cannot request that yet: its e-mail address, "
            "second factor or role changed a short time ago. Another HR user loads the file."
        ),
        "approval_not_hr": _("The person who loaded this file is no longer an HR user. Another HR user loads it."),
        "approval_waiting": _("A request for this file is waiting already."),
        "lost": _("The file is no longer kept here. Please send it again."),
        "gave_up": _("The work on this file was cut off too often. Please send it again."),
    }
    unreadable = _("This file cannot be read as a list of employees.")
    if error["code"] == "unreadable" and lines:
        return _("%(sentence)s It breaks near line %(lines)s.") % (values | {"sentence": unreadable})
    return sentences.get(error["code"], unreadable)


KINDS: dict[str, tuple[Text, str, str]] = {
    "joined": (gettext_lazy("Join"), "user-plus", "green"),
    "left": (gettext_lazy("Leave"), "user-minus", "amber"),
    "moved": (gettext_lazy("Move"), "move-right", ""),
    "changed": (gettext_lazy("Change"), "pencil", ""),
    "address": (gettext_lazy("New addresses"), "at-sign", "amber"),
    "rejected": (pgettext_lazy("roster", "Rejected"), "triangle-alert", "amber"),
}
KINDS_DONE: dict[str, Text] = {
    "joined": gettext_lazy("Joined"),
    "left": gettext_lazy("Left"),
    "moved": gettext_lazy("Moved"),
    "changed": gettext_lazy("Changed"),
    "address": gettext_lazy("New addresses"),
    "rejected": pgettext_lazy("roster", "Rejected"),
}


def labels() -> dict[str, Text]:
    """The labels of the kinds before anything is applied."""
    return {kind: label for kind, (label, _icon, _colour) in KINDS.items()}
