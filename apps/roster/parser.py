"""Parse a roster file: checked rows, and a reject with line, column and reason for each bad row.

`roster.load_roster` applies the rows; this module changes no data.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime
from heapq import nsmallest
from typing import Any, Protocol

from django.db import transaction

from apps.core.clock import db_now
from apps.core.identity import Identity, InvalidIdentity, clean_text
from apps.core.identity_key import normalise_identity
from apps.core.locks import disable_statement_timeout
from apps.core.time_zones import midnight, time_zones
from apps.employees.models import Employee
from apps.fileio.csv_reader import Record, UnreadableFile
from apps.roster.staging import StagingTable

REQUIRED = ("staff_no", "name", "email")


OPTIONAL = ("phone", "department", "manager_staff_no", "time_zone", "started_on", "left_on", "effective_on")


STAFF_NO_LIMIT = 64


# Day first with dot or dash, or year first. No known program writes the month first in these forms.
DAY_FIRST = re.compile(r"(\d{1,2})([.-])(\d{1,2})\2(\d{4})", re.ASCII)


YEAR_FIRST = re.compile(r"(\d{4})([/.年-])(\d{1,2})[/.月-](\d{1,2})日?", re.ASCII)


# A time after a date is midnight, or has no meaning for a day.
CLOCK = re.compile(r"[T ]\d{1,2}:\d{2}(:\d{2}(\.\d+)?)?Z?$", re.ASCII)


NAMED = 3


PROBLEMS = {
    "unterminated_quote": "a quote is opened and not closed, so nobody can say who stands there",
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


class RowRefused(ValueError):
    """A cell of a row is invalid."""

    def __init__(self, column: str, code: str, reason: str, about: str = ""):
        super().__init__(reason)
        self.column, self.code, self.reason, self.about = column, code, reason, about


class ConflictingRows(UnreadableFile):
    """Two rows contradict each other about one person. `lines`: their numbers; `about`: the person."""

    def __init__(self, first: int, second: int, staff_no: str, name: str):
        self.lines, self.about = (first, second), f"{name} ({staff_no})"
        super().__init__(f"lines {first} and {second} disagree about staff number {staff_no} ({name})")


class AmbiguousEmployee(UnreadableFile):
    """A complete load is impossible: an unreadable line may hold any employee, so no one can be called missing."""

    def __init__(self, reject: Reject):
        super().__init__(
            f"line {reject.line}: {reject.reason}: a complete load could send that person away", reject.line
        )


class Rows(Protocol):
    """Source of a roster: a Table, or a file with assigned columns."""

    columns: list[str]

    def require(self, *columns: str) -> None: ...

    def __iter__(self) -> Iterator[Record]: ...


@dataclass
class Roster:
    """A parsed file: its rows and all staff numbers in it, good or bad, in `staged`; and the rejects.

    `without_unknown_managers`: rows with an unknown manager are loaded without a manager.
    """

    columns: list[str]
    staged: StagingTable
    rejects: list[Reject] = field(default_factory=list)
    read: int = 0
    duplicate: int = 0
    unreadable: Reject | None = None
    without_unknown_managers: bool = False

    def mentions_anybody(self) -> bool:
        """Whether the file names any person. Raises UnreadableFile for an unreadable row, which may hold any person."""
        if self.unreadable:
            raise AmbiguousEmployee(self.unreadable)
        return self.staged.mentions_anybody()

    @property
    def unknown_columns(self) -> list[str]:
        """Ignored columns."""
        return [column for column in self.columns if column and column not in (*REQUIRED, *OPTIONAL)]


def read_roster(table: Rows, progress: Callable[[int], None] = lambda read: None) -> Roster:
    """Check every row of a roster; call `progress(rows_read)` from time to time.

    The result can be loaded until the next file is read. Raises UnreadableFile for a file that must not be loaded.
    """
    table.require(*REQUIRED)
    roster = Roster(table.columns, StagingTable())
    for record in table:
        roster.read += 1
        if roster.read % 1000 == 0:
            progress(roster.read)
        _take(roster, record)
    with transaction.atomic():
        disable_statement_timeout()
        roster.staged.end()
        if found := roster.staged.disagreement():
            raise ConflictingRows(*found)
        roster.duplicate = roster.staged.drop_repeated()
        _refuse_shared_emails(roster)
        _find_managers_by_name(roster)
    return roster


def _take(roster: Roster, record: Record) -> None:
    if record.problem:
        reject = Reject(record.line, "", record.problem, PROBLEMS[record.problem])
        roster.unreadable = roster.unreadable or reject
        roster.rejects.append(reject)
        return
    try:
        roster.staged.add(_row(record, roster.columns))
    except RowRefused as refused:
        staff_no, name = clean_text(record.cells["staff_no"], STAFF_NO_LIMIT), clean_text(record.cells["name"])
        roster.staged.add_refused(record.line, staff_no, name)
        reject = Reject(record.line, refused.column, refused.code, refused.reason, refused.about)
        roster.rejects.append(reject)


def _refuse_shared_emails(roster: Roster) -> None:
    """Reject all rows that share an e-mail, because its owner is unknown."""
    holders: dict[bytes, list[tuple[int, str, str]]] = {}
    for digest, line, staff_no, name in roster.staged.sharing_email(db_now()):
        holders.setdefault(bytes(digest), []).append((line, staff_no, name))
    lines = []
    for together in holders.values():
        for line, _staff_no, _name in together:
            # The first NAMED + 1 rows contain every name that a reason lists.
            others = [other for other in together[: NAMED + 1] if other[0] != line][:NAMED]
            names = ", ".join(f"{name} ({staff_no}, line {where})" for where, staff_no, name in others)
            reason = f"the same e-mail as {names}"
            roster.rejects.append(Reject(line, "email", "email_shared", reason, names))
            lines.append(line)
    if lines:
        roster.staged.refuse(lines)


def _find_managers_by_name(roster: Roster) -> None:
    """Resolve managers given by name: a name of exactly one person is resolved; an ambiguous name is rejected."""
    staged, unknown = roster.staged, roster.staged.unknown_managers()
    if not unknown:
        return
    meant = _staff_numbers(staged, unknown)
    several = {name for name, found in meant.items() if len(found) > 1}
    alone = {name: next(iter(found)) for name, found in meant.items() if len(found) == 1}
    # One text per name: thousands of lines may share a manager, and thousands of people a name.
    abouts = {name: f"{name}: {_first(meant[name])}" for name in several}
    lines = []
    for line, _staff_no, _name, manager in staged.under(several):
        about = abouts[manager]
        reason = f"more than one employee has this name: {about}"
        roster.rejects.append(Reject(line, "manager_staff_no", "ambiguous_manager", reason, about))
        lines.append(line)
    for line, staff_no, name, manager in staged.under(alone):
        if alone[manager] == staff_no:
            roster.rejects.append(Reject(line, "manager_staff_no", "own_manager", _own(name), name))
            lines.append(line)
    staged.refuse(lines)
    # Names without a match stay; the load rejects them as unknown managers, with their dependents.
    staged.name_managers(alone)


def _first(staff_numbers: set[str]) -> str:
    return ", ".join(nsmallest(NAMED, staff_numbers)) + (", …" if len(staff_numbers) > NAMED else "")


def _staff_numbers(staged: StagingTable, names: list[str]) -> dict[str, set[str]]:
    """Staff numbers per name, in the file or on the roster; the file's name of a person takes precedence."""
    found: dict[str, set[str]] = {name: set() for name in names}
    for name, staff_no in staged.called(names):
        found[name].add(staff_no)
    on_roster = list(Employee.objects.employed_at(db_now()).filter(name__in=names).values_list("name", "staff_no"))
    in_file = staged.mentioned([staff_no for _name, staff_no in on_roster])
    for name, staff_no in on_roster:
        if staff_no not in in_file:
            found[name].add(staff_no)
    return found


def _own(name: str) -> str:
    return f"{name} is named as their own manager"


def _row(record: Record, columns: list[str]) -> tuple[Any, ...]:
    """The cells of staging.COLUMNS; None when the file lacks the column.

    Instants are midnights in the company's time zone.
    """
    cells = record.cells
    staff_no = clean_text(cells["staff_no"], STAFF_NO_LIMIT + 1)
    if not staff_no:
        raise RowRefused("staff_no", "missing", "no staff number")
    if len(staff_no) > STAFF_NO_LIMIT:
        raise RowRefused("staff_no", "too_long", f"longer than {STAFF_NO_LIMIT} characters")
    name = clean_text(cells["name"])
    if not name:
        raise RowRefused("name", "missing", "no name")
    manager = clean_text(cells["manager_staff_no"], STAFF_NO_LIMIT) if "manager_staff_no" in columns else None
    if manager == staff_no:
        raise RowRefused("manager_staff_no", "own_manager", _own(name), name)
    starts_at = _instant(cells, "started_on")
    ends_at = _instant(cells, "left_on", days=1)
    if starts_at and ends_at and starts_at >= ends_at:
        raise RowRefused("left_on", "left_before_start", f"left on {cells['left_on']}, before {cells['started_on']}")
    email, phone = _identity("email", cells["email"]), None
    if cells.get("phone"):
        phone = _identity("phone", cells["phone"])
    return (
        record.line, staff_no, name, email.value, email.digest, phone.value if phone else None,
        phone.digest if phone else None, "phone" in columns,
        clean_text(cells["department"]) if "department" in columns else None, manager,
        _zone_name(cells["time_zone"]) if "time_zone" in columns else None, starts_at, ends_at,
        _instant(cells, "effective_on"), "started_on" in columns, "left_on" in columns,
    )  # fmt: skip


def _identity(kind: str, text: str) -> Identity:
    try:
        return normalise_identity(kind, text)
    except InvalidIdentity as error:
        raise RowRefused(kind, "invalid_identity", str(error)) from error


def _zone_name(text: str) -> str:
    if text and text not in time_zones():
        raise RowRefused("time_zone", "unknown_time_zone", f"{text!r} is no IANA time zone such as Asia/Shanghai", text)
    return text


def _instant(cells: dict[str, str], column: str, days: int = 0) -> datetime | None:
    text = cells.get(column, "")
    if not text:
        return None
    try:
        day = day_of(text)
        # HR systems write an open end as the last possible day.
        return None if days and day.year == date.max.year else midnight(day, days)
    except (ValueError, OverflowError) as error:
        raise RowRefused(column, "bad_date", f"{text!r} is no date such as 2026-11-30", text) from error


def day_of(text: str) -> date:
    """Parse a day as HR systems write it: 2026-11-30, 30.11.2026, 30-11-2026, 2026/11/30, 2026年11月30日.

    Raises ValueError, also for an ambiguous day such as 05/11/2026.
    """
    text = CLOCK.sub("", text)
    if found := DAY_FIRST.fullmatch(text):
        return date(int(found[4]), int(found[3]), int(found[1]))
    if found := YEAR_FIRST.fullmatch(text):
        return date(int(found[1]), int(found[3]), int(found[4]))
    return date.fromisoformat(text)
