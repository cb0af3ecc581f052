"""A real SMTP server on this machine that keeps what it receives, and refuses or breaks off as a test asks."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session


def part(mail: EmailMessage, kind: str) -> str:
    """The text of a mail's part: `plain` or `html`."""
    body = mail.get_body((kind,))
    assert body is not None
    return str(body.get_content())


@dataclass
class Mailbox:
    """What the server received, in order; `connections`: how often a client connected.

    `answers`: the answer to a recipient's address, at RCPT or, with `in_data`, after the content.
    """

    received: list[EmailMessage] = field(default_factory=list)
    recipients: list[str] = field(default_factory=list)
    connections: int = 0
    answers: dict[str, str] = field(default_factory=dict)
    in_data: dict[str, str] = field(default_factory=dict)
    # Breaks the connection after the content of this address arrived, without an answer.
    break_off: set[str] = field(default_factory=set)
    # Breaks it before any content.
    break_at_recipient: set[str] = field(default_factory=set)

    async def handle_EHLO(self, server: SMTP, session: Session, envelope: Envelope, hostname: str, lines: Any) -> Any:  # noqa: N802
        self.connections += 1
        session.host_name = hostname
        return lines

    async def handle_RCPT(self, server: Any, session: Session, envelope: Envelope, to: str, options: Any) -> str:  # noqa: N802
        if to in self.break_at_recipient:
            server.transport.abort()
        if to in self.answers:
            return self.answers[to]
        envelope.rcpt_tos.append(to)
        return "250 OK"

    async def handle_DATA(self, server: Any, session: Session, envelope: Envelope) -> str:  # noqa: N802
        (to,) = envelope.rcpt_tos
        if to in self.in_data:
            return self.in_data[to]
        self.received.append(message_from_bytes(bytes(envelope.content or b""), policy=policy.default))  # type: ignore[arg-type]
        self.recipients.append(to)
        if to in self.break_off:
            server.transport.abort()
        return "250 OK"


# A line for each command would hide what a long run reports.
logging.getLogger("mail.log").setLevel(logging.ERROR)


class AnyPort(Controller):
    """A controller whose check of the server uses the port that the system chose."""

    def _trigger_server(self) -> None:
        server: Any = self.server
        self.port = server.sockets[0].getsockname()[1]
        super()._trigger_server()


@contextmanager
def smtp_server(settings: Any) -> Iterator[Mailbox]:
    """The server, and the settings of Django that lead to it."""
    mailbox = Mailbox()
    controller = AnyPort(mailbox, hostname="127.0.0.1", port=0)
    controller.start()
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", controller.port
    try:
        yield mailbox
    finally:
        controller.stop()
