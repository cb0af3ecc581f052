"""Changes of large effect by kind: what each would do, and how it is made once a second person has approved it."""

from __future__ import annotations

import hashlib
import json
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext as _

from apps.employees.approval_workflow import ApprovalRefused, lock_open_request, record_approval
from apps.employees.models import ApprovalRequest
from apps.ledger.services import Actor, clock


@dataclass(frozen=True)
class ApprovableChange:
    """One kind of change.

    `effect(request, now)`: how many people it would concern at `now`, by the name of what happens to them; counted
    from the facts, nothing is stored. `apply(request, by)`: make the change, in the transaction of the approval.
    `lock()`: take the locks that stand before the request's row in the order of locks. The last two may raise
    ApprovalRefused. `after(request)`: what follows the commit, such as waking workers.
    """

    effect: Callable[[ApprovalRequest, datetime], dict[str, int]]
    apply: Callable[[ApprovalRequest, Actor], None]
    lock: Callable[[], None] = lambda: None
    after: Callable[[ApprovalRequest], None] = lambda request: None


CHANGES: dict[str, ApprovableChange] = {}


def effect_of_request(request: ApprovalRequest, now: datetime) -> dict[str, int]:
    """How many people the requested change would concern if it was approved at `now`."""
    return CHANGES[request.kind].effect(request, now)


def effect_digest(effect: dict[str, int]) -> str:
    """Names an effect in a form: approved is what was seen.

    To two significant figures: in a large company counts move while the second person reads.
    """
    rounded = {name: int(float(f"{count:.2g}")) for name, count in effect.items()}
    return hashlib.sha256(json.dumps(rounded, sort_keys=True).encode()).hexdigest()


def approve_request(*, request_id: uuid.UUID, seen: str, by: Actor, by_operator: bool = False) -> ApprovalRequest:
    """Approve a change and make it, in one transaction. Raises ApprovalRefused.

    `seen` is the digest of the effect that the second person looked at: another effect by now refuses the approval.
    """
    request = ApprovalRequest.objects.get(pk=request_id)
    change = CHANGES[request.kind]
    # Before the locks: counting a large company takes longer than its writers can wait.
    effect = change.effect(request, clock())
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
