"""Read delimited text from other programs: a header, then records, each with the line on which it began.

A damaged record affects only itself: reading continues with the next physical line, and its neighbours stay complete.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import IO, NamedTuple

from apps.fileio.csv_quoting import CLOSED, MAX_RECORD_CHARS, MAX_RECORD_LINES, OPEN, LookAhead, Scanner
from apps.fileio.encodings import SEPARATORS, check_encoding, detect_encoding, physical_lines, strip_invisible
from apps.fileio.errors import TooLarge, UnreadableFile

UNTERMINATED, TOO_LONG = "unterminated_quote", "too_long"
# The part of a too long line that is shown.
MAX_SHOWN_CHARS = 1_000
# No program exports more columns. With a header of commas alone, every row would have that many cells.
MAX_COLUMNS = 1_000
# Titles and blank lines above the header.
MAX_LINES_ABOVE_HEADER = 1_000
# Records of several lines with only quotes: they are not reported, but take as long to read as people.
MAX_EMPTY_QUOTED_RECORDS = 20_000
# A preview of the header and first rows reads no further, even if these lines contain no rows.
MAX_HEAD_LINES = 2 * MAX_LINES_ABOVE_HEADER
SEPARATOR_LINE = re.compile(r'"?sep=([^\w"\r\n])"?[\r\n]*', re.IGNORECASE)


class Record(NamedTuple):
    """One record of a table; a tuple, because reading a million of them must be fast.

    `line`: the physical line on which it begins (the header is normally 1). `values`: its cells as written, without
    surrounding white space, as many as there are. `problem`: empty, "unterminated_quote" or "too_long"; `values` then
    describes only the first line. `columns`: the table's.
    """

    line: int
    values: list[str]
    problem: str = ""
    columns: tuple[str, ...] = ()

    @property
    def cells(self) -> dict[str, str]:
        """The cells by lower-cased column; missing cells at the end are empty, and extra ones are dropped."""
        padding = [""] * (len(self.columns) - len(self.values))
        return dict(zip(self.columns, self.values + padding, strict=False))


class Table:
    """Delimited text with a header in any order. Iterates over its records; blank lines are passed over.

    `header`: the names of the columns as written; `columns`: the same in lower case; `separator`: comma, semicolon,
    tab, or what a first line such as `sep=|` says. The header is the first line that is not blank, from `header_line`
    on. Line ends may be CRLF, LF, CR or a mixture; open files with newline="". Raises UnreadableFile for a file without
    a header.

    A quote opens a cell only at its beginning; elsewhere it is a character. When a line ends inside quotes, the lines
    up to the closing quote are read with it, and what they make together is a record

    - if it is well formed and has as many cells as the header. Except when every further line is also a record of its
      own, the last one reaching beyond, and only the reading line by line leaves no remains: then the quote was lost;
    - if it is not (too few or too many cells, a stray quote) but none of its further lines is a record of its own.

    Else, and when no closing quote comes within 1,000 lines and 1,000,000 characters, the first line alone is a record
    with the problem "unterminated_quote". A line with quotes inside quotes, as `"say "hi" now"`, is taken if that gives
    as many cells as the header has. A line of more than 1,000,000 characters or 1,000 cells has the problem "too_long".
    """

    def __init__(self, text: IO[str], only_lines: int | None = None, header_line: int = 0):
        # The limit of the csv module is global to the process and lower by default (131,072).
        csv.field_size_limit(2 * MAX_RECORD_CHARS)
        self._source = islice(physical_lines(text, MAX_RECORD_CHARS), only_lines)
        self._number = 0
        self.separator = ""
        lines = self._header_lines(header_line)
        self.header_line = self._number - len(lines) + 1
        self.header = self._header(lines)
        if len(self.header) > MAX_COLUMNS:
            message = f"line {self.header_line}: more than {MAX_COLUMNS:,} columns"
            raise UnreadableFile(message, self.header_line)
        self.columns = [name.lower() for name in self.header]
        self._columns = tuple(self.columns)
        self._ahead = LookAhead(self._source, self.separator, len(self.columns))

    def __iter__(self) -> Iterator[Record]:
        separator, columns, empty = self.separator, self._columns, 0
        for line in self._ahead.lines():
            self._number = number = self._number + 1
            if line.isspace():
                continue
            if len(line) > MAX_RECORD_CHARS:
                yield Record(number, _split(line[:MAX_SHOWN_CHARS], separator), TOO_LONG, columns)
            elif '"' in line:
                values, problem, more = self._quoted(line)
                self._number += more
                if len(values) > MAX_COLUMNS:
                    yield Record(number, values[:MAX_COLUMNS], TOO_LONG, columns)
                elif problem or any(values):
                    yield Record(number, values, problem, columns)
                elif more and (empty := empty + 1) > MAX_EMPTY_QUOTED_RECORDS:
                    raise TooLarge(MAX_EMPTY_QUOTED_RECORDS, "empty records in quotes", number)
            # Without a quote, split() gives the same cells as the csv module in a fraction of the time.
            else:
                values = [cell.strip() for cell in line.split(separator, MAX_COLUMNS)]
                if len(values) > MAX_COLUMNS and line.strip(f"{separator} \r\n"):
                    yield Record(number, _split(line[:MAX_SHOWN_CHARS], separator), TOO_LONG, columns)
                elif values[0] or any(values[:MAX_COLUMNS]):
                    yield Record(number, values, "", columns)

    def require(self, *columns: str) -> None:
        """Raises UnreadableFile, naming the missing columns or a column that occurs twice."""
        missing = [column for column in columns if column not in self.columns]
        if missing:
            present = ", ".join(self.columns)
            raise UnreadableFile(f"line {self.header_line}: missing column {', '.join(missing)}; found {present}")
        twice = {column for column in self.columns if column and self.columns.count(column) > 1}
        if twice:
            raise UnreadableFile(f"line {self.header_line}: the column {min(twice)} appears twice")

    def _quoted(self, line: str) -> tuple[list[str], str, int]:
        """The values, the problem and the number of further lines of a record whose first line has quotes."""
        try:
            return _parsed(line, self.separator), "", 0
        except csv.Error:
            first = self._ahead.scanner.scan(line, inside=False)
        if first.state == OPEN:
            more = self._ahead.further_lines(first)
            if more:
                return _parsed(line + self._ahead.take(more), self.separator), "", more
        else:
            for values in self._ahead.scanner.lenient_readings(line):
                if len(values) == len(self.columns):
                    return values, "", 0
        return _split(line, self.separator), UNTERMINATED, 0

    def _header_lines(self, first: int) -> list[str]:
        """The first line from `first` on that is not blank, with the lines covered by its open quotes."""
        lines: list[str] = []
        for line in self._source:
            self._number += 1
            separator_line = (
                SEPARATOR_LINE.fullmatch(strip_invisible(line)) if not lines and not self.separator else None
            )
            if separator_line:
                self.separator = separator_line[1]
                continue
            if self._number < first:
                continue
            if not lines and not strip_invisible(line).strip(' "\r\n\t;,' + self.separator):
                if self._number >= MAX_LINES_ABOVE_HEADER:
                    raise TooLarge(MAX_LINES_ABOVE_HEADER, "lines before the header", self._number)
                continue
            lines.append(strip_invisible(line))
            if len(lines) == 1 and self._quotes_closed(lines[0]):
                return lines
            text = "".join(lines)
            # An even number of quotes: none is open.
            if text.count('"') % 2 == 0 or len(lines) >= MAX_RECORD_LINES or len(text) > MAX_RECORD_CHARS:
                return lines
        if not lines:
            raise UnreadableFile("the file is empty: its first line must name the columns")
        return lines

    def _quotes_closed(self, text: str) -> bool:
        separator = self.separator or _separator(text)
        return Scanner(separator).scan(text, inside=False).state == CLOSED

    def _header(self, lines: list[str]) -> list[str]:
        text = "".join(lines)
        if len(text) > MAX_RECORD_CHARS:
            message = f"line {self.header_line}: the header is longer than {MAX_RECORD_CHARS} characters"
            raise UnreadableFile(message, self.header_line)
        self.separator = self.separator or _separator(text)
        try:
            return _parsed(text, self.separator)
        except csv.Error as error:
            # Only one line: of several, the open quote may have swallowed rows.
            values = next(iter(Scanner(self.separator).lenient_readings(text)), None) if len(lines) == 1 else None
            if values is None:
                message = f"line {self.header_line}: a quote in the header is not closed"
                raise UnreadableFile(message, self.header_line) from error
            return values


@contextmanager
def open_table(
    path_or_file: Path | IO[bytes],
    *,
    encoding: str = "",
    vocabulary: frozenset[str] = frozenset(),
    only_lines: int | None = None,
    header_line: int = 0,
) -> Iterator[Table]:
    """A table over a path, closed at the end, or over a seekable binary file, left open. Raises UnreadableFile.

    Without `encoding` (a name that codec_of accepts) it is detected with the help of `vocabulary`; see detect_encoding.
    `only_lines`: read only so many physical lines. `header_line`: the line of the headings, 0 for the first one. The
    whole file is decoded once before the first record, so that no caller processes half of an undecodable file.
    """
    if isinstance(path_or_file, Path):
        try:
            file = path_or_file.open("rb")
        except OSError as error:
            raise UnreadableFile(error.strerror or str(error)) from error
        with (
            file,
            open_table(
                file, encoding=encoding, vocabulary=vocabulary, only_lines=only_lines, header_line=header_line
            ) as table,
        ):
            yield table
        return
    raw = path_or_file
    encoding = check_encoding(raw, encoding) if encoding else detect_encoding(raw, vocabulary=vocabulary)
    text = io.TextIOWrapper(raw, encoding=encoding, newline="")
    try:
        yield Table(text, only_lines, header_line)
    finally:
        # Otherwise the wrapper would close the caller's file.
        text.detach()


def _separator(text: str) -> str:
    """The most frequent separator outside quotes, of equally frequent ones the first in SEPARATORS."""
    return max(SEPARATORS, key=re.sub(r'"[^"]*"?', "", text).count)


def _parsed(text: str, separator: str) -> list[str]:
    return [cell.strip() for cell in next(csv.reader((text,), delimiter=separator, strict=True))]


def _split(line: str, separator: str) -> list[str]:
    return [cell.strip() for cell in line.split(separator)]
