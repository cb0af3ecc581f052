"""Standings, reviews and adjustments as CSV: one mapping is the SELECT list and the header; COPY writes it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from django.db import connection, transaction

from apps.ledger.sheets import FORMULA
from apps.quotas.adjustments import FOR_EVER
from apps.quotas.models import Campaign
from apps.quotas.querysets import literal
from apps.quotas.reports import Standings, order_of

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
        "quiet_days": "quiet_days",
    }


class _Lines:
    """A file for COPY that hands every piece on with CRLF line ends: no cell holds a line break."""

    def __init__(self, write: Callable[[bytes], object]):
        self._write = write

    def write(self, piece: bytes) -> None:
        self._write(piece.replace(b"\n", b"\r\n"))


def write_standings(standings: Standings, write: Callable[[bytes], object], sort: str = "staff_no") -> None:
    """Write the CSV of exactly the rows the filters leave, in the order of a page: UTF-8 with BOM, CRLF, RFC 4180.

    `write` takes bytes; `sort` is a key of reports' SORTS. When it fails half-way the error is the caller's: nothing
    here calls the file complete.
    """
    # A cell has the name of the column it guards: rows are put in order before there are cells.
    place = f"row_number() OVER (ORDER BY {', '.join(order_of(sort))}) AS place"
    rows = f"FROM (SELECT *, {place} FROM listed WHERE {standings.filters.where()}) listed ORDER BY place"
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


ADJUSTMENTS = """
FROM quotas_adjustment row
JOIN quotas_adjustmentrequest asked ON asked.id = row.request_id
JOIN employees_employee person ON person.id = row.employee_id
LEFT JOIN quotas_adjustmentrequest ending ON ending.ends_id = row.request_id AND ending.decision = 'granted'
    AND ending.decided_at = row.ended_at
"""


def adjustment_columns(now: datetime) -> dict[str, str]:
    """The header of the CSV of adjustments, in order, and the SQL of each cell. `state` is that of `now`."""
    first, last = "row.starts_at::date", "(row.ends_at - interval '1 microsecond')::date"
    at = literal(now)
    return {
        "request": "row.request_id",
        "staff_no": _text("person.staff_no"),
        "name": _text("person.name"),
        "kind": "asked.kind",
        "kind_text": _text("asked.kind_text"),
        "target": "row.target",
        "exempt": "CASE WHEN row.exempt THEN 'yes' WHEN NOT row.exempt THEN 'no' END",
        "from": f"to_char({first}, 'YYYY-MM-DD')",
        "until": f"CASE WHEN row.ends_at < {literal(FOR_EVER)} THEN to_char({last}, 'YYYY-MM-DD') END",
        "reason": _text("asked.reason"),
        "by_rule": "CASE WHEN asked.joined_after IS NULL THEN 'no' ELSE 'yes' END",
        "asked_by": _text("asked.asked_by_label"),
        "asked_at": _instant("asked.asked_at"),
        "decided_by": _text("asked.decided_by_label"),
        "decided_at": _instant("asked.decided_at"),
        "granted_at": _instant("row.granted_at"),
        "refusal": _text("coalesce(nullif(asked.note, ''), row.left_out)"),
        "end_asked_by": _text("ending.asked_by_label"),
        "end_granted_by": _text("ending.decided_by_label"),
        "end_reason": _text("ending.reason"),
        "ended_at": _instant("row.ended_at"),
        "state": f"""CASE WHEN asked.decision IS NULL THEN 'waiting' WHEN asked.decision <> 'granted'
            THEN asked.decision WHEN row.granted_at IS NULL THEN 'left_out' WHEN row.ended_at < {at} THEN 'ended'
            WHEN row.starts_at >= {at} THEN 'later' WHEN row.ends_at < {at} THEN 'over' ELSE 'in_force' END""",
    }


def write_adjustments(campaign: Campaign, now: datetime, write: Callable[[bytes], object]) -> None:
    """Write the CSV of everything asked for in a campaign, a line for each person, ordered by request and staff_no.

    The same form as the standings; days and instants are those of the campaign's zone.
    """
    columns = adjustment_columns(min(now, campaign.rule.cutoff_at))
    rows = f"{ADJUSTMENTS} WHERE row.campaign_id = {campaign.pk}"
    order = 'ORDER BY row.request_id, person.staff_no COLLATE "C"'
    _copy(f"SELECT {_cells(columns)} {rows} {order}", campaign.rule.time_zone, write)


def _cells(mapping: dict[str, str]) -> str:
    return ", ".join(f'{expression} AS "{name}"' for name, expression in mapping.items())


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
