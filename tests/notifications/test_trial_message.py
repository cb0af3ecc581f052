"""A test message, by command or page: an operator sees that a channel works before employees wait for its messages."""

from typing import Any

import pytest
from django.core.management import CommandError
from django.test import Client

from apps.accounts.models import Account
from apps.accounts.services import account_for
from apps.core.models import AuditEntry
from apps.employees.models import Employee
from tests import people
from tests.commands import run, say
from tests.dashboard.strict import words
from tests.fixtures import Clock
from tests.notifications.chat_services import DingTalkService, Reply, SlackService
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


def test_a_channel_and_a_person_can_be_options(alice: Employee, mailbox: Mailbox) -> None:
    assert run("send_test_notification", "--channel", "email", "--to", "A001") == {"staff_no": "A001", "email": "sent"}
    assert mailbox.recipients == ["alice@corp.example.com"]
    for arguments in ([], ["A001", "--to", "A001"], ["--to", "A001", "--channel", "pigeon"]):
        with pytest.raises(CommandError) as error:
            say("send_test_notification", *arguments)
        assert "pigeon" in arguments or error.value.returncode == 2
    assert len(mailbox.recipients) == 1


TEST_TEXT = "This is a test of Hundred's notifications. No action is needed."


def test_a_test_by_chat_reaches_slack_alone(alice: Employee, mailbox: Mailbox, slack: SlackService) -> None:
    arguments = ("send_test_notification", "A001", "--channel", "chat")
    assert run(*arguments) == {"staff_no": "A001", "chat": "sent"}
    [(member, text)] = slack.sent
    assert member == "U0ALICE"
    assert text.startswith(TEST_TEXT)
    assert mailbox.recipients == []
    slack.fail("/chat.postMessage", Reply({"ok": False, "error": "account_inactive"}))
    with pytest.raises(CommandError, match=r"chat: account_inactive\."):
        say(*arguments)


def test_tests_by_chat_reach_dingtalk_and_differ_so_that_it_shows_each(
    alice: Employee, dingtalk: DingTalkService
) -> None:
    Employee.objects.filter(pk=alice.pk).update(chat_id="alice-id")
    for _time in range(2):
        assert run("send_test_notification", "A001", "--channel", "chat")["chat"] == "sent"
    assert [user for user, _text in dingtalk.sent] == ["alice-id"] * 2
    assert len({text for _user, text in dingtalk.sent if text.startswith(TEST_TEXT)}) == 2


def press(client: Client, channel: str = "email") -> str:
    return words(client.post("/company/notifications/test/", {"channel": channel}, follow=True))


def test_an_operator_tests_a_channel_and_reads_the_server_s_answer(
    operator: Employee, mailbox: Mailbox, settings: Any
) -> None:
    client = people.sign_in(Client(), operator)
    assert "Send a test notification: e-mail" in words(client.get("/company/notifications/"))
    assert "The service accepted the test (e-mail)." in press(client)
    assert mailbox.recipients == ["olga@corp.example.com"], "the own address alone"
    mailbox.answers["olga@corp.example.com"] = "550 no such mailbox"
    assert "The service answered: recipient: 550" in press(client)
    settings.EMAIL_PORT = 1
    assert "connect: ConnectionRefusedError" in press(client)
    entries = AuditEntry.objects.filter(action="notification.tested")
    assert [(entry.actor_id, entry.subject_id) for entry in entries] == [(account_for(operator).pk, "email")] * 3


def test_an_operator_s_test_by_chat_reaches_the_own_account(
    operator: Employee, mailbox: Mailbox, slack: SlackService
) -> None:
    Employee.objects.filter(pk=operator.pk).update(chat_id="W0ALAN")
    client = people.sign_in(Client(), operator)
    assert "Send a test notification: Slack" in words(client.get("/company/notifications/"))
    assert "The service accepted the test (Slack)." in press(client, "chat")
    assert [(member, text.startswith(TEST_TEXT)) for member, text in slack.sent] == [("W0ALAN", True)]
    slack.fail("/chat.postMessage", Reply({"ok": False, "error": "invalid_auth"}))
    assert "The service answered: invalid_auth" in press(client, "chat")
    assert mailbox.recipients == []


def test_a_test_is_limited_and_hr_has_none(operator: Employee, hr: Employee, mailbox: Mailbox, clock: Clock) -> None:
    client = people.sign_in(Client(), operator)
    for _time in range(6):
        shown = press(client)
    assert "At most 5 test notifications" in shown
    assert len(mailbox.recipients) == 5
    assert "This channel is not configured." in press(client, "pigeon")
    desk = people.sign_in(Client(), hr)
    assert "Send a test notification" not in words(desk.get("/company/notifications/"))
    assert desk.post("/company/notifications/test/", {"channel": "email"}).status_code == 404


def test_an_account_without_an_address_is_told_so(operator: Employee, mailbox: Mailbox) -> None:
    account = Account.objects.get(employee=operator)
    Account.objects.filter(pk=account.pk).update(employee=None, email="")
    client = Client()
    client.force_login(Account.objects.get(pk=account.pk), backend="apps.accounts.backends.EmployeeBackend")
    assert "Your account has no e-mail address." in press(client)
    assert mailbox.recipients == []
