"""The interface of a channel: how a worker hands over notifications, and what the answers mean."""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol

from django.utils.functional import Promise

MAX_ERROR_CHARS = 200


@dataclass(frozen=True)
class Message:
    """A notification in the recipient's language, ready to be sent.

    `message_id` is the same at each attempt. `unsubscribe_url` is empty where the kind cannot be switched off.
    `chat_id`: the recipient's account in the chat product, empty where the roster names none.
    """

    message_id: str
    name: str
    address: str
    subject: str
    text: str
    html: str
    unsubscribe_url: str = ""
    chat_id: str = ""


class DeliveryError(Exception):
    """`code`: what the service answered, without addresses."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code[:MAX_ERROR_CHARS]


class TemporaryFailure(DeliveryError):
    """Certainly not delivered; a later attempt may succeed. `affects_all`: the service, and not this recipient."""

    def __init__(self, code: str, *, affects_all: bool = False) -> None:
        super().__init__(code)
        self.affects_all = affects_all


class RateLimitFailure(TemporaryFailure):
    """The service accepts nothing for so many seconds."""

    def __init__(self, code: str, *, seconds: float) -> None:
        super().__init__(code, affects_all=True)
        self.seconds = seconds


class PermanentFailure(DeliveryError):
    """Certainly not delivered, and no later attempt will be."""


class UncertainFailure(DeliveryError):
    """The connection broke when the message may have been accepted already."""


class Session(Protocol):
    """One connection to the service, for a batch."""

    def send(self, message: Message) -> None:
        """Hand the message over. Raises TemporaryFailure, PermanentFailure or UncertainFailure."""


class DeliveryChannel(Protocol):
    name: str

    @property
    def label(self) -> str | Promise:
        """What people call it."""

    @property
    def per_second(self) -> float:
        """The most messages that the service accepts in a second."""

    def is_configured(self) -> bool:
        """Whether the installation has this channel; without it nothing is planned for it."""

    def session(self) -> AbstractContextManager[Session]:
        """Open a session; entering it raises TemporaryFailure while the service is away."""
