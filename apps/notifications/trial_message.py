"""A test message, which an operator sends to see that a channel works."""

from __future__ import annotations

import uuid
from urllib.parse import urlsplit

from django.conf import settings
from django.utils.html import escape
from django.utils.translation import gettext as _

from apps.notifications.channels import CHANNELS
from apps.notifications.channels.base import DeliveryError, Message


def send_test_message(*, name: str, address: str, chat_id: str) -> dict[str, str]:
    """Send a test message by every configured channel, now; returns `sent` or the service's answer by channel."""
    number = uuid.uuid4()
    text = _("This is a test of Hundred's notifications. You need not do anything.")
    message = Message(
        message_id=f"<test-{number}@{urlsplit(settings.BASE_URL).hostname}>", name=name, address=address,
        # With a number: DingTalk drops a text that a user has received on the same day.
        subject=_("A test of Hundred's notifications"), text=f"{text}\n{number}\n", html=f"<p>{escape(text)}</p>",
        chat_id=chat_id,
    )  # fmt: skip
    return {name: _send(name, message) for name, channel in CHANNELS.items() if channel.is_configured()}


def _send(channel: str, message: Message) -> str:
    try:
        with CHANNELS[channel].session() as session:
            session.send(message)
    except DeliveryError as error:
        return error.code
    return "sent"
