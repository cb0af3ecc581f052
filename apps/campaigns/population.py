"""SQL for the employees of a campaign at an instant, with target and exemption."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from django.db import connection
from psycopg2.sql import SQL

if TYPE_CHECKING:
    from apps.campaigns.models import CampaignRule
from apps.campaigns import rules
from apps.core.sql import compose, sql_literal, statement
from apps.core.time_zones import company_zone

# A SELECT of ids for the functions below, as employee_ids_sql returns one.
ALL_EMPLOYEES = statement("campaigns", "population", "all_employees")
POPULATION = statement("campaigns", "population", "population")
IN_SCOPE = statement("campaigns", "population", "in_scope")
PRORATED_TARGET = statement("campaigns", "adjustments", "prorated_target")
UNADJUSTED_TARGETS = statement("campaigns", "adjustments", "unadjusted_targets")
JOINER_TARGET = statement("campaigns", "adjustments", "joiner_target")


def effective_as_of(rule: CampaignRule, at: datetime) -> str:
    """Return the effective instant of a query at `at`, as SQL: at most the cut-off (rules.effective_as_of)."""
    return sql_literal(rules.effective_as_of(at, rule.cutoff_at))


def employee_ids_sql(ids: list[int]) -> str:
    """Return a SELECT of these employee ids, for the functions below."""
    # A constant instead of an array: the planner then knows that one row comes, and uses the indexes.
    if len(ids) == 1:
        return f"SELECT {ids[0]:d}::bigint AS id"
    return f"SELECT unnest({sql_literal(ids)}) AS id" if ids else "SELECT NULL::bigint AS id WHERE false"


def population_sql(rule: CampaignRule, at: datetime, employees: str) -> str:
    """Return a SELECT of (employee_id, target, exempt) for employees in scope just before `at`.

    An employee is in scope while employed and in one of the rule's departments. `employees` is a SELECT of ids.
    """
    as_of = SQL(effective_as_of(rule, at))
    # The department just before `at`: who moves out of the scope leaves the campaign.
    in_scope = compose(IN_SCOPE, as_of=as_of, scope=rule.scope) if rule.scope else "true"
    return compose(
        POPULATION, campaign=rule.campaign_id, target=SQL(_target_sql(rule)), as_of=as_of, employees=SQL(employees),
        in_scope=SQL(in_scope),
    )  # fmt: skip


def _target_sql(rule: CampaignRule) -> str:
    """Return the target of `employee` without adjustments, as SQL."""
    if not rule.prorate_joiners:
        return sql_literal(rule.target)
    return compose(
        JOINER_TARGET, opens_on=rule.opens_on, prorated_target=SQL(prorated_target_sql(rule, "joined.day")),
        target=rule.target, time_zone=company_zone(), opens_at=rule.opens_at, cutoff_at=rule.cutoff_at,
    )  # fmt: skip


def unadjusted_targets(rule: CampaignRule, employees: list[int]) -> dict[int, int]:
    """Return the target that each employee has without adjustments, by id."""
    if not rule.prorate_joiners:
        return dict.fromkeys(employees, rule.target)
    ids = SQL(employee_ids_sql(employees))
    with connection.cursor() as cursor:
        cursor.execute(compose(UNADJUSTED_TARGETS, target=SQL(_target_sql(rule)), employees=ids))
        return dict(cursor.fetchall())


def prorated_target_sql(rule: CampaignRule, day: str) -> str:
    """Return the target of an employee whose first day is `day`, as SQL; rules.prorated_target says the same."""
    # Both ends count, as an employee counts them on a calendar.
    days = (rule.deadline - rule.opens_on).days + 1
    return compose(PRORATED_TARGET, target=rule.target, deadline=rule.deadline, first_day=SQL(day), days=days)
