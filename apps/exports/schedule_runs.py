"""The runs of schedules: a worker requests the files that are due, each once for its period."""

from __future__ import annotations

import logging
import uuid
from datetime import datetime, timedelta

from django.db import transaction

from apps.accounts.models import Account
from apps.campaigns.models import Campaign
from apps.core.errors import Refused
from apps.core.locks import is_database_unavailable
from apps.exports.export_requests import ExportRequest, store_request
from apps.exports.models import Export, ExportSchedule
from apps.exports.schedule_rights import (
    CAMPAIGN_OVER,
    LAST_DAY,
    end_of,
    end_schedule,
    lost_right,
    timing_of,
    zone_of_account,
)
from apps.exports.schedule_times import Period, last_period, next_period

logger = logging.getLogger(__name__)
# The scheduled files of all accounts that may wait for a worker: files that people wait for come soon after them.
MAX_WAITING = 100
RESOLUTION = timedelta(microseconds=1)


def request_scheduled_files(now: datetime) -> int:
    """Request the scheduled files that are due at `now`; returns how many. The scheduler calls it every minute.

    Repeated and concurrent calls request the file of a schedule and period once. Of several missed periods the newest
    is made. What exceeds MAX_WAITING waits for the next call.
    """
    capacity = max(0, MAX_WAITING - Export.objects.waiting().exclude(schedule=None).count())
    due = ExportSchedule.objects.due(now).order_by("next_run_at", "pk").values_list("pk", flat=True)
    requested = 0
    for schedule_id in list(due[:capacity]):
        try:
            requested += _run(schedule_id, now)
        except Exception as error:
            if is_database_unavailable(error):
                raise
            # It stays due. The log shows it, and the others go on.
            logger.exception("schedule %s could not be run", schedule_id)
    return requested


def _run(schedule_id: uuid.UUID, now: datetime) -> bool:
    """Request the newest file that is due, unless the right was lost, and set the next run or the end."""
    with transaction.atomic():
        due = ExportSchedule.objects.due(now).select_for_update(of=("self",), skip_locked=True, no_key=True)
        schedule = due.select_related("campaign", "root").filter(pk=schedule_id).first()
        if schedule is None:
            return False
        is_cancelled = schedule.campaign.state == Campaign.State.CANCELLED
        if reason := CAMPAIGN_OVER if is_cancelled else lost_right(schedule):
            end_schedule(schedule, reason)
            return False
        zone = zone_of_account(schedule.owner_id)
        timing, end = timing_of(schedule, zone), end_of(schedule, zone)
        # After an outage over the end, the last file before the end is still made.
        period = last_period(timing, min(now, end - RESOLUTION))
        requested = period.at > schedule.active_since and _request(schedule, period)
        if now >= end:
            end_schedule(schedule, CAMPAIGN_OVER if end == schedule.campaign.rule.cutoff_at else LAST_DAY)
        else:
            schedule.next_run_at = min(next_period(timing, now).at, end)
            schedule.save(update_fields=["next_run_at"])
        return requested


def _request(schedule: ExportSchedule, period: Period) -> bool:
    """Request the file of a period, as of its instant; False when there is one, or the account has too many."""
    if Export.objects.filter(schedule=schedule, period=period.day).exists():
        return False
    request = ExportRequest(
        kind=schedule.kind, format=schedule.format, root=schedule.root, filters=schedule.filters,
        columns=schedule.columns, as_of=period.at, since=schedule.since,
    )  # fmt: skip
    owner, problem = Account.objects.get(pk=schedule.owner_id), ""
    try:
        store_request(
            campaign=schedule.campaign, request=request, key=uuid.uuid5(schedule.pk, period.day.isoformat()),
            by=owner.actor, schedule=schedule, period=period.day,
        )  # fmt: skip
    except Refused as refused:
        problem = refused.code
    if problem != schedule.problem:
        schedule.problem = problem
        schedule.save(update_fields=["problem"])
    return not problem
