"""Reading a file of adjustments: whom each line names, the target or the exemption, and the days.

Nothing here knows who is on the roster or what the campaign is: `by_file` does.
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

# A file of everybody in the largest company that is measured, and as many again.
MOST_LINES = 100_000
# Of a sheet that says something else in a thousand columns; each line is kept until all are read.
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
# What the list of rejected lines adds to the file's own columns.
TOLD = ("line", "column", "reason")


class TooManyLines(UnreadableFile):
    """The file is longer than any that is taken."""


class LineRefused(ValueError):
    """A cell of a line is bad: the role of its column, a sentence."""

    def __init__(self, role: str, reason: str):
        super().__init__(reason)
        self.role, self.reason = role, reason


@dataclass(frozen=True)
class Line:
    """One line that can be read. `staff_no`, `email`: what stands there, at least one of them."""

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
        """What it says of its person."""
        return self.target, self.exempt, self.starts_on, self.ends_on


@dataclass(frozen=True)
class Rejected:
    """One line that asks for nothing: where it stands, under which heading, why, and what stands there."""

    line: int
    column: str
    reason: str
    cells: Sequence[str]


@dataclass(frozen=True)
class AdjustmentFile:
    """What a file says, by line."""

    encoding: str
    header: list[str]
    roles: list[str]
    lines: list[Line]
    rejects: list[Rejected]

    @property
    def unused(self) -> list[str]:
        """Headings of columns that are not read."""
        return [
            name for name, role in zip(self.header, self.roles, strict=True)
            if name and not role and name.lower() not in TOLD
        ]  # fmt: skip

    def rejected(self, number: int, cells: Sequence[str], role: str, reason: str) -> Rejected:
        """A line of this file that asks for nothing, because of what stands under the heading of a role."""
        column = self.header[self.roles.index(role)] if role in self.roles else ""
        return Rejected(number, column, reason, cells)


def read_adjustments(raw: IO[bytes], encoding: str = "") -> AdjustmentFile:
    """Read every line of a seekable CSV or XLSX file. Raises UnreadableFile, UnsureEncoding and PackedFile among them.

    ColumnMissing names "staff_no" when no heading says where the people stand, "target" when none says what they get.
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
    """The rejected lines under the file's own headings, each with where and why: to correct and to send again."""
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
    """Another target, or an exemption: one of them, in either column."""
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
    # Longer than any that is taken, zeros in front or not.
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
    # HR systems write an open end as the last day of time.
    return None if role == "ends_on" and day.year == date.max.year else day
