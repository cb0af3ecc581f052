"""The recount: every standing against the facts. It changes nothing; what it finds is drift, and drift is an alarm."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass

from django.db import connection

from apps.employees.models import Employee
from apps.ledger.services import clock
from apps.quotas.models import Campaign
from apps.quotas.querysets import judgement_sql, literal, stale_sql, these
from apps.quotas.services.marking import ranges

# One statement, one snapshot: a fact that a mark has not seen yet has its note in the outbox, and is passed over.
RECOUNT = """
WITH {judgement},
judged AS (
    SELECT verdict.employee_id, counted, target, exempt, reached_at, coalesce(by_day.days, '{{}}') AS days
    FROM verdict LEFT JOIN (
        SELECT employee_id, jsonb_object_agg(day, delta) AS days FROM daily GROUP BY 1) by_day USING (employee_id)),
stored AS (
    SELECT standing.employee_id, counted, target, exempt, reached_at, coalesce(by_day.days, '{{}}') AS days
    FROM quotas_standing standing LEFT JOIN (
        SELECT employee_id, jsonb_object_agg(day, delta) AS days FROM quotas_dailycount
        WHERE campaign_id = {campaign} AND employee_id IN ({employees}) GROUP BY 1) by_day USING (employee_id)
    WHERE campaign_id = {campaign} AND employee_id IN ({employees}))
SELECT person.staff_no, person.name, to_jsonb(stored) - 'employee_id', to_jsonb(judged) - 'employee_id'
FROM stored FULL JOIN judged USING (employee_id) JOIN employees_employee person ON person.id = employee_id
WHERE to_jsonb(stored) IS DISTINCT FROM to_jsonb(judged) AND employee_id NOT IN ({stale})
ORDER BY person.staff_no
"""


@dataclass(frozen=True)
class Difference:
    """One employee whose stored standing is not what the facts say; None where there is none."""

    staff_no: str
    name: str
    stored: dict | None
    recounted: dict | None

    @property
    def fields(self) -> list[str]:
        """The parts that differ."""
        stored, recounted = self.stored or {}, self.recounted or {}
        return [name for name in {**stored, **recounted} if stored.get(name) != recounted.get(name)]


def waiting() -> int:
    """How many employees have a note in the outbox: a recount passes over them until they are marked."""
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT count(*) FROM ({stale_sql()}) note")
        return int(cursor.fetchone()[0])


def recount(campaign: Campaign, progress: Callable[[int, int], None] = lambda done, total: None) -> list[Difference]:
    """Compare every standing and its counts by day with the facts; employees with a note in the outbox wait.

    Run `follow_time` first, so that what time changed is noted.
    """
    differences: list[Difference] = []
    total, done = Employee.objects.count(), 0
    for employees in ranges():
        chosen = these(employees)
        statement = RECOUNT.format(
            judgement=judgement_sql(campaign.rule, clock(), chosen), employees=chosen, campaign=literal(campaign.pk),
            stale=f"SELECT employee_id FROM ({stale_sql()}) note",
        )  # fmt: skip
        with connection.cursor() as cursor:
            cursor.execute(statement)
            # Django's cursor hands jsonb out as text.
            differences += [
                Difference(staff_no, name, stored and json.loads(stored), judged and json.loads(judged))
                for staff_no, name, stored, judged in cursor.fetchall()
            ]
        done += len(employees)
        progress(done, total)
    return differences
