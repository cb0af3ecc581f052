"""The rows of a roster in a temporary table of this connection, because a million rows exceed a process's memory.

This module makes no decisions about rows. The table ends with the connection or with the next file.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from itertools import count
from typing import Any

from django.db import connection
from psycopg2 import sql

from apps.core.sql import statement
from apps.core.text import clean_text
from apps.core.time_zones import company_zone

# Rows buffered before a COPY.
CHUNK_ROWS = 2_000
CREATE = statement("roster", "staging", "create")
COPY = statement("roster", "staging", "copy")
DISAGREEMENT = statement("roster", "staging", "disagreement")
DROP_REPEATED = statement("roster", "staging", "drop_repeated")
SHARED_EMAILS = statement("roster", "staging", "shared_emails")
CONTENTS = statement("roster", "staging", "contents")
UNKNOWN_MANAGERS = statement("roster", "staging", "unknown_managers")
REPLACE_MANAGER_NAMES = statement("roster", "staging", "replace_manager_names")
# Cells of a row between its name and its validity, which a rejected row leaves empty.
BLANKS = [None] * 14
MAX_CONTENT_CHARS = 300
# Each file has its own table name: an earlier Roster fails instead of reading a later file's rows.
_numbers = count(1)


class StagingTable:
    """The rows of one file: valid rows, and rejected rows that name a person."""

    def __init__(self) -> None:
        number = next(_numbers)
        self.rows = sql.Identifier(f"roster_rows_{number}")
        self._buffer: list[str] = []
        # Drops the table of the file before: a worker reads many files on one connection.
        self._execute(CREATE, earlier_rows=sql.Identifier(f"roster_rows_{number - 1}"))

    def add(self, cells: Sequence[Any]) -> None:
        """Add a valid row; `cells` in the order of the section `copy`."""
        self._append((*cells, True, None))

    def add_rejected(self, line: int, staff_no: str, name: str, values: Sequence[str]) -> None:
        """Add a rejected row, so that its person still counts as mentioned. `values`: its cells as written."""
        content = clean_text(" · ".join(filter(None, values)), MAX_CONTENT_CHARS)
        self._append((line, staff_no, name, *BLANKS, False, content))

    def finish(self) -> None:
        """Flush the buffer after the last row."""
        self._flush()
        # Autovacuum never analyses a temporary table.
        self._execute("ANALYZE {rows}")

    def disagreement(self) -> tuple[int, int, str, str] | None:
        """The first line that contradicts an earlier line about a person: (earlier line, line, number, name)."""
        rows = self._execute(DISAGREEMENT)
        return rows[0] if rows else None

    def drop_repeated(self) -> int:
        """Keep only the first row of each person; return how many were dropped."""
        with connection.cursor() as cursor:
            cursor.execute(self._named(DROP_REPEATED))
            return int(cursor.rowcount)

    def shared_emails(self, now: datetime) -> Iterator[tuple[bytes, int, str, str]]:
        """(digest, line, number, name) of current people who share an e-mail, by line."""
        return self._chunks(SHARED_EMAILS, {"now": now})

    def rejected(self) -> Iterator[tuple[int, str, str]]:
        """(line, number, name) of every rejected row that names a person."""
        return self._chunks("SELECT line, staff_no, name FROM {rows} WHERE NOT valid AND staff_no <> '' ORDER BY line")

    def on_lines(self, lines: list[int]) -> Iterator[tuple[int, str, str]]:
        """(line, number, name) of these lines."""
        return self._chunks("SELECT line, staff_no, name FROM {rows} WHERE line = ANY(%s)", [lines])

    def contents(self, lines: list[int]) -> Iterator[tuple[int, str, str, str]]:
        """(line, number, name, values as one text) of these lines, in order."""
        return self._chunks(CONTENTS, {"lines": lines, "zone": company_zone()})

    def unknown_managers(self) -> list[str]:
        """Manager cells that match no staff number in the file or on the roster."""
        return [manager for (manager,) in self._execute(UNKNOWN_MANAGERS)]

    def staff_numbers(self, names: list[str]) -> Iterator[tuple[str, str]]:
        """(name, number) of all rows, valid or rejected, with one of these names."""
        return self._chunks("SELECT DISTINCT name, staff_no FROM {rows} WHERE name = ANY(%s)", [names])

    def mentioned(self, numbers: list[str]) -> set[str]:
        """The given numbers that the file mentions."""
        rows = self._execute("SELECT staff_no FROM {rows} WHERE staff_no = ANY(%s)", [numbers])
        return {number for (number,) in rows}

    def has_rows(self) -> bool:
        return bool(self._execute("SELECT 1 FROM {rows} LIMIT 1"))

    def names(self, numbers: list[str]) -> dict[str, str]:
        """Names in valid rows by number, for these numbers."""
        return dict(self._execute("SELECT staff_no, name FROM {rows} WHERE valid AND staff_no = ANY(%s)", [numbers]))

    def reports_of(self, managers: Iterable[str]) -> Iterator[tuple[int, str, str, str]]:
        """(line, number, name, manager) of valid rows with one of these managers, by line."""
        query = "SELECT line, staff_no, name, manager FROM {rows} WHERE valid AND manager = ANY(%s) ORDER BY line"
        return self._chunks(query, [list(managers)])

    def reject(self, lines: list[int]) -> None:
        self._execute("UPDATE {rows} SET valid = false WHERE line = ANY(%s)", [lines])

    def replace_manager_names(self, staff_numbers: dict[str, str]) -> None:
        parameters = {"names": list(staff_numbers), "staff_numbers": list(staff_numbers.values())}
        self._execute(REPLACE_MANAGER_NAMES, parameters)

    def _named(self, query: str, **names: sql.Composable) -> sql.Composed:
        return sql.SQL(query).format(rows=self.rows, **names)

    def _execute(self, query: str, parameters: Any = None, **names: sql.Composable) -> list[Any]:
        with connection.cursor() as cursor:
            cursor.execute(self._named(query, **names), parameters)
            return list(cursor.fetchall()) if cursor.description else []

    def _chunks(self, query: str, parameters: Any = None) -> Iterator[Any]:
        with connection.chunked_cursor() as cursor:
            cursor.execute(self._named(query), parameters)
            while rows := cursor.fetchmany(CHUNK_ROWS):
                yield from rows

    def _append(self, cells: Sequence[Any]) -> None:
        self._buffer.append("\t".join(map(_copied, cells)))
        if len(self._buffer) >= CHUNK_ROWS:
            self._flush()

    def _flush(self) -> None:
        # COPY, because binding values costs more than storing them.
        text = io.StringIO("".join(f"{line}\n" for line in self._buffer))
        self._buffer.clear()
        with connection.cursor() as cursor:
            cursor.copy_expert(self._named(COPY), text)


def _copied(cell: object) -> str:
    """Encode a cell in PostgreSQL's text format for COPY."""
    if cell is None:
        return "\\N"
    if isinstance(cell, bytes):
        return "\\\\x" + cell.hex()
    return str(cell).replace("\\", "\\\\").replace("\t", "\\t").replace("\n", "\\n").replace("\r", "\\r")
