"""Start a run over all employees: store its ranges in the database before any worker is asked to process one."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.conf import settings
from django.db import connection, transaction

from apps.campaigns.models import Campaign
from apps.core.audit import SYSTEM, Actor
from apps.core.clock import db_now
from apps.core.enqueue import enqueue_marking
from apps.core.jobs import claim_job
from apps.core.locks import lock_facts
from apps.core.sql import statement
from apps.core.statistics import refresh_statistics
from apps.standings import marking
from apps.standings.build_summaries import invalidate_summaries
from apps.standings.models import MarkRun

# The most ranges that one sweep enqueues; the others wait for the next sweep.
MAX_ENQUEUED = 200
STORE_RANGES = statement("standings", "runs", "store_ranges")
CLAIM_DUE_RANGES = statement("standings", "runs", "claim_due_ranges")


def start_run(*, campaign: Campaign, work: str, cause: str, by: Actor, invalidates: bool = False) -> MarkRun:
    """Store a run over all employees and its ranges, and wake the workers after the commit.

    Runs in the caller's transaction, which holds the facts lock.
    """
    run = MarkRun.objects.create(
        campaign=campaign, work=work, cause=cause, invalidates=invalidates, asked_by_id=by.id, asked_by_label=by.label
    )
    with connection.cursor() as cursor:
        cursor.execute(STORE_RANGES, {"run": run.pk, "size": marking.BATCH_SIZE})
    # A company without employees has no range, and so no range would end the run.
    finish_if_done(run)
    enqueue_marking()
    return run


def reevaluate_all(campaign: Campaign, *, cause: str, by: Actor) -> MarkRun:
    """Start a run that evaluates all employees in this campaign; until it has, their standings are pending.

    Runs in the caller's transaction, which holds the facts lock.
    """
    # In the same transaction: a reader must not see new standings beside sums of the old rule.
    invalidate_summaries(campaign)
    return start_run(campaign=campaign, work=MarkRun.Work.MARK, cause=cause, by=by, invalidates=True)


def begin_nightly_recount(campaign: Campaign, night: str) -> MarkRun | None:
    """Begin the recount of a night once. None if it has begun already or the campaign is no longer evaluated."""
    with transaction.atomic():
        lock_facts()
        if not marking.lock_campaigns(db_now(), only=campaign):
            return None
        # A unique row: of two schedulers, or a scheduler and its successor, one begins the recount.
        if not claim_job(f"recount:{campaign.slug}", night):
            return None
        return start_run(campaign=campaign, work=MarkRun.Work.RECOUNT, cause="night", by=SYSTEM)


def claim_due_ranges(now: datetime) -> list[int]:
    """Claim the ranges that no worker has begun, and no sweep has enqueued, since the last sweep; return their ids."""
    # One interval of patience: a message that is on its way must not be sent twice.
    before = now - timedelta(seconds=settings.SWEEP_INTERVAL)
    with connection.cursor() as cursor:
        cursor.execute(CLAIM_DUE_RANGES, {"now": now, "before": before, "limit": MAX_ENQUEUED})
        return sorted(range_id for (range_id,) in cursor.fetchall())


def finish_if_done(run: MarkRun) -> bool:
    """Finish the run when its last range is done, and store the sum of the results. Returns True in that one call.

    Called at the end of each range's transaction. A later transaction waits for the lock and then sees all ranges done.
    """
    # no_key: the ranges refer to this row, and a stronger lock would block their inserts.
    MarkRun.objects.select_for_update(no_key=True).only("pk").get(pk=run.pk)
    # A new statement after the lock sees what other transactions have committed meanwhile.
    ranges = run.ranges.values_list("state", "result")
    if any(state != "done" for state, _result in ranges):
        return False
    totals: dict[str, int] = {}
    for _state, result in ranges:
        for name, value in result.items():
            # The results of a recount also have lists, which stay in the ranges.
            if isinstance(value, int):
                totals[name] = totals.get(name, 0) + value
    if run.work == MarkRun.Work.MARK:
        refresh_statistics("standings_standing", "standings_standingchange", written=totals.get("people", 0))
    return bool(MarkRun.objects.filter(pk=run.pk, finished_at=None).update(finished_at=db_now(), totals=totals))
