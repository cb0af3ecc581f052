"""The rows of a roster in a temporary table of this connection, because a million rows exceed a process's memory.

This module makes no decisions about rows. The table ends with the connection or with the next file.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from itertools import count
from typing import Any

from django.db import connection

# Rows buffered before a COPY.
PIECE = 2_000
COLUMNS = (
    "line, staff_no, name, email, email_digest, phone, phone_digest, has_phone, department, manager, time_zone,"
    " starts_at, ends_at, effective_at, has_start, has_end"
)
CREATE = """
DROP TABLE IF EXISTS pg_temp.{before};
CREATE TEMP TABLE {rows} (
    line int, staff_no text, name text, email text, email_digest bytea, phone text, phone_digest bytea,
    has_phone bool, department text, manager text, time_zone text, starts_at timestamptz, ends_at timestamptz,
    effective_at timestamptz, has_start bool, has_end bool, good bool
)
"""
SAID = COLUMNS.removeprefix("line, ").split(", ")
# People with several rows, and the first line of each.
TWICE = """(SELECT staff_no, min(line) AS line FROM {rows} WHERE good GROUP BY staff_no HAVING count(*) > 1)"""
DISAGREE = f"""
SELECT said.line, row.line, said.staff_no, said.name FROM {TWICE} twice
JOIN {{rows}} said ON said.staff_no = twice.staff_no AND said.line = twice.line
JOIN {{rows}} row ON row.staff_no = twice.staff_no AND row.good AND row.line > twice.line
WHERE ({", ".join(f"row.{name}" for name in SAID)}) IS DISTINCT FROM ({", ".join(f"said.{name}" for name in SAID)})
ORDER BY row.line LIMIT 1
"""
REPEATED = f"""
DELETE FROM {{rows}} row USING {TWICE} twice
WHERE row.staff_no = twice.staff_no AND row.good AND row.line > twice.line
"""
# Without leavers, because a leaver's address may belong to another person now.
STAYS = "good AND (ends_at IS NULL OR ends_at > %(now)s)"
SHARED = f"SELECT email_digest FROM {{rows}} WHERE {STAYS} GROUP BY email_digest HAVING count(*) > 1"
UNKNOWN = """
SELECT DISTINCT manager FROM {rows} row WHERE good AND manager <> ''
  AND NOT EXISTS (SELECT 1 FROM {rows} boss WHERE boss.good AND boss.staff_no = row.manager)
  AND NOT EXISTS (SELECT 1 FROM employees_employee boss WHERE boss.staff_no = row.manager)
"""
RENAME = """
UPDATE {rows} row SET manager = meant.staff_no FROM unnest(%s::text[], %s::text[]) AS meant(name, staff_no)
WHERE good AND row.manager = meant.name
"""
# Each file has its own table name: an earlier Roster fails instead of reading a later file's rows.
_numbers = count(1)


class StagingTable:
    """The rows of one file: good rows, and rejected rows that name a person."""

    def __init__(self) -> None:
        number = next(_numbers)
        self.rows = f"roster_rows_{number}"
        self._waiting: list[str] = []
        self._execute(CREATE, before=f"roster_rows_{number - 1}")

    def add(self, cells: Sequence[Any]) -> None:
        """Add a good row; `cells` in the order of COLUMNS."""
        self._keep((*cells, True))

    def add_refused(self, line: int, staff_no: str, name: str) -> None:
        """Add a rejected row, so that its person still counts as mentioned."""
        blanks = [None] * (len(SAID) - 2)
        self._keep((line, staff_no, name, *blanks, False))

    def end(self) -> None:
        """Flush the buffer after the last row."""
        self._flush()
        self._execute("ANALYZE {rows}")

    def disagreement(self) -> tuple[int, int, str, str] | None:
        """The first line that contradicts an earlier line about a person: (earlier line, line, number, name)."""
        found = self._execute(DISAGREE)
        return found[0] if found else None

    def drop_repeated(self) -> int:
        """Keep only the first row of each person; return how many were dropped."""
        with connection.cursor() as cursor:
            cursor.execute(REPEATED.format(rows=self.rows))
            return int(cursor.rowcount)

    def sharing_email(self, now: datetime) -> Iterator[tuple[bytes, int, str, str]]:
        """(digest, line, number, name) of current people who share an e-mail, by line."""
        return self._chunks(f"SELECT email_digest, line, staff_no, name FROM {{rows}} WHERE {STAYS} AND email_digest IN"
                            f" ({SHARED}) ORDER BY line", {"now": now})  # fmt: skip

    def refused(self) -> Iterator[tuple[int, str, str]]:
        """(line, number, name) of every rejected row that names a person."""
        return self._chunks("SELECT line, staff_no, name FROM {rows} WHERE NOT good AND staff_no <> '' ORDER BY line")

    def named(self, lines: list[int]) -> Iterator[tuple[int, str, str]]:
        """(line, number, name) of these lines."""
        return self._chunks("SELECT line, staff_no, name FROM {rows} WHERE line = ANY(%s)", [lines])

    def unknown_managers(self) -> list[str]:
        """Manager cells that match no staff number in the file or on the roster."""
        return [manager for (manager,) in self._execute(UNKNOWN)]

    def called(self, names: list[str]) -> Iterator[tuple[str, str]]:
        """(name, number) of all rows, good or bad, with one of these names."""
        return self._chunks("SELECT DISTINCT name, staff_no FROM {rows} WHERE name = ANY(%s)", [names])

    def mentioned(self, numbers: list[str]) -> set[str]:
        """The given numbers that the file mentions."""
        found = self._execute("SELECT staff_no FROM {rows} WHERE staff_no = ANY(%s)", [numbers])
        return {number for (number,) in found}

    def mentions_anybody(self) -> bool:
        return bool(self._execute("SELECT 1 FROM {rows} LIMIT 1"))

    def names(self, numbers: list[str]) -> dict[str, str]:
        """Names in good rows by number, for these numbers."""
        return dict(self._execute("SELECT staff_no, name FROM {rows} WHERE good AND staff_no = ANY(%s)", [numbers]))

    def under(self, managers: Iterable[str]) -> Iterator[tuple[int, str, str, str]]:
        """(line, number, name, manager) of good rows with one of these managers, by line."""
        return self._chunks("SELECT line, staff_no, name, manager FROM {rows} WHERE good AND manager = ANY(%s)"
                            " ORDER BY line", [list(managers)])  # fmt: skip

    def refuse(self, lines: list[int]) -> None:
        """Mark these lines as rejected."""
        self._execute("UPDATE {rows} SET good = false WHERE line = ANY(%s)", [lines])

    def name_managers(self, meant: dict[str, str]) -> None:
        """Replace managers given by name with their staff numbers."""
        self._execute(RENAME, [list(meant), list(meant.values())])

    def _execute(self, statement: str, parameters: Sequence[Any] | None = None, **names: str) -> list[Any]:
        with connection.cursor() as cursor:
            cursor.execute(statement.format(rows=self.rows, **names), parameters)
            return list(cursor.fetchall()) if cursor.description else []

    def _chunks(self, statement: str, parameters: Sequence[Any] | Mapping[str, Any] | None = None) -> Iterator[Any]:
        with connection.chunked_cursor() as cursor:
            cursor.execute(statement.format(rows=self.rows), parameters)
            while found := cursor.fetchmany(PIECE):
                yield from found

    def _keep(self, cells: Sequence[Any]) -> None:
        self._waiting.append("\t".join(map(_copied, cells)))
        if len(self._waiting) >= PIECE:
            self._flush()

    def _flush(self) -> None:
        text = io.StringIO("".join(f"{line}\n" for line in self._waiting))
        self._waiting.clear()
        with connection.cursor() as cursor:
            cursor.copy_expert(f"COPY {self.rows} ({COLUMNS}, good) FROM STDIN", text)


def _copied(cell: object) -> str:
    """Encode a cell in PostgreSQL's text format for COPY."""
    if cell is None:
        return "\\N"
    if isinstance(cell, bytes):
        return "\\\\x" + cell.hex()
    return str(cell).replace("\\", "\\\\").replace("\t", "\\t").replace("\n", "\\n").replace("\r", "\\r")
