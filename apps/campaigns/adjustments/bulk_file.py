"""Read a file of adjustments: the employee of each line, the target or the exemption, and the days.

This module knows neither the roster nor the campaign; `bulk_upload` applies them.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import IO, Generic, TypeVar

from django.utils.translation import gettext as _

from apps.campaigns.rule_draft import MAX_TARGET
from apps.core.identity import clean_text
from apps.fileio.csv_injection import escape_formula, unescape_formula
from apps.fileio.csv_reader import Record
from apps.fileio.errors import UnreadableFile
from apps.roster.cells import day_of
from apps.roster.columns import WORDS, HeaderWords
from apps.roster.reader import ColumnMissing, open_roster, read_layout

# Twice as many lines as the largest measured company has employees.
MAX_LINES = 100_000
# Limits for sheets with a thousand other columns, because each line is kept in memory until all are read.
MAX_CELLS, MAX_CHARS = 2_000_000, 20_000_000
MAX_CELL_CHARS = 200
HEADINGS = HeaderWords(
    {
        "staff_no": WORDS["staff_no"] + "|person|who|人员",
        "email": WORDS["email"],
        "target": "target|new target|adjusted target|goal|目标|新目标|目标值|目标数|调整后目标|指标|目標|新目標|ziel|"
        "neues ziel|objectif|nouvel objectif|objetivo|nuevo objetivo",
        "exempt": "exempt|exempted|exemption|豁免|是否豁免|免除|免考核|befreit|befreiung|exempté|exento",
        "starts_on": "from|first day|starts on|start date|start|begins on|begin|valid from|开始日期|开始|起始日期|首日|"
        "第一天|生效日期|開始日期|von|ab|erster tag|beginn|du|premier jour|début|desde|primer día",
        "ends_on": "until|to|last day|ends on|end date|end|valid until|valid to|结束日期|结束|截止日期|末日|最后一天|"
        "失效日期|結束日期|bis|letzter tag|ende|au|dernier jour|fin|hasta|último día",
    }
)
EXEMPT = {"exempt", "exempted", "exemption", "豁免", "免除", "免考核", "befreit", "exempté", "exento"}
YES = EXEMPT | {"yes", "y", "true", "1", "x", "✓", "✔", "√", "是", "对", "ja", "oui", "sí", "si"}
# An empty cell is a "no": a column that most lines leave empty is common.
NO = {"", "no", "n", "false", "0", "-", "–", "否", "不", "nein", "non"}
# The columns that the list of rejected lines adds to the file's own.
ADDED_COLUMNS = ("line", "column", "reason")


class TooManyLines(UnreadableFile):
    code = "too_many"


class InvalidLine(ValueError):
    """A cell of a line is invalid: the role of its column, and a message."""

    def __init__(self, role: str, reason: str):
        super().__init__(reason)
        self.role, self.reason = role, reason


@dataclass(frozen=True)
class Line:
    """One readable line. At least one of `staff_no` and `email` is not empty."""

    number: int
    cells: Sequence[str]
    staff_no: str
    email: str
    target: int | None
    exempt: bool | None
    starts_on: date | None
    ends_on: date | None

    @property
    def terms(self) -> tuple[int | None, bool | None, date | None, date | None]:
        """Return the terms for the employee: target, exemption, first day, last day."""
        return self.target, self.exempt, self.starts_on, self.ends_on


@dataclass(frozen=True)
class RejectedLine:
    line: int
    column: str
    reason: str
    cells: Sequence[str]


L = TypeVar("L")


@dataclass(frozen=True)
class PeopleFile(Generic[L]):
    """A file with one employee in each line: the readable lines, and the rejected ones."""

    encoding: str
    header: list[str]
    roles: list[str]
    lines: list[L]
    rejects: list[RejectedLine]

    @property
    def unused(self) -> list[str]:
        return [
            name[:MAX_CELL_CHARS] for name, role in zip(self.header, self.roles, strict=True)
            if name and not role and name.lower() not in ADDED_COLUMNS
        ]  # fmt: skip

    def rejected(self, number: int, cells: Sequence[str], role: str, reason: str) -> RejectedLine:
        column = self.header[self.roles.index(role)] if role in self.roles else ""
        return RejectedLine(number, column, reason, cells)


AdjustmentFile = PeopleFile[Line]


def read_adjustments(raw: IO[bytes], encoding: str = "") -> AdjustmentFile:
    """Read every line of a seekable CSV or XLSX file. Raises UnreadableFile, including UnsureEncoding and BinaryFile.

    ColumnMissing names "staff_no" when no heading identifies the employees, and "target" when none gives their terms.
    """
    return read_people(raw, encoding, HEADINGS, ("target", "exempt"), _line)


def read_people(
    raw: IO[bytes], encoding: str, headings: HeaderWords, terms: Sequence[str], parse: Callable[[Record], L]
) -> PeopleFile[L]:
    """Read every line of a seekable CSV or XLSX file with `parse`, which raises InvalidLine for a line to reject.

    Raises UnreadableFile. ColumnMissing names "staff_no" without a column for the employees, and the first of `terms`
    without any of their columns.
    """
    layout = read_layout(raw, encoding, 0, headings)
    file = PeopleFile[L](layout.encoding, layout.header, layout.roles, [], [])
    for roles in (("staff_no", "email"), terms):
        if not set(roles) & set(layout.roles):
            raise ColumnMissing([roles[0]])
    with open_roster(
        raw, format=layout.format, encoding=layout.encoding, roles=layout.roles, header_line=layout.header_line
    ) as table:
        cells = characters = 0
        for count, record in enumerate(table):
            cells += len(record.values)
            characters += sum(map(len, record.values))
            # Checked while reading: a file that unpacks to gigabytes must not be read to its end first.
            if count == MAX_LINES or cells > MAX_CELLS or characters > MAX_CHARS:
                raise TooManyLines(f"more than {MAX_LINES:,} lines", record.line)
            try:
                file.lines.append(parse(record))
            except InvalidLine as refused:
                file.rejects.append(file.rejected(record.line, record.values, refused.role, refused.reason))
    return file


def rejected_csv(file: PeopleFile[L], rejects: Sequence[RejectedLine]) -> bytes:
    """Return the rejected lines under the file's own headings, with line, column and reason.

    HR can correct this file and upload it again.
    """
    own_columns = [place for place, name in enumerate(file.header) if name.lower() not in ADDED_COLUMNS]
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow([*(escape_formula(file.header[place]) for place in own_columns), *ADDED_COLUMNS])
    for line in rejects:
        cells = [escape_formula(line.cells[place]) if place < len(line.cells) else "" for place in own_columns]
        writer.writerow([*cells, line.line, escape_formula(line.column), escape_formula(line.reason)])
    # With a byte order mark, or Excel takes the names for another encoding.
    return b"\xef\xbb\xbf" + text.getvalue().encode("utf-8", "replace")


def cells_of(record: Record) -> dict[str, str]:
    """The cells of a line by role. Raises InvalidLine for a line that cannot be read or that names no employee."""
    if record.problem == "too_long":
        raise InvalidLine("", _("This line is too long."))
    if record.problem:
        raise InvalidLine("", _("A quotation mark is missing or in the wrong place."))
    # Undone here, so that the list of rejected lines can be corrected and uploaded again.
    cells = {role: clean_text(unescape_formula(text), MAX_CELL_CHARS) for role, text in record.cells.items() if role}
    if not cells.get("staff_no") and not cells.get("email"):
        raise InvalidLine("staff_no" if "staff_no" in cells else "email", _("This line does not name an employee."))
    return cells


def _line(record: Record) -> Line:
    cells = cells_of(record)
    target, exempt = _terms(cells.get("target", ""), cells.get("exempt", ""))
    return Line(
        record.line, record.values, cells.get("staff_no", ""), cells.get("email", ""), target, exempt,
        _day(cells, "starts_on"), _day(cells, "ends_on"),
    )  # fmt: skip


def _terms(target: str, exempt: str) -> tuple[int | None, bool | None]:
    """Return a target or an exemption; either column may contain either of them."""
    target_text, exempt_text = target.lower(), exempt.lower()
    if exempt_text not in YES and exempt_text not in NO:
        raise InvalidLine("exempt", _("“%(text)s” is neither yes nor no.") % {"text": exempt})
    if target_text in EXEMPT or exempt_text in YES:
        if target and target_text not in EXEMPT:
            raise InvalidLine("target", _("This line has a target and an exemption. Use only one."))
        return None, True
    if not target:
        raise InvalidLine("target", _("This line has no target and no exemption."))
    if not (target.isascii() and target.isdigit()):
        raise InvalidLine("target", _("“%(text)s” is neither a whole number nor “exempt”.") % {"text": target})
    # Longer than any accepted number, whether or not it has leading zeros.
    number = int(target) if len(target) <= MAX_CELL_CHARS else MAX_TARGET + 1
    if not 1 <= number <= MAX_TARGET:
        raise InvalidLine("target", _("Enter a target from 1 to 1,000,000."))
    return number, None


def _day(cells: dict[str, str], role: str) -> date | None:
    if not (text := cells.get(role, "")):
        return None
    try:
        day = day_of(text)
    except ValueError as error:
        raise InvalidLine(role, _("“%(text)s” is not a date such as 2026-11-30.") % {"text": text}) from error
    # HR systems write an open end as the largest date.
    return None if role == "ends_on" and day.year == date.max.year else day
