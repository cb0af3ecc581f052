"""Process the ranges of a run: any worker takes one, and its effect and its end are committed together."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import asdict, fields
from typing import Any

from django.db import connection, transaction

from apps.campaigns.models import Campaign
from apps.contacts.services.submissions import finish_abandoned
from apps.core.audit import SYSTEM, Actor
from apps.core.clock import db_now
from apps.core.locks import lock_facts
from apps.core.sql import statement
from apps.employees.models import Employee
from apps.standings.build_summaries import update_summaries, verify_summaries
from apps.standings.marking import Mark, lock_campaigns, mark_outbox, mark_range
from apps.standings.models import MarkRange, MarkRun
from apps.standings.recount import find_differences, record_drift, repair
from apps.standings.start_run import finish_if_done, start_run

logger = logging.getLogger(__name__)
# A worker skips a range that another worker processes. A caller that needs the whole run polls at this interval.
POLL_SECONDS = 0.2
RECORD_ATTEMPT = statement("standings", "runs", "record_attempt")


def process_range(range_id: int) -> bool:
    """Process a range of a run: one transaction stores its effect, its result and its end.

    The transaction of the last range also ends the run. Returns False when the range is done already or another worker
    processes it. If the worker dies midway, the range stays `waiting`.
    """
    waiting = MarkRange.objects.filter(pk=range_id, state=MarkRange.State.WAITING)
    if not _record_attempt(range_id):
        return False
    part = waiting.select_related("run__campaign").first()
    if part is None:
        return False
    employees = list(
        Employee.objects.filter(pk__gte=part.first_id, pk__lte=part.last_id).order_by("pk").values_list("pk", flat=True)
    )
    recount = part.run.work == MarkRun.Work.RECOUNT
    # Before the locks, which delay every writer of these employees; `repair` compares again under them.
    seen = find_differences(part.run.campaign, employees) if recount else None
    with transaction.atomic():
        lock_facts()
        # Empty once the campaign is frozen or cancelled: the range then ends without an effect, or the run would never
        # end.
        campaigns = lock_campaigns(db_now(), only=part.run.campaign)
        # Locked only now, after facts and campaign, in the lock order; the read above took no lock.
        if not waiting.select_for_update(skip_locked=True, of=("self",)).exists():
            return False
        result: dict[str, Any] = {"people": len(employees)}
        for campaign in campaigns:
            result |= asdict(mark_range(campaign, employees)) if seen is None else repair(campaign, seen)
        waiting.update(state=MarkRange.State.DONE, finished_at=db_now(), result=result)
        over = finish_if_done(part.run) and recount
        drift = _record_result(part.run) if over else None
    if over:
        # After the commit: it reads all standings, and a range may hold its locks only briefly.
        _verify_summaries_of(part.run)
    if drift:
        # After the commit too, so that a rollback leaves no alarm in the log. The audit trail names the people.
        logger.error("drift in %s: %s standings differed in %s and are repaired", part.run.campaign.slug, *drift)
    return True


def _record_attempt(range_id: int) -> bool:
    """Record an attempt, unless another worker holds the range. Committed before the work, so that failures show."""
    with connection.cursor() as cursor:
        cursor.execute(RECORD_ATTEMPT, {"range": range_id})
        return cursor.rowcount == 1


def _record_result(run: MarkRun) -> tuple[int, str] | None:
    """Record the drift that a recount found, and return the number of standings and the fields to log.

    /health/ready is degraded until a recount finds nothing.
    """
    results = list(run.ranges.filter(result__differences__gt=0).values_list("result", flat=True))
    differences = sum(result["differences"] for result in results)
    record_drift(run.campaign, differences)
    # A range of an older version has no fields.
    fields = sorted({field for result in results for field in result.get("fields", ())})
    return (differences, ", ".join(fields)) if differences else None


def _verify_summaries_of(run: MarkRun) -> None:
    """Compare the summaries with the repaired standings; a difference is drift as well."""
    if wrong := verify_summaries(run.campaign):
        run.refresh_from_db(fields=["totals"])
        record_drift(run.campaign, run.totals.get("differences", 0) + wrong)


def finish_run(run: MarkRun, progress: Callable[[int, int], None] = lambda done, total: None) -> MarkRun:
    """Process the remaining ranges of a run in this process, beside the workers; return the run when it is over."""
    total = Employee.objects.count()
    while True:
        for range_id in list(_waiting().filter(run=run).values_list("pk", flat=True)):
            process_range(range_id)
            done = run.ranges.filter(state=MarkRange.State.DONE).values_list("result", flat=True)
            progress(sum(result["people"] for result in done), total)
        run.refresh_from_db()
        if run.finished_at is not None:
            return run
        time.sleep(POLL_SECONDS)


def _waiting() -> Any:
    return MarkRange.objects.filter(state=MarkRange.State.WAITING).order_by("pk")


def mark_all(
    campaign: Campaign, progress: Callable[[int, int], None] = lambda done, total: None, *, by: Actor = SYSTEM
) -> Mark:
    """Evaluate every employee in this process, a few thousand in each transaction, then call `progress(done, total)`.

    It is a normal run: if this process dies, the workers finish it.
    """
    with transaction.atomic():
        lock_facts()
        if not lock_campaigns(db_now(), only=campaign):
            return Mark()
        run = start_run(campaign=campaign, work=MarkRun.Work.MARK, cause="asked", by=by)
    totals = finish_run(run, progress).totals
    return Mark(**{figure.name: totals.get(figure.name, 0) for figure in fields(Mark)})


def sweep() -> int:
    """Process the work for which no message arrived: abandoned submissions, outbox rows, waiting ranges and summaries.

    Returns how many outbox rows it took.
    """
    finish_abandoned(db_now())
    total = 0
    # Until it is empty: each call takes a limited number of rows.
    while taken := mark_outbox():
        total += taken
    for range_id in list(_waiting().values_list("pk", flat=True)):
        process_range(range_id)
    update_summaries()
    return total
