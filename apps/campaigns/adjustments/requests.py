"""Requests for adjustments: one HR user makes the request, and it counts when another has granted it (`approve`).

Roles, the campaign's state and pending requests are checked under locks. The order is: facts, campaign row, the actor's
role, the request, employees by id. The lock on the role's row serialises one user's acts, so a form sent twice at once
finds the effect of the first.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from django.db import connection, transaction
from django.utils.translation import gettext as _

from apps.accounts.approvals import ApprovalRefused, require_settled
from apps.campaigns import rules
from apps.campaigns.models import Adjustment, AdjustmentRequest, Campaign, CampaignRule
from apps.campaigns.models.adjustment import FOR_EVER
from apps.campaigns.rule_draft import MOST
from apps.contacts.services.submissions import lock_employees
from apps.core.audit import Actor, audit
from apps.core.clock import db_now
from apps.core.identity import clean_text
from apps.core.locks import lock_facts
from apps.employees.models import Employee

LONGEST, LONGEST_KIND = 1000, 100


class AdjustmentRefused(ValueError):
    """An adjustment cannot be requested or decided as wanted: the field and a message.

    `conflict`: the input is valid, but the current state or the actor does not allow it.
    """

    def __init__(self, field: str, message: str, *, conflict: bool = False):
        super().__init__(message)
        self.field, self.message, self.conflict = field, message, conflict


def conflict(message: str) -> AdjustmentRefused:
    """Return a refusal that no other input would avoid."""
    return AdjustmentRefused("", message, conflict=True)


@dataclass(frozen=True)
class Held:
    """The facts read under the locks: the rule in force, the instant, the actor and the actor's employee."""

    rule: CampaignRule
    now: datetime
    by: Actor
    employee_id: int | None

    @property
    def asking(self) -> dict[str, Any]:
        """Return the fields of a new request that record who made it and when."""
        return {"asked_at": self.now, "asked_by_id": self.by.id, "asked_by_label": self.by.label}


def lock_for_adjustment(campaign_id: int, by: Actor, *, must_be_open: bool = True) -> Held:
    """Lock facts, the campaign and the actor's role. Raises AdjustmentRefused.

    `must_be_open`: the deadline is ahead and no freeze has begun. A campaign opened after its deadline may be adjusted
    until it is frozen.
    """
    lock_facts()
    with connection.cursor() as cursor:
        cursor.execute("SELECT FROM campaigns_campaign WHERE id = %s FOR SHARE", [campaign_id])
    employee_id = _hold_role(by)
    campaign, now = Campaign.objects.get(pk=campaign_id), db_now()
    if must_be_open:
        if campaign.state not in (Campaign.State.DRAFT, Campaign.State.OPEN):
            raise conflict(_("This campaign is being closed or is over: nothing in it can be adjusted any more."))
        if campaign.rule.cutoff_at <= now and not campaign.backdated:
            raise conflict(_("The deadline has passed: from then on no adjustment reaches back."))
    return Held(campaign.rule, now, by, employee_id)


def _hold_role(by: Actor) -> int | None:
    """Lock the actor's HR role until the transaction ends; returns the id of the account's employee."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT account.employee_id FROM accounts_role held JOIN accounts_account account"
            " ON account.id = held.account_id WHERE account.id = %s AND held.role = 'hr' AND account.is_active"
            " FOR NO KEY UPDATE OF held",
            [by.id],
        )
        found: tuple[int | None] | None = cursor.fetchone()
    if found is None:
        raise conflict(_("Only HR adjusts, and this account does not have that role now."))
    try:
        require_settled(by)
    except ApprovalRefused as unsettled:
        raise conflict(unsettled.message) from unsettled
    return found[0]


def adjustment_period(rule: CampaignRule, starts_on: date | None, ends_on: date | None) -> tuple[datetime, datetime]:
    """Return the instants of an adjustment's first and last day, inclusive, in the campaign's time zone.

    Without a first day it holds from the opening; without a last day it has no end. Raises AdjustmentRefused.
    """
    try:
        begin = rules.start_of_day(starts_on, rule.time_zone) if starts_on else rule.opens_at
        end = rules.period(ends_on, ends_on, rule.time_zone)[1] if ends_on else FOR_EVER
    except OverflowError as error:
        raise AdjustmentRefused("ends_on", _("No calendar has these days.")) from error
    return begin, end


def request_adjustment(
    *,
    campaign: Campaign,
    employee: Employee,
    kind: str,
    reason: str,
    by: Actor,
    kind_text: str = "",
    target: int | None = None,
    exempt: bool | None = None,
    starts_at: datetime | None = None,
    ends_at: datetime | None = None,
    key: uuid.UUID | None = None,
) -> AdjustmentRequest:
    """Request another target or an exemption for one employee, from `starts_at` (default: the opening) until `ends_at`.

    Exactly one of `target` and `exempt` is given. Nothing changes until another HR user grants it. The same `key`
    returns the same request. Raises AdjustmentRefused.
    """
    if (target is None) == (exempt is None):
        raise AdjustmentRefused("target", _("Give either a target or an exemption."))
    if target is not None and not 1 <= target <= MOST:
        raise AdjustmentRefused("target", _("The target must be a number from 1 to 1,000,000."))
    said = cleaned_reason(kind, kind_text, reason)
    with transaction.atomic():
        held = lock_for_adjustment(campaign.pk, by)
        if known := find_by_key(key, by):
            return known
        if held.employee_id == employee.pk:
            raise conflict(_("This is about you: others from HR ask for it and decide it."))
        begin, end = starts_at or held.rule.opens_at, ends_at or FOR_EVER
        validate_period(held.rule, begin, end)
        lock_employees([employee.pk])
        if AdjustmentRequest.objects.filter(campaign=campaign, employee=employee, decision=None, ends=None).exists():
            raise conflict(_("Something for this person is waiting to be decided already."))
        request = AdjustmentRequest.objects.create(
            **with_key(key), **held.asking, **said, campaign=campaign, employee=employee
        )
        Adjustment.objects.create(
            request=request, campaign=campaign, employee=employee, target=target, exempt=exempt, starts_at=begin,
            ends_at=end,
        )  # fmt: skip
        note_step(request, "asked", by, target=target, exempt=exempt)
    return request


def validate_period(rule: CampaignRule, begin: datetime, end: datetime) -> None:
    """Raise AdjustmentRefused for an adjustment that could never count."""
    if begin >= end:
        raise AdjustmentRefused("ends_on", _("It ends before it begins."))
    if end <= rule.opens_at:
        raise AdjustmentRefused("ends_on", _("It is over before the campaign opens."))
    if begin >= rule.cutoff_at:
        raise AdjustmentRefused("starts_on", _("It begins after the deadline, and would change nothing."))


def request_revocation(
    *, request: AdjustmentRequest, employee: Employee | None, reason: str, by: Actor, key: uuid.UUID | None = None
) -> AdjustmentRequest:
    """Request the end of a request's adjustments: for one employee, or for all of them (None).

    They end when another HR user grants that. Raises AdjustmentRefused.
    """
    reason = cleaned_reason(request.kind, request.kind_text, reason)["reason"]
    with transaction.atomic():
        held = lock_for_adjustment(request.campaign_id, by)
        if known := find_by_key(key, by):
            return known
        AdjustmentRequest.objects.select_for_update().get(pk=request.pk)
        concerned = request.adjustment_set.not_over(held.now)
        if employee is not None:
            concerned = concerned.filter(employee=employee)
        elif request.employee_id is not None:
            employee = request.employee
        if not concerned.exists():
            raise conflict(_("Nothing of it is in force, so there is nothing to end."))
        if employee is not None and held.employee_id == employee.pk:
            raise conflict(_("This is about you: others from HR ask for it and decide it."))
        if request.endings.filter(employee=employee, decision=None).exists():
            raise conflict(_("Its end is waiting to be decided already."))
        ending = AdjustmentRequest.objects.create(
            **with_key(key), campaign_id=request.campaign_id, employee=employee, kind=request.kind,
            kind_text=request.kind_text, reason=reason, ends=request, **held.asking,
        )  # fmt: skip
        note_step(ending, "end_asked", by)
    return ending


def cleaned_reason(kind: str, kind_text: str, reason: str) -> dict[str, str]:
    """Return kind and reason as stored. Raises AdjustmentRefused."""
    if kind not in AdjustmentRequest.Kind.values:
        raise AdjustmentRefused("kind", _("Say what it is about."))
    said = clean_text(kind_text, LONGEST_KIND) if kind == AdjustmentRequest.Kind.OTHER else ""
    if kind == AdjustmentRequest.Kind.OTHER and not said:
        raise AdjustmentRefused("kind_text", _("Say in a few words what it is."))
    if not (why := clean_text(reason, LONGEST)):
        raise AdjustmentRefused("reason", _("An adjustment needs a reason."))
    return {"kind": kind, "kind_text": said, "reason": why}


def find_by_key(key: uuid.UUID | None, by: Actor) -> AdjustmentRequest | None:
    """Return the request this form made earlier. Raises AdjustmentRefused for another user's key."""
    found = AdjustmentRequest.objects.filter(key=key).first() if key else None
    if found is not None and found.asked_by_id != by.id:
        raise conflict(_("This form was sent by somebody else."))
    return found


def with_key(key: uuid.UUID | None) -> dict[str, Any]:
    return {"key": key} if key else {}


def note_step(request: AdjustmentRequest, step: str, by: Actor, **detail: Any) -> None:
    """Write one audit entry for a step of a request. The reason is stored only on the request."""
    about = str(request.employee) if request.employee else request.campaign.name
    detail = {"campaign": request.campaign.slug, "kind": request.kind, **detail}
    if request.ends_id:
        detail["ends"] = request.ends_id
    audit(f"adjustment.{step}", by=by, kind="adjustment", id=request.pk, label=about, detail=detail)
