"""E-mail through a real SMTP server: connections, refusals, and what a mail holds."""

from collections import Counter
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest

from apps.accounts.services import account_for
from apps.campaigns.models import Campaign
from apps.core.events import record_event
from apps.core.models import Event
from apps.employees.models import Employee
from apps.notifications.channels.base import TemporaryFailure
from apps.notifications.channels.email import MAX_REFUSED_IN_A_ROW, EmailChannel
from apps.notifications.delivery import send_notifications
from apps.notifications.kinds import KINDS
from apps.notifications.models import Notification
from apps.notifications.planning import plan_notifications
from apps.reviews.answer_mails import answer_mail
from tests import announcing, people, reviewing
from tests.fixtures import Clock
from tests.notifications.smtp import Mailbox, part

pytestmark = pytest.mark.django_db
ALICE, ALAN = "alice@corp.example.com", "alan@corp.example.com"


def notify(clock: Clock, campaign: Campaign, *employees: Employee, kind: str = "adjustment_granted") -> None:
    ids = [employee.pk for employee in employees]
    record_event(kind, subject="1", campaign_id=campaign.pk, employees=ids)
    plan_notifications(clock.now())


def states() -> dict[str, tuple[str, str]]:
    rows = Notification.objects.filter(channel="email").values_list("employee__email", "state", "last_error")
    return {address: (state, why) for address, state, why in rows}


def test_a_batch_goes_over_one_connection(
    mailbox: Mailbox, campaign: Campaign, company: dict[str, Employee], clock: Clock
) -> None:
    notify(clock, campaign, *company.values())
    assert send_notifications().sent == 9
    assert (len(mailbox.received), mailbox.connections) == (9, 1)
    assert sorted(mailbox.recipients) == sorted(employee.email for employee in company.values())


def test_a_mail_has_both_parts_and_the_headers_of_a_notice(
    mailbox: Mailbox, campaign: Campaign, alice: Employee, clock: Clock
) -> None:
    people.record(alice, 7)
    people.mark()
    notify(clock, campaign, alice, kind="weekly")
    send_notifications()
    [mail] = mailbox.received
    assert mail["Auto-Submitted"] == "auto-generated"
    assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    link = str(mail["List-Unsubscribe"]).strip()
    assert link.startswith("<http://testserver/notifications/unsubscribe/")
    assert link.strip("<>") in part(mail, "plain")
    for kind in ("plain", "html"):
        assert "7 of your contacts count. Your target is 100, so 93 are missing." in part(mail, kind)
        assert "8 days are left, today included." in part(mail, kind)
    assert "\r" not in str(mail["Subject"])


def test_a_notice_of_a_right_has_no_unsubscribe_link(
    mailbox: Mailbox, campaign: Campaign, alice: Employee, clock: Clock
) -> None:
    notify(clock, campaign, alice)
    send_notifications()
    assert mailbox.received[0]["List-Unsubscribe"] is None


def test_a_repeated_mail_is_the_same_message(
    mailbox: Mailbox, campaign: Campaign, alice: Employee, clock: Clock
) -> None:
    """The server had the content and broke off before it said so."""
    mailbox.break_off.add(ALICE)
    notify(clock, campaign, alice)
    send_notifications()
    assert states()[ALICE] == ("due", "data: SMTPServerDisconnected")
    mailbox.break_off.clear()
    clock.set(clock.now() + timedelta(minutes=2), ticks=True)
    send_notifications()
    assert states()[ALICE] == ("sent", "")
    assert len(mailbox.received) == 2
    assert len({mail["Message-ID"] for mail in mailbox.received}) == 1


def test_a_reminder_is_not_repeated_when_the_server_broke_off(
    mailbox: Mailbox, campaign: Campaign, alice: Employee, alan: Employee, clock: Clock
) -> None:
    mailbox.break_off.add(ALICE)
    notify(clock, campaign, alice, alan, kind="weekly")
    send_notifications()
    clock.set(clock.now() + timedelta(hours=1), ticks=True)
    send_notifications()
    assert states() == {ALICE: ("failed", "data: SMTPServerDisconnected"), ALAN: ("sent", "")}
    assert sorted(mailbox.recipients) == [ALAN, ALICE]


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        ("550 no such mailbox", ("failed", "recipient: 550")),
        ("451 greylisted, alice@corp.example.com", ("due", "recipient: 451")),
    ],
)
def test_a_refused_recipient_keeps_no_other_mail_back_and_the_answer_is_recorded(
    mailbox: Mailbox, campaign: Campaign, alice: Employee, alan: Employee, clock: Clock, answer: str, outcome: Any
) -> None:
    mailbox.answers[ALICE] = answer
    notify(clock, campaign, alice, alan)
    send_notifications()
    assert states() == {ALICE: outcome, ALAN: ("sent", "")}
    assert mailbox.connections == 1


def test_a_server_that_refuses_everybody_loses_no_notice_of_a_right(
    mailbox: Mailbox, campaign: Campaign, company: dict[str, Employee], clock: Clock
) -> None:
    """A used-up quota is answered as a missing mailbox is: all notices of the day would be given up."""
    mailbox.answers |= {employee.email: "550 daily limit exceeded" for employee in company.values()}
    notify(clock, campaign, *company.values())
    send_notifications()
    outcomes = Counter(state for state, _why in states().values())
    assert outcomes == {"failed": MAX_REFUSED_IN_A_ROW, "due": len(company) - MAX_REFUSED_IN_A_ROW}
    untried = Notification.objects.filter(channel="email", state="due", attempts=0)
    assert untried.count() == len(company) - MAX_REFUSED_IN_A_ROW - 1, "those behind the last refusal were not tried"
    mailbox.answers.clear()
    clock.set(clock.now() + timedelta(minutes=10), ticks=True)
    assert send_notifications().sent == len(company) - MAX_REFUSED_IN_A_ROW


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [("554 rejected", ("failed", "data: 554")), ("452 full", ("due", "data: 452"))],
)
def test_a_refused_content_is_recorded(
    mailbox: Mailbox, campaign: Campaign, alice: Employee, clock: Clock, answer: str, outcome: Any
) -> None:
    mailbox.in_data[ALICE] = answer
    notify(clock, campaign, alice)
    send_notifications()
    assert states()[ALICE] == outcome


def test_a_server_that_is_away_loses_nothing(
    campaign: Campaign, alice: Employee, clock: Clock, settings: Any, mailbox: Mailbox
) -> None:
    notify(clock, campaign, alice, kind="weekly")
    port, settings.EMAIL_PORT = settings.EMAIL_PORT, 1
    send_notifications()
    assert states()[ALICE] == ("due", "connect: ConnectionRefusedError")
    settings.EMAIL_PORT = port
    clock.set(clock.now() + timedelta(minutes=2), ticks=True)
    assert send_notifications().sent == 1


def test_a_wrong_password_is_no_fault_of_the_recipient(settings: Any, mailbox: Mailbox) -> None:
    settings.EMAIL_HOST_USER, settings.EMAIL_HOST_PASSWORD = "hundred", "wrong"
    with pytest.raises(TemporaryFailure) as away, EmailChannel().session():
        pass
    assert away.value.affects_all


def test_an_address_that_makes_no_header_is_refused_without_a_connection(
    mailbox: Mailbox, campaign: Campaign, alice: Employee, clock: Clock
) -> None:
    Employee.objects.filter(pk=alice.pk).update(email="alice@corp.example.com\nBcc: other@example.org")
    notify(clock, campaign, alice)
    send_notifications()
    assert list(states().values()) == [("failed", "ValueError")]
    assert mailbox.received == []


def test_the_rate_is_the_configured_one(
    mailbox: Mailbox, campaign: Campaign, company: dict[str, Employee], clock: Clock, monkeypatch: Any, settings: Any
) -> None:
    waits: list[float] = []
    monkeypatch.setattr("apps.notifications.delivery.time.sleep", waits.append)
    settings.NOTIFICATIONS_PER_SECOND = 2
    notify(clock, campaign, *company.values())
    send_notifications()
    assert len(waits) == len(company)
    assert waits[0] == 0
    assert all(0.3 < wait <= 0.5 for wait in waits[1:])


# -- Content -------------------------------------------------------------------------------------------------------


# Their links lead to the row that the subject names.
OF_A_ROW = {"scheduled_export_ready", "import_finished"}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("language", ["en", "zh-hans"])
def test_every_kind_has_a_text_in_both_languages_without_a_number_or_a_contact_in_the_subject(
    mailbox: Mailbox, campaign: Campaign, alice: Employee, clock: Clock, kind: str, language: str
) -> None:
    """A subject is on a locked screen, for every bystander; and no mail names a contact."""
    people.with_account(alice, "hr")
    # She leads a team, and has a deputy.
    people.load("staff_no,name,email,manager_staff_no\nA002,Alan,alan@corp.example.com,A001\n")
    deputyship = people.stands_in(people.person("A001"), people.person("S001"))
    Event.objects.all().delete()
    account = account_for(alice)
    account.language = language
    account.save(update_fields=["language"])
    people.record_one(alice, ("phone", "+86 138 0013 8000"), ("email", "canary@outside.example.org"), name="CANARY")
    if kind == "milestone_100":
        people.record(alice, 100)
    people.mark()
    Event.objects.all().delete()
    subject = deputyship.pk if kind.startswith("deputy") else uuid4() if kind in OF_A_ROW else "1:2026-11-23"
    if kind == "announcement":
        subject = announcing.published(campaign).notification_subject
        Event.objects.all().delete()
    record_event(
        kind, subject=subject, campaign_id=campaign.pk, account_id=account.pk, employees=[alice.pk],
        data={"was_counted": 101, "counted": 99, "was_target": 90, "target": 100, "was_exempt": True},
    )  # fmt: skip
    if "email" not in KINDS[kind].channels or KINDS[kind].audience == "result":
        Notification.objects.create(
            kind=kind, subject_key=str(subject), channel="email", employee=alice, campaign=campaign, due_at=clock.now()
        )
    plan_notifications(clock.now())
    send_notifications()
    [mail] = [mail for mail, to in zip(mailbox.received, mailbox.recipients, strict=True) if to == ALICE]
    assert not any(character.isdigit() for character in str(mail["Subject"]))
    assert "November" not in str(mail["Subject"])
    whole = mail.as_string() + part(mail, "plain") + part(mail, "html")
    for canary in ("CANARY", "13800138000", "canary@"):
        assert canary not in whole
    assert ("您好" in part(mail, "plain")) == (language == "zh-hans")
    if language == "zh-hans":
        assert "Hello" not in part(mail, "plain")


def test_a_name_is_text_and_no_markup(mailbox: Mailbox, campaign: Campaign, alice: Employee, clock: Clock) -> None:
    Employee.objects.filter(pk=alice.pk).update(name="<b>Al</b> & Co")
    notify(clock, campaign, alice)
    send_notifications()
    [mail] = mailbox.received
    assert "Hello <b>Al</b> & Co," in part(mail, "plain")
    assert "<b>Al</b>" not in part(mail, "html")


def test_names_of_before_are_harmless_in_every_mail(
    mailbox: Mailbox, campaign: Campaign, alice: Employee, clock: Clock
) -> None:
    Campaign.objects.filter(pk=campaign.pk).update(name="Your bonus: https://evil.example/x")
    Employee.objects.filter(pk=alice.pk).update(name="Alice, open evil.example")
    people.mark()
    notify(clock, campaign, alice)
    send_notifications()
    [sent] = mailbox.received
    answered = answer_mail(reviewing.ask(Campaign.objects.get(), alice))
    for text in (part(sent, "plain"), part(sent, "html"), str(answered.body)):
        assert "Your bonus" in text
        assert "evil.example" not in text
