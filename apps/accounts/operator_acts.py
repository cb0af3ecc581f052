"""What one operator may do with another person's account, with an audit entry and a mail to the owner (ADR 86).

None of these acts gives a right: they end access, send a link to the address on record, or create a code that is worth
nothing without the owner's password.
"""

from django.conf import settings
from django.db import transaction
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from apps.accounts.access_log import audit_account
from apps.accounts.account_changes import refuse_own_account
from apps.accounts.approvals import require_past_cooldown
from apps.accounts.backends import CAN_SIGN_IN
from apps.accounts.enrolment import create_enrolment_code, has_factor
from apps.accounts.models import Account, Role
from apps.accounts.password_reset import mail_obstacle, queue_password_link, signs_in_elsewhere
from apps.accounts.second_factors import remove_factors
from apps.accounts.security_mails import Event, notify_owner
from apps.accounts.services import account_for, grant_role
from apps.accounts.sessions import end_access
from apps.core.audit import Actor
from apps.core.errors import Refused
from apps.employees.models import Employee

OBSTACLES = {
    "no_address": gettext_lazy("The roster has no e-mail address of this person."),
    "pending": gettext_lazy(
        "A new address of this person waits for approval, or another employee has the address. No link is sent until "
        "HR has decided."
    ),
    "unproven": gettext_lazy(
        "No one has proven yet whose mailbox this address is. Print a link: invite_employees --staff-no NUMBER --print."
    ),
    "often": gettext_lazy("A link was sent a short time ago, or five today. Try again later."),
}


def end_person_access(*, employee: Employee, by: Actor) -> int:
    """End all sessions and tokens of a person; return how many sessions ended."""
    with transaction.atomic():
        account = account_for(employee)
        ended = end_access(account=account, by=by)
        notify_owner(account, Event.ACCESS_ENDED)
    return ended


def send_link(*, employee: Employee, by: Actor) -> None:
    """Mail a set-password link to the address on record. Raises Refused when none may be sent now.

    A worker makes the link and sends it, so no operator sees it.
    """
    account = account_for(employee)
    if not Account.objects.filter(CAN_SIGN_IN, pk=account.pk, is_active=True).exists():
        raise Refused("not_employed", _("This person is not employed now, so no link is sent."), conflict=True)
    if signs_in_elsewhere(account):
        raise Refused(
            "provider", _("This person signs in at the company's provider, not with a password."), conflict=True
        )
    if obstacle := mail_obstacle(account):
        raise Refused(obstacle, str(OBSTACLES[obstacle]), conflict=True)
    language = account.language or settings.LANGUAGE_CODE
    # A row and no message: without a broker the link waits for the next worker.
    if not queue_password_link(account_id=account.pk, employee_id=0, language=language):
        raise Refused("waiting", _("A link is already on its way."), conflict=True)
    audit_account("invited", account, by=by)


def reset_factors(*, employee: Employee, by: Actor) -> str:
    """Remove the second factors of a person without a role; return the code for the next one, shown once.

    Raises Refused; for a role holder a second person decides (apps.accounts.account_changes).
    """
    require_past_cooldown(by)
    account = account_for(employee)
    refuse_own_account(account, by)
    with transaction.atomic():
        # A role that is granted at this moment waits: its row needs this one.
        Account.objects.select_for_update().get(pk=account.pk)
        if Role.objects.filter(account=account).exists():
            raise Refused("role_holder", _("This person has a role, so a second person has to approve."), conflict=True)
        if not has_factor(account):
            raise Refused("no_factor", _("This account has no second factor."), conflict=True)
        remove_factors(account=account, by=by)
        return _new_code(account, by, after_reset=True)


def create_code(*, employee: Employee, by: Actor) -> str:
    """A new enrolment code for a person who needs one; an earlier code stops working. Raises Refused."""
    require_past_cooldown(by)
    account = account_for(employee)
    refuse_own_account(account, by)
    with transaction.atomic():
        return _new_code(account, by)


def _new_code(account: Account, by: Actor, *, after_reset: bool = False) -> str:
    code = create_enrolment_code(account=account, by=by, after_reset=after_reset)
    if code is None:
        raise Refused("no_code", _("This person needs no code to add a second factor."), conflict=True)
    notify_owner(account, Event.ENROLMENT_CODE)
    return code


def revoke_role(*, employee: Employee, role: str, by: Actor) -> None:
    """Revoke a role at once. Raises Refused for the last HR user or operator who can sign in."""
    require_past_cooldown(by)
    with transaction.atomic():
        # All of them: of two operators who remove each other at the same moment, the second one is refused.
        holders = {held.account_id: held for held in Role.objects.select_for_update().filter(role=role).order_by("pk")}
        account = account_for(employee)
        if account.pk not in holders:
            raise Refused("no_role", _("This person does not have the role."), conflict=True)
        if holders[account.pk].issuer:
            message = _("This role comes from a group at the company's provider. Remove the person from that group.")
            raise Refused("from_provider", message, conflict=True)
        others = Account.objects.filter(CAN_SIGN_IN, is_active=True, used_at__isnull=False, pk__in=holders)
        if role in (Role.Kind.HR, Role.Kind.OPERATOR) and not others.exclude(pk=account.pk).exists():
            message = _("No other person with this role can sign in. Grant it to another person first.")
            raise Refused("last_holder", message, conflict=True)
        grant_role(employee=employee, role=role, by=by, revoke=True)
