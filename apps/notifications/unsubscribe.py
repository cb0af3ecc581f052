"""The signed token of an unsubscribe link (RFC 8058): it switches one kind off for one recipient and channel."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.core import signing

from apps.notifications.kinds import KINDS, Kind
from apps.notifications.models import Channel, Preference

SALT = "apps.notifications.unsubscribe"
MAX_TOKEN_CHARS = 300


class InvalidUnsubscribeToken(ValueError):
    """The token was not made here, or its kind no longer exists or cannot be switched off."""


@dataclass(frozen=True)
class Subscription:
    """What a token stands for. `recipient`: `e` or `a` and the id of an employee or an account."""

    recipient: str
    kind: Kind
    channel: str

    def switch_off(self) -> None:
        """Store that this recipient gets no more notifications of the kind by the channel. Idempotent."""
        column = "employee_id" if self.recipient[0] == "e" else "account_id"
        subscription: dict[str, Any] = {
            "kind": self.kind.code,
            "channel": self.channel,
            column: int(self.recipient[1:]),
        }
        Preference.objects.update_or_create(**subscription, defaults={"enabled": False})


def token(recipient: str, kind: str, channel: str) -> str:
    """It does not expire: a reader of an old mail must be able to end such mails."""
    return signing.dumps([recipient, kind, channel], salt=SALT)


def read_token(text: str) -> Subscription:
    """Raises InvalidUnsubscribeToken."""
    try:
        if len(text) > MAX_TOKEN_CHARS:
            raise InvalidUnsubscribeToken
        recipient, kind, channel = signing.loads(text, salt=SALT)
    except (signing.BadSignature, ValueError, TypeError) as error:
        raise InvalidUnsubscribeToken from error
    if kind not in KINDS or channel not in Channel.values or not KINDS[kind].can_switch_off_by(channel):
        raise InvalidUnsubscribeToken
    return Subscription(recipient, KINDS[kind], channel)
