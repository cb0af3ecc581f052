"""The two-person rule: request a change of large effect and decide on it, with the permission checks for both.

The service of each change knows its effect and applies it. This module handles only the request.
"""

import uuid
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils.translation import gettext as _

from apps.accounts.backends import CAN_SIGN_IN
from apps.accounts.models import Account, ApprovalRequest, Role
from apps.core.audit import SYSTEM, Actor, audit
from apps.core.clock import db_now
from apps.core.errors import Refused
from apps.core.events import record_event
from apps.core.text import clean_text

Decision = ApprovalRequest.Decision
# After this time, an open request can no longer be approved.
# The facts behind a request change daily; two weeks cover a holiday of the second person.
REQUEST_LIFETIME = timedelta(days=14)
MAX_REASON_CHARS = 1000
# Open requests of one account and kind: more would hide those of others from the second person.
MAX_OPEN_REQUESTS = 20
# Made by one account within a day: requests are kept, also withdrawn ones.
MAX_REQUESTS_A_DAY = 100


def past_cooldown(now: datetime) -> Q:
    """Accounts whose address, second factor and roles have not changed within APPROVAL_COOLDOWN_DAYS."""
    # A thief of an account first changes its address or factor. The pause gives the owner time to notice the mail.
    since = now - timedelta(days=settings.APPROVAL_COOLDOWN_DAYS)
    return Q(security_changed_at=None) | Q(security_changed_at__lte=since)


def hr_accounts() -> QuerySet[Account]:
    """Accounts that hold the HR role and can sign in now."""
    return _holders((Role.Kind.HR,))


def _holders(roles: tuple[str, ...]) -> QuerySet[Account]:
    return Account.objects.filter(CAN_SIGN_IN, is_active=True, role__role__in=roles).distinct()


def approvers(request: ApprovalRequest, now: datetime) -> QuerySet[Account]:
    """Accounts past their cooldown that can decide `request` at `now`, without its authors' and its subject's."""
    involved = {*_authors(request), _subject_account(request)}
    return _holders(decider_roles(request.kind)).filter(past_cooldown(now)).exclude(pk__in=involved)


def waiting_for(account: Account, now: datetime) -> int:
    """How many requests of others wait that the account's roles can decide."""
    if not account.roles & {Role.Kind.HR, Role.Kind.OPERATOR}:
        return 0
    # Without a comparison that is NULL for a request by a command.
    own = ApprovalRequest.objects.filter(requested_by_id=account.pk).values("pk")
    return ApprovalRequest.objects.visible_to(account).open(now).exclude(pk__in=own).count()


def _subject_account(request: ApprovalRequest) -> int:
    """The account that the request changes; 0 for changes of anything else."""
    return int(request.payload["account"]) if request.kind in ApprovalRequest.ACCOUNT_KINDS else 0


def is_author(request: ApprovalRequest, account: Account) -> bool:
    """Whether the account caused a part of the change: it does not decide, and reads no more than the requester."""
    return account.pk in _authors(request)


def _authors(request: ApprovalRequest) -> set[int]:
    """The requester, and the accounts that caused a part of the change; none of them is the second person."""
    return {request.requested_by_id or 0, *request.payload.get("other_actors", ())}


def decider_roles(kind: str) -> tuple[str, ...]:
    """The roles of which the second person of such a request holds one."""
    return (Role.Kind.OPERATOR, Role.Kind.HR) if kind in ApprovalRequest.ACCOUNT_KINDS else (Role.Kind.HR,)


def require_second_person(by: Actor, roles: tuple[str, ...] = (Role.Kind.HR,)) -> None:
    """Check that `by` may take part in a two-person decision now; lock the account's roles until the commit.

    Raises Refused without one of `roles`, or when the account's address, factor or role changed recently.
    """
    accounts = Account.objects.filter(pk=by.id or 0, is_active=True)
    # A revocation of the role waits until the decision is stored, and a decision waits for a revocation.
    held = Role.objects.select_for_update(no_key=True).filter(account_id=by.id or 0, role__in=roles).order_by("pk")
    if not list(held) or not accounts.exists():
        if roles == (Role.Kind.HR,):
            raise Refused("not_hr", _("Only HR users can do this."), conflict=True)
        raise Refused("not_operator", _("Your role does not allow this."), conflict=True)
    require_past_cooldown(by)


def require_past_cooldown(by: Actor) -> None:
    """Raise Refused when the account's address, second factor or role changed recently."""
    if not Account.objects.filter(past_cooldown(db_now()), pk=by.id or 0).exists():
        raise Refused(
            "unsettled",
            _(
                "The e-mail address, second factor or role of your account changed in the last %(days)s days. "
                "Ask another person with your role to do this."
            )
            % {"days": settings.APPROVAL_COOLDOWN_DAYS},
            conflict=True,
        )


def require_few_requests(kind: str, by: Actor) -> None:
    """Raise Refused when MAX_OPEN_REQUESTS of the account's requests of this kind wait, or it made MAX_REQUESTS_A_DAY.

    A command has no limit.
    """
    if by.id is None:
        return
    refuse_many_requests(ApprovalRequest.objects.filter(kind=kind, requested_by_id=by.id), "requested_at")
    waiting = ApprovalRequest.objects.open(db_now()).filter(kind=kind, requested_by_id=by.id)
    if waiting.count() >= MAX_OPEN_REQUESTS:
        message = _(
            "At most %(most)s of your requests of this kind can wait for a second person. Withdraw one, or "
            "wait for a decision."
        )
        raise Refused("too_many", message % {"most": MAX_OPEN_REQUESTS}, conflict=True)


def refuse_many_requests(requests: QuerySet[Any], made_at: str) -> None:
    """Raise Refused for MAX_REQUESTS_A_DAY of these requests within a day, withdrawn ones included: none is deleted."""
    if requests.filter(**{f"{made_at}__gt": db_now() - timedelta(days=1)}).count() >= MAX_REQUESTS_A_DAY:
        message = _("You have made %(most)s requests of this kind within a day. Try again tomorrow.")
        raise Refused("too_many", message % {"most": MAX_REQUESTS_A_DAY}, conflict=True)


def refuse_if_waiting(kind: str, subject: str) -> None:
    """Raise Refused while a request of this kind for this subject is open."""
    if ApprovalRequest.objects.open(db_now()).filter(kind=kind, subject=subject).exists():
        raise Refused("waiting", _("The same request is already waiting for approval."), conflict=True)


def request_approval(
    *, kind: str, subject: str, label: str, payload: dict[str, Any], effect: dict[str, int], reason: str = "", by: Actor
) -> ApprovalRequest:
    """Store a change that waits for a second person. Raises Refused.

    `by` has no account when an operator's command makes the request. Each subject can have one open request.
    """
    with transaction.atomic():
        if by.id is not None:
            about_account = kind in ApprovalRequest.ACCOUNT_KINDS
            require_second_person(by, (Role.Kind.OPERATOR,) if about_account else (Role.Kind.HR,))
        now = db_now()
        undecided = ApprovalRequest.objects.select_for_update().filter(kind=kind, subject=subject, decision=None)
        if undecided.first():
            refuse_if_waiting(kind, subject)
            # The expired request is still undecided, and each subject can have only one undecided request.
            supersede_requests(undecided, by)
        # A roster load requests its own new addresses, and was checked before it began.
        if kind != ApprovalRequest.Kind.EMAIL_CHANGE:
            require_few_requests(kind, by)
        request = ApprovalRequest.objects.create(
            kind=kind, subject=subject, label=clean_text(label), payload=payload, effect=effect,
            reason=clean_text(reason, MAX_REASON_CHARS), requested_by_id=by.id, requested_by_label=by.label,
            expires_at=now + REQUEST_LIFETIME,
        )  # fmt: skip
        request.refresh_from_db()
        _audit(request, "requested", by, effect=effect)
        notify_second_persons("approvals", by)
    return request


def notify_second_persons(what: str, by: Actor) -> None:
    """Notify the other HR users that requests of `by` wait: once an hour, however often the account requests.

    `what`: `approvals`, `adjustments`, `announcements` or `corrections`. No one can switch these mails off, so that
    many of them would delay all others and hide a real request.
    """
    record_event("approval_waiting", subject=f"{what}:{by.id or 0}:{db_now():%Y-%m-%dT%H}", actor_id=by.id)


def lock_open_request(request_id: uuid.UUID) -> ApprovalRequest:
    """Return the request under its row lock.

    Raises Refused when it was decided or has expired, and DoesNotExist.
    """
    # Under the lock, because two people may decide at the same moment; the second then sees the first decision.
    request = ApprovalRequest.objects.select_for_update().get(pk=request_id)
    _require_open(request)
    return request


def require_decidable(request: ApprovalRequest, *, by: Actor, by_operator: bool) -> None:
    """Raise Refused unless the request is open and `by` may decide it; nothing is locked or counted."""
    _require_open(request)
    _require_decider(request, by, by_operator)


def _require_open(request: ApprovalRequest) -> None:
    if request.decision:
        by = request.decided_by_label or _("The operator")
        raise Refused("decided", _("%(who)s has already decided this.") % {"who": by}, conflict=True)
    if request.expires_at <= db_now():
        raise Refused("expired", _("This request has expired. Submit it again."), conflict=True)


def record_approval(request: ApprovalRequest, *, by: Actor, effect: dict[str, int], by_operator: bool = False) -> None:
    """Store the approval of a locked request; the caller applies the change in the same transaction.

    `effect` is the effect that the second person saw. Raises Refused.
    """
    _require_decider(request, by, by_operator)
    _decide(request, Decision.APPROVED, by, effect=effect, by_operator=by_operator)


def refuse_request(*, request_id: uuid.UUID, note: str, by: Actor, by_operator: bool = False) -> None:
    """Refuse another person's request, with a reason. Raises Refused."""
    cleaned_note = clean_text(note, MAX_REASON_CHARS)
    if not cleaned_note:
        raise Refused("note", _("Enter the reason for refusal."), conflict=True)
    with transaction.atomic():
        request = lock_open_request(request_id)
        _require_decider(request, by, by_operator)
        _decide(request, Decision.REFUSED, by, note=cleaned_note, by_operator=by_operator)


def withdraw_request(*, request_id: uuid.UUID, by: Actor) -> None:
    """Withdraw one's own request. Raises Refused."""
    with transaction.atomic():
        request = lock_open_request(request_id)
        if by.id is None or request.requested_by_id != by.id:
            raise Refused(
                "not_yours", _("You cannot withdraw another person's request. You can refuse it."), conflict=True
            )
        _decide(request, Decision.WITHDRAWN, by)


def supersede_requests(requests: QuerySet[ApprovalRequest], by: Actor) -> None:
    """Close open requests whose counted effect no longer holds, because `by` changed the underlying data."""
    for request in requests.filter(decision=None).select_for_update():
        _decide(request, Decision.SUPERSEDED, SYSTEM, superseded_by=by.id)


def _require_decider(request: ApprovalRequest, by: Actor, by_operator: bool) -> None:
    """Check the second person: another HR user past the cooldown, or the operator when no such HR user exists."""
    if by_operator:
        if approvers(request, db_now()).exists():
            raise Refused(
                "hr_decides",
                _("Another user can decide this request on a page. A command decides only if no one else can."),
                conflict=True,
            )
        return
    if by.id is None or by.id in _authors(request):
        raise Refused("own", own_request_text(request.kind), conflict=True)
    if by.id == _subject_account(request):
        raise Refused(
            "own_account", _("This changes your own account, so another person has to decide."), conflict=True
        )
    require_second_person(by, decider_roles(request.kind))


def own_request_text(kind: str) -> str:
    """The sentence that tells a requester who decides."""
    if kind in ApprovalRequest.ACCOUNT_KINDS:
        return _("You requested this yourself, so another operator or an HR user has to decide.")
    return _("You requested this yourself, so another HR user has to decide.")


def _decide(
    request: ApprovalRequest, decision: Decision, by: Actor, *, note: str = "", effect: dict[str, int] | None = None,
    by_operator: bool = False, superseded_by: int | None = None,
) -> None:  # fmt: skip
    """Store the decision on a locked request, with its audit entry."""
    updated_rows = ApprovalRequest.objects.filter(pk=request.pk, decision=None).update(
        decision=decision, decided_at=db_now(), decided_by_id=None if by_operator else by.id,
        decided_by_label="" if by == SYSTEM else by.label, by_operator=by_operator, decided_effect=effect, note=note,
        superseded_by_id=superseded_by,
    )  # fmt: skip
    if not updated_rows:
        # Cannot happen while every caller locks the row first; a silent zero would lose a decision.
        raise RuntimeError("an approval request changed under its lock")
    _audit(request, decision.value, by, effect=effect, operator=by_operator)


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
