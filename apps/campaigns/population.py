"""SQL for the employees of a campaign at an instant, with target and exemption."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from apps.campaigns.models import CampaignRule
from apps.campaigns import rules
from apps.core.sql import sql_literal


def effective_as_of(rule: CampaignRule, at: datetime) -> str:
    """Return the effective instant of a query at `at`, as SQL: at most the cut-off (rules.effective_as_of)."""
    return sql_literal(rules.effective_as_of(at, rule.cutoff_at))


def all_employees_sql() -> str:
    """Return a SELECT of all employee ids, for the functions below."""
    return "SELECT id FROM employees_employee"


def employee_ids_sql(ids: list[int]) -> str:
    """Return a SELECT of these employee ids, for the functions below."""
    if len(ids) == 1:
        return f"SELECT {ids[0]:d}::bigint AS id"
    return f"SELECT unnest({sql_literal(ids)}) AS id" if ids else "SELECT NULL::bigint AS id WHERE false"


def population_sql(rule: CampaignRule, at: datetime, employees: str) -> str:
    """Return a SELECT of (employee_id, target, exempt) for employees in scope just before `at`.

    An employee is in scope while employed and in one of the rule's departments. `employees` is a SELECT of ids.
    """
    campaign, look = rule.campaign_id, effective_as_of(rule, at)
    in_scope = ""
    if rule.scope:
        in_scope = f"""AND EXISTS (SELECT 1 FROM employees_placement place WHERE place.employee_id = person.id
            AND in_force(place.starts_at, place.ends_at, {look})
            AND place.department = ANY({sql_literal(rule.scope)}))"""

    def adjusted(column: str) -> str:
        return f"""(SELECT DISTINCT ON (employee_id) employee_id, {column} FROM campaigns_adjustment
            WHERE campaign_id = {campaign} AND {column} IS NOT NULL AND granted_at IS NOT NULL
              AND in_force(starts_at, ends_at, {look}) AND (ended_at IS NULL OR ended_at >= {look})
            ORDER BY employee_id, starts_at DESC, id DESC)"""

    return f"""SELECT person.id AS employee_id, coalesce(own.target, {rule.target}) AS target,
            coalesce(free.exempt, false) AS exempt
        FROM employees_employee person
        LEFT JOIN {adjusted("target")} own ON own.employee_id = person.id
        LEFT JOIN {adjusted("exempt")} free ON free.employee_id = person.id
        WHERE person.id IN ({employees})
          AND EXISTS (SELECT 1 FROM employees_employment work WHERE work.employee_id = person.id
            AND in_force(work.starts_at, work.ends_at, {look})) {in_scope}"""
