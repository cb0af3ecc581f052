"""Reading CSV files that other programs wrote: a header, then records, each with the line it began on."""

from __future__ import annotations

import codecs
import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

SEPARATORS = (",", ";", "\t")
FIELD_LIMIT = 1_000_000
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
        except UnicodeDecodeError as error:
            raise UnreadableFile(_undecodable(error, 1)) from error
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
            except UnicodeDecodeError as error:
                raise UnreadableFile(_undecodable(error, line)) from error
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


def open_table(path: Path) -> Table:
    """A table over a file in UTF-8, with or without BOM, or UTF-16 with one. Raises UnreadableFile."""
    try:
        raw = path.open("rb")
    except OSError as error:
        raise UnreadableFile(f"{path}: {error.strerror}") from error
    with raw:
        start = raw.read(4)
    encoding = next((name for mark, name in BYTE_ORDER_MARKS if start.startswith(mark)), "utf-8")
    return Table(io.TextIOWrapper(path.open("rb"), encoding=encoding, newline=""))


def _undecodable(error: UnicodeDecodeError, line: int) -> str:
    return f"near line {line}: not {error.encoding.upper()} text. Save the file as CSV UTF-8 and try again"
