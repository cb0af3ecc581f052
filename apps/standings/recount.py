"""The recount: every standing against the facts. What it finds is drift: an alarm, and put right by the mark itself."""

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
# So many differences of a range are kept in words; the others are counted, and each repair is in the audit trail.
LISTED = 100

# One statement, one snapshot: a fact that a mark has not seen yet has its note in the outbox, and is passed over.
# `last_disqualified_at` is compared where it is known.
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
    """One employee whose stored standing is not what the facts say; None where there is none."""

    employee_id: int
    staff_no: str
    name: str
    stored: dict | None
    recounted: dict | None

    @property
    def fields(self) -> list[str]:
        """The parts that differ."""
        stored, recounted = self.stored or {}, self.recounted or {}
        return [name for name in {**stored, **recounted} if stored.get(name) != recounted.get(name)]


@dataclass
class RecountResult:
    """What a comparison saw: employees looked at, those among them who wait for a mark, and the differences."""

    people: int = 0
    waiting: int = 0
    differences: list[Difference] = field(default_factory=list)


def recount(campaign: Campaign, progress: Callable[[int, int], None] = lambda done, total: None) -> list[Difference]:
    """Compare every standing and its counts by day with the facts; employees with a note in the outbox wait."""
    return compare_everybody(campaign, progress).differences


def compare_everybody(
    campaign: Campaign,
    progress: Callable[[int, int], None] = lambda done, total: None,
    *,
    repairing: bool = False,
    by: Actor = SYSTEM,
) -> RecountResult:
    """Compare everybody, a few thousand at a time, and put right what differs if wanted. Says in the end what it found.

    What was found stays an alarm in /health/ready until a comparison finds nothing.
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
    """What the last recount found, for /health/ready."""
    Setting.objects.update_or_create(name=f"{DRIFT}:{campaign.slug}", defaults={"value": differences})


def find_differences(campaign: Campaign, employees: Sequence[int]) -> RecountResult:
    """Compare these employees' standings with the facts. Nobody is locked; whoever is named differed twice.

    What only the passing of time has changed is noted in between: that is no drift.
    """
    found = _compare(campaign, employees)
    if found.differences:
        process_effective_dates()
        again = _compare(campaign, [one.employee_id for one in found.differences])
        found.waiting += again.waiting
        found.differences = again.differences
    return found


def repair(campaign: Campaign, seen: RecountResult, *, by: Actor = SYSTEM) -> dict[str, Any]:
    """Judge anew whoever still differs, with the service of every mark; each repair is told in the audit trail.

    The caller's transaction holds the facts lock and the campaign. Returns the result of a recount's range.
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
    # The newest rule each time: what is compared takes minutes, and the rule may change meanwhile.
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
