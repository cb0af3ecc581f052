"""Reading CSV files that other programs wrote: a header, then records, each with the line it began on."""

from __future__ import annotations

import codecs
import csv
import io
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

SEPARATORS = (",", ";", "\t")
FIELD_LIMIT = 1_000_000
PIECE = 1 << 20
BYTE_ORDER_MARKS = ((codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"), (codecs.BOM_UTF8, "utf-8-sig"))


class UnreadableFile(ValueError):
    """The file as a whole cannot be read, with a sentence that says why and where."""


@dataclass(frozen=True)
class Record:
    """One record of a table: the line it begins on (1 is the header's), and its cells by column name."""

    line: int
    cells: dict[str, str]


class Table:
    """A CSV file with a header in any order. Iterates over its records; blank lines are passed over."""

    def __init__(self, text: IO[str]):
        try:
            head = text.readline()
            separator = max(SEPARATORS, key=head.count)
            csv.field_size_limit(FIELD_LIMIT)
            header = next(csv.reader([head], delimiter=separator), [])
            self.columns = [column.strip().lower() for column in header]
            self._reader = csv.reader(text, delimiter=separator)
        except csv.Error as error:
            raise UnreadableFile(f"line 1: {error}") from error
        if not any(self.columns):
            raise UnreadableFile("the file is empty: its first line must name the columns")
        twice = {column for column in self.columns if column and self.columns.count(column) > 1}
        if twice:
            raise UnreadableFile(f"line 1: the column {min(twice)} stands twice")

    def __iter__(self) -> Iterator[Record]:
        while True:
            line = self._reader.line_num + 2
            try:
                cells = next(self._reader)
            except StopIteration:
                return
            except csv.Error as error:
                raise UnreadableFile(f"line {line}: {error}") from error
            if any(cell.strip() for cell in cells):
                padded = cells + [""] * (len(self.columns) - len(cells))
                yield Record(line, {column: cell.strip() for column, cell in zip(self.columns, padded, strict=False)})

    def require(self, *columns: str) -> None:
        """Raises UnreadableFile that names the columns that are missing."""
        missing = [column for column in columns if column not in self.columns]
        if missing:
            raise UnreadableFile(f"line 1: missing column {', '.join(missing)}; found {', '.join(self.columns)}")


@contextmanager
def open_table(path: Path) -> Iterator[Table]:
    """A table over a file in UTF-8, with or without BOM, or UTF-16 with one; closed at the end. Raises UnreadableFile.

    The whole file is decoded once before its first record is given out: nobody works through half of it in vain.
    """
    try:
        raw = path.open("rb")
    except OSError as error:
        raise UnreadableFile(error.strerror or str(error)) from error
    with raw:
        encoding = _checked_encoding(raw)
        raw.seek(0)
        with io.TextIOWrapper(raw, encoding=encoding, newline="") as text:
            yield Table(text)


def _checked_encoding(raw: IO[bytes]) -> str:
    start = raw.read(4)
    encoding = next((name for mark, name in BYTE_ORDER_MARKS if start.startswith(mark)), "utf-8")
    decoder = codecs.getincrementaldecoder(encoding)()
    raw.seek(0)
    line = 1
    try:
        while piece := raw.read(PIECE):
            line += decoder.decode(piece).count("\n")
        decoder.decode(b"", final=True)
    except UnicodeDecodeError as error:
        raise UnreadableFile(_undecodable(error, line + error.object[: error.start].count(b"\n"))) from error
    return encoding


def _undecodable(error: UnicodeDecodeError, line: int) -> str:
    return f"near line {line}: not {error.encoding.upper()} text. Save the file as CSV UTF-8 and try again"
