"""Sign-in through the company's OpenID provider, for current employees on the roster.

The first sign-in finds the employee by staff number, or by verified e-mail when tokens hold no staff number. It binds
the account to the issuer and subject. Later sign-ins use this binding only: a changed or reassigned address gives no
access.
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
    """Verified claims of a provider about one person.

    `email` is set only when the provider verified it. `groups` come from the configured claim.
    """

    issuer: str
    subject: str
    staff_no: str = ""
    email: str = ""
    groups: frozenset[str] = frozenset()
    second_factor: bool = False

    @property
    def provider(self) -> Actor:
        """The provider as the actor of role changes."""
        return Actor(None, f"OpenID provider {self.issuer}")


class SsoRejected(Exception):
    """The provider identified a person who may not sign in; `reason` is one of the constants below."""

    def __init__(self, reason: str, account: Account | None = None) -> None:
        super().__init__(reason)
        self.reason, self.account = reason, account


EMPLOYED = in_force_from(Clock(), of="employment")
# Not on the roster; not employed now or deactivated; bound to another subject at the provider.
UNKNOWN, NOT_EMPLOYED, OTHER_SUBJECT = "unknown", "not_employed", "other_subject"


def sign_on(claims: Claims) -> Account:
    """Return the account of these claims, bound and with the roles of their groups. Raises SsoRejected."""
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
    """Bind the account to the subject permanently; only `unlink` and an undone employment remove the binding.

    Of two concurrent sign-ins, the first wins, because an account has one subject per issuer. Binding ends the
    account's previous access: its password may come from a link to another person's address.
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
    """Return the employee whom the claims match; None for no match or two."""
    if settings.OIDC_STAFF_NO_CLAIM:
        name, value = "staff_no", claims.staff_no
    else:
        name, value = "email", claims.email.lower()
    if not value or not storable(value):
        return None
    people = Employee.objects.filter(**{name: value})
    # A leaver's address may belong to another employee now.
    found = list((people.filter(EMPLOYED) if name == "email" else people)[:2])
    if len(found) != 1 or (name == "email" and has_pending_email_change(found[0].pk)):
        # A binding outlasts the address, and a second person is about to decide on the address.
        return None
    return found[0]


def _follow_groups(account: Account, claims: Claims) -> None:
    """Grant HR while the claims hold the group; a role granted in Hundred is not removed."""
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
    """Delete the employee's provider bindings; the next sign-in binds again. Returns their number."""
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
    """Append a rejected provider sign-in to the audit trail, at most once a minute per account and place.

    Without an account, the entry holds no name, because the person is unknown.
    """
    audit_once(
        f"account.not_signed_on_{reason}", by=Actor(None, "?"), kind="account", id=account.pk if account else "",
        label=str(account) if account else "", within=timedelta(minutes=1),
    )  # fmt: skip
