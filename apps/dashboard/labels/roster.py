"""Labels for the codes of a roster import."""

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext, pgettext_lazy

from apps.dashboard.labels import base, files
from apps.dashboard.labels.base import Text
from apps.roster.load_problems import problem_sentence
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


def problem(error: RosterProblem) -> str:
    """Why a whole file is refused."""
    # The limits of a file are the same for every upload.
    if error["code"] == "too_large":
        return files.too_large(error["line"], error["limit"], error["unit"])
    return problem_sentence(error, role)


# Each kind of difference: its label before and after the load, its icon and its colour.
KINDS: dict[str, tuple[Text, Text, str, str]] = {
    "joined": (gettext_lazy("Join"), gettext_lazy("Joined"), "user-plus", "green"),
    "left": (gettext_lazy("Leave"), gettext_lazy("Left"), "user-minus", "amber"),
    "moved": (gettext_lazy("Move"), gettext_lazy("Moved"), "move-right", ""),
    "changed": (gettext_lazy("Change"), gettext_lazy("Changed"), "pencil", ""),
    "address": (gettext_lazy("New addresses"), gettext_lazy("New addresses"), "at-sign", "amber"),
    "rejected": (pgettext_lazy("roster", "Rejected"), pgettext_lazy("roster", "Rejected"), "triangle-alert", "amber"),
}
