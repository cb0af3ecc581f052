"""The base query of a report over a frozen result."""

from __future__ import annotations

from datetime import datetime

from apps.core.sql import sql_literal
from apps.results.models import FrozenResult
from apps.reviews.models import under_review_sql
from apps.standings.population import People, chosen_frozen


def frozen_sources(result: FrozenResult, people: People, reviews_at: datetime | None) -> str:
    """The same CTEs from one version of a frozen result: its rows, and the tree at the cut-off.

    `reviews_at`: the instant for review marks, where the reader may see them; else None.
    """
    asked = "NULL::boolean"
    if reviews_at is not None:
        asked = f"kept.employee_id IN ({under_review_sql(result.campaign_id, reviews_at)})"
    which = f"row.campaign_id = {result.campaign_id} AND row.version = {result.version}"
    return f"""WITH chosen AS MATERIALIZED ({chosen_frozen(people, result.campaign_id)}),
    kept AS MATERIALIZED (
        SELECT row.* FROM results_frozenstanding row WHERE {which} AND row.employee_id IN (SELECT id FROM chosen)),
    current AS (SELECT employee_id, counted, target, exempt, target_reached_at FROM kept),
    days AS (SELECT employee_id, day, count FROM kept, unnest(kept.days, kept.counts) AS counted_on(day, count)),
    listed AS (
        SELECT kept.employee_id, counted, target, exempt, target_reached_at, NULL::timestamptz AS status_since,
               {sql_literal(result.frozen_at)} AS verdict_changed_at, NULL::timestamptz AS pending_since,
               staff_no COLLATE "C" AS staff_no, name, email, department, manager_staff_no, red, remaining, pace,
               NULL::integer AS quiet_days, true AS moved,
               coalesce(node.last > node.first, false) AS has_team, {asked} AS under_review
        FROM kept LEFT JOIN results_frozenorgposition node
          ON node.campaign_id = {result.campaign_id} AND node.employee_id = kept.employee_id)"""
