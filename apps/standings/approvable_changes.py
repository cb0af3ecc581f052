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

from apps.accounts.account_changes import account_effect, apply_account_change
from apps.accounts.approvals import lock_open_request, record_approval, require_decidable
from apps.accounts.models import ApprovalRequest
from apps.core.audit import Actor
from apps.core.clock import db_now
from apps.core.enqueue import enqueue_roster_import
from apps.core.errors import Refused
from apps.core.locks import lock_facts, lock_org_tree, wait_for_writers
from apps.roster import email_changes, import_approvals, undo
from apps.roster.effects import NeedsSecondPerson, effect_of_roster_request, roster_changed
from apps.standings.affected_counts import count_recorders

# How long an approval waits for writers of facts before it is refused.
WAIT_SECONDS = 5.0


@dataclass(frozen=True)
class ApprovableChange:
    """One kind of change.

    `effect(request, now)` counts from the facts how many people the change would affect at `now`, by the name of the
    effect. It stores nothing. `apply(request, by)` makes the change in the transaction of the approval.
    `lock()` takes the locks that come before the request's row in the lock order. `apply` and `lock` may raise
    Refused. `after(request)` runs after the commit, for example to wake workers.
    """

    effect: Callable[[ApprovalRequest, datetime], dict[str, int]]
    apply: Callable[[ApprovalRequest, Actor], None]
    lock: Callable[[], None] = lambda: None
    after: Callable[[ApprovalRequest], None] = lambda request: None


def lock_facts_exclusively() -> None:
    # First, before anything takes the same lock in shared mode: an upgrade of a shared lock could deadlock.
    lock_facts(exclusive=True)


def _lock_roster() -> None:
    lock_facts()
    lock_org_tree()


def _apply_load(request: ApprovalRequest, by: Actor) -> None:
    enqueue_roster_import(import_approvals.queue_approved_load(request))


def _undo_load(request: ApprovalRequest, by: Actor) -> None:
    try:
        undo.undo_load(load_id=uuid.UUID(request.subject), by=by)
    except (Refused, NeedsSecondPerson) as error:
        raise roster_changed() from error


def _email_effect(request: ApprovalRequest, now: datetime) -> dict[str, int]:
    moved = count_recorders(request.emailchange_set.filter(waiting=True).values_list("new_email", flat=True))
    return email_changes.email_effect(request, now) | ({"counts": moved} if moved else {})


CHANGES: dict[str, ApprovableChange] = {
    ApprovalRequest.Kind.EMAIL_CHANGE: ApprovableChange(
        effect=_email_effect, apply=email_changes.apply_email_changes, lock=_lock_roster
    ),
    ApprovalRequest.Kind.ROSTER_LOAD: ApprovableChange(
        effect=lambda request, now: effect_of_roster_request(request), apply=_apply_load, lock=_lock_roster
    ),
    ApprovalRequest.Kind.ROSTER_UNDO: ApprovableChange(
        effect=lambda request, now: effect_of_roster_request(request), apply=_undo_load, lock=_lock_roster
    ),
    **dict.fromkeys(ApprovalRequest.ACCOUNT_KINDS, ApprovableChange(effect=account_effect, apply=apply_account_change)),
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


def approve_request(
    *, request_id: uuid.UUID, expected_digest: str, by: Actor, by_operator: bool = False
) -> ApprovalRequest:
    """Approve a change and apply it, in one transaction. Raises Refused.

    `expected_digest` identifies the effect that the second person saw. With another effect now, it is refused.
    """
    request = ApprovalRequest.objects.get(pk=request_id)
    # First: a refusal that came after the count would tell the requester whether a guessed effect is right, and so
    # whose contact a person is.
    with transaction.atomic():
        require_decidable(request, by=by, by_operator=by_operator)
    change = CHANGES[request.kind]
    # Before the locks: counting a large company takes longer than its writers can wait.
    effect = change.effect(request, db_now())
    if effect_digest(effect) != expected_digest:
        raise Refused("effect_changed", _("The effect has changed. Check it again."), conflict=True)
    if change.lock is lock_facts_exclusively and not wait_for_writers(WAIT_SECONDS):
        # The exclusive lock delays all new writers: long ones are waited for without it.
        raise Refused("busy", _("Contacts are still being recorded. Try again in a minute."), conflict=True)
    with transaction.atomic():
        change.lock()
        request = lock_open_request(request_id)
        record_approval(request, by=by, effect=effect, by_operator=by_operator)
        change.apply(request, by)
    request.refresh_from_db()
    change.after(request)
    return request
