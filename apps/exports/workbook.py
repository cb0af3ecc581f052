"""Writes the lines of a CSV as an XLSX workbook, whose cells have types."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator
from datetime import date, datetime
from typing import IO, Any

from apps.exports.csv_columns import DAY, INSTANT, NUMBER, Table
from apps.fileio.csv_injection import unescape_formula

# A sheet of XLSX has 1,048,576 rows. Longer files continue on the next sheet, under the same header.
ROWS_OF_A_SHEET = 1_000_000
WIDTHS = {NUMBER: 12, DAY: 12, INSTANT: 28}


def write_workbook(lines: IO[bytes], table: Table, target: IO[bytes], *, title: str, created_at: datetime) -> None:
    """Write the CSV in `lines`, as `table` wrote it, as XLSX to `target`, row by row, in constant memory.

    `title` names the sheets. Instants are local times in the table's zone, which their headings name, to the second.
    The same lines and the same `created_at` (the creation time in the file) give the same bytes.
    """
    # Here, so that only workbooks pay for the import.
    import xlsxwriter

    # No text becomes a formula, a link or a number. Rows leave memory as they are written, so they come in order.
    options = {"constant_memory": True, "strings_to_formulas": False, "strings_to_urls": False,
               "strings_to_numbers": False}  # fmt: skip
    with xlsxwriter.Workbook(target, options) as book:
        # A workbook has no zone, and by default the time of writing: then no two files would be equal.
        book.set_properties({"created": created_at.replace(tzinfo=None)})
        days = book.add_format({"num_format": "yyyy-mm-dd"})
        instants = book.add_format({"num_format": "yyyy-mm-dd hh:mm:ss"})
        writers: dict[str, Callable[[Any, int, int, str], object]] = {
            NUMBER: lambda sheet, row, column, value: sheet.write_number(row, column, int(value)),
            DAY: lambda sheet, row, column, value: sheet.write_datetime(row, column, date.fromisoformat(value), days),
            INSTANT: lambda sheet, row, column, value: sheet.write_datetime(
                row, column, datetime.fromisoformat(value).replace(tzinfo=None, microsecond=0), instants
            ),
        }  # fmt: skip
        kinds = [cell.kind for cell in table.columns.values()]
        sheet = _add_sheet(book, table, title)
        for number_of_row, row in _rows(lines):
            if number_of_row > 1 and number_of_row % ROWS_OF_A_SHEET == 1:
                sheet = _add_sheet(book, table, title)
            for number, (kind, value) in enumerate(zip(kinds, row, strict=True)):
                if value != "":
                    writers.get(kind, _text)(sheet, (number_of_row - 1) % ROWS_OF_A_SHEET + 1, number, value)


def _add_sheet(book: Any, table: Table, title: str) -> Any:
    number_of_sheet = len(book.worksheets()) + 1
    sheet = book.add_worksheet(f"{title} {number_of_sheet}" if number_of_sheet > 1 else title)
    bold = book.add_format({"bold": True})
    sheet.freeze_panes(1, 0)
    for number, (name, cell) in enumerate(table.columns.items()):
        sheet.set_column(number, number, WIDTHS.get(cell.kind, 18))
        # A cell of a workbook has no offset.
        sheet.write_string(0, number, f"{name} ({table.time_zone})" if cell.kind == INSTANT else name, bold)
    return sheet


def _text(sheet: Any, row: int, column: int, value: str) -> None:
    # Cells have a type here, so no text needs a guard.
    sheet.write_string(row, column, unescape_formula(value))


def _rows(lines: IO[bytes]) -> Iterator[tuple[int, list[str]]]:
    """Each line after the header, counted from 1."""
    text = io.TextIOWrapper(lines, encoding="utf-8-sig", newline="")
    reader = csv.reader(text)
    next(reader)
    yield from enumerate(reader, 1)
    # Or the wrapper would close the caller's file.
    text.detach()
