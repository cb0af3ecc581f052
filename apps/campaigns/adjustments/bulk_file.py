"""Read a file of adjustments: the employee of each line, the target or the exemption, and the days.

This module knows neither the roster nor the campaign; `bulk_upload` applies them.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import IO

from django.utils.translation import gettext as _

from apps.campaigns.rule_draft import MOST
from apps.core.identity import clean_text
from apps.fileio.csv_injection import escape_formula, unescape_formula
from apps.fileio.csv_reader import Record, UnreadableFile
from apps.roster.columns import WORDS, HeaderWords
from apps.roster.parser import day_of
from apps.roster.reader import ColumnMissing, look, open_roster

# Twice as many lines as the largest measured company has employees.
MOST_LINES = 100_000
# Limits for sheets with a thousand other columns, because each line is kept in memory until all are read.
MOST_CELLS, MOST_CHARACTERS = 2_000_000, 20_000_000
LONGEST_CELL = 200
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
NO = {"", "no", "n", "false", "0", "-", "–", "否", "不", "nein", "non"}
# The columns that the list of rejected lines adds to the file's own.
TOLD = ("line", "column", "reason")


class TooManyLines(UnreadableFile):
    """The file has more than MOST_LINES lines."""


class LineRefused(ValueError):
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
class Rejected:
    """One rejected line: its number, column heading, reason and cells."""

    line: int
    column: str
    reason: str
    cells: Sequence[str]


@dataclass(frozen=True)
class AdjustmentFile:
    """The content of a file, by line."""

    encoding: str
    header: list[str]
    roles: list[str]
    lines: list[Line]
    rejects: list[Rejected]

    @property
    def unused(self) -> list[str]:
        """Return the headings of columns that are not read."""
        return [
            name for name, role in zip(self.header, self.roles, strict=True)
            if name and not role and name.lower() not in TOLD
        ]  # fmt: skip

    def rejected(self, number: int, cells: Sequence[str], role: str, reason: str) -> Rejected:
        """Return the rejection of a line, for the column with this role."""
        column = self.header[self.roles.index(role)] if role in self.roles else ""
        return Rejected(number, column, reason, cells)


def read_adjustments(raw: IO[bytes], encoding: str = "") -> AdjustmentFile:
    """Read every line of a seekable CSV or XLSX file. Raises UnreadableFile, including UnsureEncoding and PackedFile.

    ColumnMissing names "staff_no" when no heading identifies the employees, and "target" when none gives their terms.
    """
    seen = look(raw, encoding, 0, HEADINGS)
    file = AdjustmentFile(seen.encoding, seen.header, seen.roles, [], [])
    for one, other in (("staff_no", "email"), ("target", "exempt")):
        if one not in seen.roles and other not in seen.roles:
            raise ColumnMissing([one])
    with open_roster(raw, format=seen.format, encoding=seen.encoding, roles=seen.roles) as table:
        cells = characters = 0
        for count, record in enumerate(table):
            cells += len(record.values)
            characters += sum(map(len, record.values))
            if count == MOST_LINES or cells > MOST_CELLS or characters > MOST_CHARACTERS:
                raise TooManyLines(f"more than {MOST_LINES:,} lines", record.line)
            try:
                file.lines.append(_line(record))
            except LineRefused as refused:
                file.rejects.append(file.rejected(record.line, record.values, refused.role, refused.reason))
    return file


def rejected_csv(file: AdjustmentFile, rejects: Sequence[Rejected]) -> bytes:
    """Return the rejected lines under the file's own headings, with line, column and reason.

    HR can correct this file and upload it again.
    """
    kept = [place for place, name in enumerate(file.header) if name.lower() not in TOLD]
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow([*(escape_formula(file.header[place]) for place in kept), *TOLD])
    for one in rejects:
        cells = [escape_formula(one.cells[place]) if place < len(one.cells) else "" for place in kept]
        writer.writerow([*cells, one.line, escape_formula(one.column), escape_formula(one.reason)])
    return b"\xef\xbb\xbf" + text.getvalue().encode("utf-8", "replace")


def _line(record: Record) -> Line:
    if record.problem == "too_long":
        raise LineRefused("", _("The line is too long to be read."))
    if record.problem:
        raise LineRefused("", _("A quotation mark is missing or stands in the wrong place."))
    cells = {role: clean_text(unescape_formula(text), LONGEST_CELL) for role, text in record.cells.items() if role}
    staff_no, email = cells.get("staff_no", ""), cells.get("email", "")
    if not staff_no and not email:
        raise LineRefused("staff_no" if "staff_no" in cells else "email", _("Nobody is named here."))
    target, exempt = _terms(cells.get("target", ""), cells.get("exempt", ""))
    return Line(
        record.line, record.values, staff_no, email, target, exempt, _day(cells, "starts_on"), _day(cells, "ends_on")
    )  # fmt: skip


def _terms(target: str, exempt: str) -> tuple[int | None, bool | None]:
    """Return a target or an exemption; either column may contain either of them."""
    told, said = target.lower(), exempt.lower()
    if said not in YES and said not in NO:
        raise LineRefused("exempt", _("“%(text)s” is neither yes nor no.") % {"text": exempt})
    if told in EXEMPT or said in YES:
        if target and told not in EXEMPT:
            raise LineRefused("target", _("A target and an exemption: say one of them."))
        return None, True
    if not target:
        raise LineRefused("target", _("No target stands here, and no exemption."))
    if not (target.isascii() and target.isdigit()):
        raise LineRefused("target", _("“%(text)s” is no whole number, and not “exempt”.") % {"text": target})
    # Longer than any accepted number, whether or not it has leading zeros.
    number = int(target) if len(target) <= LONGEST_CELL else MOST + 1
    if not 1 <= number <= MOST:
        raise LineRefused("target", _("The target must be a number from 1 to 1,000,000."))
    return number, None


def _day(cells: dict[str, str], role: str) -> date | None:
    if not (text := cells.get(role, "")):
        return None
    try:
        day = day_of(text)
    except ValueError as error:
        raise LineRefused(role, _("“%(text)s” is no day such as 2026-11-30.") % {"text": text}) from error
    # HR systems write an open end as the largest date.
    return None if role == "ends_on" and day.year == date.max.year else day
