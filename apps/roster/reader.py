"""Read HR's CSV and XLSX files as rows with the roster's column names. Changes no data."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from typing import IO

from apps.fileio.csv_reader import LOOK_LINES, Record, Table, UnreadableFile, open_table
from apps.fileio.encodings import check_encoding, detect_encoding
from apps.fileio.xlsx_reader import Workbook, is_workbook, open_workbook
from apps.roster.columns import NAME_PARTS, ROSTER, HeaderWords, composed

CSV, XLSX = "csv", "xlsx"
FORMATS = (CSV, XLSX)


class ColumnMissing(UnreadableFile):
    """Required columns have no assigned column in the file. `columns`: their roles."""

    def __init__(self, columns: Sequence[str]):
        super().__init__(f"missing column {', '.join(columns)}")
        self.columns = list(columns)


class ColumnTwice(UnreadableFile):
    """Two columns have the same role. `column`: the role."""

    def __init__(self, column: str):
        super().__init__(f"the column {column} stands twice")
        self.column = column


@dataclass
class Look:
    """A first look at a file: format, encoding, header, first rows and proposed roles."""

    format: str
    encoding: str
    header: list[str]
    rows: list[list[str]]
    roles: list[str]


class RosterTable:
    """The records of a file by column role, as `parser.read_roster` takes them."""

    def __init__(self, table: Table | Workbook, roles: Sequence[str]):
        if len(roles) != len(table.header):
            raise UnreadableFile(f"{len(table.header)} columns, but {len(roles)} were said to be there")
        self._table, self._parts = table, [_place(roles, part) for part in NAME_PARTS]
        self._composes = "name" not in roles and any(place is not None for place in self._parts)
        self.columns = [*roles, *(["name"] if self._composes else [])]

    def require(self, *columns: str) -> None:
        """Check the roles. Raises ColumnMissing, ColumnTwice."""
        used = [column for column in self.columns if column]
        twice = [column for column in used if used.count(column) > 1]
        if twice:
            raise ColumnTwice(twice[0])
        missing = [column for column in columns if column not in used]
        if missing:
            raise ColumnMissing(missing)

    def __iter__(self) -> Iterator[Record]:
        columns, width = tuple(self.columns), len(self.columns)
        for record in self._table:
            values = record.values
            if self._composes:
                given, family = (_at(values, place) for place in self._parts)
                values = [*[*values, *([""] * width)][: width - 1], composed(given, family)]
            yield record._replace(values=values, columns=columns)


def _place(roles: Sequence[str], wanted: str) -> int | None:
    return list(roles).index(wanted) if wanted in roles else None


def _at(values: Sequence[str], place: int | None) -> str:
    return values[place] if place is not None and place < len(values) else ""


def look(raw: IO[bytes], encoding: str = "", rows: int = 3, words: HeaderWords = ROSTER) -> Look:
    """Read the header and first rows of a seekable file; `words` recognises its headings.

    Raises UnreadableFile, UnsureEncoding, PackedFile.
    """
    raw.seek(0)
    if is_workbook(raw):
        with open_workbook(raw) as book:
            first = [record.values for record in islice(book, rows)]
            return Look(XLSX, "", book.header, first, words.recognise(book.header))
    encoding = check_encoding(raw, encoding) if encoding else detect_encoding(raw, vocabulary=words.vocabulary)
    with open_table(raw, encoding=encoding, only_lines=LOOK_LINES) as table:
        first = [record.values for record in islice(table, rows)]
        return Look(CSV, encoding, table.header, first, words.recognise(table.header))


@contextmanager
def open_roster(raw: IO[bytes], *, format: str, encoding: str, roles: Sequence[str]) -> Iterator[RosterTable]:
    """Open a seekable file with the given format, encoding and column roles, in order. Raises UnreadableFile."""
    raw.seek(0)
    if format == XLSX:
        with open_workbook(raw) as book:
            yield RosterTable(book, roles)
        return
    with open_table(raw, encoding=encoding) as table:
        yield RosterTable(table, roles)
