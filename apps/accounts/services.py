"""Writers of people: the tree cache, roles, accounts, invitations. The roster itself is loaded by `imports`."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import timedelta

from django.conf import settings
from django.core.mail import EmailMessage, get_connection
from django.db import transaction
from django.urls import reverse
from django.utils.encoding import force_bytes
from django.utils.http import urlsafe_base64_encode
from django.utils.translation import gettext as _

from apps.accounts.models import Account, Role
from apps.accounts.password_links import password_link_tokens, printed_link_tokens
from apps.accounts.security_mails import Event, notify_owner
from apps.core.audit import SYSTEM, Actor, audit, audit_once
from apps.core.identity import storable
from apps.employees.models import Employee

# Who was not let in may be anybody.
UNKNOWN = Actor(None, "?")


class UnknownRole(ValueError):
    """No such role."""


class NoAccount(ValueError):
    """The employee cannot have an account now, with the reason."""


def account_for(employee: Employee) -> Account:
    """The employee's account, made without a password when there is none yet."""
    login = employee.staff_no.lower()
    if Account.objects.filter(login=login).exclude(employee=employee).exists():
        # Staff numbers may differ by case alone, sign-ins may not.
        login = f"{login}-{employee.pk}"
    with transaction.atomic():
        account, created = Account.objects.get_or_create(
            employee=employee,
            defaults={
                "login": login,
                "email": employee.email,
                "display_name": employee.name,
                "password": "!",  # nosec B105 # unusable, no password
            },
        )
        if created:
            audit("account.created", by=SYSTEM, kind="account", id=account.pk, label=str(employee))
    return account


def grant_role(*, employee: Employee, role: str, by: Actor, revoke: bool = False) -> bool:
    """Give or take a role; False when nothing changed. Raises UnknownRole.

    A role that a provider's groups gave stays from now on when it is given here too. Triggers end what the account had
    before: its tokens, sessions and set-password links, and with the first role its second factors (ADR 65).
    """
    if role not in Role.Kind.values:
        raise UnknownRole(role)
    with transaction.atomic():
        account = account_for(employee)
        if revoke:
            changed = Role.objects.filter(account=account, role=role).delete()[0] > 0
        else:
            given = {"granted_by_id": by.id, "granted_by_label": by.label}
            found, changed = Role.objects.get_or_create(account=account, role=role, defaults=given)
            if found.issuer:
                changed = bool(Role.objects.filter(pk=found.pk).update(issuer="", **given))
        if changed:
            action = "role.revoked" if revoke else "role.granted"
            audit(action, by=by, kind="account", id=account.pk, label=str(employee), detail={"role": role})
            notify_owner(account, Event.ROLE_CHANGED)
    return changed


def roster_address(account: Account) -> str:
    """Where the roster says that this person is reached, today."""
    return account.employee.email if account.employee else account.email


def set_password_link(account: Account, *, printed: bool = False) -> str:
    """A link, valid for PASSWORD_RESET_TIMEOUT and for one use, at which this account's password is set.

    A link that is not `printed` is mailed to `roster_address`, and proves that address when it is used. It leads
    to BASE_URL: a caller that could name another host could have the token sent there.
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
    """The mail that invites somebody to set a password."""
    return EmailMessage(
        subject=_("Your sign-in to Hundred"),
        body=_(
            "Hello %(name)s,\n\nset your password here:\n%(link)s\n\nYour sign-in is %(login)s. The link works once, "
            "for three days.\n"
        )
        % {"name": account, "link": set_password_link(account), "login": account.login},
        to=[roster_address(account)],
    )


def invite(
    *,
    employees: Iterable[Employee],
    by: Actor,
    progress: Callable[[int], None] = lambda sent: None,
) -> int:
    """Mail every employee a set-password link, over one connection; returns how many mails went out."""
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


def audit_account(event: str, account: Account) -> None:
    """Append what somebody did to their own sign-in: signed_in, signed_out, password_set, password_changed."""
    audit(f"account.{event}", by=account.actor, kind="account", id=account.pk, label=str(account))


def audit_refused(name: str) -> None:
    """Append that somebody was not let in under this name, once a minute for one account and place.

    A name that nobody has is not kept: people type passwords into the wrong field.
    """
    named = Account.objects.named(name) if storable(name) else []
    label = str(named[0]) if len(named) == 1 else ""
    audit_once(
        "account.sign_in_refused", by=UNKNOWN, kind="account", id=named[0].pk if label else "", label=label,
        within=timedelta(minutes=1),
    )  # fmt: skip
