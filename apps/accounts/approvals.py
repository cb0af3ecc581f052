"""The two-person rule: request a change of large effect and decide on it, with the permission checks for both.

The service of each change knows its effect and applies it. This module handles only the request.
"""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils.translation import gettext as _

from apps.accounts.backends import MAY_SIGN_IN
from apps.accounts.models import Account, ApprovalRequest, Role
from apps.core.audit import SYSTEM, Actor, audit
from apps.core.clock import db_now
from apps.core.identity import clean_text

Decision = ApprovalRequest.Decision
# After this time, an open request can no longer be approved.
REQUEST_VALID = timedelta(days=14)
MAX_REASON_CHARS = 1000


class ApprovalRefused(ValueError):
    """A refused request or decision; nothing was changed. `code` identifies the reason for programs."""

    def __init__(self, code: str, message: str):
        super().__init__(message)
        self.code, self.message = code, message


def settled(now: datetime) -> Q:
    """Accounts whose address, second factor and roles have not changed within APPROVAL_COOLDOWN_DAYS."""
    since = now - timedelta(days=settings.APPROVAL_COOLDOWN_DAYS)
    return Q(security_changed_at=None) | Q(security_changed_at__lte=since)


def hr_accounts() -> QuerySet[Account]:
    """Accounts that hold the HR role and can sign in now."""
    return Account.objects.filter(MAY_SIGN_IN, is_active=True, role__role=Role.Kind.HR).distinct()


def approvers(request: ApprovalRequest, now: datetime) -> QuerySet[Account]:
    """HR accounts that can decide `request` at `now`: settled accounts, without the requester's."""
    return hr_accounts().filter(settled(now)).exclude(pk=request.requested_by_id or 0)


def require_second_person(by: Actor) -> None:
    """Check that `by` may take part in a two-person decision now; lock the account's role until the commit.

    Raises ApprovalRefused without the HR role, or when the account's address, factor or role changed recently.
    """
    accounts = Account.objects.filter(pk=by.id or 0, is_active=True)
    role = Role.objects.select_for_update(no_key=True).filter(account_id=by.id or 0, role=Role.Kind.HR).first()
    if role is None or not accounts.exists():
        raise ApprovalRefused("not_hr", _("Only HR users take part in this."))
    require_settled(by)


def require_settled(by: Actor) -> None:
    """Raise ApprovalRefused when the account's address, second factor or role changed recently."""
    if not Account.objects.filter(settled(db_now()), pk=by.id or 0).exists():
        raise ApprovalRefused(
            "unsettled",
            _(
                "The e-mail address, second factor or role of your account changed within the last %(days)s days. "
                "Until then another HR user has to do this."
            )
            % {"days": settings.APPROVAL_COOLDOWN_DAYS},
        )


def request_approval(
    *, kind: str, subject: str, label: str, payload: dict[str, Any], effect: dict[str, int], reason: str = "", by: Actor
) -> ApprovalRequest:
    """Store a change that waits for a second person. Raises ApprovalRefused.

    `by` has no account when an operator's command makes the request. Each subject can have one open request.
    """
    with transaction.atomic():
        if by.id is not None:
            require_second_person(by)
        now = db_now()
        open_requests = ApprovalRequest.objects.select_for_update().filter(kind=kind, subject=subject, decision=None)
        if existing := open_requests.first():
            if existing.expires_at > now:
                raise ApprovalRefused("waiting", _("A request for this is waiting already."))
            # The expired request is still undecided, and each subject can have only one undecided request.
            supersede_requests(open_requests.filter(pk=existing.pk))
        request = ApprovalRequest.objects.create(
            kind=kind, subject=subject, label=clean_text(label), payload=payload, effect=effect,
            reason=clean_text(reason, MAX_REASON_CHARS), requested_by_id=by.id, requested_by_label=by.label,
            expires_at=now + REQUEST_VALID,
        )  # fmt: skip
        request.refresh_from_db()
        _audit(request, "requested", by, effect=effect)
    return request


def lock_open_request(request_id: uuid.UUID) -> ApprovalRequest:
    """Return the request under its row lock.

    Raises ApprovalRefused when it was decided or has expired, and DoesNotExist.
    """
    request = ApprovalRequest.objects.select_for_update().get(pk=request_id)
    if request.decision:
        raise ApprovalRefused(
            "decided", _("%(who)s has decided this already.") % {"who": request.decided_by_label or _("The operator")}
        )
    if request.expires_at <= db_now():
        raise ApprovalRefused("expired", _("This request has expired: it has to be made again."))
    return request


def record_approval(request: ApprovalRequest, *, by: Actor, effect: dict[str, int], by_operator: bool = False) -> None:
    """Store the approval of a locked request; the caller applies the change in the same transaction.

    `effect` is the effect that the second person saw. Raises ApprovalRefused.
    """
    _require_decider(request, by, by_operator)
    _write(request, Decision.APPROVED, by, db_now(), effect=effect, by_operator=by_operator)
    _audit(request, "approved", by, effect=effect, operator=by_operator)


def refuse_request(*, request_id: uuid.UUID, note: str, by: Actor, by_operator: bool = False) -> None:
    """Refuse another person's request, with a reason. Raises ApprovalRefused."""
    why = clean_text(note, MAX_REASON_CHARS)
    if not why:
        raise ApprovalRefused("note", _("Say why it is refused."))
    with transaction.atomic():
        request = lock_open_request(request_id)
        _require_decider(request, by, by_operator)
        _write(request, Decision.REFUSED, by, db_now(), note=why, by_operator=by_operator)
        _audit(request, "refused", by, operator=by_operator)


def withdraw_request(*, request_id: uuid.UUID, by: Actor) -> None:
    """Withdraw one's own request. Raises ApprovalRefused."""
    with transaction.atomic():
        request = lock_open_request(request_id)
        if by.id is None or request.requested_by_id != by.id:
            raise ApprovalRefused("not_yours", _("Another person requested this: you can refuse it."))
        _write(request, Decision.WITHDRAWN, by, db_now())
        _audit(request, "withdrawn", by)


def supersede_requests(requests: QuerySet[ApprovalRequest]) -> None:
    """Close open requests whose counted effect no longer holds, because the underlying data changed."""
    for request in requests.filter(decision=None).select_for_update():
        _write(request, Decision.SUPERSEDED, Actor(None, ""), db_now())
        _audit(request, "superseded", SYSTEM)


def _require_decider(request: ApprovalRequest, by: Actor, by_operator: bool) -> None:
    """Check the second person: another settled HR user, or the operator when no such HR user exists."""
    if by_operator:
        if approvers(request, db_now()).exists():
            raise ApprovalRefused(
                "hr_decides", _("An HR user can decide this: the operator decides only where none can.")
            )
        return
    if by.id is None or by.id == request.requested_by_id:
        raise ApprovalRefused("own", _("You requested this yourself: another HR user decides it."))
    require_second_person(by)


def _write(
    request: ApprovalRequest, decision: str, by: Actor, now: datetime, *, note: str = "",
    effect: dict[str, int] | None = None, by_operator: bool = False,
) -> None:  # fmt: skip
    written = ApprovalRequest.objects.filter(pk=request.pk, decision=None).update(
        decision=decision, decided_at=now, decided_by_id=None if by_operator else by.id, decided_by_label=by.label,
        by_operator=by_operator, decided_effect=effect, note=note,
    )  # fmt: skip
    if not written:
        raise RuntimeError("an approval request changed under its lock")


def _audit(
    request: ApprovalRequest, event: str, by: Actor, *, effect: dict[str, int] | None = None, operator: bool = False
) -> None:
    detail: dict[str, Any] = {"kind": request.kind, "subject": request.subject}
    # Effect counts can reveal whose contact a person is, and the requester reads the trail too. The entry holds only
    # the counts that the request shows; `decided_effect` holds the rest.
    if effect is not None and request.kind != ApprovalRequest.Kind.ERASURE:
        detail["effect"] = {name: count for name, count in effect.items() if name in request.effect}
    if operator:
        detail["operator"] = True
    audit(f"approval.{event}", by=by, kind="approval", id=request.pk, label=request.label, detail=detail)
