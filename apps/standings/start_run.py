"""Runs over everybody, begun: cut into ranges, which stand in the database before anybody is asked to take one."""

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

# Ranges that one sweep asks for; what is left waits for the next.
RUNG_AT_ONCE = 200
# Ids between two employees that are not there yet belong to the range around them; whoever comes after the last one
# is noted by what brings them.
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
    """Write down a run over everybody and its ranges. Part of the caller's transaction, which holds the facts lock."""
    run = MarkRun.objects.create(
        campaign=campaign, work=work, cause=cause, invalidates=invalidates, asked_by_id=by.id, asked_by_label=by.label
    )
    with connection.cursor() as cursor:
        cursor.execute(CUT, [run.pk, marking.AT_MOST])
    close_if_over(run)
    return run


def reevaluate_all(campaign: Campaign, *, cause: str, by: Actor) -> MarkRun:
    """Everybody must be judged anew in this campaign, and until then what stands there is stale.

    Part of the caller's transaction, which holds the facts lock. The caller's door rings; else the sweep does.
    """
    invalidate_summaries(campaign)
    return start_run(campaign=campaign, work=MarkRun.Work.MARK, cause=cause, by=by, invalidates=True)


def begin_nightly_recount(campaign: Campaign, night: str) -> MarkRun | None:
    """Begin the recount of a night, once: None when it has been begun already, or the campaign is judged no more."""
    with transaction.atomic():
        lock_facts()
        if not marking.lock_campaigns(db_now(), only=campaign):
            return None
        if not claim_job(f"recount:{campaign.slug}", night):
            return None
        return start_run(campaign=campaign, work=MarkRun.Work.RECOUNT, cause="night", by=SYSTEM)


def claim_due_ranges(now: datetime) -> list[int]:
    """Ranges nobody has begun with, or was asked for, since the last sweep; from now on they count as asked for."""
    before = now - timedelta(seconds=settings.SWEEP_INTERVAL)
    with connection.cursor() as cursor:
        cursor.execute(DUE, {"now": now, "before": before, "limit": RUNG_AT_ONCE})
        return sorted(range_id for (range_id,) in cursor.fetchall())


def close_if_over(run: MarkRun) -> bool:
    """Close the run when its last range is done, with the sum of their results; True for the one call that does.

    Called at the end of each range's transaction: who finishes later waits here and then sees that all are done.
    """
    MarkRun.objects.select_for_update(no_key=True).only("pk").get(pk=run.pk)
    # A new statement, after the lock: it sees what others have committed meanwhile.
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
