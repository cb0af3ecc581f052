"""Sign-in through the company's OpenID provider, for current employees on the roster.

The first sign-in finds the employee by staff number, or by verified e-mail when tokens hold no staff number. It binds
the account to the issuer and subject. Later sign-ins use this binding only: a changed or reassigned address gives no
access.
"""

from dataclasses import dataclass

from django.conf import settings
from django.db import IntegrityError, transaction

from apps.accounts.backends import CAN_SIGN_IN
from apps.accounts.models import Account, ProviderSubject, Role
from apps.accounts.password_reset import email_change_waits, has_pending_email_change
from apps.accounts.security_mails import Event, notify_owner
from apps.accounts.services import account_for
from apps.accounts.sessions import end_access
from apps.core.audit import Actor, audit
from apps.core.periods import in_force_from
from apps.core.querysets import Clock
from apps.core.text import is_storable
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
        return Actor(None, f"OpenID provider {self.issuer}")


class SignInRejected(Exception):
    """The provider identified a person who may not sign in; `reason` is one of the constants below."""

    def __init__(self, reason: str, account: Account | None = None) -> None:
        super().__init__(reason)
        self.reason, self.account = reason, account


EMPLOYED = in_force_from(Clock(), of="employment")
# Not on the roster; not employed now or deactivated; bound to another subject at the provider.
UNKNOWN, NOT_EMPLOYED, OTHER_SUBJECT = "unknown", "not_employed", "other_subject"


def sign_in_with_claims(claims: Claims) -> Account:
    """Return the account of these claims, bound and with the roles of their groups. Raises SignInRejected."""
    with transaction.atomic():
        account = _bound_account(claims) or _bind(claims)
        if not Account.objects.filter(CAN_SIGN_IN, pk=account.pk, is_active=True).exists():
            raise SignInRejected(NOT_EMPLOYED, account)
        _sync_hr_role(account, claims)
    return account


def _bound_account(claims: Claims) -> Account | None:
    subjects = ProviderSubject.objects.filter(issuer=claims.issuer, subject=claims.subject)
    subject = subjects.select_related("account__employee").first()
    return subject.account if subject else None


def _bind(claims: Claims) -> Account:
    """Bind the account to the subject permanently; only `unbind` and an undone employment remove the binding.

    Of two concurrent sign-ins, the first wins, because an account has one subject per issuer. Binding ends the
    account's previous access: its password may come from a link to another person's address.
    """
    employee = _matching_employee(claims)
    if employee is None:
        raise SignInRejected(UNKNOWN)
    if not Employee.objects.filter(EMPLOYED, pk=employee.pk).exists():
        raise SignInRejected(NOT_EMPLOYED)
    account = account_for(employee)
    try:
        with transaction.atomic():
            # In a savepoint: the unique constraint may fail, and the outer transaction must go on to report it.
            ProviderSubject.objects.create(account=account, issuer=claims.issuer, subject=claims.subject)
            # After the binding, this account signs in at the provider only.
            if account.has_usable_password():
                account.set_unusable_password()
                account.save(update_fields=["password"])
                notify_owner(account, Event.PASSWORD_CHANGED)
            end_access(account=account, by=claims.provider)
    except IntegrityError as error:
        raise SignInRejected(OTHER_SUBJECT, account) from error
    audit(
        "account.bound", by=claims.provider, kind="account", id=account.pk, label=str(employee),
        detail={"issuer": claims.issuer},
    )  # fmt: skip
    return account


def _matching_employee(claims: Claims) -> Employee | None:
    """Return the employee whom the claims match; None for no match or two."""
    if settings.OIDC_STAFF_NO_CLAIM:
        name, value = "staff_no", claims.staff_no
    else:
        name, value = "email", claims.email.lower()
    if not value or not is_storable(value):
        return None
    employees = Employee.objects.filter(**{name: value})
    # A leaver's address may belong to another employee now.
    matches = list((employees.filter(EMPLOYED) if name == "email" else employees)[:2])
    if len(matches) != 1:
        return None
    [employee] = matches
    # A binding outlasts the address, and a second person is about to decide on the address.
    if name == "email" and (email_change_waits(employee.pk) or has_pending_email_change(employee.pk)):
        return None
    return employee


def _sync_hr_role(account: Account, claims: Claims) -> None:
    """Grant HR while the claims hold the group; a role granted in Hundred is not removed."""
    if not settings.OIDC_HR_GROUP:
        return
    if settings.OIDC_HR_GROUP in claims.groups:
        defaults = {"granted_by_label": claims.provider.label, "issuer": claims.issuer}
        _role, changed = Role.objects.get_or_create(account=account, role=Role.Kind.HR, defaults=defaults)
        action = "role.granted"
    else:
        # Only a role that the groups gave is taken away by them.
        changed = bool(Role.objects.filter(account=account, role=Role.Kind.HR).exclude(issuer="").delete()[0])
        action = "role.revoked"
    if changed:
        detail = {"role": Role.Kind.HR.value}
        audit(action, by=claims.provider, kind="account", id=account.pk, label=str(account), detail=detail)
        notify_owner(account, Event.ROLE_CHANGED)


def unbind(*, employee: Employee, by: Actor) -> int:
    """Delete the employee's provider bindings; the next sign-in binds again. Returns their number."""
    with transaction.atomic():
        bindings = ProviderSubject.objects.filter(account__employee=employee)
        issuers = list(bindings.values_list("issuer", flat=True))
        if issuers:
            account = account_for(employee)
            bindings.delete()
            notify_owner(account, Event.UNLINKED)
            audit(
                "account.unbound", by=by, kind="account", id=account.pk, label=str(employee),
                detail={"issuers": issuers},
            )  # fmt: skip
    return len(issuers)
