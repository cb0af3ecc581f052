"""Start a run over all employees: store its ranges in the database before any worker is asked to process one."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.conf import settings
from django.db import connection, transaction

from apps.campaigns.models import Campaign
from apps.core.audit import SYSTEM, Actor
from apps.core.clock import db_now
from apps.core.jobs import claim_job
from apps.core.locks import lock_facts
from apps.core.statistics import refresh_statistics
from apps.standings import marking
from apps.standings.build_summaries import invalidate_summaries
from apps.standings.models import MarkRun

# The most ranges that one sweep enqueues; the others wait for the next sweep.
RUNG_AT_ONCE = 200
# A range also covers unused ids between its employees. An employee added after the last id gets an outbox row from the
# import that adds them.
CUT = """
INSERT INTO standings_markrange (run_id, first_id, last_id, state, attempts, result)
SELECT %s, min(id), max(id), 'waiting', 0, '{}'
FROM (SELECT id, (row_number() OVER (ORDER BY id) - 1) / %s AS place FROM employees_employee) cut
GROUP BY place ORDER BY place
"""
DUE = """
UPDATE standings_markrange SET enqueued_at = %(now)s WHERE id IN (
    SELECT id FROM standings_markrange
    WHERE state = 'waiting' AND greatest(enqueued_at, claimed_at, '-infinity') < %(before)s
    ORDER BY id LIMIT %(limit)s FOR UPDATE SKIP LOCKED)
RETURNING id
"""


def start_run(*, campaign: Campaign, work: str, cause: str, by: Actor, invalidates: bool = False) -> MarkRun:
    """Store a run over all employees and its ranges, in the caller's transaction, which holds the facts lock."""
    run = MarkRun.objects.create(
        campaign=campaign, work=work, cause=cause, invalidates=invalidates, asked_by_id=by.id, asked_by_label=by.label
    )
    with connection.cursor() as cursor:
        cursor.execute(CUT, [run.pk, marking.AT_MOST])
    close_if_over(run)
    return run


def reevaluate_all(campaign: Campaign, *, cause: str, by: Actor) -> MarkRun:
    """Start a run that evaluates all employees in this campaign; until it has, their standings are stale.

    Runs in the caller's transaction, which holds the facts lock. The caller wakes the workers; else the sweep does.
    """
    invalidate_summaries(campaign)
    return start_run(campaign=campaign, work=MarkRun.Work.MARK, cause=cause, by=by, invalidates=True)


def begin_nightly_recount(campaign: Campaign, night: str) -> MarkRun | None:
    """Begin the recount of a night once. None if it has begun already or the campaign is no longer evaluated."""
    with transaction.atomic():
        lock_facts()
        if not marking.lock_campaigns(db_now(), only=campaign):
            return None
        if not claim_job(f"recount:{campaign.slug}", night):
            return None
        return start_run(campaign=campaign, work=MarkRun.Work.RECOUNT, cause="night", by=SYSTEM)


def claim_due_ranges(now: datetime) -> list[int]:
    """Claim the ranges that no worker has begun, and no sweep has enqueued, since the last sweep; return their ids."""
    before = now - timedelta(seconds=settings.SWEEP_INTERVAL)
    with connection.cursor() as cursor:
        cursor.execute(DUE, {"now": now, "before": before, "limit": RUNG_AT_ONCE})
        return sorted(range_id for (range_id,) in cursor.fetchall())


def close_if_over(run: MarkRun) -> bool:
    """Close the run when its last range is done, and store the sum of the results. True for the one call that does.

    Called at the end of each range's transaction. A later transaction waits for the lock and then sees all ranges done.
    """
    MarkRun.objects.select_for_update(no_key=True).only("pk").get(pk=run.pk)
    # A new statement after the lock sees what other transactions have committed meanwhile.
    ranges = run.ranges.values_list("state", "result")
    if any(state != "done" for state, _result in ranges):
        return False
    totals: dict[str, int] = {}
    for _state, result in ranges:
        for name, value in result.items():
            if isinstance(value, int):
                totals[name] = totals.get(name, 0) + value
    if run.work == MarkRun.Work.MARK:
        refresh_statistics("standings_standing", "standings_standingchange", written=totals.get("people", 0))
    return bool(MarkRun.objects.filter(pk=run.pk, finished_at=None).update(finished_at=db_now(), totals=totals))
