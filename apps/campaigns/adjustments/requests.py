"""Requests for adjustments: one HR user makes the request, and it counts when another has granted it (`approve`).

Roles, the campaign's state and pending requests are checked under locks. The order is: facts, campaign row, the actor's
role, the request, employees by id. The lock on the role's row serialises one user's acts, so a form sent twice at once
finds the effect of the first.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from django.db import connection, transaction
from django.utils.translation import gettext as _

from apps.accounts.approvals import notify_second_persons, refuse_many_requests, require_past_cooldown
from apps.campaigns import rules
from apps.campaigns.models import AdjustmentRequest, Campaign, CampaignRule
from apps.campaigns.models.adjustment import FOR_EVER
from apps.campaigns.rule_draft import MAX_TARGET
from apps.contacts.services.submissions import lock_employees
from apps.core.audit import Actor, audit
from apps.core.clock import db_now
from apps.core.errors import Refused
from apps.core.locks import lock_facts
from apps.core.sql import statement
from apps.core.text import clean_text
from apps.employees.models import Employee

MAX_REASON_CHARS, MAX_KIND_CHARS = 1000, 100
# Requests of one account that wait for a decision. More would fill the list of the HR users who decide.
MAX_WAITING = 100
# Requests for many that one account makes in a day: each stores a row per employee, which stays when it is withdrawn.
MAX_BULK_REQUESTS_A_DAY = 10
LOCK_ROLE = statement("campaigns", "adjustments", "lock_role")


def conflict(message: str) -> Refused:
    """Return a refusal that no other input would avoid."""
    return Refused("conflict", message, conflict=True)


@dataclass(frozen=True)
class LockedContext:
    """The facts read under the locks: the rule in force, the instant, the actor and the actor's employee."""

    rule: CampaignRule
    now: datetime
    by: Actor
    employee_id: int | None

    @property
    def request_fields(self) -> dict[str, Any]:
        """Return the fields of a new request that record who made it and when."""
        return {"asked_at": self.now, "asked_by_id": self.by.id, "asked_by_label": self.by.label}

    def refuse_own(self, employee_id: int | None) -> None:
        """Raise Refused when the actor is this employee."""
        if employee_id is not None and employee_id == self.employee_id:
            raise conflict(_("This is about you, so other HR users have to request and approve it."))


def lock_for_adjustment(campaign_id: int, by: Actor, *, must_be_open: bool = True) -> LockedContext:
    """Lock facts, the campaign and the actor's role. Raises Refused.

    `must_be_open`: the deadline is ahead and no freeze has begun. A campaign opened after its deadline may be adjusted
    until it is frozen.
    """
    lock_facts()
    campaign = Campaign.objects.lock_shared(campaign_id).get()
    # After the campaign: the lock order of this module. It serialises one person's requests, not those of all HR.
    employee_id = _lock_role(by)
    now = db_now()
    if must_be_open:
        if campaign.state not in (Campaign.State.DRAFT, Campaign.State.OPEN):
            raise conflict(_("This campaign is being closed or is over. Adjustments are no longer possible."))
        # A backdated campaign opens after its cut-off, and could otherwise never be adjusted.
        if campaign.rule.cutoff_at <= now and not campaign.backdated:
            raise conflict(_("The deadline has passed, so this can no longer be requested or approved."))
    return LockedContext(campaign.rule, now, by, employee_id)


def _lock_role(by: Actor) -> int | None:
    """Lock the actor's HR role until the transaction ends; returns the id of the account's employee."""
    with connection.cursor() as cursor:
        cursor.execute(LOCK_ROLE, {"account": by.id})
        row: tuple[int | None] | None = cursor.fetchone()
    if row is None:
        # Checked here although views check it too: the role may have been withdrawn while the form was open.
        raise conflict(_("Only HR users can adjust standings, and this account does not have that role now."))
    try:
        require_past_cooldown(by)
    except Refused as unsettled:
        raise conflict(unsettled.message) from unsettled
    return row[0]


def adjustment_period(rule: CampaignRule, starts_on: date | None, ends_on: date | None) -> tuple[datetime, datetime]:
    """Return the instants of an adjustment's first and last day, inclusive, in the campaign's time zone.

    Without a first day it holds from the opening; without a last day it has no end. Raises Refused.
    """
    try:
        begin = rules.start_of_day(starts_on, rule.time_zone) if starts_on else rule.opens_at
        end = rules.period(ends_on, ends_on, rule.time_zone)[1] if ends_on else FOR_EVER
    except OverflowError as error:
        raise Refused("invalid", _("These dates are not valid."), "ends_on") from error
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
    returns the same request. Raises Refused.
    """
    _validate_change(target, exempt)
    fields = cleaned_reason(kind, kind_text, reason)
    with transaction.atomic():
        context = lock_for_adjustment(campaign.pk, by)
        if existing := find_by_key(key, by):
            return existing
        context.refuse_own(employee.pk)
        begin, end = starts_at or context.rule.opens_at, ends_at or FOR_EVER
        validate_period(context.rule, begin, end)
        lock_employees([employee.pk])
        _refuse_repeated(campaign, employee, by)
        request = AdjustmentRequest.objects.create(
            **with_key(key), **context.request_fields, **fields, campaign=campaign, employee=employee
        )
        request.adjustment_set.create(
            campaign=campaign, employee=employee, target=target, exempt=exempt, starts_at=begin, ends_at=end
        )
        note_step(request, "asked", by, target=target, exempt=exempt)
    return request


def refuse_many_bulk_requests(by: Actor, now: datetime) -> None:
    """Raise Refused when the account has made MAX_BULK_REQUESTS_A_DAY requests for many, withdrawn ones included."""
    bulk = AdjustmentRequest.objects.filter(asked_by_id=by.id or 0, employee=None, ends=None)
    if bulk.filter(asked_at__gt=now - timedelta(days=1)).count() >= MAX_BULK_REQUESTS_A_DAY:
        message = _("You have made %(most)s requests for several people within a day. Try again tomorrow.")
        raise conflict(message % {"most": MAX_BULK_REQUESTS_A_DAY})


def _refuse_repeated(campaign: Campaign, employee: Employee, by: Actor) -> None:
    """Raise Refused while the account's request for this person waits, MAX_WAITING of its requests do, or it made too
    many within a day.

    Requests of other accounts do not count: otherwise one HR user keeps the others from adjusting anyone.
    """
    # An operator has no account and makes no request: 0 matches none.
    own = AdjustmentRequest.objects.filter(asked_by_id=by.id or 0, ends=None)
    refuse_many_requests(own.exclude(employee=None), "asked_at")
    waiting = own.filter(campaign=campaign, decision=None)
    if waiting.filter(employee=employee).exists():
        raise conflict(_("Your request for this person is already waiting for a decision."))
    if waiting.count() >= MAX_WAITING:
        message = _("At most %(most)s of your requests can wait for a decision. To request more, upload a file.")
        raise conflict(message % {"most": MAX_WAITING})


def _validate_change(target: int | None, exempt: bool | None) -> None:
    if (target is None) == (exempt is None):
        raise Refused("invalid", _("Enter either a target or an exemption."), "target")
    if target is not None and not 1 <= target <= MAX_TARGET:
        raise Refused("invalid", _("Enter a target from 1 to 1,000,000."), "target")


def validate_period(rule: CampaignRule, begin: datetime, end: datetime) -> None:
    """Raise Refused for an adjustment that could never count."""
    if begin >= end:
        raise Refused("invalid", _("The end is before the start."), "ends_on")
    # Such an adjustment would be stored and approved, and change nothing: a mistake in the dates.
    if end <= rule.opens_at:
        raise Refused("invalid", _("The adjustment ends before the campaign opens."), "ends_on")
    if begin >= rule.cutoff_at:
        raise Refused(
            "invalid", _("The adjustment starts after the deadline, so it would change nothing."), "starts_on"
        )


def request_revocation(
    *, request: AdjustmentRequest, employee: Employee | None, reason: str, by: Actor, key: uuid.UUID | None = None
) -> AdjustmentRequest:
    """Request the end of a request's adjustments: for one employee, or for all of them (None).

    They end when another HR user grants that. Raises Refused.
    """
    reason = cleaned_reason(request.kind, request.kind_text, reason)["reason"]
    with transaction.atomic():
        context = lock_for_adjustment(request.campaign_id, by)
        if existing := find_by_key(key, by):
            return existing
        # Two requests to end one adjustment at once: the second one must find the first.
        AdjustmentRequest.objects.select_for_update().get(pk=request.pk)
        concerned = request.adjustment_set.not_over(context.now)
        if employee is not None:
            concerned = concerned.filter(employee=employee)
        # A request about one employee ends for that employee, so that the rule against own decisions applies.
        elif request.employee_id is not None:
            employee = request.employee
        if not concerned.exists():
            raise conflict(_("The adjustment is no longer in force, so there is nothing to end."))
        context.refuse_own(employee.pk if employee else None)
        refuse_many_requests(AdjustmentRequest.objects.filter(asked_by_id=by.id or 0).exclude(ends=None), "asked_at")
        if request.endings.filter(employee=employee, decision=None).exists():
            raise conflict(_("A request to end it is already waiting for a decision."))
        ending = AdjustmentRequest.objects.create(
            **with_key(key), campaign_id=request.campaign_id, employee=employee, kind=request.kind,
            kind_text=request.kind_text, reason=reason, ends=request, **context.request_fields,
        )  # fmt: skip
        note_step(ending, "end_asked", by)
    return ending


def cleaned_reason(kind: str, kind_text: str, reason: str) -> dict[str, str]:
    """Return kind and reason as stored. Raises Refused."""
    if kind not in AdjustmentRequest.Kind.values:
        raise Refused("invalid", _("Choose a category."), "kind")
    cleaned_text = clean_text(kind_text, MAX_KIND_CHARS) if kind == AdjustmentRequest.Kind.OTHER else ""
    if kind == AdjustmentRequest.Kind.OTHER and not cleaned_text:
        raise Refused("invalid", _("Describe the category in a few words."), "kind_text")
    if not (cleaned := clean_text(reason, MAX_REASON_CHARS)):
        raise Refused("invalid", _("Enter a reason for the adjustment."), "reason")
    return {"kind": kind, "kind_text": cleaned_text, "reason": cleaned}


def find_by_key(key: uuid.UUID | None, by: Actor) -> AdjustmentRequest | None:
    """Return the request this form made earlier. Raises Refused for another user's key."""
    existing = AdjustmentRequest.objects.filter(key=key).first() if key else None
    if existing is not None and existing.asked_by_id != by.id:
        raise conflict(_("Another user has already sent this form."))
    return existing


def with_key(key: uuid.UUID | None) -> dict[str, Any]:
    return {"key": key} if key else {}


def note_step(request: AdjustmentRequest, step: str, by: Actor, **detail: Any) -> None:
    """Write one audit entry for a step of a request, and notify HR of a new one. The reason is only on the request."""
    # A batch is named by its file: several of one campaign look alike otherwise.
    about = str(request.employee or (request.ends or request).file_name or request.campaign.name)
    # Never the reason: it may be about health, and auditors read the trail.
    detail = {"campaign": request.campaign.slug, "kind": request.kind, **detail}
    if request.ends_id:
        detail["ends"] = request.ends_id
    audit(f"adjustment.{step}", by=by, kind="adjustment", id=request.pk, label=about, detail=detail)
    if step in ("asked", "end_asked"):
        notify_second_persons("adjustments", by)
