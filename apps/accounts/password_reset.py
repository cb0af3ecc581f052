"""Forgotten passwords: a set-password link is mailed to the roster's address of the account.

A request runs the same two queries whether an account exists or not. A worker queues the mail as a row, and one worker
at a time sends them: a stranger's many requests keep no other task from a worker.
"""

import logging
from datetime import timedelta
from smtplib import SMTPException, SMTPRecipientsRefused

from django.conf import settings
from django.core.mail import EmailMessage
from django.db.models import Q
from django.utils.translation import gettext as _
from django.utils.translation import override

from apps.accounts.access_log import audit_account
from apps.accounts.approvals import REQUEST_LIFETIME
from apps.accounts.backends import CAN_SIGN_IN
from apps.accounts.models import Account, EmailChange, ProviderSubject, SecurityEvent
from apps.accounts.models.account import best_matches, matches_login
from apps.accounts.services import account_for, set_password_link
from apps.core.audit import SYSTEM
from apps.core.clock import db_now
from apps.core.identity_key import email_digest
from apps.core.locks import advisory_lock
from apps.core.mail_portions import mail_portion
from apps.core.mailed_names import mailed_name
from apps.core.models import AuditEntry
from apps.core.sql import fetch_all, statement
from apps.core.text import is_storable
from apps.employees.models import Employee, EmployeeIdentity

logger = logging.getLogger(__name__)
# Minimum time between two mails to one person, so a third party who knows a staff number cannot flood the mailbox.
MIN_MAIL_INTERVAL = timedelta(minutes=5)
MAX_MAILS_A_DAY = 5
# A link that arrives much later confuses more than it helps.
MAX_WAIT = timedelta(hours=1)
MAX_LINKS_A_CALL = 200
# Requests of one account for new addresses of one employee block the links once in this time.
BLOCKED_ONCE_IN = timedelta(days=90)
CLAIM_LINK = statement("accounts", "security_mails", "claim_link")


def find_account(name: str) -> tuple[int, int]:
    """Return (account id, employee id) that a sign-in name matches, 0 for none.

    Both queries always run, so that the time reveals nothing.
    """
    name = name.strip() if is_storable(name) else ""
    allowed = Account.objects.filter(matches_login(name.lower()) & CAN_SIGN_IN, is_active=True).distinct()
    # As at the sign-in; two matches that are left are none.
    accounts = best_matches(allowed, name.lower())
    by_name = Q(staff_no=name) | Q(staff_no=name.lower()) | Q(staff_no=name.upper()) | Q(email=name.lower())
    employees = list(Employee.objects.employed_at(db_now()).filter(by_name).order_by("pk")[:2])
    employees = [employee for employee in employees if employee.staff_no == name] or employees
    return accounts[0].pk if len(accounts) == 1 else 0, employees[0].pk if len(employees) == 1 else 0


def queue_password_link(*, account_id: int, employee_id: int, language: str) -> bool:
    """Queue a mail with a set-password link for the matched person; True when one was queued.

    No mail goes out without a match, to a leaver, to a person who signs in only at the company's provider, or too
    often. The same holds while an address change waits for approval, and for an unproven address of a used account. The
    limits count entries of the audit trail, so a manipulated broker or cache cannot flood a mailbox.
    """
    account = _recipient(account_id, employee_id)
    if account is None or mail_obstacle(account):
        return False
    with advisory_lock(f"link:{account.pk}") as acquired:
        waiting = SecurityEvent.objects.filter(account=account, kind=SecurityEvent.PASSWORD_LINK)
        if not acquired or waiting.exists():
            return False
        language = language if language in dict(settings.LANGUAGES) else settings.LANGUAGE_CODE
        SecurityEvent.objects.create(
            account=account, kind=SecurityEvent.PASSWORD_LINK, address=account.roster_address, browser=language
        )
    return True


def send_password_links() -> int:
    """Send a portion of the queued links; return how many were sent. No transaction is open meanwhile.

    A link is made when its mail is sent, and only if the account may still be mailed. A mail that the server does not
    take is tried again until the request is MAX_WAIT old; later its owner asks again.
    """
    sent = 0
    links = SecurityEvent.objects.filter(kind=SecurityEvent.PASSWORD_LINK)
    links.filter(at__lt=db_now() - MAX_WAIT).delete()
    for _attempt in mail_portion(MAX_LINKS_A_CALL):
        claimed = fetch_all(CLAIM_LINK)
        if not claimed:
            break
        request = links.get(pk=claimed[0][0])
        account = _recipient(request.account_id, 0)
        if account is not None and not mail_obstacle(account):
            try:
                _link_mail(account, request.browser).send()
            except (OSError, SMTPException, ValueError) as error:
                # The log does not name the recipient.
                logger.error("the mail server refused an e-mail: %s", type(error).__name__)
                if isinstance(error, (SMTPRecipientsRefused, ValueError)):  # this address, not the server
                    continue
                break
            audit_account("link_mailed", account, by=SYSTEM)
            sent += 1
        request.delete()
    return sent


def mail_obstacle(account: Account) -> str:
    """Why no link may be mailed to this account now: `no_address`, `pending`, `unproven`, `often`; empty if it may."""
    if not account.roster_address:
        return "no_address"
    if has_pending_email_change(account.employee_id or 0):
        return "pending"
    if has_unproven_email(account.employee_id or 0):
        return "unproven"
    return "often" if _mailed_too_often(account) else ""


def _mailed_too_often(account: Account) -> bool:
    now = db_now()
    mails = AuditEntry.objects.filter(subject_kind="account", subject_id=str(account.pk), action="account.link_mailed")
    recent = mails.filter(at__gt=now - timedelta(days=1))
    return recent.filter(at__gt=now - MIN_MAIL_INTERVAL).exists() or recent.count() >= MAX_MAILS_A_DAY


def _link_mail(account: Account, language: str) -> EmailMessage:
    with override(language):
        return EmailMessage(
            subject=_("Set a new password for Hundred"),
            body=_(
                "Hello %(name)s,\n\nA new password was requested for your account. Set it "
                "here:\n%(link)s\n\nYour username is %(login)s. The link works once and expires after three "
                "days. If you did not request a new password, ignore this e-mail: your password stays the "
                "same.\n"
            )
            % {"name": mailed_name(str(account)), "link": set_password_link(account), "login": account.login},
            to=[account.roster_address],
        )


def _recipient(account_id: int, employee_id: int) -> Account | None:
    if account_id:
        may = Account.objects.filter(CAN_SIGN_IN, pk=account_id, is_active=True).select_related("employee")
        account = may.first()
    else:
        # Accounts are created on first use (ADR 20).
        employee = Employee.objects.employed_at(db_now()).filter(pk=employee_id).first()
        account = account_for(employee) if employee else None
    if account is None or not account.is_active:
        return None
    return None if signs_in_elsewhere(account) else account


def signs_in_elsewhere(account: Account) -> bool:
    """Whether the account signs in at the company's provider only."""
    bound = ProviderSubject.objects.filter(account=account, issuer=settings.OIDC_ISSUER).exists()
    return bound and not account.has_usable_password()


def email_change_waits(employee_id: int) -> bool:
    """Whether a change of the employee's address waits for approval, however often one was requested before."""
    return EmailChange.objects.pending(db_now()).filter(employee=employee_id).exists()


def has_pending_email_change(employee_id: int) -> bool:
    """Whether links to this employee's address are blocked now.

    A change of the address waits for approval, or another employee now holds the address, as after a leaver's return.
    Requests of one account block an employee's links for REQUEST_LIFETIME, once in BLOCKED_ONCE_IN. Otherwise one HR
    user could block everyone's links for ever.
    """
    now = db_now()
    pending = EmailChange.objects.pending(now).filter(employee=employee_id)
    # Approved requests do not count: they were no attempt to block.
    earlier = EmailChange.objects.exclude(request__decision="approved").filter(
        employee=employee_id, request__requested_at__range=(now - BLOCKED_ONCE_IN, now - REQUEST_LIFETIME)
    )
    blocked_before = set(earlier.values_list("request__requested_by_id", flat=True))
    if any(account not in blocked_before for account in pending.values_list("request__requested_by_id", flat=True)):
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
    [[used]] = fetch_all("SELECT accounts_number_used(%s)", [employee_id])
    return bool(used)
