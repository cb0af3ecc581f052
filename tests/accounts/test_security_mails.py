"""Only the owner of an account is mailed about changes to it, including changes by other people."""

from smtplib import SMTPRecipientsRefused
from typing import Any

import pytest
from django.core import mail

from apps.accounts import security_mails
from apps.accounts.models import SecurityEvent
from apps.accounts.oidc_login import Claims, sign_in_with_claims
from apps.accounts.security_mails import Event, notify_owner, send_security_mails
from apps.accounts.services import account_for
from apps.core import mail_portions
from apps.core.audit import audit_origin
from apps.employees.models import Employee
from tests import people

pytestmark = pytest.mark.django_db
FIREFOX = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:128.0) Gecko/20100101 Firefox/128.0"


def test_the_mail_says_what_when_from_where_and_what_to_do(alice: Employee) -> None:
    with audit_origin("page 203.0.113.7", user_agent=FIREFOX):
        notify_owner(account_for(alice), Event.PASSWORD_CHANGED)
    assert send_security_mails() == 1
    (sent,) = mail.outbox
    assert sent.to == ["alice@corp.example.com"]
    body = str(sent.body)
    for part in (
        "The password of your account was changed.", "2026-11-23", "203.0.0.0/16", "Firefox, Windows",
        "If not, contact HR", "Alice 艾",
    ):  # fmt: skip
        assert part in body, part
    assert "203.0.113.7" not in body, "the address of a machine"
    assert "http" not in body, "a link in a mail about security teaches people to follow one"
    assert "密码" in body, "the owner may read Chinese alone"


@pytest.mark.parametrize("kind", Event.values)
def test_every_event_has_a_sentence_in_both_languages(alice: Employee, kind: str) -> None:
    notify_owner(account_for(alice), kind)
    send_security_mails()
    assert str(mail.outbox[0].body).count(str(Event(kind).label)) == 1, "the Chinese half is not translated"


def test_the_owner_learns_that_a_first_sign_on_by_the_provider_ended_the_password(alice: Employee) -> None:
    """Otherwise a lost password, or an intruder's sign-on, goes unnoticed."""
    people.with_account(alice)
    sign_in_with_claims(
        Claims(issuer="https://idp.example.com", subject="a", staff_no="A001", email="alice@corp.example.com")
    )
    assert not account_for(alice).has_usable_password()
    assert [event.kind for event in SecurityEvent.objects.all()] == [Event.PASSWORD_CHANGED]


def test_nothing_is_sent_twice_and_nothing_of_what_was_rolled_back(alice: Employee) -> None:
    notify_owner(account_for(alice), Event.TOKEN_CREATED)
    assert [send_security_mails(), send_security_mails()] == [1, 0]
    [(address, browser)] = SecurityEvent.objects.values_list("address", "browser")
    assert (address, browser) == ("", ""), "an address is kept longer than it is needed"


def test_a_mail_server_that_is_away_loses_nothing(alice: Employee, monkeypatch: Any, clock: Any, caplog: Any) -> None:
    notify_owner(account_for(alice), Event.FACTOR_ADDED)
    with monkeypatch.context() as away:
        away.setattr("django.core.mail.EmailMessage.send", _refuses(OSError("alice@corp.example.com")))
        assert send_security_mails() == 0
    assert send_security_mails() == 0, "it is tried again at once"
    clock.set("2026-11-23T12:11:00+08:00", ticks=True)
    assert send_security_mails() == 1
    assert "alice@" not in caplog.text


def test_an_address_that_is_refused_keeps_no_other_mail_back(alice: Employee, bob: Employee, monkeypatch: Any) -> None:
    notify_owner(account_for(alice), Event.FACTOR_ADDED)
    notify_owner(account_for(bob), Event.FACTOR_ADDED)
    send = mail.EmailMessage.send

    def picky(message: Any, *args: Any, **options: Any) -> int:
        if message.to == ["alice@corp.example.com"]:
            raise SMTPRecipientsRefused({})
        return send(message, *args, **options)

    monkeypatch.setattr("django.core.mail.EmailMessage.send", picky)
    assert send_security_mails() == 1
    assert [one.to for one in mail.outbox] == [["bob@corp.example.com"]]


def test_the_old_address_can_be_mailed_and_an_account_without_one_is_no_error(alice: Employee) -> None:
    account = account_for(alice)
    notify_owner(account, Event.ADDRESS_CHANGED, address="old@corp.example.com")
    notify_owner(account, Event.ADDRESS_CHANGED, address="")
    assert send_security_mails() == 1
    assert mail.outbox[0].to == ["old@corp.example.com"]


def test_one_event_is_one_message_however_often_it_is_sent(alice: Employee) -> None:
    notify_owner(account_for(alice), Event.TOKEN_REVOKED)
    event = SecurityEvent.objects.get()
    send_security_mails()
    assert mail.outbox[0].extra_headers["Message-ID"] == f"<security-{event.pk}@hundred>"


def test_no_contact_is_in_it(alice: Employee) -> None:
    people.record_one(alice, ("phone", "+86 138 0013 8000"), name="CANARY-Guest")
    for kind in Event.values:
        notify_owner(account_for(alice), kind)
    send_security_mails()
    assert len(mail.outbox) == len(Event.values)
    assert not any(secret in str(one.message()) for one in mail.outbox for secret in ("CANARY", "13800138000"))


def test_many_events_of_one_account_keep_back_no_other_owners_notice(alice: Employee, bob: Employee) -> None:
    for _event in range(3):
        notify_owner(account_for(alice), Event.TOKEN_CREATED)
    notify_owner(account_for(bob), Event.TOKEN_CREATED)
    assert send_security_mails() == 4
    assert [one.to[0][:3] for one in mail.outbox] == ["bob", "ali", "ali", "ali"]


def test_a_slow_mail_server_holds_a_worker_for_one_portion(alice: Employee, monkeypatch: Any) -> None:
    monkeypatch.setattr(mail_portions, "PORTION_SECONDS", -1)
    for _event in range(3):
        notify_owner(account_for(alice), Event.TOKEN_CREATED)
    assert [send_security_mails() for _call in range(4)] == [1, 1, 1, 0]


def _refuses(error: Exception) -> Any:
    def send(*args: Any, **options: Any) -> int:
        raise error

    return send


@pytest.mark.parametrize("sent_meanwhile", [False, True])
def test_notices_of_one_kind_do_not_pile_up(alice: Employee, clock: Any, sent_meanwhile: bool) -> None:
    """One account could otherwise cause so many that the mail server refuses every other mail of that day."""
    account = account_for(alice)
    for _time in range(security_mails.MAX_ALIKE_A_DAY + 2):
        notify_owner(account, Event.TOKEN_CREATED)
        if sent_meanwhile:
            send_security_mails()
    notify_owner(account, Event.PASSWORD_CHANGED)
    assert SecurityEvent.objects.count() == security_mails.MAX_ALIKE_A_DAY + 1
    send_security_mails()
    clock.set("2026-11-24T12:00:01+08:00", ticks=True)
    notify_owner(account, Event.TOKEN_CREATED)
    assert send_security_mails() == 1
    assert SecurityEvent.objects.count() <= 2, "the rows of yesterday are gone"
