"""Schedules of files: create, pause, resume and delete. Each belongs to one account, which alone sees it."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from django.db import transaction
from django.utils.translation import gettext as _

from apps.accounts.models import Account, Role
from apps.campaigns.models import Campaign
from apps.core import rate_limits
from apps.core.audit import audit
from apps.core.clock import db_now
from apps.core.errors import Refused
from apps.exports.export_requests import ExportRequest, masked_filters
from apps.exports.kinds import KINDS
from apps.exports.models import ExportSchedule
from apps.exports.schedule_rights import end_of, lost_right, timing_of, zone_of_account
from apps.exports.schedule_times import next_period

State = ExportSchedule.State
# Those of one account, ended ones included until they are deleted: the list stays short.
MAX_SCHEDULES = 10


@dataclass(frozen=True)
class Repetition:
    """`weekday`: 0 is Monday, None every day. `ends_on`: the last local day, or None for the campaign's deadline."""

    hour: int
    weekday: int | None = None
    ends_on: date | None = None


def can_repeat(campaign: Campaign, kind: str, now: datetime) -> bool:
    """Whether files of this kind can be scheduled: not those of a result, and only until the campaign's cut-off."""
    return not KINDS[kind].frozen and campaign.state == Campaign.State.OPEN and now < campaign.rule.cutoff_at


def create_schedule(
    *, campaign: Campaign, request: ExportRequest, repetition: Repetition, key: uuid.UUID, by: Account
) -> ExportSchedule:
    """Store a schedule, by which a worker requests the file of `request` at each hour. The same key returns the first.

    Raises RateLimited and Refused. The caller checks before that `by` may see these people; a worker checks it again
    for each file.
    """
    rate_limits.enforce_rate_limit(rate_limits.Kind.EXPORT, rate_limits.account_key(by.pk))
    with transaction.atomic():
        # Two forms at once: the second counts the schedule of the first.
        Account.objects.select_for_update(no_key=True).get(pk=by.pk)
        if existing := ExportSchedule.objects.filter(owner_id=by.pk, key=key).first():
            return existing
        if ExportSchedule.objects.of(by).count() >= MAX_SCHEDULES:
            message = _("You have %(count)s scheduled files, the limit for one person. Delete one of them first.")
            raise Refused("too_many", message % {"count": MAX_SCHEDULES}, conflict=True)
        now = db_now()
        if not can_repeat(campaign, request.kind, now):
            raise Refused("invalid", _("This file can no longer be scheduled."), "repeat")
        if request.since and request.since >= now:
            start = "since" if KINDS[request.kind].since else "compare"
            raise Refused("invalid", _("The start has to be before the end."), start)
        kind = KINDS[request.kind]
        schedule = ExportSchedule(
            key=key, owner_id=by.pk, as_hr=by.has_role(Role.Kind.HR), campaign=campaign, kind=request.kind,
            format=request.format, root=request.root,
            filters={name: text for name, text in request.filters.items() if text} if kind.filtered else {},
            columns=request.columns, since=request.since if kind.since or kind.compares else None, hour=repetition.hour,
            weekday=repetition.weekday, ends_on=repetition.ends_on, created_at=now,
        )  # fmt: skip
        _activate(schedule, now)
        schedule.save(force_insert=True)
        _audit("scheduled", schedule, by, _audit_detail(schedule))
    return schedule


def pause_schedule(*, schedule_id: uuid.UUID, by: Account) -> ExportSchedule:
    """Make no more files until it is resumed. Raises ExportSchedule.DoesNotExist for those of other accounts."""
    with transaction.atomic():
        schedule = _lock(schedule_id, by)
        if schedule.state == State.ACTIVE:
            _change(schedule, "schedule_paused", by, state=State.PAUSED)
    return schedule


def resume_schedule(*, schedule_id: uuid.UUID, by: Account) -> ExportSchedule:
    """Make files again, from the next hour on. Raises Refused without the right, and DoesNotExist."""
    with transaction.atomic():
        schedule = _lock(schedule_id, by)
        if schedule.state == State.PAUSED:
            if lost_right(schedule):
                raise Refused("no_access", _("You no longer have access to this file."), conflict=True)
            _activate(schedule, db_now())
            _change(schedule, "schedule_resumed", by, state=State.ACTIVE, problem="")
    return schedule


def delete_schedule(*, schedule_id: uuid.UUID, by: Account) -> ExportSchedule:
    """Make no more files, and remove it from the list. Files that were made stay. Raises DoesNotExist."""
    with transaction.atomic():
        schedule = _lock(schedule_id, by)
        _change(schedule, "schedule_deleted", by, state=State.DELETED)
    return schedule


def next_run(schedule: ExportSchedule, zone: ZoneInfo, now: datetime) -> datetime | None:
    """When the next file is made, in the owner's `zone`; None when there is none."""
    if schedule.state != State.ACTIVE:
        return None
    at = next_period(timing_of(schedule, zone), now).at
    return at if at < end_of(schedule, zone) else None


def _lock(schedule_id: uuid.UUID, by: Account) -> ExportSchedule:
    own = ExportSchedule.objects.of(by).select_for_update(of=("self",), no_key=True)
    schedule: ExportSchedule = own.select_related("campaign", "root").get(pk=schedule_id)
    return schedule


def _activate(schedule: ExportSchedule, now: datetime) -> None:
    """Let it begin with the next hour. Raises Refused when that is after its end."""
    zone = zone_of_account(schedule.owner_id)
    begin = next_period(timing_of(schedule, zone), now).at
    if begin >= end_of(schedule, zone):
        raise Refused("invalid", _("It would end before its first file."), "until")
    schedule.active_since, schedule.next_run_at = now, begin


def _change(schedule: ExportSchedule, step: str, by: Account, **values: Any) -> None:
    for name, value in values.items():
        setattr(schedule, name, value)
    schedule.save(update_fields=[*values, "active_since", "next_run_at"])
    _audit(step, schedule, by, {})


def _audit(step: str, schedule: ExportSchedule, by: Account, detail: dict[str, Any]) -> None:
    audit(
        f"export.{step}", by=by.actor, kind="export_schedule", id=schedule.pk, label=str(schedule), detail=detail
    )  # fmt: skip


def _audit_detail(schedule: ExportSchedule) -> dict[str, Any]:
    return {
        "kind": schedule.kind, "form": schedule.format, "campaign": schedule.campaign.slug,
        "team_of": schedule.root.staff_no if schedule.root else None, "filters": masked_filters(schedule.filters),
        "repeat": "daily" if schedule.weekday is None else "weekly",
        "weekday": None if schedule.weekday is None else str(schedule.weekday),
        "hour": f"{schedule.hour:02}:00", "until": schedule.ends_on.isoformat() if schedule.ends_on else None,
    }  # fmt: skip
