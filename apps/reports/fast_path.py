"""Queries on cached standings, guarded in the same statement against pending re-evaluations.

A full report re-evaluates pending employees from the facts (base_query.py). Planning that costs PostgreSQL more than a
small team's whole query, and usually nothing is pending. So the report first runs without it, together with the
condition that nothing is pending. One statement has one snapshot, so a fact and its outbox row are both visible or
neither is.
"""

from __future__ import annotations

from apps.core.read_replica import read_rows
from apps.core.sql import sql_literal, statement

NONE_PENDING = statement("reports", "fast_path", "none_pending")
GUARDED = statement("reports", "fast_path", "guarded")


def none_pending_sql(campaign: int, whose: str = "") -> str:
    """The condition that no re-evaluation is pending for any of `whose` (a SELECT of ids), or for any employee without
    it.

    An outbox row of an identity always makes the condition false: it may concern any of them.
    """
    concerned = f"WHERE kind IS NOT NULL OR employee_id IN ({whose})" if whose else ""
    return NONE_PENDING.format(concerned=concerned, campaign=sql_literal(campaign))


def query_if(condition: str, ctes: str, select: str, *, prepared: bool = False) -> list[tuple] | None:
    """The rows of a SELECT over CTEs (from WITH on), in its order; None when the condition is false.

    `prepared`: use a prepared statement of the connection (apps.core.prepared_statements).
    """
    # Each row begins with the guard and its number; without rows the only one has no number.
    rows = read_rows(GUARDED.format(ctes=ctes, condition=condition, select=select), prepared=prepared)
    return [row[2:] for row in rows if row[1]] if rows[0][0] else None
