"""Mails to an account's owner about changes of its password, second factors, tokens, roles and address.

They hold no link, and no name but the owner's. The transaction of the change stores the event. A worker sends the mail
after the commit, and retries until the mail server accepts it.
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
# Prefix length of the network in a mail: enough for the owner to recognise it, without identifying one machine.
NETWORK_BITS = {4: 16, 6: 48}
# A claim lapses after ten minutes, so a killed worker causes at most one duplicate mail. Events expire after a week.
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
    """The roster's address of the owner, or the account's own when it has no employee."""
    return account.employee.email if account.employee else account.email


def notify_owner(account: Account, kind: str, *, address: str | None = None) -> None:
    """Queue a mail about an event of `account`, in the caller's transaction; does nothing without an address.

    `address` replaces the owner's present address, such as the old address after a change.
    """
    to = address_of_owner(account) if address is None else address
    if to:
        agent = clean_text(browser(), MAX_BROWSER_CHARS)
        SecurityEvent.objects.create(account=account, kind=kind, address=to, origin=origin(), browser=agent)


def send_security_mails() -> int:
    """Send waiting mails; return how many were sent. No transaction is open while the mail server answers."""
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
            # The error's text may hold the address, so the log has only its type.
            logger.warning("security mail %s was not taken (%s): it is tried again", event.pk, type(error).__name__)
            if isinstance(error, (SMTPRecipientsRefused, ValueError)):  # the address failed, not the server
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
    """The mail about an event, in both languages, because the owner's language is unknown."""
    subjects, bodies = [], []
    for language in LANGUAGES:
        with translation.override(language):
            subjects.append(_("Your Hundred account: a security notice"))
            bodies.append(_body(event))
    # A stable Message-ID: a repeated mail is recognised as the same message.
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
    """Details that the owner can recognise: kind of access, network, browser."""
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
