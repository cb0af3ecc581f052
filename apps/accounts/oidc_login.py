"""Whom the company's OpenID provider signs in: somebody of the roster who is employed now, bound once for all.

The first sign-in finds the person by staff number, or by a verified e-mail where tokens have no staff number. From
then on the issuer and its subject decide alone: an address that changed, or went to somebody else, opens nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from django.conf import settings
from django.db import IntegrityError, transaction

from apps.accounts.backends import MAY_SIGN_IN
from apps.accounts.models import Account, ProviderSubject, Role
from apps.accounts.password_reset import has_pending_email_change
from apps.accounts.security_mails import Event, notify_owner
from apps.accounts.services import account_for
from apps.accounts.sessions import end_access
from apps.core.audit import Actor, audit, audit_once
from apps.core.identity import storable
from apps.core.periods import in_force_from
from apps.core.querysets import Clock
from apps.employees.models import Employee


@dataclass(frozen=True)
class Claims:
    """What a provider has proven of somebody. `email`: only one it has verified; `groups`: of the configured claim."""

    issuer: str
    subject: str
    staff_no: str = ""
    email: str = ""
    groups: frozenset[str] = frozenset()
    second_factor: bool = False

    @property
    def provider(self) -> Actor:
        """The provider as the one who grants and takes roles."""
        return Actor(None, f"OpenID provider {self.issuer}")


class SsoRejected(Exception):
    """Proven to be somebody, and yet nobody who may come in; the reason is one of those below."""

    def __init__(self, reason: str, account: Account | None = None) -> None:
        super().__init__(reason)
        self.reason, self.account = reason, account


EMPLOYED = in_force_from(Clock(), of="employment")
# Nobody on the roster; left, not begun yet or switched off; bound to somebody else at the provider.
UNKNOWN, NOT_EMPLOYED, OTHER_SUBJECT = "unknown", "not_employed", "other_subject"


def sign_on(claims: Claims) -> Account:
    """The account of whoever these claims are about, bound and with the roles of their groups. Raises NotSignedOn."""
    with transaction.atomic():
        account = _bound(claims) or _bind(claims)
        if not Account.objects.filter(MAY_SIGN_IN, pk=account.pk, is_active=True).exists():
            raise SsoRejected(NOT_EMPLOYED, account)
        _follow_groups(account, claims)
    return account


def _bound(claims: Claims) -> Account | None:
    same = ProviderSubject.objects.filter(issuer=claims.issuer, subject=claims.subject)
    found = same.select_related("account__employee").first()
    return found.account if found else None


def _bind(claims: Claims) -> Account:
    """For ever, but for `unbind` and an undone employment. Of two at once one is first: an account has one subject.

    What the account had before ends: its password may have been set by a link to an address that is not the person's.
    """
    employee = _employee(claims)
    if employee is None:
        raise SsoRejected(UNKNOWN)
    if not Employee.objects.filter(EMPLOYED, pk=employee.pk).exists():
        raise SsoRejected(NOT_EMPLOYED)
    account = account_for(employee)
    try:
        with transaction.atomic():
            ProviderSubject.objects.create(account=account, issuer=claims.issuer, subject=claims.subject)
            if account.has_usable_password():
                account.set_unusable_password()
                account.save(update_fields=["password"])
                notify_owner(account, Event.PASSWORD_CHANGED)
            end_access(account=account, by=claims.provider)
    except IntegrityError as error:
        raise SsoRejected(OTHER_SUBJECT, account) from error
    audit(
        "account.bound", by=claims.provider, kind="account", id=account.pk, label=str(employee),
        detail={"issuer": claims.issuer},
    )  # fmt: skip
    return account


def _employee(claims: Claims) -> Employee | None:
    """Whom of the roster the claims name; nobody when they name two."""
    if settings.OIDC_STAFF_NO_CLAIM:
        name, value = "staff_no", claims.staff_no
    else:
        name, value = "email", claims.email.lower()
    if not value or not storable(value):
        return None
    people = Employee.objects.filter(**{name: value})
    # An address of somebody who left may be somebody else's by now.
    found = list((people.filter(EMPLOYED) if name == "email" else people)[:2])
    if len(found) != 1 or (name == "email" and has_pending_email_change(found[0].pk)):
        # A binding outlives the address. Whose it is, a second person is about to decide.
        return None
    return found[0]


def _follow_groups(account: Account, claims: Claims) -> None:
    """HR for as long as the group is there. What was granted here is not the provider's to take."""
    if not settings.OIDC_HR_GROUP:
        return
    if settings.OIDC_HR_GROUP in claims.groups:
        given = {"granted_by_label": claims.provider.label, "issuer": claims.issuer}
        _role, changed = Role.objects.get_or_create(account=account, role=Role.Kind.HR, defaults=given)
        action = "role.granted"
    else:
        changed = bool(Role.objects.filter(account=account, role=Role.Kind.HR).exclude(issuer="").delete()[0])
        action = "role.revoked"
    if changed:
        audit(
            action, by=claims.provider, kind="account", id=account.pk, label=str(account),
            detail={"role": Role.Kind.HR.value},
        )  # fmt: skip
        notify_owner(account, Event.ROLE_CHANGED)


def unlink(*, employee: Employee, by: Actor) -> int:
    """Forget who this is at the provider: the next sign-in binds again. Returns how many bindings there were."""
    with transaction.atomic():
        found = ProviderSubject.objects.filter(account__employee=employee)
        issuers = list(found.values_list("issuer", flat=True))
        if issuers:
            account = account_for(employee)
            found.delete()
            audit(
                "account.unbound", by=by, kind="account", id=account.pk, label=str(employee),
                detail={"issuers": issuers},
            )  # fmt: skip
    return len(issuers)


def audit_not_signed_on(reason: str, account: Account | None = None) -> None:
    """Append that the provider brought nobody in, once a minute for one account and place.

    Without an account nobody is named: who is unknown here may be anybody.
    """
    audit_once(
        f"account.not_signed_on_{reason}", by=Actor(None, "?"), kind="account", id=account.pk if account else "",
        label=str(account) if account else "", within=timedelta(minutes=1),
    )  # fmt: skip
