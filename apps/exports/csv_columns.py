"""The columns of a file as SQL, and the COPY that writes it: guarded texts, instants with their offset."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from django.db import DEFAULT_DB_ALIAS, connections, transaction

from apps.core.sql import sql_literal
from apps.fileio.csv_injection import FORMULA, INNER_FORMULA

BYTE_ORDER_MARK = "\ufeff".encode()
TEXT, NUMBER, DAY, INSTANT = "text", "number", "day", "instant"
INNER_GUARD = r"\1'"
Write = Callable[[bytes], object]


@dataclass(frozen=True)
class Column:
    """One column of a file: the SQL of its cells in CSV form, and their type (TEXT, NUMBER, DAY, INSTANT)."""

    sql: str
    kind: str = TEXT


@dataclass(frozen=True)
class Table:
    """The source of a file: `columns` in order, and `from_sql`, the SQL from FROM to ORDER BY.

    `ctes`: CTEs from WITH on, or empty. Days and instants are in `time_zone`.
    """

    columns: dict[str, Column]
    from_sql: str
    time_zone: str
    ctes: str = ""

    def only(self, names: list[str]) -> Table:
        """The table with these columns alone, in this table's order; all columns without names."""
        kept = {name: cell for name, cell in self.columns.items() if name in names} if names else self.columns
        return Table(kept, self.from_sql, self.time_zone, self.ctes)

    def write(self, write: Write, using: str = DEFAULT_DB_ALIAS) -> None:
        """Write the table as CSV: UTF-8 with BOM, CRLF, RFC 4180. An error half-way is raised to the caller.

        `using`: the alias of the connection it is read over.
        """
        cells = ", ".join(f'{cell.sql} AS "{name}"' for name, cell in self.columns.items())
        _copy(f"{self.ctes} SELECT {cells} {self.from_sql}", self.time_zone, write, using)


def text(column: str) -> Column:
    """A text on one line, guarded against formulas for every separator: apps/fileio/csv_injection.py in SQL."""
    one_line = f"translate({column}, E'\\r\\n\\t', '   ')"
    inside = f"regexp_replace({one_line}, {sql_literal(INNER_FORMULA)}, {sql_literal(INNER_GUARD)}, 'g')"
    # The expensive expression only for the few texts with a semicolon.
    body = f"CASE WHEN {column} LIKE '%;%' THEN {inside} ELSE {one_line} END"
    # COPY writes an empty text with quotes, and NULL without: both are an empty cell.
    return Column(f"nullif(CASE WHEN {column} ~ {sql_literal(FORMULA)} THEN '''' || {body} ELSE {body} END, '')")


def code(expression: str) -> Column:
    """A code of the application, which needs no escaping."""
    return Column(expression)


def number(expression: str) -> Column:
    return Column(expression, NUMBER)


def yes_no(column: str) -> Column:
    """`yes` or `no`; empty where the reader may not see it."""
    return Column(f"CASE WHEN {column} THEN 'yes' WHEN NOT {column} THEN 'no' END")


def day(expression: str) -> Column:
    return Column(f"to_char({expression}, 'YYYY-MM-DD')", DAY)


def instant(expression: str) -> Column:
    """ISO 8601 with the offset of the session's zone, which is set to the campaign's."""
    return Column(f"""to_char({expression}, 'YYYY-MM-DD"T"HH24:MI:SS.USTZH:TZM')""", INSTANT)


def constant(at: datetime) -> Column:
    # As a subquery it is evaluated once, not for every line.
    return Column(f"(SELECT {instant(sql_literal(at)).sql})", INSTANT)


class _Lines:
    """A file object for COPY that converts line ends to CRLF: no cell holds a line break."""

    def __init__(self, write: Write):
        self._write = write

    def write(self, piece: bytes) -> None:
        self._write(piece.replace(b"\n", b"\r\n"))


def _copy(select: str, time_zone: str, write: Write, using: str) -> None:
    # Without it Excel does not read UTF-8.
    write(BYTE_ORDER_MARK)
    with transaction.atomic(using=using), connections[using].cursor() as cursor:
        # Cells are made by to_char in the zone of the session. The setting ends with the transaction.
        zone = "SELECT set_config('TimeZone', %s, true)"
        cursor.execute("SHOW TimeZone")
        [before] = cursor.fetchone()
        cursor.execute(zone, [time_zone])
        cursor.copy_expert(f"COPY ({select}) TO STDOUT WITH (FORMAT csv, HEADER)", _Lines(write))
        # A caller's transaction may continue: in another zone than it began in, Django would misread every instant.
        cursor.execute(zone, [before])
