"""Reads XLSX workbooks as records of text, row by row, in constant memory. Dates become ISO days.

Only the first sheet with text is read. A formula shows the value stored at the last save.
"""

from __future__ import annotations

import io
import re

# Used only to catch its errors; xlsx_parts parses the files.
import xml.parsers.expat as expat  # nosec B407
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime, time
from tempfile import TemporaryFile
from typing import IO, Any

from apps.fileio.csv_reader import MOST_COLUMNS, TOO_LONG, Record
from apps.fileio.encodings import TooLarge, UnreadableFile, visible
from apps.fileio.xlsx_parts import (
    MOST_ELEMENTS,
    MOST_TEXT_ELEMENTS,
    Budget,
    Cell,
    Relationships,
    SharedTexts,
    SheetRows,
    Sheets,
    Styles,
    read_small,
)

ZIP = b"PK\x03\x04"
# A million rows of twelve columns are some 700 MB of XML; a larger workbook is a decompression bomb.
MOST_UNPACKED = 1_000_000_000
# The limit of the unpacked size relative to the file, beyond a free minimum: real files reach thirty times.
MOST_RATIO, UNPACKED_FREELY = 100, 10_000_000
# All texts of the cells are written to disk.
MOST_TEXTS = 200_000_000
TEXTS = "xl/sharedStrings.xml"
# Sheets, styles, pictures: an ordinary workbook has some dozens.
MOST_PARTS = 10_000
HEADER_WITHIN = 20
LEADING_ZEROS = re.compile(r"0{2,}")


class Workbook:
    """The rows of a sheet: `header` as written, and an iterator over the records after it.

    The header is the first row with at least two texts; rows above it are titles.
    """

    def __init__(self, rows: Iterator[tuple[int, list[str]]]):
        self._rows = rows
        self.header_line, self.header = self._first()
        self.columns = tuple(name.lower() for name in self.header)

    def __iter__(self) -> Iterator[Record]:
        for line, values in self._rows:
            if len(values) > MOST_COLUMNS:
                yield Record(line, values[:MOST_COLUMNS], TOO_LONG, self.columns)
            elif any(values):
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
    """Whether a seekable file is a zip with an XLSX workbook; leaves the file at its start."""
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
    """The first sheet of a workbook that is not empty; leaves `raw` open. Raises UnreadableFile, its TooLarge."""
    _refuse_bombs(raw)
    with _readable():
        packed = zipfile.ZipFile(raw)
    with packed, TemporaryFile() as texts:
        yield Workbook(_filled(packed, texts))


@contextmanager
def _readable() -> Iterator[None]:
    """Turn every library error caused by a damaged workbook into UnreadableFile."""
    try:
        yield
    except UnreadableFile:
        raise
    except (zipfile.BadZipFile, zlib.error, LookupError, TypeError, ValueError, AttributeError, OSError, EOFError,
            SyntaxError, OverflowError, expat.ExpatError) as error:  # fmt: skip
        raise UnreadableFile("the workbook is damaged") from error


def _refuse_bombs(raw: IO[bytes]) -> None:
    raw.seek(0)
    try:
        with zipfile.ZipFile(raw) as packed:
            parts = packed.infolist()
            size = raw.seek(0, io.SEEK_END)
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
        raise UnreadableFile("the workbook is damaged") from error
    finally:
        raw.seek(0)
    unpacked = sum(part.file_size for part in parts)
    texts = max((part.file_size for part in parts if part.filename == TEXTS), default=0)
    for limit, unit, amount in (
        (MOST_PARTS, "parts of a workbook", len(parts)),
        (MOST_TEXTS, "bytes of texts in a workbook", texts),
        (min(MOST_UNPACKED, max(UNPACKED_FREELY, MOST_RATIO * size)), "bytes in an unpacked workbook", unpacked),
    ):
        if amount > limit:
            raise TooLarge(limit, unit)


def _filled(packed: zipfile.ZipFile, texts: IO[bytes]) -> Iterator[tuple[int, list[str]]]:
    with _readable():
        yield from _first_filled(packed, texts)


def _first_filled(packed: zipfile.ZipFile, texts: IO[bytes]) -> Iterator[tuple[int, list[str]]]:
    sheets = read_small(Sheets(), packed, "xl/workbook.xml")
    leads = read_small(Relationships(), packed, "xl/_rels/workbook.xml.rels").sheets
    shared = SharedTexts(texts)
    if TEXTS in packed.NameToInfo:
        for _piece in shared.read(packed, TEXTS, Budget(MOST_TEXT_ELEMENTS)):
            pass
        texts.flush()
    values = CellTexts(shared, read_small(Styles(), packed, "xl/styles.xml"), from_1904=sheets.from_1904)
    # One budget for all sheets, and each sheet only once, however often the list names it.
    budget = Budget(MOST_ELEMENTS)
    for path in dict.fromkeys(leads[name] for name in sheets.visible if name in leads):
        filled = False
        for line, row in _rows(packed, path, budget, values):
            if filled or any(row):
                filled = True
                yield line, row
        if filled:
            return


def _rows(
    packed: zipfile.ZipFile, path: str, budget: Budget, values: CellTexts
) -> Iterator[tuple[int, list[str]]]:  # fmt: skip
    sheet = SheetRows()
    for _piece in sheet.read(packed, path, budget):
        for line, cells in sheet.take_rows():
            row: list[str] = []
            for cell in cells:
                if text := values.of(cell):
                    row += [""] * (cell.column - len(row))
                    row[cell.column - 1] = text
            yield line, row


class CellTexts:
    """The texts that cells show: texts, numbers as typed, days as ISO 8601."""

    def __init__(self, shared: SharedTexts, styles: Styles, *, from_1904: bool):
        from openpyxl.styles.numbers import BUILTIN_FORMATS  # imported here: only workbooks need it
        from openpyxl.utils.datetime import MAC_EPOCH, WINDOWS_EPOCH

        self._shared, self._epoch = shared, MAC_EPOCH if from_1904 else WINDOWS_EPOCH
        codes = BUILTIN_FORMATS | styles.codes
        self._formats = [str(codes.get(number, "General")) for number in styles.formats]

    def of(self, cell: Cell) -> str:
        """The text of a cell. Raises ValueError, IndexError."""
        match cell.kind:
            case "s":
                return self._shared.text(int(cell.text))
            case "b":
                return str(bool(int(cell.text))).upper()
            case "n":
                return self._number(cell)
            case "d":
                from openpyxl.utils.datetime import from_ISO8601

                return _shown(from_ISO8601(cell.text))
        return visible(cell.text).strip()

    def _number(self, cell: Cell) -> str:
        from openpyxl.styles.numbers import is_date_format, is_timedelta_format
        from openpyxl.utils.datetime import from_excel

        shown = self._formats[cell.style] if cell.style < len(self._formats) else "General"
        number = float(cell.text)
        if is_date_format(shown):
            try:
                return _shown(from_excel(number, self._epoch, timedelta=is_timedelta_format(shown)))
            except (OverflowError, ValueError):
                return "#VALUE!"
        text = str(int(number)) if number.is_integer() else str(number)
        # 00042 is often the number 42, shown with five digits.
        return text.zfill(len(shown)) if number.is_integer() and LEADING_ZEROS.fullmatch(shown) else text


def _shown(value: Any) -> str:
    if isinstance(value, datetime):
        return value.date().isoformat() if value.time() == time() else value.isoformat(" ")
    return value.isoformat() if isinstance(value, date) else str(value)
