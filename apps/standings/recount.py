"""The recount: compare every standing with the facts. A difference is drift: it raises an alarm and is repaired."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.db import connection, transaction

from apps.campaigns.models import Campaign
from apps.campaigns.population import employee_ids_sql
from apps.contacts.services.submissions import lock_employees
from apps.core.audit import SYSTEM, Actor, audit
from apps.core.clock import db_now
from apps.core.locks import lock_facts
from apps.core.models import Setting
from apps.core.sql import sql_literal
from apps.employees.models import Employee
from apps.standings.effective_dates import process_effective_dates
from apps.standings.evaluation import clean_sql, evaluation_ctes, pending_sql
from apps.standings.marking import lock_campaigns, mark_standings, ranges
from apps.standings.models import StandingChange

DRIFT = "drift"
# The most differences that a range lists. Further ones are only counted; the audit trail has every repair.
LISTED = 100

# One statement has one snapshot: a fact that is not evaluated yet has its outbox row, and the employee is left out.
# `last_disqualified_at` is compared only where it is known.
RECOUNT = """
WITH {judgement}, {clean},
waiting AS MATERIALIZED (SELECT DISTINCT employee_id FROM ({stale}) note WHERE employee_id IN ({employees})),
judged AS (
    SELECT verdict.employee_id, counted, target, exempt, target_reached_at, last_counted_on, last_disqualified_at,
           coalesce(by_day.days, '{{}}') AS days
    FROM verdict JOIN clean USING (employee_id) LEFT JOIN (
        SELECT employee_id, jsonb_object_agg(day, count) AS days FROM daily GROUP BY 1) by_day USING (employee_id)),
stored AS (
    SELECT standing.employee_id, counted, target, exempt, target_reached_at, last_counted_on,
           coalesce(standing.last_disqualified_at, clean.last_disqualified_at) AS last_disqualified_at,
           coalesce(by_day.days, '{{}}') AS days
    FROM standings_standing standing LEFT JOIN clean USING (employee_id) LEFT JOIN (
        SELECT employee_id, jsonb_object_agg(day, count) AS days FROM standings_dailycount
        WHERE campaign_id = {campaign} AND employee_id IN ({employees}) GROUP BY 1) by_day USING (employee_id)
    WHERE campaign_id = {campaign} AND employee_id IN ({employees})),
found AS (
    SELECT person.id, person.staff_no, person.name, to_jsonb(stored) - 'employee_id' AS stored,
           to_jsonb(judged) - 'employee_id' AS judged
    FROM stored FULL JOIN judged USING (employee_id) JOIN employees_employee person ON person.id = employee_id
    WHERE to_jsonb(stored) IS DISTINCT FROM to_jsonb(judged)
      AND employee_id NOT IN (SELECT employee_id FROM waiting))
SELECT (SELECT count(*) FROM waiting), found.* FROM (SELECT) one LEFT JOIN found ON true ORDER BY staff_no
"""


@dataclass(frozen=True)
class Difference:
    """One employee whose stored standing differs from the facts. None stands for a missing standing."""

    employee_id: int
    staff_no: str
    name: str
    stored: dict | None
    recounted: dict | None

    @property
    def fields(self) -> list[str]:
        """The names of the columns that differ."""
        stored, recounted = self.stored or {}, self.recounted or {}
        return [name for name in {**stored, **recounted} if stored.get(name) != recounted.get(name)]


@dataclass
class RecountResult:
    """The result of a comparison: employees compared, those of them with a pending evaluation, and the differences."""

    people: int = 0
    waiting: int = 0
    differences: list[Difference] = field(default_factory=list)


def recount(campaign: Campaign, progress: Callable[[int, int], None] = lambda done, total: None) -> list[Difference]:
    """Compare every standing and its counts by day with the facts. Employees with an outbox row are left out."""
    return compare_everybody(campaign, progress).differences


def compare_everybody(
    campaign: Campaign,
    progress: Callable[[int, int], None] = lambda done, total: None,
    *,
    repairing: bool = False,
    by: Actor = SYSTEM,
) -> RecountResult:
    """Compare all employees, a few thousand at a time, and return the result. `repairing`: repair what differs.

    The caller records the differences (record_drift) as an alarm in /health/ready.
    """
    total, whole = Employee.objects.count(), RecountResult()
    for employees in ranges():
        found = find_differences(campaign, employees)
        if repairing and found.differences:
            with transaction.atomic():
                lock_facts()
                for held in lock_campaigns(db_now(), only=campaign):
                    repair(held, found, by=by)
        whole.people += found.people
        whole.waiting += found.waiting
        whole.differences += found.differences
        progress(whole.people, total)
    return whole


def record_drift(campaign: Campaign, differences: int) -> None:
    """Store how many differences the last recount found, for /health/ready."""
    Setting.objects.update_or_create(name=f"{DRIFT}:{campaign.slug}", defaults={"value": differences})


def find_differences(campaign: Campaign, employees: Sequence[int]) -> RecountResult:
    """Compare these employees' standings with the facts, without locks. A difference is reported if found twice.

    Effective dates are processed in between, because a change by time alone is no drift.
    """
    found = _compare(campaign, employees)
    if found.differences:
        process_effective_dates()
        again = _compare(campaign, [one.employee_id for one in found.differences])
        found.waiting += again.waiting
        found.differences = again.differences
    return found


def repair(campaign: Campaign, seen: RecountResult, *, by: Actor = SYSTEM) -> dict[str, Any]:
    """Evaluate again the employees who still differ, as every evaluation does, and audit each repair.

    The caller's transaction holds the facts lock and the campaign's row. Returns the result of a recount's range.
    """
    found = RecountResult()
    if seen.differences:
        lock_employees(one.employee_id for one in seen.differences)
        found = _compare(campaign, [one.employee_id for one in seen.differences])
        ids = [one.employee_id for one in found.differences]
        mark_standings(campaign=campaign, employees=ids, now=db_now(), cause=StandingChange.Cause.REPAIR)
    for one in found.differences:
        detail = {"campaign": campaign.slug, "fields": one.fields, "stored": one.stored, "recounted": one.recounted}
        audit("standing.repaired", by=by, kind="employee", id=one.staff_no, label=one.name, detail=detail)
    listed = [{"staff_no": one.staff_no, "fields": one.fields} for one in found.differences[:LISTED]]
    return {"waiting": seen.waiting, "differences": len(found.differences), "listed": listed}


def _compare(campaign: Campaign, employees: Sequence[int]) -> RecountResult:
    chosen = employee_ids_sql(list(employees))
    # Read the newest rule each time: a comparison takes minutes, and the rule may change meanwhile.
    rule = campaign.rules.latest("version")
    statement = RECOUNT.format(
        judgement=evaluation_ctes(rule, db_now(), chosen), clean=clean_sql(rule), employees=chosen,
        campaign=sql_literal(campaign.pk), stale=f"SELECT employee_id FROM ({pending_sql(campaign.pk)}) noted",
    )  # fmt: skip
    with connection.cursor() as cursor:
        cursor.execute(statement)
        rows = cursor.fetchall()
    # Django's cursor hands jsonb out as text.
    differences = [
        Difference(employee, staff_no, name, stored and json.loads(stored), judged and json.loads(judged))
        for _waiting, employee, staff_no, name, stored, judged in rows
        if employee is not None
    ]
    return RecountResult(len(employees), rows[0][0], differences)
