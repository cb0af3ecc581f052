"""Statements that believe what is stored of everybody, and say in the same breath whether they may.

Who waits to be judged again is judged from the facts in each report (base_query.py), and to plan that takes PostgreSQL
longer than a small team's whole question. Nearly always nobody waits. So a report is asked without it first, together
with the condition that nobody waits: one statement, one snapshot, in which a fact and its note are both or neither.
"""

from __future__ import annotations

from apps.core.read_replica import read_rows
from apps.core.sql import sql_literal


def calm_sql(campaign: int, whose: str = "") -> str:
    """The condition that none of `whose` (a SELECT of ids), or without it nobody, waits to be judged again.

    Whom a note on an identity concerns is not looked for: it may be one of them.
    """
    of_them = f"WHERE kind IS NOT NULL OR employee_id IN ({whose})" if whose else ""
    return f"""NOT EXISTS (SELECT FROM core_outbox {of_them}) AND NOT EXISTS (
        SELECT FROM standings_markrange part JOIN standings_markrun run ON run.id = part.run_id
        WHERE part.state = 'waiting' AND run.makes_stale AND run.campaign_id = {sql_literal(campaign)})"""


def ask_if(holds: str, ctes: str, select: str, *, kept: bool = False) -> list[tuple] | None:
    """The rows of a SELECT over CTEs (from WITH on), in its order; None when the condition `holds` does not.

    `kept`: by a plan that the connection keeps (apps.core.prepared_statements).
    """
    statement = f"""{ctes} SELECT guard.holds, asked.* FROM (SELECT {holds} AS holds) guard
        LEFT JOIN (SELECT row_number() OVER () AS nth, found.* FROM ({select}) found) asked ON holds ORDER BY nth"""
    rows = read_rows(statement, prepared=kept)
    return [row[2:] for row in rows if row[1]] if rows[0][0] else None
