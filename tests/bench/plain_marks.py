"""The reference of an evaluation: the verdicts of all employees by one SQL statement over whole tables, and its upsert.

It finds the same reasons, counts, days and instants as an evaluation of a campaign that is not exclusive. It takes no
locks, has no ranges and logs no changes.
"""

from __future__ import annotations

import time
from typing import Any

from django.db import connection, transaction

from apps.campaigns.models import Campaign, CampaignRule
from apps.core.clock import db_now
from apps.core.locks import disable_statement_timeout, lock_facts
from tests.bench.database import OWN_CAMPAIGN

JUDGED = """
WITH people AS (
    SELECT employee_id FROM employees_employment WHERE starts_at < %(now)s AND ends_at >= %(now)s),
internal AS (
    SELECT DISTINCT mine.contact_id FROM contacts_contactidentity mine
    JOIN employees_employeeidentity theirs ON theirs.kind = mine.kind AND theirs.digest = mine.digest
    JOIN employees_employment work ON work.employee_id = theirs.employee_id
    WHERE work.starts_at < %(now)s AND work.ends_at > %(opens_at)s),
counting AS (
    SELECT contact.employee_id, contact.id, contact.recorded_at
    FROM people JOIN contacts_contact contact USING (employee_id)
    LEFT JOIN internal ON internal.contact_id = contact.id
    WHERE internal.contact_id IS NULL AND contact.was_external IS NOT FALSE
      AND contact.recorded_at >= %(opens_at)s AND contact.recorded_at < %(cutoff_at)s AND contact.recorded_at < %(now)s
      AND NOT coalesce(contact.ended_at < %(now)s, false)),
daily AS MATERIALIZED (
    SELECT employee_id, (recorded_at AT TIME ZONE %(zone)s)::date AS day, count(*)::int AS count
    FROM counting GROUP BY 1, 2),
sums AS (SELECT employee_id, sum(count)::int AS counted, max(day) AS last_counted_on FROM daily GROUP BY 1),
reached AS (
    SELECT employee_id, recorded_at FROM (
        SELECT employee_id, recorded_at, row_number() OVER (PARTITION BY employee_id ORDER BY recorded_at, id) AS nth
        FROM counting JOIN sums USING (employee_id) WHERE counted >= %(target)s) ranked WHERE nth = %(target)s),
evaluated AS MATERIALIZED (
    SELECT employee_id, coalesce(counted, 0) AS counted, reached.recorded_at AS target_reached_at, last_counted_on
    FROM people LEFT JOIN sums USING (employee_id) LEFT JOIN reached USING (employee_id))
"""
RECOUNT = f"""{JUDGED}
SELECT count(*), coalesce(sum(counted), 0), count(*) FILTER (WHERE counted < %(target)s), count(target_reached_at),
    (SELECT count(*) FROM daily) FROM evaluated
"""
UPSERT = f"""{JUDGED}, days AS (
    INSERT INTO standings_dailycount (campaign_id, employee_id, day, count)
    SELECT %(campaign)s, employee_id, day, count FROM daily
    ON CONFLICT (campaign_id, employee_id, day) DO UPDATE SET count = excluded.count),
written AS (
    INSERT INTO standings_standing (campaign_id, employee_id, counted, target, exempt, target_reached_at, status_since,
    verdict_changed_at,
        last_counted_on)
    SELECT %(campaign)s, employee_id, counted, %(target)s, false, target_reached_at, %(now)s, %(now)s, last_counted_on
    FROM evaluated
    ON CONFLICT (campaign_id, employee_id) DO UPDATE SET counted = excluded.counted, target = excluded.target,
        exempt = excluded.exempt, target_reached_at = excluded.target_reached_at, verdict_changed_at =
        excluded.verdict_changed_at,
        last_counted_on = excluded.last_counted_on)
SELECT count(*), coalesce(sum(counted), 0), count(*) FILTER (WHERE counted < %(target)s), count(target_reached_at),
    (SELECT count(*) FROM daily) FROM evaluated
"""


def recount() -> dict[str, Any]:
    """Evaluate all employees and write nothing."""
    return _run(RECOUNT)


def mark() -> dict[str, Any]:
    """Evaluate all employees and write every standing."""
    return _run(UPSERT)


def terms(campaign: Campaign) -> dict[str, Any]:
    """The parameters of JUDGED, except `now`."""
    rule: CampaignRule = campaign.rules.latest("version")
    times = {"opens_at": rule.opens_at, "cutoff_at": rule.cutoff_at, "zone": rule.time_zone}
    return {"campaign": campaign.pk, "target": rule.target, **times}


def _run(statement: str) -> dict[str, Any]:
    asked = terms(Campaign.objects.get(slug=OWN_CAMPAIGN))
    began = time.perf_counter()
    with transaction.atomic(), connection.cursor() as cursor:
        lock_facts()
        disable_statement_timeout()
        # Enough memory for a hash of all rows, and both cores, as a statement of this size is usually run.
        cursor.execute("SET LOCAL work_mem = '256MB'")
        cursor.execute(statement, asked | {"now": db_now()})
        people, counted, red, reached, days = cursor.fetchone()
    result = {"people": people, "counted": int(counted), "red": red, "reached": reached, "days": days}
    return {"seconds": time.perf_counter() - began, **result}
