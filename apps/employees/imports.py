"""Reading a roster file: HR's CSV becomes checked rows, each bad one a reject with line, column and reason.

`roster.load_roster` applies the rows; nothing here writes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo, available_timezones

from apps.employees.services import company_zone
from apps.ledger.rules import Identity, InvalidIdentity, clean_text
from apps.ledger.services import identity
from apps.ledger.tables import Record, Table, UnreadableFile

REQUIRED = ("staff_no", "name", "email")
OPTIONAL = ("phone", "department", "manager_staff_no", "time_zone", "started_on", "left_on", "effective_on")
STAFF_NO_LIMIT = 64
PROBLEMS = {
    "unterminated_quote": "a quote is opened and not closed, so nobody can say who stands there",
    "too_long": "the line is too long to be read",
}


@dataclass(frozen=True)
class Reject:
    """One row that was not loaded: where, why, in words."""

    line: int
    column: str
    code: str
    reason: str


class RowRefused(ValueError):
    """A cell of a row is bad."""

    def __init__(self, column: str, code: str, reason: str):
        super().__init__(reason)
        self.column, self.code, self.reason = column, code, reason


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
            line, reason = self.unreadable.line, self.unreadable.reason
            raise UnreadableFile(f"line {line}: {reason}: a complete load could send that person away")
        return self.named

    @property
    def unknown_columns(self) -> list[str]:
        """Columns that are ignored."""
        return [column for column in self.columns if column and column not in (*REQUIRED, *OPTIONAL)]


def read_roster(table: Table, progress: Callable[[int], None] = lambda read: None) -> Roster:
    """Check every row of a roster; `progress(read)` now and then.

    Raises UnreadableFile for a file that must not be loaded at all.
    """
    table.require(*REQUIRED)
    roster = Roster(table.columns)
    seen: dict[str, RosterRow] = {}
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
            roster.named.add(clean_text(record.cells["staff_no"], STAFF_NO_LIMIT))
            roster.rejects.append(Reject(record.line, refused.column, refused.code, refused.reason))
            continue
        roster.named.add(row.staff_no)
        first = seen.setdefault(row.staff_no, row)
        if first is row:
            continue
        if first.said != row.said:
            raise UnreadableFile(
                f"lines {first.line} and {row.line} disagree about staff number {row.staff_no} ({first.name})"
            )
        roster.duplicate += 1
    roster.rows = list(_without_shared_emails(seen, roster.rejects))
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
        names = ", ".join(f"{other.name} ({other.staff_no}, line {other.line})" for other in others[:3])
        rejects.append(Reject(row.line, "email", "email_shared", f"the same e-mail as {names}"))


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
        raise RowRefused("manager_staff_no", "own_manager", f"{name} is named as their own manager")
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
        raise RowRefused("time_zone", "unknown_time_zone", f"{text!r} is no IANA time zone such as Asia/Shanghai")
    return text


@lru_cache
def _zones() -> frozenset[str]:
    return frozenset(available_timezones())


def _instant(cells: dict[str, str], column: str, days: int = 0) -> datetime | None:
    text = cells.get(column, "")
    if not text:
        return None
    try:
        day = date.fromisoformat(text)
        # HR systems write an open end as the last day of time.
        return None if days and day.year == date.max.year else midnight(day, days)
    except (ValueError, OverflowError) as error:
        raise RowRefused(column, "bad_date", f"{text!r} is no date such as 2026-11-30") from error


@lru_cache(maxsize=4096)
def midnight(day: date, days: int = 0) -> datetime:
    """The first instant of the day, or of the day `days` later, in the company's zone."""
    return datetime.combine(day + timedelta(days=days), time(), tzinfo=ZoneInfo(company_zone()))
