"""Notifications by e-mail: one SMTP connection for a batch, and what each answer of the server means."""

from __future__ import annotations

import math
import smtplib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.conf import settings
from django.core.mail import EmailMultiAlternatives, get_connection
from django.core.mail.backends.smtp import EmailBackend
from django.utils.translation import pgettext_lazy

from apps.notifications.channels.base import Message, PermanentFailure, TemporaryFailure, UncertainFailure

# Replies from 400 to 499 are temporary, from 500 on permanent (RFC 5321, 4.2.1).
PERMANENT = 500
# So many mailboxes refused in a row are the server's answer to all mails, as after a day's quota, and not about them.
MAX_REFUSED_IN_A_ROW = 3
SMTP_BACKEND = "django.core.mail.backends.smtp.EmailBackend"


class EmailChannel:
    name, label = "email", pgettext_lazy("channel", "e-mail")
    # The operator knows the mail server: NOTIFICATIONS_PER_SECOND.
    per_second = math.inf

    def __init__(self) -> None:
        # The mailboxes refused since the last accepted mail, over the sessions of this process.
        self.refused: set[str] = set()

    def is_configured(self) -> bool:
        return True

    @contextmanager
    def session(self) -> Iterator[EmailSession]:
        # Tests and `make run` have other backends, which store mails and refuse none.
        backend = StagedBackend() if settings.EMAIL_BACKEND == SMTP_BACKEND else get_connection()
        session = EmailSession(backend, self.refused)
        session.open()
        try:
            yield session
        finally:
            session.close()


class EmailSession:
    """One connection to the mail server; opened again after an error that ended it."""

    def __init__(self, backend: Any, refused: set[str]) -> None:
        self.backend, self.refused = backend, refused

    def open(self) -> None:
        """Raises TemporaryFailure while the server is away or refuses the sign-in."""
        try:
            self.backend.open()
        except (OSError, smtplib.SMTPException) as error:
            # A connection whose sign-in failed is open.
            self.close()
            answer = getattr(error, "smtp_code", type(error).__name__)
            raise TemporaryFailure(f"connect: {answer}", affects_all=True) from error

    def close(self) -> None:
        # A server that has already closed the connection can refuse QUIT.
        try:
            self.backend.close()
        except (OSError, smtplib.SMTPException):
            self.backend.connection = None

    def send(self, message: Message) -> None:
        self.open()
        try:
            _mail(message, self.backend).send()
        except smtplib.SMTPRecipientsRefused as error:
            code = max(code for code, _text in error.recipients.values())
            self._raise_answer("recipient", code, error, message.address)
        except smtplib.SMTPSenderRefused as error:
            self.close()
            # The refusal concerns the installation's own address, so it would repeat for every message.
            raise TemporaryFailure(f"sender: {error.smtp_code}", affects_all=True) from error
        except smtplib.SMTPResponseException as error:
            self._raise_answer("data", error.smtp_code, error, message.address)
        except (OSError, smtplib.SMTPException) as error:
            in_data = getattr(self.backend, "in_data", True)
            self.close()
            if in_data:
                raise UncertainFailure(f"data: {type(error).__name__}") from error
            raise TemporaryFailure(f"dialogue: {type(error).__name__}") from error
        except ValueError as error:
            # An address or header with a line break, which Django refuses.
            raise PermanentFailure(type(error).__name__) from error
        self.refused.clear()

    def _raise_answer(self, stage: str, code: int, error: Exception, address: str) -> None:
        """Raise what an SMTP answer means. Only its code is kept: its text can hold the address."""
        if code < PERMANENT:
            raise TemporaryFailure(f"{stage}: {code}") from error
        self.refused.add(address)
        if len(self.refused) > MAX_REFUSED_IN_A_ROW:
            raise TemporaryFailure(f"{stage}: {code}", affects_all=True) from error
        raise PermanentFailure(f"{stage}: {code}") from error


class StagedSMTP:
    """Remembers whether the content was on its way when a connection broke: only then may the server have the mail."""

    in_data = False

    def data(self, content: Any) -> Any:
        self.in_data = True
        try:
            answer = super().data(content)  # type: ignore[misc]  # of smtplib
        except smtplib.SMTPResponseException:
            # The server has answered that it did not accept the content.
            self.in_data = False
            raise
        self.in_data = False
        return answer


class PlainSMTP(StagedSMTP, smtplib.SMTP):
    pass


class TlsSMTP(StagedSMTP, smtplib.SMTP_SSL):
    pass


class StagedBackend(EmailBackend):
    @property
    def connection_class(self) -> Any:
        return TlsSMTP if self.use_ssl else PlainSMTP

    @property
    def in_data(self) -> bool:
        return getattr(self.connection, "in_data", False)


def _mail(message: Message, backend: Any) -> EmailMultiAlternatives:
    headers = {"Message-ID": message.message_id, "Auto-Submitted": "auto-generated"}
    if message.unsubscribe_url:
        # RFC 8058: a mail program offers a button, which sends a POST without cookies.
        headers["List-Unsubscribe"] = f"<{message.unsubscribe_url}>"
        headers["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    mail = EmailMultiAlternatives(
        subject=message.subject, body=message.text, to=[message.address], headers=headers, connection=backend
    )
    mail.attach_alternative(message.html, "text/html")
    return mail
