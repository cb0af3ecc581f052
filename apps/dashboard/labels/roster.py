"""Labels for the codes of a roster import."""

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext, pgettext_lazy

from apps.core.sentences import join_names
from apps.dashboard.labels import base, files
from apps.dashboard.labels.base import Text
from apps.roster.report_types import RosterProblem

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
    "chat_id": gettext_lazy("Chat account"),
    "effective_on": gettext_lazy("Change effective from"),
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
        "%(count)s more line depends on this line and is not loaded either.",
        "%(count)s more lines depend on this line and are not loaded either.",
        dependents,
    ) % {"count": base.number(dependents)}
    return _("%(why)s %(more)s") % {"why": why, "more": more}


def _why(code: str, column: str, about: str) -> str:
    values = {"about": about}
    sentences = {
        "missing": _("The name is missing.") if column == "name" else _("The staff number is missing."),
        "too_long": _("This is too long."),
        "staff_no_sign": _("A staff number cannot have an @."),
        "staff_no_taken": _("The username for this staff number would be the same as for %(about)s.") % values,
        "unterminated_quote": _("A quotation mark is missing or in the wrong place."),
        "invalid_identity": _("The phone number is not valid.") if column == "phone" else _("The e-mail is not valid."),
        "email_shared": _("%(about)s has the same e-mail. It is unclear whose it is.") % values,
        "email_taken": _("This is the e-mail of %(about)s, who is employed and not in the file.") % values,
        "unknown_manager": _("The manager %(about)s is neither the staff number nor the unique name of an employee.")
        % values,
        "manager_rejected": _("The manager %(about)s is not loaded.") % values,
        "ambiguous_manager": _("More than one employee has the manager's name: %(about)s.") % values,
        "own_manager": _("%(about)s is named as their own manager.") % values,
        "unknown_time_zone": _("%(about)s is not a time zone such as Asia/Shanghai.") % values,
        "bad_chat_id": _("%(about)s is not an account of a chat product.") % values,
        "bad_date": _("%(about)s is not a date such as 2026-11-30 or 30.11.2026.") % values,
        "left_before_start": _("The last day is before the first day."),
        "starts_after_end": _("The first day is after the known last day. Load a return after %(about)s has left.")
        % values,
    }
    return sentences.get(code, code)


# Stored loads may hold the former codes.
RENAMED_PROBLEMS = {"somebody_unread": "unreadable_row", "nobody": "no_employees"}


def problem(error: RosterProblem) -> str:
    """Why a whole file is refused."""
    # The limits of a file are the same for every upload.
    if error["code"] == "too_large":
        return files.too_large(error["line"], error["limit"], error["unit"])
    lines = [str(line) for line in error.get("lines", [])]
    values = {
        "about": error.get("about", ""),
        "lines": join_names(lines),
        "columns": join_names(role(column) for column in error.get("columns", [])),
    }
    unreadable = _("This file cannot be read as a list of employees.")
    if error["code"] == "unreadable" and lines:
        return _("%(sentence)s The problem is near line %(lines)s.") % (values | {"sentence": unreadable})
    code = RENAMED_PROBLEMS.get(error["code"], error["code"])
    return _problems(values).get(code, unreadable)


def _problems(values: dict[str, str]) -> dict[str, str]:
    return {
        "column_missing": _("Below, choose the column for: %(columns)s.") % values,
        "column_twice": _("Two columns have the same meaning: %(columns)s.") % values,
        "disagree": _("Lines %(lines)s contradict each other about %(about)s.") % values,
        "unreadable_row": _(
            "Line %(lines)s cannot be read. If it names an employee, a complete file would end their employment."
        )
        % values,
        "cycle": _("These people are each other's managers, directly or indirectly: %(about)s.") % values,
        "too_deep": _("There are more than 100 levels of managers below %(about)s.") % values,
        "overlap": _("Two periods of %(about)s overlap.") % values,
        "no_employees": _("The file has no employees. As a complete file, it would end every employment."),
        "yourself": _(
            "This file would end your own employment. If it is the right file, another HR user has to load it."
        ),
        "packed": _("This is an archive or a picture, not a list. Use XLSX or CSV; save an old XLS file as XLSX."),
        "unsure_encoding": _("The encoding of the file cannot be detected."),
        "freezing": _("A campaign is being frozen, so its past cannot change now. Try again in a minute."),
        "approval_unsettled": _(
            "A second HR user has to approve this file, but your account cannot request this yet, because its "
            "e-mail address, second factor or role changed recently. Ask another HR user to load the file."
        ),
        "approval_not_hr": _(
            "The person who loaded this file is no longer an HR user. Ask another HR user to load it."
        ),
        "approval_waiting": _("A request for this file is already waiting."),
        "approval_too_many": _(
            "The person who loaded this file already has too many files waiting for approval. Ask another HR "
            "user to load it."
        ),
        "roster_source": _("Meanwhile another source maintains the roster: see the setting ROSTER_SOURCE."),
        "lost": _("The file is no longer stored. Upload it again."),
        "too_slow": _("Comparing this file with the roster took too long. Split it into several files."),
        "gave_up": _("Processing this file was interrupted too often. Upload it again."),
    }


# Each kind of difference: its label before and after the load, its icon and its colour.
KINDS: dict[str, tuple[Text, Text, str, str]] = {
    "joined": (gettext_lazy("Join"), gettext_lazy("Joined"), "user-plus", "green"),
    "left": (gettext_lazy("Leave"), gettext_lazy("Left"), "user-minus", "amber"),
    "moved": (gettext_lazy("Move"), gettext_lazy("Moved"), "move-right", ""),
    "changed": (gettext_lazy("Change"), gettext_lazy("Changed"), "pencil", ""),
    "address": (gettext_lazy("New addresses"), gettext_lazy("New addresses"), "at-sign", "amber"),
    "rejected": (pgettext_lazy("roster", "Rejected"), pgettext_lazy("roster", "Rejected"), "triangle-alert", "amber"),
}
