"""Decisions on adjustments: a second HR user grants or refuses, or the requester withdraws.

Each decision is one guarded write.
"""

from __future__ import annotations

import json
from typing import Any

from django.db import connection, transaction
from django.utils.translation import gettext as _

from apps.campaigns.adjustments.bulk_recheck import exclude_changed
from apps.campaigns.adjustments.requests import (
    LONGEST,
    AdjustmentRefused,
    Held,
    conflict,
    lock_for_adjustment,
    note_step,
)
from apps.campaigns.models import Adjustment, AdjustmentRequest
from apps.contacts.services.submissions import lock_employees
from apps.core.audit import Actor, origin
from apps.core.identity import clean_text
from apps.core.outbox import queue_reevaluation

# One audit entry for each employee, in one statement: the audit trail of an employee then shows what changed the
# target.
TOLD = """
INSERT INTO core_auditentry
    (at, actor_id, actor_label, action, subject_kind, subject_id, subject_label, detail, origin)
SELECT hundred_clock(), %(actor)s, %(label)s, %(action)s, 'employee', person.staff_no,
       person.name || ' (' || person.staff_no || ')',
       %(detail)s::jsonb || jsonb_build_object('target', row.target, 'exempt', row.exempt), %(origin)s
FROM campaigns_adjustment row JOIN employees_employee person ON person.id = row.employee_id
WHERE row.request_id = %(request)s AND row.employee_id = ANY(%(employees)s)
"""


def grant_adjustment(*, request_id: int, by: Actor, seen: str = "") -> int:
    """Grant another user's request; returns for how many employees an adjustment now holds, or has ended.

    For many, `seen` is the digest of the list that the approver saw. Employees whose facts have changed since the
    request are left out. The standings of all changed employees are queued for re-evaluation. Raises AdjustmentRefused.
    """
    with transaction.atomic():
        request, held = _hold_request(request_id, by)
        if request.asked_by_id == by.id:
            raise conflict(_("You asked for this yourself: somebody else from HR decides it."))
        if held.employee_id is not None and request.employee_id == held.employee_id:
            raise conflict(_("This is about you: others from HR decide it."))
        concerned = _concerned(request, held)
        lock_employees(concerned)
        if request.for_many:
            exclude_changed(request, held, seen)
        _decide(request, AdjustmentRequest.Decision.GRANTED, held, by)
        changed = _end(request, held, concerned) if request.ends_id else _begin(request, held)
        if not changed:
            raise conflict(_("There is nobody left whom this would change. Refuse it, or ask again."))
        queue_reevaluation(changed)
        _tell_each(request, changed, by)
        note_step(request, "end_granted" if request.ends_id else "granted", by, people=len(changed))
    return len(changed)


def refuse_adjustment(*, request_id: int, note: str, by: Actor) -> None:
    """Refuse another user's request, with a reason for HR. Raises AdjustmentRefused."""
    why = clean_text(note, LONGEST)
    if not why:
        raise AdjustmentRefused("note", _("Say why it is refused."))
    with transaction.atomic():
        request, held = _hold_request(request_id, by, must_be_open=False)
        if request.asked_by_id == by.id:
            raise conflict(_("You asked for this yourself: you can withdraw it."))
        if held.employee_id is not None and request.employee_id == held.employee_id:
            raise conflict(_("This is about you: others from HR decide it."))
        _decide(request, AdjustmentRequest.Decision.REFUSED, held, by, note=why)
        note_step(request, "end_refused" if request.ends_id else "refused", by)


def withdraw_adjustment(*, request_id: int, by: Actor) -> None:
    """Withdraw one's own request before a decision. Raises AdjustmentRefused."""
    with transaction.atomic():
        request, held = _hold_request(request_id, by, must_be_open=False)
        if request.asked_by_id != by.id:
            raise conflict(_("Somebody else asked for this: you can refuse it."))
        _decide(request, AdjustmentRequest.Decision.WITHDRAWN, held, by)
        note_step(request, "end_withdrawn" if request.ends_id else "withdrawn", by)


def _hold_request(request_id: int, by: Actor, *, must_be_open: bool = True) -> tuple[AdjustmentRequest, Held]:
    """Take the locks of a decision and read the request under its lock. Raises AdjustmentRefused, DoesNotExist."""
    campaign_id = AdjustmentRequest.objects.values_list("campaign_id", flat=True).get(pk=request_id)
    held = lock_for_adjustment(campaign_id, by, must_be_open=must_be_open)
    request = AdjustmentRequest.objects.select_for_update().get(pk=request_id)
    if not request.waiting:
        raise conflict(
            {
                "granted": _("%(who)s has granted this already."),
                "refused": _("%(who)s has refused this already."),
                "withdrawn": _("%(who)s has withdrawn this already."),
            }[str(request.decision)]
            % {"who": request.decided_by_label}
        )
    return request, held


def _decide(request: AdjustmentRequest, decision: str, held: Held, by: Actor, *, note: str = "") -> None:
    written = AdjustmentRequest.objects.filter(pk=request.pk, decision=None).update(
        decision=decision, decided_at=held.now, decided_by_id=by.id, decided_by_label=by.label, note=note
    )
    if not written:
        raise RuntimeError("a request changed under its lock")


def _concerned(request: AdjustmentRequest, held: Held) -> list[int]:
    """Return the ids of the employees a grant would change.

    When many adjustments are ended, the requester and the approver are left out: HR users do not decide about
    themselves.
    """
    rows = Adjustment.objects.filter(request=request.ends_id or request.pk)
    if request.ends_id:
        rows = rows.not_over(held.now)
        if request.employee_id is not None:
            rows = rows.filter(employee=request.employee_id)
        rows = rows.exclude(employee__account__in=[request.asked_by_id, held.by.id])
    return list(rows.values_list("employee_id", flat=True))


def _begin(request: AdjustmentRequest, held: Held) -> list[int]:
    return _changed(
        "UPDATE campaigns_adjustment SET granted_at = %s WHERE request_id = %s AND left_out = '' RETURNING employee_id",
        [held.now, request.pk],
    )


def _end(request: AdjustmentRequest, held: Held, employees: list[int]) -> list[int]:
    return _changed(
        "UPDATE campaigns_adjustment SET ended_at = %s WHERE request_id = %s AND employee_id = ANY(%s)"
        " AND granted_at IS NOT NULL AND ended_at IS NULL RETURNING employee_id",
        [held.now, request.ends_id, employees],
    )


def _changed(statement: str, values: list[Any]) -> list[int]:
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        return [employee for (employee,) in cursor.fetchall()]


def _tell_each(request: AdjustmentRequest, employees: list[int], by: Actor) -> None:
    action = "standing.adjustment_ended" if request.ends_id else "standing.adjusted"
    detail = {"campaign": request.campaign.slug, "kind": request.kind, "request": request.pk}
    values = {"actor": by.id, "label": by.label, "action": action, "employees": employees,
              "origin": origin()}  # fmt: skip
    with connection.cursor() as cursor:
        cursor.execute(TOLD, values | {"detail": json.dumps(detail), "request": request.ends_id or request.pk})
