"""Forgotten passwords: a set-password link is mailed to the roster's address of the account.

A request runs the same two queries whether an account exists or not. A worker sends the mail.
"""

from __future__ import annotations

import logging
from datetime import timedelta
from smtplib import SMTPException

from django.conf import settings
from django.core.mail import EmailMessage
from django.db import connection
from django.db.models import Q
from django.utils.translation import gettext as _
from django.utils.translation import override

from apps.accounts.backends import MAY_SIGN_IN
from apps.accounts.models import Account, EmailChange, ProviderSubject
from apps.accounts.models.account import meant_by
from apps.accounts.services import account_for, roster_address, set_password_link
from apps.core.audit import SYSTEM, audit
from apps.core.clock import db_now
from apps.core.identity import storable
from apps.core.identity_key import email_digest
from apps.core.locks import advisory_lock
from apps.core.models import AuditEntry
from apps.employees.models import Employee, EmployeeIdentity

logger = logging.getLogger(__name__)
# Minimum time between two mails to one person, so a third party who knows a staff number cannot flood the mailbox.
PAUSE = timedelta(minutes=5)
MAX_MAILS_A_DAY = 5


def find_account(name: str) -> tuple[int, int]:
    """Return (account id, employee id) that a sign-in name matches, 0 for none.

    Both queries always run, so that the time reveals nothing.
    """
    name = name.strip() if storable(name) else ""
    accounts = list(Account.objects.filter(meant_by(name.lower()) & MAY_SIGN_IN, is_active=True).distinct()[:2])
    exact = [one for one in accounts if one.login == name.lower()] or accounts
    named = Q(staff_no=name) | Q(staff_no=name.lower()) | Q(staff_no=name.upper()) | Q(email=name.lower())
    employees = list(Employee.objects.employed_at(db_now()).filter(named).order_by("pk")[:2])
    people = [one for one in employees if one.staff_no == name] or employees
    return (exact[0].pk if len(exact) == 1 else 0), (people[0].pk if len(people) == 1 else 0)


def mail_link(*, account_id: int, employee_id: int, language: str) -> bool:
    """Mail a set-password link to the matched person; True when a mail went out.

    No mail goes out without a match, to a leaver, to a person who signs in only at the company's provider, or too
    often. The same holds while an address change waits for approval, and for an unproven address of a used account. The
    limits count entries of the audit trail, so a manipulated broker or cache cannot flood a mailbox.
    """
    account = _account(account_id, employee_id)
    if account is None or not roster_address(account):
        return False
    if has_pending_email_change(account.employee_id or 0) or has_unproven_email(account.employee_id or 0):
        return False
    with advisory_lock(f"link:{account.pk}") as mine:
        return mine and not _mailed_lately(account) and _mail(account, language)


def _mailed_lately(account: Account) -> bool:
    now = db_now()
    mails = AuditEntry.objects.filter(subject_kind="account", subject_id=str(account.pk), action="account.link_mailed")
    lately = mails.filter(at__gt=now - timedelta(days=1))
    return lately.filter(at__gt=now - PAUSE).exists() or lately.count() >= MAX_MAILS_A_DAY


def _mail(account: Account, language: str) -> bool:
    with override(language if language in dict(settings.LANGUAGES) else settings.LANGUAGE_CODE):
        mail = EmailMessage(
            subject=_("Your password for Hundred"),
            body=_(
                "Hello %(name)s,\n\nsomebody asked for a new password of yours. Set one here:\n%(link)s\n\n"
                "Your sign-in is %(login)s. The link works once, for three days. Was it not you? Then do nothing: your "
                "password stays as it is.\n"
            )
            % {"name": account, "link": set_password_link(account), "login": account.login},
            to=[roster_address(account)],
        )
    try:
        mail.send()
    except (OSError, SMTPException) as error:
        # The log does not name the recipient; the requester can try again.
        logger.error("the mail server did not take a mail: %s", type(error).__name__)
        return False
    audit("account.link_mailed", by=SYSTEM, kind="account", id=account.pk, label=str(account))
    return True


def _account(account_id: int, employee_id: int) -> Account | None:
    if account_id:
        may = Account.objects.filter(MAY_SIGN_IN, pk=account_id, is_active=True).select_related("employee")
        account = may.first()
    else:
        # Accounts are created on first use (ADR 20).
        employee = Employee.objects.employed_at(db_now()).filter(pk=employee_id).first()
        account = account_for(employee) if employee else None
    if account is None or not account.is_active:
        return None
    elsewhere = ProviderSubject.objects.filter(account=account, issuer=settings.OIDC_ISSUER).exists()
    return None if elsewhere and not account.has_usable_password() else account


def has_pending_email_change(employee_id: int) -> bool:
    """Whether links to this employee's address are blocked now.

    A change of the address waits for approval, or another employee now holds the address, as after a leaver's return.
    """
    if EmailChange.objects.pending(db_now()).filter(employee=employee_id).exists():
        return True
    address = Employee.objects.filter(pk=employee_id).values_list("email", flat=True).first()
    key = email_digest(address or "")
    holders = EmployeeIdentity.objects.filter(kind="email", digest=key, live=True)
    return key is not None and holders.exclude(employee=employee_id).exists()


def has_unproven_email(employee_id: int) -> bool:
    """Whether the number is in use with an address that one HR user set alone and no mailed link has proven.

    A printed link proves nothing, because the mailbox may be that HR user's own. The operator prints another one.
    """
    employee = Employee.objects.filter(pk=employee_id, email_unproven=True).select_related("account").first()
    if employee is None or employee.email == getattr(getattr(employee, "account", None), "proven_email", ""):
        return False
    with connection.cursor() as cursor:
        cursor.execute("SELECT accounts_number_used(%s)", [employee_id])
        return bool(cursor.fetchone()[0])
