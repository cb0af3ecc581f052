"""The same lines as a workbook: numbers, days, and text that no program runs."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator
from datetime import date, datetime
from typing import IO, Any

from apps.exports.csv_columns import DAY, NUMBER, Column
from apps.fileio.csv_injection import unescape_formula

# A sheet of XLSX has 1,048,576 rows. Longer files continue on the next sheet, under the same header.
ROWS_OF_A_SHEET = 1_000_000
WIDTHS = {NUMBER: 12, DAY: 12}


def write_workbook(lines: IO[bytes], columns: dict[str, Column], target: IO[bytes], made: datetime) -> None:
    """Write the CSV in `lines`, as Table.write made it, as XLSX to `target`, row by row, in constant memory.

    The same lines and the same `made` (the creation time in the file) give the same bytes.
    """
    import xlsxwriter  # only workbooks pay for this import

    options = {"constant_memory": True, "strings_to_formulas": False, "strings_to_urls": False,
               "strings_to_numbers": False}  # fmt: skip
    with xlsxwriter.Workbook(target, options) as book:
        book.set_properties({"created": made.replace(tzinfo=None)})
        days = book.add_format({"num_format": "yyyy-mm-dd"})
        put: dict[str, Callable[[Any, int, int, str], object]] = {
            NUMBER: lambda sheet, row, column, value: sheet.write_number(row, column, int(value)),
            DAY: lambda sheet, row, column, value: sheet.write_datetime(row, column, date.fromisoformat(value), days),
        }
        kinds = [cell.kind for cell in columns.values()]
        sheet = _headed(book, columns)
        for place, row in _rows(lines):
            if place > 1 and place % ROWS_OF_A_SHEET == 1:
                sheet = _headed(book, columns)
            for number, (kind, value) in enumerate(zip(kinds, row, strict=True)):
                if value != "":
                    put.get(kind, _text)(sheet, (place - 1) % ROWS_OF_A_SHEET + 1, number, value)


def _headed(book: Any, columns: dict[str, Column]) -> Any:
    sheet, bold = book.add_worksheet(), book.add_format({"bold": True})
    sheet.freeze_panes(1, 0)
    for number, (name, cell) in enumerate(columns.items()):
        sheet.set_column(number, number, WIDTHS.get(cell.kind, 18))
        sheet.write_string(0, number, name, bold)
    return sheet


def _text(sheet: Any, row: int, column: int, value: str) -> None:
    sheet.write_string(row, column, unescape_formula(value))


def _rows(lines: IO[bytes]) -> Iterator[tuple[int, list[str]]]:
    """Each line after the header, counted from 1."""
    text = io.TextIOWrapper(lines, encoding="utf-8-sig", newline="")
    reader = csv.reader(text)
    next(reader)
    yield from enumerate(reader, 1)
    text.detach()
