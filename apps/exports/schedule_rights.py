"""Whether a schedule still makes files: its owner's rights now, and its end."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

from apps.accounts.models import Account, Role
from apps.core.audit import SYSTEM, audit
from apps.core.events import record_event
from apps.core.time_zones import zone_of
from apps.employees.models import Employee, Employment
from apps.exports.models import ExportSchedule
from apps.exports.schedule_times import Timing, end_of_day

# Why a schedule has ended (ExportSchedule.end_reason). The owner is notified of a lost right; a last day was announced.
ACCOUNT_CLOSED, ROLE_ENDED, NO_TEAM = "account_closed", "role_ended", "no_team"
CAMPAIGN_OVER, LAST_DAY = "campaign_over", "last_day"
LOST_RIGHTS = (ROLE_ENDED, NO_TEAM)


def lost_right(schedule: ExportSchedule) -> str:
    """Why the owner may not have the file any more; empty while the owner may. Reads the current rights."""
    owner = Account.objects.select_related("employee").filter(pk=schedule.owner_id, is_active=True).first()
    if owner is None or (owner.employee_id is not None and not _employed_since(owner, schedule.active_since)):
        return ACCOUNT_CLOSED
    if schedule.as_hr and not owner.has_role(Role.Kind.HR):
        return ROLE_ENDED
    if schedule.root_id is None:
        return "" if schedule.as_hr else NO_TEAM
    teams = Employee.objects.teams_visible_to(owner).with_team()
    return "" if teams.filter(pk=schedule.root_id).exists() else NO_TEAM


def _employed_since(owner: Account, instant: datetime) -> bool:
    """Whether the present employment had begun then: a return revives no schedule."""
    employment_id = owner.employment_id
    return employment_id is not None and Employment.objects.filter(pk=employment_id, starts_at__lte=instant).exists()


def zone_of_account(account_id: int) -> ZoneInfo:
    """The time zone of the account's employee in the roster; the company's for an empty or unknown one."""
    name = Employee.objects.filter(account=account_id).values_list("time_zone", flat=True).first()
    return zone_of(name)


def timing_of(schedule: ExportSchedule, zone: ZoneInfo) -> Timing:
    return Timing(schedule.hour, schedule.weekday, zone)


def end_of(schedule: ExportSchedule, zone: ZoneInfo) -> datetime:
    """The instant from which on no file is made: the campaign's cut-off, or the end of the last day before it."""
    cutoff_at = schedule.campaign.rule.cutoff_at
    return min(cutoff_at, end_of_day(schedule.ends_on, zone)) if schedule.ends_on else cutoff_at


def end_schedule(schedule: ExportSchedule, reason: str) -> None:
    """End an active schedule, in the caller's transaction. Idempotent."""
    active = ExportSchedule.objects.filter(pk=schedule.pk, state=ExportSchedule.State.ACTIVE)
    if not active.update(state=ExportSchedule.State.ENDED, end_reason=reason):
        return
    detail = {"reason": reason}
    audit(
        "export.schedule_ended", by=SYSTEM, kind="export_schedule", id=schedule.pk, label=str(schedule), detail=detail
    )
    if reason in LOST_RIGHTS:
        record_event(
            "scheduled_export_ended", subject=schedule.pk, campaign_id=schedule.campaign_id,
            account_id=schedule.owner_id,
        )  # fmt: skip
