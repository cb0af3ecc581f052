"""The sentences of the problems for which a whole roster file is refused."""

from collections.abc import Callable
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from apps.core.sentences import join_names
from apps.roster.report_types import RosterProblem

# Stored loads may hold the former codes.
RENAMED_PROBLEMS = {"somebody_unread": "unreadable_row", "nobody": "no_employees"}


# By code; `problem_sentence` fills in the values.
PROBLEMS: dict[str, Any] = {
    "column_missing": gettext_lazy("Below, choose the column for: %(columns)s."),
    "column_twice": gettext_lazy("Two columns have the same meaning: %(columns)s."),
    "disagree": gettext_lazy("Lines %(lines)s contradict each other about %(about)s."),
    "unreadable_row": gettext_lazy(
        "Line %(lines)s cannot be read. If it names an employee, a complete file would end their employment."
    ),
    "cycle": gettext_lazy("These people are each other's managers, directly or indirectly: %(about)s."),
    "too_deep": gettext_lazy("There are more than 100 levels of managers below %(about)s."),
    "overlap": gettext_lazy("Two periods of %(about)s overlap."),
    "no_employees": gettext_lazy("The file has no employees. As a complete file, it would end every employment."),
    "yourself": gettext_lazy(
        "This file would end your own employment. If it is the right file, another HR user has to load it."
    ),
    "packed": gettext_lazy(
        "This is an archive or a picture, not a list. Use XLSX or CSV; save an old XLS file as XLSX."
    ),
    "unsure_encoding": gettext_lazy("The encoding of the file cannot be detected."),
    "freezing": gettext_lazy("A campaign is being frozen, so its past cannot change now. Try again in a minute."),
    "approval_unsettled": gettext_lazy(
        "A second HR user has to approve this file, but your account cannot request this yet, because its "
        "e-mail address, second factor or role changed recently. Ask another HR user to load the file."
    ),
    "approval_not_hr": gettext_lazy(
        "The person who loaded this file is no longer an HR user. Ask another HR user to load it."
    ),
    "approval_waiting": gettext_lazy("A request for this file is already waiting."),
    "approval_too_many": gettext_lazy(
        "The person who loaded this file already has too many files waiting for approval. Ask another HR "
        "user to load it."
    ),
    "roster_source": gettext_lazy("Another source maintains the roster now: see the setting ROSTER_SOURCE."),
    "approval_busy": gettext_lazy("Another file of this account was being applied. Send the file again."),
    "approval_superseding": gettext_lazy(
        "A roster change of another HR user is waiting for a decision, and files of this account have superseded "
        "too many such requests within a day. Wait for the decision."
    ),
    "lost": gettext_lazy("The file is no longer stored. Upload it again."),
    "too_slow": gettext_lazy("Comparing this file with the roster took too long. Split it into several files."),
    "gave_up": gettext_lazy("Processing this file was interrupted too often. Upload it again."),
}


def problem_sentence(error: RosterProblem, column_name: Callable[[str], str]) -> str:
    """Why a file is refused; `column_name` names a role of the columns for the reader."""
    lines = [str(line) for line in error.get("lines", [])]
    values = {
        "about": error.get("about", ""),
        "lines": join_names(lines),
        "columns": join_names(column_name(column) for column in error.get("columns", [])),
    }
    unreadable = _("This file cannot be read as a list of employees.")
    if error["code"] == "unreadable" and lines:
        return _("%(sentence)s The problem is near line %(lines)s.") % (values | {"sentence": unreadable})
    code = RENAMED_PROBLEMS.get(error["code"], error["code"])
    return str(PROBLEMS.get(code, unreadable)) % values
