"""Files that name one employee in each line, as HR uploads them: read, previewed, and with their lines rejected.

`campaigns.adjustments.bulk_file` and `results.correction_file` say what else a line has.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import IO, Any, Generic, TypeVar

from django.conf import settings
from django.utils import translation
from django.utils.translation import gettext as _

from apps.core.files import open_file
from apps.core.models import StoredFile
from apps.core.previews import PreviewResult
from apps.core.text import clean_text
from apps.fileio.csv_injection import escape_formula, unescape_formula
from apps.fileio.csv_reader import Record
from apps.fileio.encodings import sample_lines
from apps.fileio.errors import UnreadableFile, UnsureEncoding
from apps.roster.columns import HeaderWords
from apps.roster.reader import ColumnMissing, open_roster, read_layout

# Twice as many lines as the largest measured company has employees.
MAX_LINES = 100_000
# Limits for sheets with a thousand other columns, because each line is kept in memory until all are read.
MAX_CELLS, MAX_CHARS = 2_000_000, 20_000_000
MAX_CELL_CHARS = 200
# A page of them; all rejected lines are in the file for download.
SHOWN_REJECTS = 100
# The columns that the list of rejected lines adds to the file's own.
ADDED_COLUMNS = ("line", "column", "reason")


class TooManyLines(UnreadableFile):
    code = "too_many"


class InvalidLine(ValueError):
    """A cell of a line is invalid: the role of its column, and a message."""

    def __init__(self, role: str, reason: str):
        super().__init__(reason)
        self.role, self.reason = role, reason


@dataclass(frozen=True)
class RejectedLine:
    line: int
    column: str
    reason: str
    cells: Sequence[str]


L = TypeVar("L")


@dataclass(frozen=True)
class PeopleFile(Generic[L]):
    """A file with one employee in each line: the readable lines, and the rejected ones."""

    encoding: str
    header: list[str]
    roles: list[str]
    lines: list[L]
    rejects: list[RejectedLine]

    @property
    def unused(self) -> list[str]:
        return [
            name[:MAX_CELL_CHARS] for name, role in zip(self.header, self.roles, strict=True)
            if name and not role and name.lower() not in ADDED_COLUMNS
        ]  # fmt: skip

    def rejected(self, number: int, cells: Sequence[str], role: str, reason: str) -> RejectedLine:
        column = self.header[self.roles.index(role)] if role in self.roles else ""
        return RejectedLine(number, column, reason, cells)


def read_people(
    raw: IO[bytes], encoding: str, headings: HeaderWords, terms: Sequence[str], parse: Callable[[Record], L]
) -> PeopleFile[L]:
    """Read every line of a seekable CSV or XLSX file with `parse`, which raises InvalidLine for a line to reject.

    Raises UnreadableFile. ColumnMissing names "staff_no" without a column for the employees, and the first of `terms`
    without any of their columns.
    """
    layout = read_layout(raw, encoding, 0, headings)
    file = PeopleFile[L](layout.encoding, layout.header, layout.roles, [], [])
    for roles in (("staff_no", "email"), terms):
        if not set(roles) & set(layout.roles):
            raise ColumnMissing([roles[0]])
    with open_roster(
        raw, format=layout.format, encoding=layout.encoding, roles=layout.roles, header_line=layout.header_line
    ) as table:
        cells = characters = 0
        for count, record in enumerate(table):
            cells += len(record.values)
            characters += sum(map(len, record.values))
            # Checked while reading: a file that unpacks to gigabytes must not be read to its end first.
            if count == MAX_LINES or cells > MAX_CELLS or characters > MAX_CHARS:
                raise TooManyLines(f"more than {MAX_LINES:,} lines", record.line)
            try:
                file.lines.append(parse(record))
            except InvalidLine as refused:
                file.rejects.append(file.rejected(record.line, record.values, refused.role, refused.reason))
    return file


def rejected_csv(file: PeopleFile[L], rejects: Sequence[RejectedLine]) -> bytes:
    """Return the rejected lines under the file's own headings, with line, column and reason.

    HR can correct this file and upload it again.
    """
    own_columns = [place for place, name in enumerate(file.header) if name.lower() not in ADDED_COLUMNS]
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow([*(escape_formula(file.header[place]) for place in own_columns), *ADDED_COLUMNS])
    for line in rejects:
        cells = [escape_formula(line.cells[place]) if place < len(line.cells) else "" for place in own_columns]
        writer.writerow([*cells, line.line, escape_formula(line.column), escape_formula(line.reason)])
    # With a byte order mark, or Excel takes the names for another encoding.
    return b"\xef\xbb\xbf" + text.getvalue().encode("utf-8", "replace")


def cells_of(record: Record) -> dict[str, str]:
    """The cells of a line by role. Raises InvalidLine for a line that cannot be read or that names no employee."""
    if record.problem == "too_long":
        raise InvalidLine("", _("This line is too long."))
    if record.problem:
        raise InvalidLine("", _("A quotation mark is missing or in the wrong place."))
    # Undone here, so that the list of rejected lines can be corrected and uploaded again.
    cells = {role: clean_text(unescape_formula(text), MAX_CELL_CHARS) for role, text in record.cells.items() if role}
    if not cells.get("staff_no") and not cells.get("email"):
        raise InvalidLine("staff_no" if "staff_no" in cells else "email", _("This line does not name an employee."))
    return cells


def preview_people(
    stored: StoredFile, language: str,
    read: Callable[[IO[bytes]], tuple[PeopleFile[L], Sequence[RejectedLine], dict[str, Any]]],
) -> PreviewResult:  # fmt: skip
    """Return the report of a stored file and its rejected lines.

    `read` returns the file, its rejected lines with reasons in the active language, and the rest of the report. In the
    report, `problem` is a code when the file cannot be read.
    """

    def read_in(code: str) -> tuple[PeopleFile[L], Sequence[RejectedLine], dict[str, Any]]:
        with translation.override(code):
            return read(raw)

    with open_file(stored) as raw:
        try:
            file, rejects, rest = read_in(language)
        except UnreadableFile as error:
            candidates = error.candidates[:6] if isinstance(error, UnsureEncoding) else []
            readings = [[name, sample_lines(raw, name)] for name in candidates]
            return PreviewResult(error.as_problem() | {"readings": readings})
        # The reasons are messages in one language, and the reader may change the language, so store all languages.
        # Reads the file again for each further language, only when there is a reason to translate.
        others = {code for code, _name in settings.LANGUAGES} - {language} if rejects else set()
        shown = {language: _as_json(rejects)} | {code: _as_json(read_in(code)[1]) for code in others}
    report = {
        "problem": "", "encoding": file.encoding, "unused": file.unused, "rejected": len(rejects), "rejects": shown,
        **rest,
    }  # fmt: skip
    return PreviewResult(report, rejected_csv(file, rejects))


def _as_json(rejects: Sequence[RejectedLine]) -> list[dict[str, Any]]:
    return [asdict(line) | {"cells": list(line.cells)} for line in rejects[:SHOWN_REJECTS]]
