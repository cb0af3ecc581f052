"""`send_test_notification`: an operator sees that a channel works before employees wait for its messages."""

from typing import Any

import pytest
from django.core.management import CommandError

from apps.employees.models import Employee
from tests.commands import run, say
from tests.notifications.smtp import Mailbox

pytestmark = pytest.mark.django_db


def test_a_message_arrives_and_the_answer_is_printed(alice: Employee, mailbox: Mailbox) -> None:
    assert run("send_test_notification", "a001") == {"staff_no": "A001", "email": "sent"}
    assert mailbox.recipients == ["alice@corp.example.com"]
    out, _err = say("send_test_notification", "A001")
    assert out.strip() == "Sent to Alice 艾 (A001) by email."


def test_a_refusal_is_printed_and_fails_the_command(alice: Employee, mailbox: Mailbox, settings: Any) -> None:
    mailbox.answers["alice@corp.example.com"] = "550 no such mailbox"
    assert run("send_test_notification", "A001")["email"] == "recipient: 550"
    with pytest.raises(CommandError, match=r"email: recipient: 550\."):
        say("send_test_notification", "A001")
    settings.EMAIL_PORT = 1
    assert run("send_test_notification", "A001")["email"] == "connect: ConnectionRefusedError"
