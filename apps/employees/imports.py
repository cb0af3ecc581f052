"""Reading a roster file: HR's CSV becomes checked rows, each bad one a reject with line, column and reason.

`roster.load_roster` applies the rows; nothing here writes.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import date, datetime, time, timedelta
from functools import lru_cache
from typing import Protocol
from zoneinfo import ZoneInfo, available_timezones

from apps.employees.models import Employee
from apps.employees.services import company_zone
from apps.ledger.rules import Identity, InvalidIdentity, clean_text
from apps.ledger.services import clock, identity
from apps.ledger.tables import Record, UnreadableFile

REQUIRED = ("staff_no", "name", "email")
OPTIONAL = ("phone", "department", "manager_staff_no", "time_zone", "started_on", "left_on", "effective_on")
STAFF_NO_LIMIT = 64
# Day first, with a dot or a dash, or year first: no program writes the month first in one of these.
DAY_FIRST = re.compile(r"(\d{1,2})([.-])(\d{1,2})\2(\d{4})", re.ASCII)
YEAR_FIRST = re.compile(r"(\d{4})([/.年-])(\d{1,2})[/.月-](\d{1,2})日?", re.ASCII)
# A time behind a date is midnight, or of no meaning for a day.
CLOCK = re.compile(r"[T ]\d{1,2}:\d{2}(:\d{2}(\.\d+)?)?Z?$", re.ASCII)
NAMED = 3
PROBLEMS = {
    "unterminated_quote": "a quote is opened and not closed, so nobody can say who stands there",
    "too_long": "the line is too long to be read",
}


@dataclass(frozen=True)
class Reject:
    """One row that was not loaded: where, why, in words; `about`: whom or what those words name."""

    line: int
    column: str
    code: str
    reason: str
    about: str = ""


class RowRefused(ValueError):
    """A cell of a row is bad."""

    def __init__(self, column: str, code: str, reason: str, about: str = ""):
        super().__init__(reason)
        self.column, self.code, self.reason, self.about = column, code, reason, about


class RowsDisagree(UnreadableFile):
    """Two rows say different things about one person. `lines`: where; `about`: whom."""

    def __init__(self, first: RosterRow, second: RosterRow):
        self.lines, self.about = (first.line, second.line), f"{first.name} ({first.staff_no})"
        super().__init__(
            f"lines {first.line} and {second.line} disagree about staff number {first.staff_no} ({first.name})"
        )


class SomebodyUnread(UnreadableFile):
    """Anybody may stand in a line that cannot be read, so nobody can be called missing."""

    def __init__(self, reject: Reject):
        super().__init__(
            f"line {reject.line}: {reject.reason}: a complete load could send that person away", reject.line
        )


class Rows(Protocol):
    """What a roster is read from: a Table, or a file whose columns somebody has named."""

    columns: list[str]

    def require(self, *columns: str) -> None: ...

    def __iter__(self) -> Iterator[Record]: ...


@dataclass(frozen=True)
class RosterRow:
    """A checked row. None: the file has no such column. Instants are midnights in the company's zone."""

    line: int
    staff_no: str
    name: str
    email: Identity
    phone: Identity | None
    has_phone: bool
    department: str | None
    manager: str | None
    time_zone: str | None
    starts_at: datetime | None
    ends_at: datetime | None
    effective_at: datetime | None
    has_start: bool
    has_end: bool

    @property
    def said(self) -> tuple:
        """What the row says, without where it stands."""
        return tuple(value for name, value in self.__dict__.items() if name != "line")


@dataclass
class Roster:
    """What a file says: rows to load, rejects, and every staff number it names, good or bad."""

    columns: list[str]
    rows: list[RosterRow] = field(default_factory=list)
    rejects: list[Reject] = field(default_factory=list)
    named: set[str] = field(default_factory=set)
    read: int = 0
    duplicate: int = 0
    unreadable: Reject | None = None

    @property
    def mentioned(self) -> set[str]:
        """Everybody the file mentions. Raises UnreadableFile if a row cannot be read: anybody may stand there."""
        if self.unreadable:
            raise SomebodyUnread(self.unreadable)
        return self.named

    @property
    def unknown_columns(self) -> list[str]:
        """Columns that are ignored."""
        return [column for column in self.columns if column and column not in (*REQUIRED, *OPTIONAL)]


def read_roster(table: Rows, progress: Callable[[int], None] = lambda read: None) -> Roster:
    """Check every row of a roster; `progress(read)` now and then.

    Raises UnreadableFile for a file that must not be loaded at all.
    """
    table.require(*REQUIRED)
    roster = Roster(table.columns)
    seen: dict[str, RosterRow] = {}
    # Who is rejected may still be the one whom somebody's manager is called after.
    called: list[tuple[str, str]] = []
    for record in table:
        roster.read += 1
        if roster.read % 1000 == 0:
            progress(roster.read)
        if record.problem:
            reject = Reject(record.line, "", record.problem, PROBLEMS[record.problem])
            roster.unreadable = roster.unreadable or reject
            roster.rejects.append(reject)
            continue
        try:
            row = _row(record, table.columns)
        except RowRefused as refused:
            staff_no, name = clean_text(record.cells["staff_no"], STAFF_NO_LIMIT), clean_text(record.cells["name"])
            roster.named.add(staff_no)
            called.append((name, staff_no))
            reject = Reject(record.line, refused.column, refused.code, refused.reason, refused.about)
            roster.rejects.append(reject)
            continue
        roster.named.add(row.staff_no)
        first = seen.setdefault(row.staff_no, row)
        if first is row:
            continue
        if first.said != row.said:
            raise RowsDisagree(first, row)
        roster.duplicate += 1
    rows = list(_without_shared_emails(seen, roster.rejects))
    called += [(row.name, row.staff_no) for row in seen.values()]
    roster.rows = list(_with_managers_by_name(rows, called, roster.rejects))
    return roster


def _without_shared_emails(seen: dict[str, RosterRow], rejects: list[Reject]) -> Iterator[RosterRow]:
    """Two employees with one e-mail: nobody can say whose it is, so neither row is loaded."""
    holders: dict[bytes, list[RosterRow]] = {}
    for row in seen.values():
        holders.setdefault(row.email.digest, []).append(row)
    for row in seen.values():
        others = [other for other in holders[row.email.digest] if other is not row]
        if not others:
            yield row
            continue
        names = ", ".join(f"{other.name} ({other.staff_no}, line {other.line})" for other in others[:NAMED])
        rejects.append(Reject(row.line, "email", "email_shared", f"the same e-mail as {names}", names))


def _with_managers_by_name(
    rows: list[RosterRow], called: list[tuple[str, str]], rejects: list[Reject]
) -> Iterator[RosterRow]:
    """A manager who is no staff number may be a name: whoever alone has it is meant; of several, nobody."""
    numbers = {row.staff_no for row in rows}
    unknown = {row.manager for row in rows if row.manager and row.manager not in numbers}
    if not unknown:
        yield from rows
        return
    unknown -= set(Employee.objects.filter(staff_no__in=unknown).values_list("staff_no", flat=True))
    meant = _staff_numbers(unknown, called)
    for row in rows:
        found = sorted(meant.get(row.manager or "", ()))
        if len(found) > 1:
            about = f"{row.manager}: {', '.join(found[:NAMED])}{', …' if len(found) > NAMED else ''}"
            reason = f"more than one employee has this name: {about}"
            rejects.append(Reject(row.line, "manager_staff_no", "ambiguous_manager", reason, about))
        elif found == [row.staff_no]:
            rejects.append(Reject(row.line, "manager_staff_no", "own_manager", _own(row.name), row.name))
        else:
            # Nobody of that name: refused below with all who name a manager that nobody knows.
            yield replace(row, manager=found[0]) if found else row


def _staff_numbers(names: Iterable[str], called: list[tuple[str, str]]) -> dict[str, set[str]]:
    """Who has one of these names, in the file or on the roster; as the file names them, where it does."""
    found: dict[str, set[str]] = {name: set() for name in names}
    for name, staff_no in called:
        if name in found:
            found[name].add(staff_no)
    in_file = {staff_no for _name, staff_no in called}
    on_roster = Employee.objects.employed_at(clock()).filter(name__in=found)
    for name, staff_no in on_roster.values_list("name", "staff_no"):
        if staff_no not in in_file:
            found[name].add(staff_no)
    return found


def _own(name: str) -> str:
    return f"{name} is named as their own manager"


def _row(record: Record, columns: list[str]) -> RosterRow:
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
    return RosterRow(
        line=record.line,
        staff_no=staff_no,
        name=name,
        email=_identity("email", cells["email"]),
        phone=_identity("phone", cells["phone"]) if cells.get("phone") else None,
        has_phone="phone" in columns,
        department=clean_text(cells["department"]) if "department" in columns else None,
        manager=manager,
        time_zone=_zone_name(cells["time_zone"]) if "time_zone" in columns else None,
        starts_at=starts_at,
        ends_at=ends_at,
        effective_at=_instant(cells, "effective_on"),
        has_start="started_on" in columns,
        has_end="left_on" in columns,
    )


def _identity(kind: str, text: str) -> Identity:
    try:
        return identity(kind, text)
    except InvalidIdentity as error:
        raise RowRefused(kind, "invalid_identity", str(error)) from error


def _zone_name(text: str) -> str:
    if text and text not in _zones():
        raise RowRefused("time_zone", "unknown_time_zone", f"{text!r} is no IANA time zone such as Asia/Shanghai", text)
    return text


@lru_cache
def _zones() -> frozenset[str]:
    return frozenset(available_timezones())


def _instant(cells: dict[str, str], column: str, days: int = 0) -> datetime | None:
    text = cells.get(column, "")
    if not text:
        return None
    try:
        day = day_of(text)
        # HR systems write an open end as the last day of time.
        return None if days and day.year == date.max.year else midnight(day, days)
    except (ValueError, OverflowError) as error:
        raise RowRefused(column, "bad_date", f"{text!r} is no date such as 2026-11-30", text) from error


def day_of(text: str) -> date:
    """The day a cell means, as HR systems write it: 2026-11-30, 30.11.2026, 30-11-2026, 2026/11/30, 2026年11月30日.

    Raises ValueError, also for what could be two days, as 05/11/2026.
    """
    text = CLOCK.sub("", text)
    if found := DAY_FIRST.fullmatch(text):
        return date(int(found[4]), int(found[3]), int(found[1]))
    if found := YEAR_FIRST.fullmatch(text):
        return date(int(found[1]), int(found[3]), int(found[4]))
    return date.fromisoformat(text)


@lru_cache(maxsize=4096)
def midnight(day: date, days: int = 0) -> datetime:
    """The first instant of the day, or of the day `days` later, in the company's zone."""
    return datetime.combine(day + timedelta(days=days), time(), tzinfo=ZoneInfo(company_zone()))
