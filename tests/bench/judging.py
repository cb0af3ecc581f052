"""The evaluations that `marks` measures: of all employees, of all without a change, and after one contact."""

from __future__ import annotations

import time
from statistics import median
from typing import Any
from unittest import mock

from django.db import transaction

from apps.campaigns.models import Campaign
from apps.contacts.drafts import Draft
from apps.contacts.models import Source
from apps.contacts.services.submissions import submit
from apps.core.audit import Actor
from apps.core.clock import db_now
from apps.core.enqueue import enqueue_marking
from apps.core.locks import lock_facts
from apps.employees.models import Employee
from apps.forecasts import making
from apps.standings.marking import lock_campaigns, mark_outbox
from apps.standings.models import DailyCount, Standing
from apps.standings.process_runs import mark_all
from apps.standings.start_run import reevaluate_all
from tests.bench.database import OWN_CAMPAIGN

BENCH = Actor(None, "bench")


def mark() -> dict[str, Any]:
    """Evaluate all employees by ranges in this process."""
    campaign = Campaign.objects.get(slug=OWN_CAMPAIGN)
    began = time.perf_counter()
    done = mark_all(campaign, by=BENCH)
    result = {"people": done.employees, "counted": done.counted, "red": done.red, "written": done.written}
    return {"seconds": time.perf_counter() - began, **result, **_stored(campaign)}


def by_workers() -> dict[str, Any]:
    """Let the workers on this process's broker evaluate all employees, range by range."""
    campaign = Campaign.objects.get(slug=OWN_CAMPAIGN)
    began = time.perf_counter()
    with transaction.atomic():
        lock_facts()
        lock_campaigns(db_now(), only=campaign)
        run = reevaluate_all(campaign, cause="bench", by=BENCH)
        enqueue_marking()
    while run.finished_at is None:
        time.sleep(0.02)
        run.refresh_from_db()
    seconds = time.perf_counter() - began
    totals = run.totals
    result = {"people": totals["employees"], "counted": totals["counted"], "written": totals["written"]}
    return {"seconds": seconds, **result, **_stored(campaign)}


def forecast() -> dict[str, Any]:
    """Make the forecast of tonight and store it; it is rolled back, so that it can be made again."""
    now = db_now()
    began = time.perf_counter()
    # Counted by what the groups are made of: a company in which no result is open has no group.
    with transaction.atomic(), mock.patch.object(making, "store_groups", wraps=making.store_groups) as groups:
        [_made] = making.make_forecasts(now)
        seconds = time.perf_counter() - began
        transaction.set_rollback(True)
    _forecast, _model, places, _rule = groups.call_args.args
    return {"seconds": seconds, "people": len(places)}


def one(times: int) -> dict[str, Any]:
    """Record one contact of one employee and evaluate; the median time of evaluations with one outbox row."""
    people = list(Employee.objects.order_by("staff_no")[:times])
    seconds, notes = [], 0
    for number, employee in enumerate(people):
        draft = Draft(f"New {number}", (("email", f"new{time.time_ns()}@elsewhere.example"),))
        submit(employee=employee, drafts=[draft], source=Source.PAGE, by=BENCH)
        began = time.perf_counter()
        notes += mark_outbox()
        seconds.append(time.perf_counter() - began)
    return {"seconds": median(seconds), "marked": len(people), "notes": notes}


def _stored(campaign: Campaign) -> dict[str, int]:
    reached = Standing.objects.filter(campaign=campaign, target_reached_at__isnull=False).count()
    return {"reached": reached, "days": DailyCount.objects.filter(campaign=campaign).count()}
