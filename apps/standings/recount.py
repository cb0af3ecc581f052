"""The recount: compare every standing with the facts. A difference is drift: it raises an alarm and is repaired."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.db import connection, transaction
from psycopg2.sql import SQL

from apps.campaigns.models import Campaign
from apps.campaigns.population import employee_ids_sql
from apps.contacts.services.submissions import lock_employees
from apps.core.audit import SYSTEM, Actor, audit
from apps.core.clock import db_now
from apps.core.events import record_event
from apps.core.health import DRIFT
from apps.core.locks import lock_facts
from apps.core.models import Setting
from apps.core.sql import compose, statement
from apps.employees.models import Employee
from apps.standings.effective_dates import process_effective_dates
from apps.standings.evaluation import evaluation_ctes, pending_sql
from apps.standings.marking import lock_campaigns, mark_standings, ranges
from apps.standings.models import StandingChange

RECOUNT = statement("standings", "recount", "recount")


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
        stored, recounted = self.stored or {}, self.recounted or {}
        return [name for name in {**stored, **recounted} if stored.get(name) != recounted.get(name)]


@dataclass
class RecountResult:
    """The result of a comparison: employees compared, those of them with a pending evaluation, and the differences."""

    people: int = 0
    waiting: int = 0
    differences: list[Difference] = field(default_factory=list)


def compare_all(
    campaign: Campaign,
    progress: Callable[[int, int], None] = lambda done, total: None,
    *,
    repairing: bool = False,
    by: Actor = SYSTEM,
) -> RecountResult:
    """Compare all employees, a few thousand at a time, and return the result. `repairing`: repair what differs.

    The caller records the differences (record_drift) as an alarm in /health/ready.
    """
    # Only for the progress bar; employees added meanwhile are compared too.
    total, whole = Employee.objects.count(), RecountResult()
    for employees in ranges():
        result = find_differences(campaign, employees)
        if repairing and result.differences:
            with transaction.atomic():
                lock_facts()
                for locked in lock_campaigns(db_now(), only=campaign):
                    repair(locked, result, by=by)
        whole.people += result.people
        whole.waiting += result.waiting
        whole.differences += result.differences
        progress(whole.people, total)
    return whole


@transaction.atomic
def record_drift(campaign: Campaign, differences: int) -> None:
    """Store how many differences the last recount found, for /health/ready; notify HR of any."""
    Setting.objects.update_or_create(name=f"{DRIFT}{campaign.slug}", defaults={"value": differences})
    if differences:
        record_event(
            "drift_found", subject=f"{campaign.pk}:{db_now():%Y-%m-%d}", campaign_id=campaign.pk,
            data={"differences": differences},
        )  # fmt: skip


def find_differences(campaign: Campaign, employees: Sequence[int]) -> RecountResult:
    """Compare these employees' standings with the facts, without locks. A difference is reported if found twice.

    Effective dates are processed in between, because a change by time alone is no drift.
    """
    result = _compare(campaign, employees)
    if result.differences:
        process_effective_dates()
        again = _compare(campaign, [difference.employee_id for difference in result.differences])
        result.waiting += again.waiting
        result.differences = again.differences
    return result


def repair(campaign: Campaign, seen: RecountResult, *, by: Actor = SYSTEM) -> dict[str, Any]:
    """Evaluate again the employees who still differ, as every evaluation does, and audit each repair.

    The caller's transaction holds the facts lock and the campaign's row. Returns the result of a recount's range.
    """
    result = RecountResult()
    if seen.differences:
        lock_employees(line.employee_id for line in seen.differences)
        # The third comparison, under the locks: nothing can change any more, so what differs now is repaired.
        result = _compare(campaign, [line.employee_id for line in seen.differences])
        ids = [line.employee_id for line in result.differences]
        mark_standings(campaign=campaign, employees=ids, now=db_now(), cause=StandingChange.Cause.REPAIR)
    for line in result.differences:
        figures = {"fields": line.fields, "stored": line.stored, "recounted": line.recounted}
        detail = {"campaign": campaign.slug, **figures}
        audit("standing.repaired", by=by, kind="employee", id=line.staff_no, label=line.name, detail=detail)
    # No person and no count: this goes into the log.
    fields = sorted({field for line in result.differences for field in line.fields})
    return {"waiting": seen.waiting, "differences": len(result.differences), "fields": fields}


def _compare(campaign: Campaign, employees: Sequence[int]) -> RecountResult:
    chosen = employee_ids_sql(list(employees))
    # Read the newest rule each time: a comparison takes minutes, and the rule may change meanwhile.
    rule = campaign.rules.latest("version")
    comparison = compose(
        RECOUNT, evaluation=SQL(evaluation_ctes(rule, db_now(), chosen)),
        employees=SQL(chosen), campaign=campaign.pk, pending=SQL(pending_sql(campaign.pk)),
    )  # fmt: skip
    with connection.cursor() as cursor:
        cursor.execute(comparison)
        rows = cursor.fetchall()
    # Django's cursor hands jsonb out as text.
    differences = [
        Difference(employee, staff_no, name, stored and json.loads(stored), evaluated and json.loads(evaluated))
        for _waiting, employee, staff_no, name, stored, evaluated in rows
        if employee is not None
    ]
    # The statement always returns a row, because it joins the differences to the number of pending employees.
    return RecountResult(len(employees), rows[0][0], differences)
