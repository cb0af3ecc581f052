"""Parse the cells of one roster row. Changes no data."""

from __future__ import annotations

import re
from datetime import date, datetime
from typing import Any

from apps.core.identity import Identity, InvalidIdentity
from apps.core.identity_key import normalise_identity
from apps.core.text import clean_text
from apps.core.time_zones import midnight, time_zones
from apps.fileio.csv_reader import Record

STAFF_NO_LIMIT = 64
# Day first with dot or dash, or year first. No known program writes the month first in these forms.
DAY_FIRST = re.compile(r"(\d{1,2})([.-])(\d{1,2})\2(\d{4})", re.ASCII)
YEAR_FIRST = re.compile(r"(\d{4})([/.年-])(\d{1,2})[/.月-](\d{1,2})日?", re.ASCII)
# An account of a chat product. No comma, which would name several people, and no channel, which begins with #.
CHAT_ID = re.compile(r"[\w.@$+-]{1,64}", re.ASCII)
# A time after a date is midnight, or has no meaning for a day.
CLOCK = re.compile(r"[T ]\d{1,2}:\d{2}(:\d{2}(\.\d+)?)?Z?$", re.ASCII)


class InvalidRow(ValueError):
    """A cell of a row is invalid."""

    def __init__(self, column: str, code: str, reason: str, about: str = ""):
        super().__init__(reason)
        self.column, self.code, self.reason, self.about = column, code, reason, about


def parse_row(record: Record, *, clear_empty: bool = False) -> tuple[Any, ...]:
    """The cells in the order of `staging.COPY`; None for what the row leaves as it is.

    `clear_empty`: an empty cell clears the value. Otherwise it changes nothing, like a column that the file lacks.
    Instants are midnights in the company's time zone.
    """
    cells = record.cells
    # Whether the row says anything about a column.
    given = cells.__contains__ if clear_empty else cells.get
    # One more than allowed: otherwise a longer number would be cut, and could become another employee's.
    staff_no = clean_text(cells["staff_no"], STAFF_NO_LIMIT + 1)
    if not staff_no:
        raise InvalidRow("staff_no", "missing", "no staff number")
    if len(staff_no) > STAFF_NO_LIMIT:
        raise InvalidRow("staff_no", "too_long", f"longer than {STAFF_NO_LIMIT} characters")
    name = clean_text(cells["name"])
    if not name:
        raise InvalidRow("name", "missing", "no name")
    manager = clean_text(cells["manager_staff_no"], STAFF_NO_LIMIT) if given("manager_staff_no") else None
    if manager == staff_no:
        raise InvalidRow("manager_staff_no", "own_manager", own_manager_reason(name), name)
    starts_at = _instant(cells, "started_on")
    # The last day is included: the employment ends at the next midnight.
    ends_at = _instant(cells, "left_on", days=1)
    if starts_at and ends_at and starts_at >= ends_at:
        raise InvalidRow("left_on", "left_before_start", f"left on {cells['left_on']}, before {cells['started_on']}")
    email, phone = _identity("email", cells["email"]), None
    if cells.get("phone"):
        phone = _identity("phone", cells["phone"])
    return (
        # With each optional value stands whether the row gives it.
        record.line, staff_no, name, email.value, email.digest, phone.value if phone else None,
        phone.digest if phone else None, bool(given("phone")),
        clean_text(cells["department"]) if given("department") else None, manager,
        _zone_name(cells["time_zone"]) if given("time_zone") else None, starts_at, ends_at,
        _instant(cells, "effective_on"), bool(given("started_on")), bool(given("left_on")),
        _chat_id(cells["chat_id"]) if given("chat_id") else None,
    )  # fmt: skip


def own_manager_reason(name: str) -> str:
    return f"{name} is named as their own manager"


def _identity(kind: str, text: str) -> Identity:
    try:
        return normalise_identity(kind, text)
    except InvalidIdentity as error:
        raise InvalidRow(kind, "invalid_identity", str(error)) from error


def _zone_name(text: str) -> str:
    if text and text not in time_zones():
        raise InvalidRow("time_zone", "unknown_time_zone", f"{text!r} is not a time zone such as Asia/Shanghai", text)
    return text


def _chat_id(text: str) -> str:
    if text and not CHAT_ID.fullmatch(text):
        raise InvalidRow("chat_id", "bad_chat_id", f"{text!r} is not an account of a chat product", text)
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
        raise InvalidRow(column, "bad_date", f"{text!r} is not a date such as 2026-11-30", text) from error


def day_of(text: str) -> date:
    """Parse a day as HR systems write it: 2026-11-30, 30.11.2026, 30-11-2026, 2026/11/30, 2026年11月30日.

    Raises ValueError, also for an ambiguous day such as 05/11/2026.
    """
    # Spreadsheets write a day as midnight.
    text = CLOCK.sub("", text)
    if match := DAY_FIRST.fullmatch(text):
        return date(int(match[4]), int(match[3]), int(match[1]))
    if match := YEAR_FIRST.fullmatch(text):
        return date(int(match[1]), int(match[3]), int(match[4]))
    return date.fromisoformat(text)
