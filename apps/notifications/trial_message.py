"""A test message, which an operator sends to see that a channel works."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from datetime import timedelta
from urllib.parse import urlsplit

from django.conf import settings
from django.db.models import DateTimeField, ExpressionWrapper, Value
from django.utils.html import escape
from django.utils.translation import gettext as _

from apps.accounts.models import Account
from apps.core.audit import audit
from apps.core.errors import Refused
from apps.core.models import AuditEntry
from apps.core.querysets import Clock
from apps.notifications.channels import CHANNELS
from apps.notifications.channels.base import DeliveryError, Message

# Of one operator by the page, so that it does not become a way to send many mails.
MAX_TESTS, TESTS_WITHIN = 5, timedelta(minutes=10)


def testable_channels() -> list[str]:
    """The names of the channels that send messages in this installation."""
    return [name for name, channel in CHANNELS.items() if channel.is_configured()]


def send_own_test(*, account: Account, channel: str) -> str:
    """Send a test message to the account's own person; returns `sent` or the service's answer. Raises Refused.

    It waits for the service, so the caller holds no transaction.
    """
    if channel not in testable_channels():
        raise Refused("invalid", _("This channel is not configured."), "channel")
    if channel == "email" and not account.roster_address:
        raise Refused("invalid", _("Your account has no e-mail address."))
    since = ExpressionWrapper(Clock() - Value(TESTS_WITHIN), output_field=DateTimeField())
    tests = AuditEntry.objects.filter(action="notification.tested", actor_id=account.pk, at__gt=since)
    if tests.count() >= MAX_TESTS:
        message = _("At most %(most)s test notifications can be sent in ten minutes. Try again later.")
        raise Refused("too_many", message % {"most": MAX_TESTS}, conflict=True)
    # Before it is sent: an attempt that the service refuses or that dies counts too.
    audit("notification.tested", by=account.actor, kind="channel", id=channel)
    chat_id = account.employee.chat_id if account.employee else ""
    answers = send_test_message(
        name=str(account), address=account.roster_address, chat_id=chat_id, channels=[channel]
    )  # fmt: skip
    return answers[channel]


def send_test_message(
    *, name: str, address: str, chat_id: str, channels: Iterable[str] | None = None
) -> dict[str, str]:  # fmt: skip
    """Send a test message now, by these channels or every configured one; returns `sent` or the service's answer by
    channel.
    """
    number = uuid.uuid4()
    text = _("This is a test of Hundred's notifications. No action is needed.")
    message = Message(
        message_id=f"<test-{number}@{urlsplit(settings.BASE_URL).hostname}>", name=name, address=address,
        # With a number: DingTalk drops a text that a user has received on the same day.
        subject=_("A test of Hundred's notifications"), text=f"{text}\n{number}\n", html=f"<p>{escape(text)}</p>",
        chat_id=chat_id,
    )  # fmt: skip
    return {channel: _send(channel, message) for channel in channels or testable_channels()}


def _send(channel: str, message: Message) -> str:
    try:
        with CHANNELS[channel].session() as session:
            session.send(message)
    except DeliveryError as error:
        return error.code
    return "sent"
