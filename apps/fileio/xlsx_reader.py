"""Read XLSX workbooks as records of text, row by row, in constant memory. Dates become ISO days.

Only the first sheet with text is read. A formula shows the value stored at the last save.
"""

from __future__ import annotations

import io
import re

# Used only to catch its errors; xlsx_parts parses the files.
import xml.parsers.expat as expat  # nosec B407
import zipfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import date, datetime, time
from functools import cache
from itertools import chain, islice
from tempfile import TemporaryFile
from typing import IO, Any

from apps.fileio.csv_quoting import MAX_RECORD_CHARS
from apps.fileio.csv_reader import MAX_COLUMNS, TOO_LONG, Record
from apps.fileio.encodings import strip_invisible
from apps.fileio.errors import TooLarge, UnreadableFile
from apps.fileio.xlsx_parts import (
    MAX_ELEMENTS,
    MAX_TEXT_ELEMENTS,
    Budget,
    Cell,
    Relationships,
    SharedStrings,
    SheetRows,
    Sheets,
    Styles,
    read_small,
)

ZIP = b"PK\x03\x04"
# A bit of the flags of a part, and the ways in which programs pack one.
ENCRYPTED, PACKED = 1, (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
# A million rows of twelve columns are some 700 MB of XML; a larger workbook is a decompression bomb.
MAX_UNPACKED_BYTES = 1_000_000_000
# The limit of the unpacked size relative to the file, beyond a free minimum: real files reach thirty times.
MAX_COMPRESSION_RATIO, ALWAYS_ALLOWED_BYTES = 100, 10_000_000
# All texts of the cells are written to disk, because any cell may refer to any of them.
MAX_TEXT_BYTES = 200_000_000
SHARED_STRINGS = "xl/sharedStrings.xml"
# Sheets, styles, pictures: an ordinary workbook has some dozens.
MAX_PARTS = 10_000
MAX_ROWS_ABOVE_HEADER = 20
LEADING_ZEROS = re.compile(r"0{2,}")
Row = tuple[int, list[str]]
# How likely the cells of a row are headings.
Score = Callable[[Sequence[str]], int]


class TooLongRow(list[str]):
    """The first cells of a row with too many cells or characters."""


class Workbook:
    """The rows of a sheet: `header` as written, and an iterator over the records after it.

    The header is the row `header_line`; for 0, the row with the highest `score`, else the first one with at least two
    texts. Rows above it are titles. `head`: the first rows, as (line, values).
    """

    def __init__(self, rows: Iterator[Row], header_line: int = 0, score: Score | None = None):
        self.head = list(islice(rows, MAX_ROWS_ABOVE_HEADER))
        self.header_line, self.header = self._header(header_line, score)
        self._rows = chain((row for row in self.head if row[0] > self.header_line), rows)
        self.columns = tuple(name.lower() for name in self.header)

    def __iter__(self) -> Iterator[Record]:
        for line, values in self._rows:
            if isinstance(values, TooLongRow):
                yield Record(line, values, TOO_LONG, self.columns)
            elif any(values):
                yield Record(line, values, "", self.columns)

    def _header(self, header_line: int, score: Score | None) -> Row:
        if header_line:
            candidates = [row for row in self.head if row[0] == header_line]
        else:
            candidates = [row for row in self.head if sum(map(bool, row[1])) > 1]
        if not candidates:
            raise UnreadableFile("no row names the columns")
        line, values = max(candidates, key=lambda row: score(row[1])) if score else candidates[0]
        if isinstance(values, TooLongRow):
            message = (
                f"line {line}: the header has more than {MAX_COLUMNS:,} columns or {MAX_RECORD_CHARS:,} characters"
            )
            raise UnreadableFile(message, line)
        return line, values


def is_workbook(raw: IO[bytes]) -> bool:
    """Whether a seekable file is a zip with an XLSX workbook; leaves the file at its start."""
    raw.seek(0)
    head = raw.read(len(ZIP))
    raw.seek(0)
    if head != ZIP:
        return False
    try:
        with zipfile.ZipFile(raw) as archive:
            return "xl/workbook.xml" in archive.namelist()
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError):
        return False
    finally:
        raw.seek(0)


@contextmanager
def open_workbook(raw: IO[bytes], *, header_line: int = 0, score: Score | None = None) -> Iterator[Workbook]:
    """The first sheet of a workbook that is not empty; leaves `raw` open. Raises UnreadableFile, its TooLarge."""
    # By the sizes in the directory of the zip, before anything is unpacked.
    refuse_bombs(raw)
    with _readable():
        archive = zipfile.ZipFile(raw)
    with archive, TemporaryFile() as texts:
        yield Workbook(_filled(archive, texts), header_line, score)


@contextmanager
def _readable() -> Iterator[None]:
    """Turn every library error caused by a damaged workbook into UnreadableFile."""
    try:
        yield
    except UnreadableFile:
        raise
    except (zipfile.BadZipFile, zlib.error, LookupError, TypeError, ValueError, AttributeError, OSError, EOFError,
            SyntaxError, OverflowError, RuntimeError, expat.ExpatError) as error:  # fmt: skip
        raise UnreadableFile("the workbook is damaged") from error


def refuse_bombs(raw: IO[bytes], most_bytes: int | None = None) -> None:
    """Refuse a workbook that unpacks to more than `most_bytes`, or to far more than its size. Raises UnreadableFile."""
    raw.seek(0)
    try:
        with zipfile.ZipFile(raw) as archive:
            parts = archive.infolist()
            size = raw.seek(0, io.SEEK_END)
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
        raise UnreadableFile("the workbook is damaged") from error
    finally:
        raw.seek(0)
    # No program writes a workbook that is encrypted part by part, or packed in another way.
    if any(part.flag_bits & ENCRYPTED or part.compress_type not in PACKED for part in parts):
        raise UnreadableFile("the workbook is damaged")
    unpacked = sum(part.file_size for part in parts)
    texts = max((part.file_size for part in parts if part.filename == SHARED_STRINGS), default=0)
    max_unpacked = min(most_bytes or MAX_UNPACKED_BYTES, max(ALWAYS_ALLOWED_BYTES, MAX_COMPRESSION_RATIO * size))
    for limit, unit, amount in (
        (MAX_PARTS, "parts of a workbook", len(parts)),
        (MAX_TEXT_BYTES, "bytes of texts in a workbook", texts),
        (max_unpacked, "bytes in an unpacked workbook", unpacked),
    ):
        if amount > limit:
            raise TooLarge(limit, unit)


def _filled(archive: zipfile.ZipFile, texts: IO[bytes]) -> Iterator[tuple[int, list[str]]]:
    """The rows of the first sheet with text."""
    with _readable():
        sheets = read_small(Sheets(), archive, "xl/workbook.xml")
        sheet_paths = read_small(Relationships(), archive, "xl/_rels/workbook.xml.rels").sheets
        shared = SharedStrings(texts)
        if SHARED_STRINGS in archive.NameToInfo:
            for _piece in shared.read(archive, SHARED_STRINGS, Budget(MAX_TEXT_ELEMENTS)):
                pass
            # The texts are read with pread(), which does not see what Python still buffers.
            texts.flush()
        values = CellTexts(shared, read_small(Styles(), archive, "xl/styles.xml"), from_1904=sheets.from_1904)
        # One budget for all sheets, and each sheet only once, however often the list names it.
        budget = Budget(MAX_ELEMENTS)
        for path in dict.fromkeys(sheet_paths[name] for name in sheets.visible if name in sheet_paths):
            filled = False
            for line, row in _rows(archive, path, budget, values):
                if filled or any(row):
                    filled = True
                    yield line, row
            if filled:
                return


def _rows(
    archive: zipfile.ZipFile, path: str, budget: Budget, values: CellTexts
) -> Iterator[tuple[int, list[str]]]:  # fmt: skip
    sheet = SheetRows()
    for _piece in sheet.read(archive, path, budget):
        for line, cells in sheet.take_rows():
            row: list[str] = []
            characters = 0
            for cell in cells:
                # All cells may refer to one text: a file of a kilobyte could otherwise fill the memory.
                text = values.of(cell)
                characters += len(text)
                if (text and cell.column > MAX_COLUMNS) or characters > MAX_RECORD_CHARS:
                    row = TooLongRow(row)
                    break
                if text:
                    # Empty cells are not in the file.
                    row += [""] * (cell.column - len(row))
                    row[cell.column - 1] = text
            yield line, row


class CellTexts:
    """The texts that cells show: texts, numbers as typed, days as ISO 8601."""

    def __init__(self, shared: SharedStrings, styles: Styles, *, from_1904: bool):
        # Imported here: only workbooks need it.
        from openpyxl.styles.numbers import BUILTIN_FORMATS, is_date_format, is_timedelta_format
        from openpyxl.utils.datetime import MAC_EPOCH, WINDOWS_EPOCH

        self._shared, self._epoch = shared, MAC_EPOCH if from_1904 else WINDOWS_EPOCH
        codes = BUILTIN_FORMATS | styles.codes
        self._formats = [str(codes.get(number, "General")) for number in styles.formats]
        # Once for each code: a file has few of them and many cells.
        self._is_day, self._is_duration = cache(is_date_format), cache(is_timedelta_format)

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

                return _display(from_ISO8601(cell.text))
        return strip_invisible(cell.text).strip()

    def _number(self, cell: Cell) -> str:
        from openpyxl.utils.datetime import from_excel

        shown = self._formats[cell.style] if cell.style < len(self._formats) else "General"
        number = float(cell.text)
        if self._is_day(shown):
            try:
                return _display(from_excel(number, self._epoch, timedelta=self._is_duration(shown)))
            except (OverflowError, ValueError):
                # As openpyxl: a number outside Excel's calendar is shown as an error, and no day is guessed.
                return "#VALUE!"
        # A phone number is often stored as a number: 13812345678, not 13812345678.0.
        text = str(int(number)) if number.is_integer() else str(number)
        # 00042 is often the number 42, shown with five digits.
        return text.zfill(len(shown)) if number.is_integer() and LEADING_ZEROS.fullmatch(shown) else text


def _display(value: Any) -> str:
    if isinstance(value, datetime):
        return value.date().isoformat() if value.time() == time() else value.isoformat(" ")
    return value.isoformat() if isinstance(value, date) else str(value)
