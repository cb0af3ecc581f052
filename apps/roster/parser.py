"""Parse a roster file: checked rows, and a reject with line, column and reason for each bad row.

`loading.load_roster` applies the rows; this module changes no data.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from heapq import nsmallest
from typing import Protocol

from django.db import transaction

from apps.core.clock import db_now
from apps.core.locks import disable_statement_timeout
from apps.core.text import clean_text
from apps.employees.models import Employee
from apps.fileio.csv_reader import Record
from apps.fileio.errors import UnreadableFile
from apps.roster.cells import STAFF_NO_LIMIT, InvalidRow, own_manager_reason, parse_row
from apps.roster.staging import StagingTable

REQUIRED = ("staff_no", "name", "email")
OPTIONAL = ("phone", "department", "manager_staff_no", "time_zone", "started_on", "left_on", "chat_id", "effective_on")
# The most people that a reason lists.
MAX_NAMES = 3
# The most characters of a name in a reason: it is repeated in the difference for each line that it is about.
MAX_NAME_CHARS = 40
PROBLEMS = {
    "unterminated_quote": "a quote is opened and not closed, so the person in this line is unknown",
    "too_long": "the line is too long to be read",
}


@dataclass(frozen=True)
class Reject:
    """One row that was not loaded: position, code and reason; `about` names the people or values in the reason.

    `dependents`: number of further rows rejected because of this one. `cause`: the line that caused this reject, 0 for
    a row that is its own cause.
    """

    line: int
    column: str
    code: str
    reason: str
    about: str = ""
    dependents: int = 0
    cause: int = 0


class ConflictingRows(UnreadableFile):
    """Two rows contradict each other about one person. `lines`: their numbers; `about`: the person."""

    def __init__(self, first: int, second: int, staff_no: str, name: str):
        self.lines, self.about = (first, second), f"{name} ({staff_no})"
        super().__init__(f"lines {first} and {second} disagree about staff number {staff_no} ({name})")


class UnreadableRow(UnreadableFile):
    """A complete load is impossible: an unreadable line may hold any employee, so no one can be called missing."""

    def __init__(self, reject: Reject):
        super().__init__(
            f"line {reject.line}: {reject.reason}: a complete load could end that person's employment", reject.line
        )


class Rows(Protocol):
    """Source of a roster: a Table, or a file with assigned columns."""

    columns: list[str]

    def require(self, *columns: str) -> None: ...

    def __iter__(self) -> Iterator[Record]: ...


@dataclass
class Roster:
    """A parsed file: its rows and all staff numbers in it, good or bad, in `staged`; and the rejects.

    `without_unknown_managers`: rows with an unknown manager are loaded without a manager. `clear_empty`: empty cells
    clear values.
    """

    columns: list[str]
    staged: StagingTable
    rejects: list[Reject] = field(default_factory=list)
    read: int = 0
    duplicate: int = 0
    unreadable: Reject | None = None
    without_unknown_managers: bool = False
    clear_empty: bool = False

    def has_rows(self) -> bool:
        """Whether the file names any person. Raises UnreadableFile for an unreadable row, which may hold any person."""
        if self.unreadable:
            raise UnreadableRow(self.unreadable)
        return self.staged.has_rows()

    @property
    def unknown_columns(self) -> list[str]:
        """Ignored columns."""
        return [column for column in self.columns if column and column not in (*REQUIRED, *OPTIONAL)]


def read_roster(
    table: Rows, progress: Callable[[int], None] = lambda read: None, *, clear_empty: bool = False
) -> Roster:
    """Check every row of a roster; call `progress(rows_read)` from time to time.

    `clear_empty`: an empty cell clears the value of an employee; otherwise it changes nothing.

    The result can be loaded until the next file is read. Raises UnreadableFile for a file that must not be loaded.
    """
    table.require(*REQUIRED)
    roster = Roster(table.columns, StagingTable(), clear_empty=clear_empty)
    for record in table:
        roster.read += 1
        if roster.read % 1000 == 0:
            progress(roster.read)
        _stage(roster, record)
    # One transaction for all queries on the staged rows; a million of them exceed the statement timeout.
    with transaction.atomic():
        disable_statement_timeout()
        roster.staged.finish()
        if disagreement := roster.staged.disagreement():
            raise ConflictingRows(*disagreement)
        # After the disagreements are refused, repeated rows are equal and any one of them will do.
        roster.duplicate = roster.staged.drop_repeated()
        # Before managers are resolved: a rejected row must not be the manager of another.
        _reject_shared_emails(roster)
        _resolve_manager_names(roster)
    return roster


def _stage(roster: Roster, record: Record) -> None:
    if record.problem:
        reject = Reject(record.line, "", record.problem, PROBLEMS[record.problem])
        roster.unreadable = roster.unreadable or reject
        roster.rejects.append(reject)
        roster.staged.add_rejected(record.line, "", "", record.values)
        return
    try:
        roster.staged.add(parse_row(record, clear_empty=roster.clear_empty))
    except InvalidRow as error:
        staff_no, name = clean_text(record.cells["staff_no"], STAFF_NO_LIMIT), clean_text(record.cells["name"])
        roster.staged.add_rejected(record.line, staff_no, name, record.values)
        reject = Reject(record.line, error.column, error.code, error.reason, error.about)
        roster.rejects.append(reject)


def _reject_shared_emails(roster: Roster) -> None:
    """Reject all rows that share an e-mail, because its owner is unknown."""
    holders: dict[bytes, list[tuple[int, str, str]]] = {}
    for digest, line, staff_no, name in roster.staged.shared_emails(db_now()):
        # psycopg2 returns a bytea as a memoryview.
        holders.setdefault(bytes(digest), []).append((line, staff_no, name))
    lines = []
    for people in holders.values():
        listed, common = people[: MAX_NAMES + 1], _same_email_as(people[:MAX_NAMES])
        for place, (line, _staff_no, _name) in enumerate(people):
            # One text for all but the first lines of an address: thousands of lines may have it.
            others = [person for person in listed if person[0] != line][:MAX_NAMES] if place < MAX_NAMES else []
            names, reason = _same_email_as(others) if others else common
            roster.rejects.append(Reject(line, "email", "email_shared", reason, names))
            lines.append(line)
    if lines:
        roster.staged.reject(lines)


def _same_email_as(people: list[tuple[int, str, str]]) -> tuple[str, str]:
    """The people by line, number and shortened name, and the reason of a reject that names them."""
    names = ", ".join(f"{name[:MAX_NAME_CHARS]} ({staff_no}, line {line})" for line, staff_no, name in people)
    return names, f"the same e-mail as {names}"


def _resolve_manager_names(roster: Roster) -> None:
    """Resolve managers given by name: a name of exactly one person is resolved; an ambiguous name is rejected."""
    staged, unknown = roster.staged, roster.staged.unknown_managers()
    if not unknown:
        return
    candidates = _staff_numbers(staged, unknown)
    ambiguous = {name for name, numbers in candidates.items() if len(numbers) > 1}
    resolved = {name: next(iter(numbers)) for name, numbers in candidates.items() if len(numbers) == 1}
    # One text per name: thousands of lines may share a manager, and thousands of people a name.
    about_by_name = {name: f"{name}: {_join_first(candidates[name])}" for name in ambiguous}
    lines = []
    for line, _staff_no, _name, manager in staged.reports_of(ambiguous):
        about = about_by_name[manager]
        reason = f"more than one employee has this name: {about}"
        roster.rejects.append(Reject(line, "manager_staff_no", "ambiguous_manager", reason, about))
        lines.append(line)
    for line, staff_no, name, manager in staged.reports_of(resolved):
        if resolved[manager] == staff_no:
            roster.rejects.append(Reject(line, "manager_staff_no", "own_manager", own_manager_reason(name), name))
            lines.append(line)
    staged.reject(lines)
    # Names without a match stay; the load rejects them as unknown managers, with their dependents.
    staged.replace_manager_names(resolved)


def _join_first(staff_numbers: set[str]) -> str:
    return ", ".join(nsmallest(MAX_NAMES, staff_numbers)) + (", …" if len(staff_numbers) > MAX_NAMES else "")


def _staff_numbers(staged: StagingTable, names: list[str]) -> dict[str, set[str]]:
    """Staff numbers per name, in the file or on the roster; the file's name of a person takes precedence."""
    numbers: dict[str, set[str]] = {name: set() for name in names}
    for name, staff_no in staged.staff_numbers(names):
        numbers[name].add(staff_no)
    # Only present employees: a name on the roster may also be that of a person who left years ago.
    on_roster = list(Employee.objects.employed_at(db_now()).filter(name__in=names).values_list("name", "staff_no"))
    in_file = staged.mentioned([staff_no for _name, staff_no in on_roster])
    for name, staff_no in on_roster:
        if staff_no not in in_file:
            numbers[name].add(staff_no)
    return numbers
