"""Standings and reviews as CSV: one mapping is the SELECT list and the header; COPY writes it in constant memory."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from django.db import connection, transaction

from apps.ledger.sheets import FORMULA
from apps.quotas.models import Campaign
from apps.quotas.querysets import literal
from apps.quotas.reports import Standings

BYTE_ORDER_MARK = "\ufeff".encode()


def _text(column: str) -> str:
    """Text that no spreadsheet runs and that stays on one line."""
    one_line = f"translate({column}, E'\\r\\n', '  ')"
    return f"nullif(CASE WHEN {column} ~ {literal(FORMULA)} THEN '''' || {one_line} ELSE {one_line} END, '')"


def _yes_no(column: str) -> str:
    return f"CASE WHEN {column} THEN 'yes' ELSE 'no' END"


def _yes_no_or_nothing(column: str) -> str:
    return f"CASE WHEN {column} THEN 'yes' WHEN NOT {column} THEN 'no' END"


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
        # Empty for whoever is not told: a "no" would be an answer.
        "under_review": _yes_no_or_nothing("under_review"),
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
    rows = f"FROM listed WHERE {standings.filters.where()} ORDER BY listed.staff_no"
    _copy(f"{standings.sources} SELECT {_cells(columns(standings))} {rows}", standings.rule.time_zone, write)


def review_columns(now: datetime) -> dict[str, str]:
    """The header of the CSV of reviews, in order, and the SQL of each cell. Never what somebody wrote or ticked."""
    answered = "CASE WHEN review.state = 'answered' THEN review.closed_at END"
    return {
        "staff_no": _text("person.staff_no"),
        "name": _text("person.name"),
        "state": "review.state",
        "asked_at": _instant("review.asked_at"),
        "due_at": _instant("review.due_at"),
        "answer": "review.answer_kind",
        "answered_by": _text("review.answered_by_label"),
        "answered_at": _instant(answered),
        "as_of": _instant(literal(now)),
    }


def write_reviews(campaign: Campaign, now: datetime, write: Callable[[bytes], object]) -> None:
    """Write the CSV of every review of a campaign as they stand, the oldest first, in the form of the standings'."""
    rows = f"""FROM quotas_review review JOIN employees_employee person ON person.id = review.employee_id
        WHERE review.campaign_id = {literal(campaign.pk)} ORDER BY review.asked_at, review.id"""
    _copy(f"SELECT {_cells(review_columns(now))} {rows}", campaign.rule.time_zone, write)


def _cells(mapping: dict[str, str]) -> str:
    return ", ".join(f"{expression} AS {name}" for name, expression in mapping.items())


def _copy(select: str, time_zone: str, write: Callable[[bytes], object]) -> None:
    """Have PostgreSQL write the rows of a SELECT, instants in that zone."""
    write(BYTE_ORDER_MARK)
    with transaction.atomic(), connection.cursor() as cursor:
        zone = "SELECT set_config('TimeZone', %s, true)"
        cursor.execute("SHOW TimeZone")
        [before] = cursor.fetchone()
        cursor.execute(zone, [time_zone])
        cursor.copy_expert(f"COPY ({select}) TO STDOUT WITH (FORMAT csv, HEADER)", _Lines(write))
        # A caller's transaction may go on: in another zone than it began in, Django would misread every instant.
        cursor.execute(zone, [before])
