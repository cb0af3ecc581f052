"""Read HR's CSV, XLSX and JSON lines files as rows with the roster's column names. Changes no data."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from typing import IO

from apps.fileio.csv_injection import unescape_formula
from apps.fileio.csv_reader import MAX_HEAD_LINES, Record, Table, open_table
from apps.fileio.encodings import SEPARATORS, check_encoding, detect_encoding, physical_lines, strip_invisible
from apps.fileio.errors import UnreadableFile
from apps.fileio.json_lines import JsonLines, is_json_lines
from apps.fileio.xlsx_reader import Workbook, is_workbook, open_workbook
from apps.roster.columns import NAME_PARTS, ROSTER, HeaderWords, compose_name

CSV, XLSX, JSON_LINES = "csv", "xlsx", "jsonl"
FORMATS = (CSV, XLSX, JSON_LINES)
# The first lines of a file, among which the headings are looked for, and the characters read of each.
MAX_HEADING_LINES, MAX_HEADING_CHARS = 20, 20_000


class ColumnMissing(UnreadableFile):
    """Required columns have no assigned column in the file. `columns`: their roles."""

    def __init__(self, columns: Sequence[str]):
        super().__init__(f"missing column {', '.join(columns)}")
        self.columns = list(columns)
        self.code = f"no_{self.columns[0]}"


class ColumnTwice(UnreadableFile):
    """Two columns have the same role. `column`: the role."""

    def __init__(self, column: str):
        super().__init__(f"the column {column} appears twice")
        self.column = column


@dataclass
class FileLayout:
    """A first look at a file: format, encoding, header, first rows and proposed roles.

    `header_line`: where the headings are. `head`: the first lines that are not blank, as (line, cells).
    """

    format: str
    encoding: str
    header: list[str]
    rows: list[list[str]]
    roles: list[str]
    header_line: int
    head: list[tuple[int, list[str]]]


class RosterTable:
    """The records of a file by column role, as `parser.read_roster` takes them."""

    def __init__(self, table: Table | Workbook | JsonLines, roles: Sequence[str]):
        if len(roles) != len(table.header):
            raise UnreadableFile(f"{len(table.header)} columns, but {len(roles)} roles were given")
        self._table, self._parts = table, [_position(roles, part) for part in NAME_PARTS]
        self._composes = "name" not in roles and any(position is not None for position in self._parts)
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
            # As Hundred's own download guards them against formulas.
            values = [unescape_formula(value) for value in record.values]
            if self._composes:
                given, family = (_at(values, position) for position in self._parts)
                values = [*[*values, *([""] * width)][: width - 1], compose_name(given, family)]
            # A composed name stands last, so the other columns keep their positions.
            yield record._replace(values=values, columns=columns)


def _position(roles: Sequence[str], wanted: str) -> int | None:
    return list(roles).index(wanted) if wanted in roles else None


def _at(values: Sequence[str], position: int | None) -> str:
    return values[position] if position is not None and position < len(values) else ""


def read_layout(
    raw: IO[bytes], encoding: str = "", rows: int = 3, words: HeaderWords = ROSTER, header_line: int = 0,
    format: str = "",
) -> FileLayout:  # fmt: skip
    """Read the header and first rows of a seekable file; `words` recognises its headings.

    `format`: of FORMATS, where the sender has named it. `header_line`: the line of the headings; 0 for the one of the
    first lines with the most known headings.

    Raises UnreadableFile, UnsureEncoding, BinaryFile.
    """
    raw.seek(0)
    if is_workbook(raw):
        with open_workbook(raw, header_line=header_line, score=words.score) as book:
            first, head = [record.values for record in islice(book, rows)], [row for row in book.head if any(row[1])]
            return FileLayout(XLSX, "", book.header, first, words.recognise(book.header), book.header_line, head)
    if format == JSON_LINES or (not format and is_json_lines(raw)):
        lines = JsonLines(raw)
        first = [record.values for record in islice(lines, rows)]
        return FileLayout(JSON_LINES, "utf-8", lines.header, first, words.recognise(lines.header), 1, [])
    # The headings in WORDS help to tell encodings apart: a wrong one makes them unreadable.
    encoding = check_encoding(raw, encoding) if encoding else detect_encoding(raw, vocabulary=words.vocabulary)
    head = _first_lines(raw, encoding, words)
    line = header_line or _heading_line(raw, encoding, words, head)
    with open_table(raw, encoding=encoding, only_lines=MAX_HEAD_LINES, header_line=line) as table:
        first = [record.values for record in islice(table, rows)]
        roles = words.recognise(table.header)
        return FileLayout(CSV, encoding, table.header, first, roles, table.header_line, head)


@contextmanager
def _text(raw: IO[bytes], encoding: str) -> Iterator[IO[str]]:
    raw.seek(0)
    text = io.TextIOWrapper(raw, encoding=encoding, newline="")
    try:
        yield text
    finally:
        # Otherwise the wrapper would close the caller's file.
        text.detach()
        raw.seek(0)


def _first_lines(raw: IO[bytes], encoding: str, words: HeaderWords) -> list[tuple[int, list[str]]]:
    """The first lines of a text that are not blank, each with the separator that yields the most known headings."""
    rows = []
    with _text(raw, encoding) as text:
        for number, line in enumerate(islice(physical_lines(text, MAX_HEADING_CHARS), MAX_HEADING_LINES), 1):
            plain = strip_invisible(line)[:MAX_HEADING_CHARS]
            readings = [_cells(plain, separator) for separator in SEPARATORS]
            cells = max(readings, key=lambda cells: (words.score(cells), sum(map(bool, cells))))
            if any(cells):
                rows.append((number, cells))
    return rows


def _heading_line(raw: IO[bytes], encoding: str, words: HeaderWords, head: list[tuple[int, list[str]]]) -> int:
    """The line with more known headings than the usual header, the first line with content; 0 for the usual one."""
    line, cells = max(head, key=lambda row: words.score(row[1]), default=(0, []))
    with _text(raw, encoding) as text:
        try:
            # The usual header may have cells of several lines, of which the last one must not win.
            usual = words.score(Table(text, MAX_HEAD_LINES).header)
        except UnreadableFile:
            usual = 0
    return line if words.score(cells) > usual else 0


def _cells(line: str, separator: str) -> list[str]:
    # Not strict: a line with one quote of a title over several lines is no heading, and no error either.
    return [cell.strip() for cell in next(csv.reader((line,), delimiter=separator), [])]


@contextmanager
def open_roster(
    raw: IO[bytes], *, format: str, encoding: str, roles: Sequence[str], header_line: int = 0
) -> Iterator[RosterTable]:
    """Open a seekable file with the given format, encoding, line of the headings and column roles, in order.

    Raises UnreadableFile.
    """
    raw.seek(0)
    if format == XLSX:
        with open_workbook(raw, header_line=header_line) as book:
            yield RosterTable(book, roles)
        return
    if format == JSON_LINES:
        yield RosterTable(JsonLines(raw), roles)
        return
    with open_table(raw, encoding=encoding, header_line=header_line) as table:
        yield RosterTable(table, roles)
