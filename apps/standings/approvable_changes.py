"""The changes that need a second person, by kind: their effect, and how they are applied after the approval."""

from __future__ import annotations

import hashlib
import json
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext as _

from apps.accounts.approvals import ApprovalRefused, lock_open_request, record_approval
from apps.accounts.models import ApprovalRequest
from apps.core.audit import Actor
from apps.core.clock import db_now
from apps.core.enqueue import enqueue_roster_import
from apps.core.locks import lock_facts, lock_org_tree
from apps.roster import email_changes, import_approvals, rollback
from apps.roster.effects import effect_of, roster_changed
from apps.standings.moved_counts import count_holders


@dataclass(frozen=True)
class ApprovableChange:
    """One kind of change.

    `effect(request, now)` counts from the facts how many people the change would affect at `now`, by the name of the
    effect. It stores nothing. `apply(request, by)` makes the change in the transaction of the approval.
    `lock()` takes the locks that come before the request's row in the lock order. `apply` and `lock` may raise
    ApprovalRefused. `after(request)` runs after the commit, for example to wake workers.
    """

    effect: Callable[[ApprovalRequest, datetime], dict[str, int]]
    apply: Callable[[ApprovalRequest, Actor], None]
    lock: Callable[[], None] = lambda: None
    after: Callable[[ApprovalRequest], None] = lambda request: None


def _lock_roster() -> None:
    lock_facts()
    lock_org_tree()


def _apply_load(request: ApprovalRequest, by: Actor) -> None:
    enqueue_roster_import(import_approvals.hand_over(request))


def _undo_load(request: ApprovalRequest, by: Actor) -> None:
    try:
        rollback.undo_load(load_id=uuid.UUID(request.subject), by=by)
    except rollback.CannotUndo as error:
        raise roster_changed() from error


def _email_effect(request: ApprovalRequest, now: datetime) -> dict[str, int]:
    moved = count_holders(request.emailchange_set.filter(waiting=True).values_list("new_email", flat=True))
    return email_changes.email_effect(request, now) | ({"counts": moved} if moved else {})


CHANGES: dict[str, ApprovableChange] = {
    ApprovalRequest.Kind.EMAIL_CHANGE: ApprovableChange(
        effect=_email_effect, apply=email_changes.apply_email_changes, lock=_lock_roster
    ),
    ApprovalRequest.Kind.ROSTER_LOAD: ApprovableChange(
        effect=lambda request, now: effect_of(request), apply=_apply_load, lock=_lock_roster
    ),
    ApprovalRequest.Kind.ROSTER_UNDO: ApprovableChange(
        effect=lambda request, now: effect_of(request), apply=_undo_load, lock=_lock_roster
    ),
}


def effect_of_request(request: ApprovalRequest, now: datetime) -> dict[str, int]:
    """Count the people that the requested change would affect if it were approved at `now`, by effect."""
    return CHANGES[request.kind].effect(request, now)


def effect_digest(effect: dict[str, int]) -> str:
    """Return a digest of an effect for the approval form, so that the approver approves exactly what the page showed.

    Counts are rounded to two significant figures: in a large company they move while the second person reads.
    """
    rounded = {name: int(float(f"{count:.2g}")) for name, count in effect.items()}
    return hashlib.sha256(json.dumps(rounded, sort_keys=True).encode()).hexdigest()


def approve_request(*, request_id: uuid.UUID, seen: str, by: Actor, by_operator: bool = False) -> ApprovalRequest:
    """Approve a change and apply it, in one transaction. Raises ApprovalRefused.

    `seen` is the digest of the effect that the second person saw. A different effect now refuses the approval.
    """
    request = ApprovalRequest.objects.get(pk=request_id)
    change = CHANGES[request.kind]
    # Before the locks: counting a large company takes longer than its writers can wait.
    effect = change.effect(request, db_now())
    with transaction.atomic():
        change.lock()
        request = lock_open_request(request_id)
        if effect_digest(effect) != seen:
            raise ApprovalRefused("effect_changed", _("The effect is another one by now: look at it again."))
        record_approval(request, by=by, effect=effect, by_operator=by_operator)
        change.apply(request, by)
    request.refresh_from_db()
    change.after(request)
    return request
