"""Mails to an account's owner about changes of its password, second factors, tokens, roles and address.

They hold no link, and no name but the owner's. The transaction of the change stores the event. A worker sends the mail
after the commit, and retries until the mail server accepts it.
"""

import logging
from datetime import timedelta
from ipaddress import ip_address, ip_network
from smtplib import SMTPException, SMTPRecipientsRefused
from zoneinfo import ZoneInfo

from django.conf import settings
from django.core.mail import EmailMessage
from django.utils import translation
from django.utils.translation import gettext as _

from apps.accounts.models import Account, SecurityEvent
from apps.accounts.user_agents import browser_name
from apps.core.audit import origin, user_agent
from apps.core.clock import db_now
from apps.core.mail_portions import mail_portion
from apps.core.mailed_names import mailed_name
from apps.core.sql import execute, fetch_all, statement
from apps.core.text import clean_text

logger = logging.getLogger(__name__)
Event = SecurityEvent.Kind
LANGUAGES = ("en", "zh-hans")
MAX_MAILS_A_CALL, MAX_BROWSER_CHARS = 200, 300
# Of one kind to one account. A user causes such mails, as by sign-ins in a loop: they would use up the mail server's
# quota for all others.
MAX_ALIKE_A_DAY = 20
# Prefix length of the network in a mail: enough for the owner to recognise it, without identifying one machine.
NETWORK_BITS = {4: 16, 6: 48}
CLAIM = statement("accounts", "security_mails", "claim")
EXPIRE = """DELETE FROM accounts_securityevent
    WHERE at <= hundred_clock() - interval '7 days' OR sent_at <= hundred_clock() - interval '1 day'"""


def notify_owner(account: Account, kind: str, *, address: str | None = None) -> None:
    """Queue a mail about an event of `account`, in the caller's transaction; does nothing without an address.

    Nothing is queued either after MAX_ALIKE_A_DAY mails of this kind in 24 hours, which say the same.
    `address` replaces the owner's present address, such as the old address after a change.
    """
    to = account.roster_address if address is None else address
    alike = SecurityEvent.objects.filter(account=account, kind=kind, at__gt=db_now() - timedelta(days=1))
    if to and alike.count() < MAX_ALIKE_A_DAY:
        agent = clean_text(user_agent(), MAX_BROWSER_CHARS)
        SecurityEvent.objects.create(account=account, kind=kind, address=to, origin=origin(), browser=agent)


def send_security_mails() -> int:
    """Send a portion of the waiting mails, those of the accounts with the fewest first; return how many were sent.

    No transaction is open while the mail server answers.
    """
    sent = 0
    execute(EXPIRE)
    for _attempt in mail_portion(MAX_MAILS_A_CALL):
        event = _claim()
        if event is None:
            break
        try:
            build_mail(event).send()
        except (OSError, SMTPException, ValueError) as error:
            # The error's text may hold the address, so the log has only its type.
            logger.warning(
                "security e-mail %s was not accepted (%s): it will be sent again", event.pk, type(error).__name__
            )
            if isinstance(error, (SMTPRecipientsRefused, ValueError)):  # the address failed, not the server
                continue
            break
        # Without the address, which is not needed any more: the row only counts.
        SecurityEvent.objects.filter(pk=event.pk).update(sent_at=db_now(), address="", origin="", browser="")
        sent += 1
    return sent


def _claim() -> SecurityEvent | None:
    claimed = fetch_all(CLAIM)
    return SecurityEvent.objects.select_related("account__employee").get(pk=claimed[0][0]) if claimed else None


def build_mail(event: SecurityEvent) -> EmailMessage:
    """The mail about an event, in both languages, because the owner's language is unknown."""
    subjects, bodies = [], []
    for language in LANGUAGES:
        with translation.override(language):
            subjects.append(_("Security notice for your Hundred account"))
            bodies.append(_body(event))
    # A stable Message-ID: a repeated mail is recognised as the same message.
    headers = {"Message-ID": f"<security-{event.pk}@hundred>"}
    return EmailMessage(subject=" · ".join(subjects), body="\n\n".join(bodies), to=[event.address], headers=headers)


def _body(event: SecurityEvent) -> str:
    person = event.account.employee
    zone = (person.time_zone if person else "") or settings.TIME_ZONE
    when = f"{event.at.astimezone(ZoneInfo(zone)):%Y-%m-%d %H:%M} ({zone})"
    return _(
        "Hello %(name)s,\n\n%(what)s\n\nWhen: %(when)s\nFrom: %(where)s\n\nIf this was you, or you requested "
        "it, no action is needed. If not, contact HR and the operator of Hundred immediately. Then set a new "
        "password: the sign-in page has a link for a forgotten password. Hundred never asks for a password or "
        "a code by e-mail.\n"
    ) % {"name": mailed_name(str(event.account)), "what": event.sentence, "when": when, "where": _origin_text(event)}


def _origin_text(event: SecurityEvent) -> str:
    """Details that the owner can recognise: kind of access, network, browser."""
    way, _space, rest = event.origin.partition(" ")
    if way not in ("page", "api"):
        return _("Hundred itself, or its operator")
    ways = {"page": _("a page of Hundred"), "api": _("the API of Hundred")}
    network = _network(rest)
    return ", ".join(part for part in (ways[way], network, event.browser and browser_name(event.browser)) if part)


def _network(address: str) -> str:
    try:
        parsed = ip_address(address)
    except ValueError:
        return ""
    return _("network %(network)s") % {"network": ip_network((parsed, NETWORK_BITS[parsed.version]), strict=False)}
