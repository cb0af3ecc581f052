"""Read a file of adjustments: the employee of each line, the target or the exemption, and the days.

This module knows neither the roster nor the campaign; `bulk_upload` applies them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import IO

from django.utils.translation import gettext as _

from apps.campaigns.rule_draft import MAX_TARGET
from apps.fileio.csv_reader import Record
from apps.roster.cells import day_of
from apps.roster.columns import WORDS, HeaderWords
from apps.roster.people_file import MAX_CELL_CHARS, InvalidLine, PeopleFile, cells_of, read_people

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


@dataclass(frozen=True)
class AdjustmentLine:
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


AdjustmentFile = PeopleFile[AdjustmentLine]


def read_adjustments(raw: IO[bytes], encoding: str = "") -> AdjustmentFile:
    """Read every line of a seekable CSV or XLSX file. Raises UnreadableFile, including UnsureEncoding and BinaryFile.

    ColumnMissing names "staff_no" when no heading identifies the employees, and "target" when none gives their terms.
    """
    return read_people(raw, encoding, HEADINGS, ("target", "exempt"), _line)


def _line(record: Record) -> AdjustmentLine:
    cells = cells_of(record)
    target, exempt = _terms(cells.get("target", ""), cells.get("exempt", ""))
    return AdjustmentLine(
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
