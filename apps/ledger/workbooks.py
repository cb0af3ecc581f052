"""Reading XLSX workbooks as records of text, row by row, in bounded memory. Dates become ISO days.

Only the first sheet that says something is read. What a formula shows is what was stored when the file was saved.
"""

from __future__ import annotations

import re
import warnings
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime, time
from typing import IO, Any

from apps.ledger.tables import MOST_COLUMNS, Record
from apps.ledger.texts import UnreadableFile, visible

ZIP = b"PK\x03\x04"
# A row of a million people and twelve columns is some 700 MB of XML; what unpacks to more is a trap.
MOST_UNPACKED = 1_000_000_000
# The texts of the cells are held in memory, all of them.
MOST_TEXTS = 200_000_000
TEXTS = "xl/sharedStrings.xml"
# Sheets, styles, pictures: a workbook of people has some dozens.
MOST_PARTS = 10_000
HEADER_WITHIN = 20
LEADING_ZEROS = re.compile(r"0{2,}")


class Workbook:
    """The rows of a sheet: `header` as written, and an iterator over the records behind it.

    The header is the first row with at least two texts: what stands above it is a title.
    """

    def __init__(self, rows: Iterator[tuple[int, list[str]]]):
        self._rows = rows
        self.header_line, self.header = self._first()
        self.columns = tuple(name.lower() for name in self.header)

    def __iter__(self) -> Iterator[Record]:
        for line, values in self._rows:
            if any(values):
                yield Record(line, values, "", self.columns)

    def _first(self) -> tuple[int, list[str]]:
        for line, values in self._rows:
            if sum(bool(value) for value in values) > 1:
                if len(values) > MOST_COLUMNS:
                    raise UnreadableFile(f"line {line}: more than {MOST_COLUMNS:,} columns", line)
                return line, values
            if line >= HEADER_WITHIN:
                break
        raise UnreadableFile("no row names the columns")


def is_workbook(raw: IO[bytes]) -> bool:
    """Whether a seekable file is a zip that holds an XLSX workbook; it is left at its start."""
    raw.seek(0)
    head = raw.read(len(ZIP))
    raw.seek(0)
    if head != ZIP:
        return False
    try:
        with zipfile.ZipFile(raw) as packed:
            return "xl/workbook.xml" in packed.namelist()
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError):
        return False
    finally:
        raw.seek(0)


@contextmanager
def open_workbook(raw: IO[bytes]) -> Iterator[Workbook]:
    """The first sheet of a workbook that is not empty; `raw` is left open. Raises UnreadableFile."""
    _refuse_traps(raw)
    from openpyxl import load_workbook  # only who reads a workbook pays for it

    # It warns of what it leaves out, such as rules for typing: nobody misses them here.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with _readable():
            book = load_workbook(raw, read_only=True, data_only=True, keep_links=False)
        try:
            yield Workbook(_filled(book))
        finally:
            book.close()


@contextmanager
def _readable() -> Iterator[None]:
    """A damaged workbook breaks in a library in a hundred ways: all of them are a file that cannot be read."""
    try:
        yield
    except (zipfile.BadZipFile, zlib.error, LookupError, TypeError, ValueError, AttributeError, OSError, EOFError,
            SyntaxError) as error:  # fmt: skip
        raise UnreadableFile("the workbook is damaged") from error


def _refuse_traps(raw: IO[bytes]) -> None:
    raw.seek(0)
    try:
        with zipfile.ZipFile(raw) as packed:
            parts = packed.infolist()
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
        raise UnreadableFile("the workbook is damaged") from error
    finally:
        raw.seek(0)
    sizes = {part.filename: part.file_size for part in parts}
    if len(parts) > MOST_PARTS or sum(sizes.values()) > MOST_UNPACKED or sizes.get(TEXTS, 0) > MOST_TEXTS:
        raise UnreadableFile("the workbook is too large: save it as CSV UTF-8")


def _filled(book: Any) -> Iterator[tuple[int, list[str]]]:
    with _readable():
        yield from _first_filled(book)


def _first_filled(book: Any) -> Iterator[tuple[int, list[str]]]:
    for sheet in book.worksheets:
        if getattr(sheet, "sheet_state", "visible") != "visible":
            continue
        # Some programs write a wrong extent; the rows themselves are the truth.
        sheet.reset_dimensions()
        rows = _rows(sheet)
        for line, values in rows:
            if any(values):
                yield line, values
                yield from rows
                return


def _rows(sheet: Any) -> Iterator[tuple[int, list[str]]]:
    for line, cells in enumerate(sheet.iter_rows(), 1):
        values = [_text(cell) for cell in cells]
        while values and not values[-1]:
            values.pop()
        yield line, values


def _text(cell: Any) -> str:
    value = cell.value
    if value is None:
        return ""
    if isinstance(value, str):
        return visible(value).strip()
    if isinstance(value, bool):
        return str(value).upper()
    if isinstance(value, datetime):
        return value.date().isoformat() if value.time() == time() else value.isoformat(" ")
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    text = str(value)
    # 00042 is often the number 42, shown with five digits.
    if isinstance(value, int) and LEADING_ZEROS.fullmatch(shown := cell.number_format or ""):
        text = text.zfill(len(shown))
    return text
