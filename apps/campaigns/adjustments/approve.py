"""Decisions on adjustments: a second HR user grants or refuses, or the requester withdraws.

Each decision is one guarded write.
"""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

from django.db import connection, transaction
from django.utils.translation import gettext as _

from apps.accounts.models import Account
from apps.campaigns.adjustments.bulk_targets import BulkTargets, requested_targets, skip_self, split_skipped
from apps.campaigns.adjustments.bulk_upload import check_file
from apps.campaigns.adjustments.late_joiners import check_rule
from apps.campaigns.adjustments.requests import (
    MAX_REASON_CHARS,
    LockedContext,
    conflict,
    lock_for_adjustment,
    note_step,
)
from apps.campaigns.models import Adjustment, AdjustmentRequest, CampaignRule
from apps.contacts.services.submissions import lock_employees
from apps.core.audit import Actor, origin
from apps.core.errors import Refused
from apps.core.events import record_event
from apps.core.outbox import queue_reevaluation
from apps.core.sql import statement
from apps.core.text import clean_text

GRANT = statement("campaigns", "adjustments", "grant")
REVOKE = statement("campaigns", "adjustments", "revoke")
STORE_SKIPPED = statement("campaigns", "adjustments", "store_skipped")
AUDIT_EMPLOYEES = statement("campaigns", "adjustments", "audit_employees")


def grant_adjustment(*, request_id: int, by: Actor, expected_digest: str = "") -> int:
    """Grant another user's request; returns for how many employees an adjustment now holds, or has ended.

    For many, `expected_digest` identifies the list that the approver saw. Employees whose facts have changed since
    the request are skipped. The standings of all changed employees are queued for re-evaluation. Raises Refused.
    """
    with transaction.atomic():
        request, context = _lock_request(request_id, by)
        _require_other_person(request, context, _("You requested this yourself, so another HR user has to decide."))
        # Compared before the employees' locks too: a refusal must keep none of them from recording.
        if request.for_many:
            _checked_list(request, context, expected_digest)
        # Before the employees' locks, which need the ids; the request's lock keeps the list as it is.
        employees = _affected_employees(request, context)
        lock_employees(employees)
        if request.for_many:
            skip_changed(request, context, expected_digest)
        _decide(request, AdjustmentRequest.Decision.GRANTED, context, by)
        changed = _apply(request, context, employees)
        if not changed:
            # Rolls the decision back: an approval without an effect would look as if it had one.
            raise conflict(_("This would no longer affect anyone. Refuse it, or submit a new request."))
        queue_reevaluation(changed)
        _audit_employees(request, changed, by)
        record_event(
            "adjustment_ended" if request.ends_id else "adjustment_granted",
            subject=request.pk, campaign_id=request.campaign_id, employees=changed,
        )  # fmt: skip
        note_step(request, "end_granted" if request.ends_id else "granted", by, people=len(changed))
    return len(changed)


def refuse_adjustment(*, request_id: int, note: str, by: Actor) -> None:
    """Refuse another user's request, with a reason for HR. Raises Refused."""
    # A refusal changes no standing, so it is possible even after the deadline.
    reason = clean_text(note, MAX_REASON_CHARS)
    if not reason:
        raise Refused("invalid", _("Enter the reason for refusal."), "note")
    with transaction.atomic():
        request, context = _lock_request(request_id, by, must_be_open=False)
        _require_other_person(request, context, _("This is your own request. You can withdraw it."))
        _decide(request, AdjustmentRequest.Decision.REFUSED, context, by, note=reason)
        note_step(request, "end_refused" if request.ends_id else "refused", by)


def withdraw_adjustment(*, request_id: int, by: Actor) -> None:
    """Withdraw one's own request before a decision. Raises Refused."""
    with transaction.atomic():
        request, context = _lock_request(request_id, by, must_be_open=False)
        if request.asked_by_id != by.id:
            raise conflict(_("You cannot withdraw another person's request. You can refuse it."))
        _decide(request, AdjustmentRequest.Decision.WITHDRAWN, context, by)
        note_step(request, "end_withdrawn" if request.ends_id else "withdrawn", by)


def _lock_request(request_id: int, by: Actor, *, must_be_open: bool = True) -> tuple[AdjustmentRequest, LockedContext]:
    """Take the locks of a decision and read the request under its lock. Raises Refused, DoesNotExist."""
    campaign_id = AdjustmentRequest.objects.values_list("campaign_id", flat=True).get(pk=request_id)
    context = lock_for_adjustment(campaign_id, by, must_be_open=must_be_open)
    request = AdjustmentRequest.objects.select_for_update().get(pk=request_id)
    if not request.waiting:
        raise conflict(
            {
                "granted": _("%(who)s has already approved this."),
                "refused": _("%(who)s has already refused this."),
                "withdrawn": _("%(who)s has already withdrawn this."),
            }[str(request.decision)]
            % {"who": request.decided_by_label}
        )
    return request, context


def _require_other_person(request: AdjustmentRequest, context: LockedContext, own_request: str) -> None:
    if request.asked_by_id == context.by.id:
        raise conflict(own_request)
    if context.employee_id is not None and request.employee_id == context.employee_id:
        raise conflict(_("This is about you, so another HR user has to decide."))


def _decide(request: AdjustmentRequest, decision: str, context: LockedContext, by: Actor, *, note: str = "") -> None:
    # Guarded although the row is locked: a caller that forgot the lock must not decide twice.
    written = AdjustmentRequest.objects.filter(pk=request.pk, decision=None).update(
        decision=decision, decided_at=context.now, decided_by_id=by.id, decided_by_label=by.label, note=note
    )
    if not written:
        raise RuntimeError("a request changed under its lock")


def _affected_employees(request: AdjustmentRequest, context: LockedContext) -> list[int]:
    """Return the ids of the employees a grant would change.

    When many adjustments are ended, the requester and the approver are left out: HR users do not decide about
    themselves.
    """
    rows = Adjustment.objects.filter(request=request.ends_id or request.pk)
    if request.ends_id:
        rows = rows.not_over(context.now)
        if request.employee_id is not None:
            rows = rows.filter(employee=request.employee_id)
        # A trigger refuses such rows anyway, with an error instead of the rest of the list.
        rows = rows.exclude(employee__account__in=[request.asked_by_id, context.by.id])
    return list(rows.values_list("employee_id", flat=True))


def _apply(request: AdjustmentRequest, context: LockedContext, employees: list[int]) -> list[int]:
    """Begin or end the adjustments; return the ids of the employees whom that changed."""
    update = REVOKE if request.ends_id else GRANT
    values: dict[str, Any] = {"now": context.now, "request": request.ends_id or request.pk, "employees": employees}
    with connection.cursor() as cursor:
        cursor.execute(update, values)
        return [employee for (employee,) in cursor.fetchall()]


def _audit_employees(request: AdjustmentRequest, employees: list[int], by: Actor) -> None:
    action = "standing.adjustment_ended" if request.ends_id else "standing.adjusted"
    detail = {"campaign": request.campaign.slug, "kind": request.kind, "request": request.pk}
    values = {
        "actor": by.id, "label": by.label, "action": action, "employees": employees, "origin": origin(),
        "detail": json.dumps(detail), "request": request.ends_id or request.pk,
    }  # fmt: skip
    with connection.cursor() as cursor:
        cursor.execute(AUDIT_EMPLOYEES, values)


def ending_targets(request: AdjustmentRequest, at: datetime, employee_id: int | None) -> BulkTargets:
    """Return whose adjustments a request would end now, or ended; `employee_id`: that of the approver, who is left out.

    The employee of the requester is left out too.
    """
    if request.ends is None:
        raise ValueError("this request ends no adjustment")
    targets = requested_targets(request.ends, request.campaign.rule).listed
    if not request.waiting:
        # One instant for all, which equals the decision's.
        return split_skipped(target for target in targets if target.ended_at == request.decided_at)
    lasting = set(request.ends.adjustment_set.not_over(at).values_list("employee_id", flat=True))
    requester = Account.objects.filter(pk=request.asked_by_id).values_list("employee_id", flat=True).first()
    return split_skipped(
        skip_self(skip_self(target, employee_id), requester) for target in targets if target.employee_id in lasting
    )


# -- requests for many ---------------------------------------------------------------------------------------------


def recheck(request: AdjustmentRequest, rule: CampaignRule, at: datetime, employee_id: int | None) -> BulkTargets:
    """Compare the stored list with the current facts.

    Returns who would be left out of a grant by that employee, and who now matches the rule as well.
    """
    check = check_file if request.from_file else check_rule
    return check(request, rule, at, employee_id)


def skip_changed(request: AdjustmentRequest, context: LockedContext, expected_digest: str) -> None:
    """Store who is left out of a grant. Raises Refused when the approver saw another list."""
    current = _checked_list(request, context, expected_digest)
    values: dict[str, Any] = {
        "request": request.pk, "employees": [target.employee_id for target in current.skipped],
        "reasons": [target.skip_reason for target in current.skipped],
    }  # fmt: skip
    with connection.cursor() as cursor:
        cursor.execute(STORE_SKIPPED, values)


def _checked_list(request: AdjustmentRequest, context: LockedContext, expected_digest: str) -> BulkTargets:
    current = recheck(request, context.rule, context.now, context.employee_id)
    if current.digest != expected_digest:
        raise conflict(_("The list has changed since you saw it. Check it again."))
    return current
