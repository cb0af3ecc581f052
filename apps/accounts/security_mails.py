"""Mails to the owner of an account about changes of its password, second factors, tokens, roles and address.

They hold no link and nothing but the owner's own name. The event is stored in the transaction of the change; a worker
sends the mail after the commit, and tries again until the mail server takes it.
"""

from __future__ import annotations

import logging
from ipaddress import ip_address, ip_network
from smtplib import SMTPException, SMTPRecipientsRefused
from zoneinfo import ZoneInfo

from django.conf import settings
from django.core.mail import EmailMessage
from django.db import connection
from django.utils import translation
from django.utils.translation import gettext as _

from apps.accounts.models import Account, SecurityEvent
from apps.accounts.user_agents import called
from apps.core.audit import browser, origin
from apps.core.identity import clean_text

logger = logging.getLogger(__name__)
Event = SecurityEvent.Kind
LANGUAGES = ("en", "zh-hans")
MAX_MAILS_A_CALL, MAX_BROWSER_CHARS = 200, 300
# Bits of an address that the mail names: enough to recognise one's own network, not somebody's machine.
NETWORK_BITS = {4: 16, 6: 48}
# A claim lapses after ten minutes, so that a killed worker costs a second mail at most; nothing is sent after a week.
CLAIM = """
UPDATE accounts_securityevent SET claimed_at = hundred_clock() WHERE id = (
    SELECT event.id FROM accounts_securityevent event
    WHERE event.at > hundred_clock() - interval '7 days'
      AND (event.claimed_at IS NULL OR event.claimed_at < hundred_clock() - interval '10 minutes')
    ORDER BY event.at, event.id LIMIT 1 FOR UPDATE SKIP LOCKED)
RETURNING id
"""
EXPIRE = "DELETE FROM accounts_securityevent WHERE at <= hundred_clock() - interval '7 days'"


def address_of_owner(account: Account) -> str:
    """Where the owner is reached: the roster's address, or the account's own when it belongs to no employee."""
    return account.employee.email if account.employee else account.email


def notify_owner(account: Account, kind: str, *, address: str | None = None) -> None:
    """Queue a mail about an event of `account`, in the caller's transaction. Without an address nobody is mailed.

    `address`: where it goes instead of the owner's present address, as the old one after a change of it.
    """
    to = address_of_owner(account) if address is None else address
    if to:
        agent = clean_text(browser(), MAX_BROWSER_CHARS)
        SecurityEvent.objects.create(account=account, kind=kind, address=to, origin=origin(), browser=agent)


def send_security_mails() -> int:
    """Send the mails that wait; returns how many went out. No transaction is open while the mail server answers."""
    sent = 0
    with connection.cursor() as cursor:
        cursor.execute(EXPIRE)
    for _attempt in range(MAX_MAILS_A_CALL):
        event = _claim()
        if event is None:
            break
        try:
            mail_of(event).send()
        except (OSError, SMTPException, ValueError) as error:
            # The error's own words may hold the address.
            logger.warning("security mail %s was not taken (%s): it is tried again", event.pk, type(error).__name__)
            if isinstance(error, (SMTPRecipientsRefused, ValueError)):  # this address, not the server
                continue
            break
        event.delete()
        sent += 1
    return sent


def _claim() -> SecurityEvent | None:
    with connection.cursor() as cursor:
        cursor.execute(CLAIM)
        claimed = cursor.fetchone()
    return SecurityEvent.objects.select_related("account__employee").get(pk=claimed[0]) if claimed else None


def mail_of(event: SecurityEvent) -> EmailMessage:
    """The mail about an event, in both languages: whose language is which is not known."""
    subjects, bodies = [], []
    for language in LANGUAGES:
        with translation.override(language):
            subjects.append(_("Your Hundred account: a security notice"))
            bodies.append(_body(event))
    # One event is one message, however often it is sent.
    headers = {"Message-ID": f"<security-{event.pk}@hundred>"}
    return EmailMessage(subject=" · ".join(subjects), body="\n\n".join(bodies), to=[event.address], headers=headers)


def _body(event: SecurityEvent) -> str:
    person = event.account.employee
    zone = (person.time_zone if person else "") or settings.TIME_ZONE
    when = f"{event.at.astimezone(ZoneInfo(zone)):%Y-%m-%d %H:%M} ({zone})"
    return _(
        "Hello %(name)s,\n\n%(what)s\n\nWhen: %(when)s\nFrom: %(where)s\n\nIf this was you, or you asked for it, there "
        "is nothing to do. If not, tell HR and the operator of Hundred at once, and set a new password: the "
        "sign-in page of Hundred has a link for lost ones. No mail like this asks you for a password or a code.\n"
    ) % {"name": event.account, "what": event.sentence, "when": when, "where": _where(event)}


def _where(event: SecurityEvent) -> str:
    """What the owner can recognise: the kind of access, the network, the browser."""
    way, _space, rest = event.origin.partition(" ")
    if way not in ("page", "api"):
        return _("Hundred itself, or its operator")
    ways = {"page": _("a page of Hundred"), "api": _("the API of Hundred")}
    network = _network(rest)
    return ", ".join(part for part in (ways[way], network, event.browser and called(event.browser)) if part)


def _network(address: str) -> str:
    try:
        parsed = ip_address(address)
    except ValueError:
        return ""
    return _("network %(network)s") % {"network": ip_network((parsed, NETWORK_BITS[parsed.version]), strict=False)}
