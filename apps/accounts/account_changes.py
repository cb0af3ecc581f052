"""Changes of another person's account that an operator requests and a second person approves (ADR 86).

A role, the removal of a role holder's second factors, and the end of a binding to the company's provider. No request
names a password, an address or a provider's subject, so no two people can sign in as a third.
"""

from datetime import datetime
from typing import Any

from django.utils.translation import gettext as _

from apps.accounts.approvals import request_approval
from apps.accounts.backends import CAN_SIGN_IN
from apps.accounts.enrolment import has_factor
from apps.accounts.models import Account, ApprovalRequest, ProviderSubject, Role
from apps.accounts.oidc_login import unbind
from apps.accounts.second_factors import remove_factors
from apps.accounts.security_mails import Event, notify_owner
from apps.accounts.services import account_for, grant_role
from apps.core.audit import Actor
from apps.core.errors import Refused
from apps.employees.models import Employee

Kind = ApprovalRequest.Kind
# The mail to the owner about a request of each kind.
REQUESTED: dict[str, str] = {
    Kind.ROLE_GRANT: Event.ROLE_REQUESTED,
    Kind.FACTOR_RESET: Event.RESET_REQUESTED,
    Kind.SIGN_ON_UNBINDING: Event.UNLINKING_REQUESTED,
}


def request_role(*, employee: Employee, role: str, reason: str, by: Actor) -> ApprovalRequest:
    """Request a role for an employed person. Raises Refused."""
    return _request(Kind.ROLE_GRANT, employee, reason, by, role=Role.Kind(role).value)


def request_factor_reset(*, employee: Employee, reason: str, by: Actor) -> ApprovalRequest:
    """Request the removal of a role holder's second factors. Raises Refused."""
    return _request(Kind.FACTOR_RESET, employee, reason, by)


def request_unbinding(*, employee: Employee, reason: str, by: Actor) -> ApprovalRequest:
    """Request the end of the account's binding to the provider. Raises Refused."""
    return _request(Kind.SIGN_ON_UNBINDING, employee, reason, by)


def _request(kind: Kind, employee: Employee, reason: str, by: Actor, role: str = "") -> ApprovalRequest:
    account = account_for(employee)
    refuse_own_account(account, by)
    if not reason.strip():
        raise Refused("reason", _("Enter a reason."), "reason")
    payload: dict[str, Any] = {"account": account.pk} | ({"role": role} if role else {})
    effect = _effect(kind, account, role)
    request = request_approval(
        kind=kind, subject=":".join(filter(None, (str(account.pk), role))), label=str(employee), payload=payload,
        effect=effect, reason=reason, by=by,
    )  # fmt: skip
    notify_owner(account, REQUESTED[kind])
    return request


def refuse_own_account(account: Account, by: Actor) -> None:
    """Raise Refused when `by` is the account itself."""
    if by.id == account.pk:
        raise Refused("own_account", _("This is your own account. Ask another operator."), conflict=True)


def account_effect(request: ApprovalRequest, now: datetime) -> dict[str, int]:
    """The effect of a waiting request at `now`. Raises Refused when the account has changed since the request."""
    account = Account.objects.select_related("employee").get(pk=request.payload["account"])
    bound = ProviderSubject.objects.filter(account=account, bound_at__gt=request.requested_at)
    changed = account.security_changed_at is not None and account.security_changed_at > request.requested_at
    # The second person decides on the account that the requester described: with another address it may be another's.
    if changed or bound.exists():
        raise Refused(
            "account_changed", _("The account has changed since the request. Submit it again."), conflict=True
        )
    return _effect(Kind(request.kind), account, request.payload.get("role", ""))


def _effect(kind: Kind, account: Account, role: str) -> dict[str, int]:
    """What the change would do now, by the name of the effect. Raises Refused when it would do nothing."""
    if kind == Kind.ROLE_GRANT:
        if not Account.objects.filter(CAN_SIGN_IN, pk=account.pk, is_active=True).exists():
            raise Refused("not_employed", _("Only a person who is employed now can have a role."), conflict=True)
        if Role.objects.filter(account=account, role=role).exists():
            raise Refused("has_role", _("This person already has the role."), conflict=True)
        return {f"becomes_{role}": 1}
    if kind == Kind.FACTOR_RESET:
        if not has_factor(account):
            raise Refused("no_factor", _("This account has no second factor."), conflict=True)
        return {"factors_removed": 1}
    if not ProviderSubject.objects.filter(account=account).exists():
        raise Refused("not_bound", _("This account is not linked to the company's provider."), conflict=True)
    return {"unlinked": 1}


def apply_account_change(request: ApprovalRequest, by: Actor) -> None:
    """Make the approved change, in the transaction of the approval."""
    account = (
        Account.objects.select_for_update(of=("self",)).select_related("employee").get(pk=request.payload["account"])
    )
    employee = account.employee
    if employee is None:  # such an account cannot be requested for
        raise RuntimeError("an account without an employee")
    account_effect(request, request.requested_at)
    if request.kind == Kind.ROLE_GRANT:
        grant_role(employee=employee, role=request.payload["role"], by=by)
    elif request.kind == Kind.FACTOR_RESET:
        remove_factors(account=account, by=by)
    else:
        unbind(employee=employee, by=by)
