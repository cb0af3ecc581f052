"""The mail about an answer: to the requester alone, once, without any content of the question."""

import logging
from smtplib import SMTPRecipientsRefused
from typing import Any

import pytest
from django.core import mail
from django.core.mail import EmailMessage
from django.utils import translation

from apps.campaigns.models import Campaign
from apps.employees.models import Employee
from apps.operations import tasks
from apps.reviews import answer_mails
from apps.reviews.answer_mails import send_answer_mails
from apps.reviews.models import Review
from config.celery import app
from tests.fixtures import Clock
from tests.people import load, record_one
from tests.reviewing import answer, ask, ids, withdraw


def test_the_requester_alone_gets_one_mail(campaign: Campaign, alice: Employee, hr: Employee) -> None:
    answer(ask(campaign, alice), hr)
    assert (send_answer_mails(), send_answer_mails()) == (1, 0)
    [told] = mail.outbox
    assert (told.to, told.cc, told.bcc) == (["alice@corp.example.com"], [], [])


def test_open_and_withdrawn_reviews_send_no_mail(campaign: Campaign, alice: Employee, alan: Employee) -> None:
    ask(campaign, alice)
    withdraw(ask(campaign, alan))
    assert send_answer_mails() == 0


def test_the_mail_names_the_campaign_in_both_languages_and_nothing_that_was_said(
    campaign: Campaign, alice: Employee, hr: Employee
) -> None:
    record_one(alice, ("email", "canary@outside.example.org"), name="Canary Name")
    answer(ask(campaign, alice, "Canary question", contacts=ids(alice)), hr, "Canary answer")
    with translation.override("zh-hans"):
        send_answer_mails()
    [told] = mail.outbox
    assert told.subject.startswith("HR has answered your review request · ")
    assert "November" in told.body
    assert "复核" in told.body
    # Without the parts that a mail program derives from time and chance.
    said = "\n".join(line for line in str(told.message()).splitlines() if not line.startswith("Message-ID:"))
    for secret in ("anary", "Alice", "Hedda", "A001", "100"):
        assert secret not in said, secret


def failing(error: Exception) -> Any:
    def send(self: EmailMessage, fail_silently: bool = False) -> int:
        raise error

    return send


@pytest.mark.parametrize("error", [OSError("refused"), SMTPRecipientsRefused({"alice@corp.example.com": (550, b"no")})])
def test_an_unreachable_mail_server_loses_no_mail_and_the_log_has_no_names(
    campaign: Campaign, alice: Employee, hr: Employee, clock: Clock, monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture, error: Exception,
) -> None:  # fmt: skip
    answer(ask(campaign, alice), hr)
    with monkeypatch.context() as patch, caplog.at_level(logging.DEBUG):
        patch.setattr(EmailMessage, "send", failing(error))
        assert send_answer_mails() == 0
    assert "was not accepted" in caplog.text
    assert "alice" not in caplog.text.lower()
    assert send_answer_mails() == 0, "not at once again"
    clock.set("2026-11-23T12:11:00+08:00", ticks=True)
    assert send_answer_mails() == 1
    assert len(mail.outbox) == 1


@pytest.mark.parametrize("error", [SMTPRecipientsRefused({}), ValueError("Invalid address")])
def test_one_address_that_is_refused_keeps_no_other_mail_back(
    campaign: Campaign, alice: Employee, alan: Employee, hr: Employee, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    real = EmailMessage.send

    def send(self: EmailMessage, fail_silently: bool = False) -> int:
        if self.to == ["alice@corp.example.com"]:
            raise error
        return real(self, fail_silently)

    monkeypatch.setattr(EmailMessage, "send", send)
    for who in (alice, alan):
        answer(ask(campaign, who), hr)
    assert send_answer_mails() == 1
    assert [told.to for told in mail.outbox] == [["alan@corp.example.com"]]


def test_a_worker_that_dies_while_sending_loses_no_mail(
    campaign: Campaign, alice: Employee, hr: Employee, clock: Clock
) -> None:
    answer(ask(campaign, alice), hr)
    assert answer_mails._claim() is not None  # and then the worker was killed
    assert send_answer_mails() == 0
    clock.set("2026-11-23T12:11:00+08:00", ticks=True)
    assert send_answer_mails() == 1


def test_a_leaver_and_an_old_answer_are_not_written_to(
    campaign: Campaign, alice: Employee, alan: Employee, hr: Employee, clock: Clock
) -> None:
    first, second = ask(campaign, alice), ask(campaign, alan)
    load("staff_no,name,email,left_on\nA001,Alice 艾,alice@corp.example.com,2026-11-23")
    clock.set("2026-11-25T12:00:00+08:00", ticks=True)
    answer(first, hr)
    answer(second, hr)
    clock.set("2026-12-03T12:00:00+08:00", ticks=True)
    assert send_answer_mails() == 0


@pytest.mark.django_db(transaction=True)
def test_an_answer_enqueues_its_mail_after_the_commit_and_beat_retries(
    campaign: Campaign, alice: Employee, hr: Employee, monkeypatch: pytest.MonkeyPatch
) -> None:
    rung: list[tuple[str, str]] = []
    send = lambda name, **options: rung.append((name, Review.objects.get().state))  # noqa: E731
    monkeypatch.setattr("celery.current_app.send_task", send)
    answer(ask(campaign, alice), hr)
    # The other messages are for the list of notifications.
    assert [entry for entry in rung if entry[0] != tasks.send_notifications.name] == [
        (tasks.send_answer_mails.name, "answered")
    ]
    assert tasks.send_answer_mails.name in {entry["task"] for entry in app.conf.beat_schedule.values()}
    tasks.send_answer_mails()
    # One task sends every kind of mail: HR's new role is a security notice.
    assert [sent.to[0] for sent in mail.outbox if "HR has answered" in sent.subject] == ["alice@corp.example.com"]


@pytest.mark.django_db(transaction=True)
def test_a_broker_that_is_away_takes_no_answer_along(
    campaign: Campaign, alice: Employee, hr: Employee, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*args: Any, **options: Any) -> None:
        raise ConnectionError("no broker")

    monkeypatch.setattr("celery.current_app.send_task", away)
    answer(ask(campaign, alice), hr)
    assert Review.objects.get().state == "answered"
