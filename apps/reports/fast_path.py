"""Queries on cached standings, guarded in the same statement against pending re-evaluations.

A full report re-evaluates pending employees from the facts (base_query.py). Planning that costs PostgreSQL more than a
small team's whole query, and usually nothing is pending. So the report first runs without it, together with the
condition that nothing is pending. One statement has one snapshot, so a fact and its outbox row are both visible or
neither is.
"""

from __future__ import annotations

from apps.core.read_replica import read_rows
from apps.core.sql import sql_literal


def none_pending_sql(campaign: int, whose: str = "") -> str:
    """The condition that no re-evaluation is pending for any of `whose` (a SELECT of ids), or for any employee without
    it.

    An outbox row of an identity always makes the condition false: it may concern any of them.
    """
    of_them = f"WHERE kind IS NOT NULL OR employee_id IN ({whose})" if whose else ""
    return f"""NOT EXISTS (SELECT FROM core_outbox {of_them}) AND NOT EXISTS (
        SELECT FROM standings_markrange part JOIN standings_markrun run ON run.id = part.run_id
        WHERE part.state = 'waiting' AND run.invalidates AND run.campaign_id = {sql_literal(campaign)})"""


def query_if(holds: str, ctes: str, select: str, *, prepared: bool = False) -> list[tuple] | None:
    """The rows of a SELECT over CTEs (from WITH on), in its order; None when the condition `holds` is false.

    `prepared`: use a prepared statement of the connection (apps.core.prepared_statements).
    """
    statement = f"""{ctes} SELECT guard.holds, asked.* FROM (SELECT {holds} AS holds) guard
        LEFT JOIN (SELECT row_number() OVER () AS nth, found.* FROM ({select}) found) asked ON holds ORDER BY nth"""
    rows = read_rows(statement, prepared=prepared)
    return [row[2:] for row in rows if row[1]] if rows[0][0] else None
