"""Create accounts, grant roles, send invitations and audit sign-ins."""

from collections.abc import Callable, Collection, Iterable

from django.conf import settings
from django.core.mail import EmailMessage, get_connection
from django.db import transaction
from django.urls import reverse
from django.utils.encoding import force_bytes
from django.utils.http import urlsafe_base64_encode
from django.utils.translation import gettext as _

from apps.accounts.access_log import audit_failure
from apps.accounts.models import Account, Role
from apps.accounts.password_links import password_link_tokens, printed_link_tokens
from apps.accounts.security_mails import Event, notify_owner
from apps.core.audit import SYSTEM, Actor, audit
from apps.core.mailed_names import mailed_name
from apps.core.text import is_storable
from apps.employees.models import Employee


class UnknownRole(ValueError):
    """The role does not exist."""


def staff_numbers(account_ids: Collection[int]) -> dict[int, str]:
    """The staff numbers of the employees of these accounts, by the account's id; for readers of the audit trail."""
    accounts = Account.objects.filter(pk__in=account_ids, employee__isnull=False)
    return dict(accounts.values_list("pk", "employee__staff_no"))


def accounts_of_number(staff_no: str) -> list[int]:
    """The ids of the accounts of a staff number, in any case; for a search of the audit trail."""
    return list(Account.objects.filter(employee__staff_no__iexact=staff_no).values_list("pk", flat=True))


def account_for(employee: Employee) -> Account:
    """Return the employee's account; create it without a password if missing."""
    login = employee.staff_no.lower()
    if Account.objects.filter(login=login).exclude(employee=employee).exists():
        # Staff numbers may differ only by case; sign-in names may not.
        login = f"{login}-{employee.pk}"
    with transaction.atomic():
        account, created = Account.objects.get_or_create(
            employee=employee,
            defaults={
                "login": login,
                "email": employee.email,
                "display_name": employee.name,
                "password": "!",  # nosec B105 # marks an unusable password
            },
        )
        if created:
            audit("account.created", by=SYSTEM, kind="account", id=account.pk, label=str(employee))
    return account


def grant_role(*, employee: Employee, role: str, by: Actor, revoke: bool = False) -> bool:
    """Grant or revoke a role; False when nothing changed. Raises UnknownRole.

    Granting a role that came from a provider's group makes it permanent. Triggers end the account's earlier access:
    tokens, sessions and set-password links, and with the first role its second factors (ADR 65).
    """
    if role not in Role.Kind.values:
        raise UnknownRole(role)
    with transaction.atomic():
        account = account_for(employee)
        if revoke:
            changed = Role.objects.filter(account=account, role=role).delete()[0] > 0
        else:
            defaults = {"granted_by_id": by.id, "granted_by_label": by.label}
            granted, changed = Role.objects.get_or_create(account=account, role=role, defaults=defaults)
            if granted.issuer:
                changed = bool(Role.objects.filter(pk=granted.pk).update(issuer="", **defaults))
        if changed:
            action = "role.revoked" if revoke else "role.granted"
            audit(action, by=by, kind="account", id=account.pk, label=str(employee), detail={"role": role})
            notify_owner(account, Event.ROLE_CHANGED)
    return changed


def set_password_link(account: Account, *, printed: bool = False) -> str:
    """A link to set the password, valid once and for PASSWORD_RESET_TIMEOUT.

    A link that is not `printed` is mailed to the roster's address; using it proves that address. The link uses
    BASE_URL: with a host from the request, an attacker could receive the token.
    """
    address = reverse(
        "set-password",
        kwargs={
            "uidb64": urlsafe_base64_encode(force_bytes(account.pk)),
            "token": (printed_link_tokens if printed else password_link_tokens).make_token(account),
        },
    )
    return settings.BASE_URL + address


def invitation(account: Account) -> EmailMessage:
    return EmailMessage(
        subject=_("Set your password for Hundred"),
        body=_(
            "Hello %(name)s,\n\nSet your password for Hundred here:\n%(link)s\n\nYour username is %(login)s. "
            "The link works once and expires after three days.\n"
        )
        % {"name": mailed_name(str(account)), "link": set_password_link(account), "login": account.login},
        to=[account.roster_address],
    )


def invite(
    *,
    employees: Iterable[Employee],
    by: Actor,
    progress: Callable[[int], None] = lambda sent: None,
) -> int:
    """Mail each employee a set-password link over one connection; return how many mails were sent."""
    sent = 0
    with get_connection() as mail:
        for employee in employees:
            account = account_for(employee)
            if account.has_usable_password():
                continue
            message = invitation(account)
            message.connection = mail
            sent += message.send()
            audit("account.invited", by=by, kind="account", id=account.pk, label=str(employee))
            progress(sent)
    return sent


def audit_refused(name: str) -> None:
    """Append a refused sign-in with this name; the account is recorded only when exactly one matches."""
    accounts = Account.objects.named(name) if is_storable(name) else []
    audit_failure("sign_in_refused", accounts[0] if len(accounts) == 1 else None)
