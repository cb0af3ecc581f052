"""Standings as CSV: one mapping is the SELECT list and the header; PostgreSQL's COPY writes it in constant memory."""

from __future__ import annotations

from collections.abc import Callable

from django.db import connection, transaction

from apps.ledger.sheets import FORMULA
from apps.quotas.querysets import literal
from apps.quotas.reports import Standings

BYTE_ORDER_MARK = "\ufeff".encode()


def _text(column: str) -> str:
    """Text that no spreadsheet runs and that stays on one line."""
    one_line = f"translate({column}, E'\\r\\n', '  ')"
    return f"nullif(CASE WHEN {column} ~ {literal(FORMULA)} THEN '''' || {one_line} ELSE {one_line} END, '')"


def _yes_no(column: str) -> str:
    return f"CASE WHEN {column} THEN 'yes' ELSE 'no' END"


def _instant(expression: str) -> str:
    """ISO 8601 with the offset of the session's zone, which is set to the campaign's."""
    return f"""to_char({expression}, 'YYYY-MM-DD"T"HH24:MI:SS.USTZH:TZM')"""


def columns(standings: Standings) -> dict[str, str]:
    """The header of a standings CSV, in order, and the SQL of each cell."""
    return {
        "staff_no": _text("staff_no"),
        "name": _text("name"),
        "email": _text("email"),
        "department": _text("department"),
        "manager_staff_no": _text("manager_staff_no"),
        "counted": "counted",
        "target": "target",
        "remaining": "remaining",
        "red": _yes_no("red"),
        "pace": "pace",
        "reached_at": _instant("reached_at"),
        "exempt": _yes_no("exempt"),
        "as_of": _instant(literal(standings.now)),
    }


class _Lines:
    """A file for COPY that hands every piece on with CRLF line ends: no cell holds a line break."""

    def __init__(self, write: Callable[[bytes], object]):
        self._write = write

    def write(self, piece: bytes) -> None:
        self._write(piece.replace(b"\n", b"\r\n"))


def write_standings(standings: Standings, write: Callable[[bytes], object]) -> None:
    """Write the CSV of exactly the rows the filters leave, ordered by staff_no: UTF-8 with BOM, CRLF, RFC 4180.

    `write` takes bytes. When it fails half-way the error is the caller's: nothing here calls the file complete.
    """
    cells = ", ".join(f"{expression} AS {name}" for name, expression in columns(standings).items())
    select = (
        f"{standings.sources} SELECT {cells} FROM listed WHERE {standings.filters.where()} ORDER BY listed.staff_no"
    )
    write(BYTE_ORDER_MARK)
    with transaction.atomic(), connection.cursor() as cursor:
        zone = "SELECT set_config('TimeZone', %s, true)"
        cursor.execute("SHOW TimeZone")
        [before] = cursor.fetchone()
        cursor.execute(zone, [standings.rule.time_zone])
        cursor.copy_expert(f"COPY ({select}) TO STDOUT WITH (FORMAT csv, HEADER)", _Lines(write))
        # A caller's transaction may go on: in another zone than it began in, Django would misread every instant.
        cursor.execute(zone, [before])
