"""Notifications are planned once, sent once or again as their kind says, and never to a person without access."""

from datetime import timedelta
from typing import Any

import pytest
from django.core import mail
from django.db import transaction

from apps.accounts.services import account_for
from apps.campaigns.models import Campaign
from apps.core.events import record_event
from apps.core.models import Event
from apps.employees.models import Employee
from apps.notifications import delivery
from apps.notifications.channels.base import DeliveryError, PermanentFailure, TemporaryFailure, UncertainFailure
from apps.notifications.delivery import send_notifications
from apps.notifications.models import Notification, Preference
from apps.notifications.planning import plan_notifications
from tests import people
from tests.fixtures import Clock

pytestmark = pytest.mark.django_db
TUESDAY = "2026-11-24T12:00:00+08:00"


def cause(kind: str, employee: Employee, campaign: Campaign | None = None, subject: str = "1") -> None:
    """An event that concerns one employee."""
    record_event(kind, subject=subject, campaign_id=campaign and campaign.pk, employees=[employee.pk])


def plan(clock: Clock) -> None:
    plan_notifications(clock.now())


def states(channel: str = "email") -> list[tuple[str, str]]:
    """(state, why) of all notifications by the channel."""
    return list(Notification.objects.filter(channel=channel).order_by("pk").values_list("state", "last_error"))


def test_an_event_becomes_one_notification_for_each_channel(campaign: Campaign, alice: Employee, clock: Clock) -> None:
    cause("adjustment_granted", alice, campaign)
    cause("adjustment_granted", alice, campaign)
    plan(clock)
    assert not Event.objects.exists()
    rows = Notification.objects.values_list("employee", "channel", "state").order_by("channel")
    assert list(rows) == [(alice.pk, "app", "sent"), (alice.pk, "email", "due")]
    cause("adjustment_granted", alice, campaign)
    plan(clock)
    assert Notification.objects.count() == 2, "the same event would notify twice"


def test_an_event_goes_with_the_transaction_of_its_cause(campaign: Campaign, alice: Employee) -> None:
    with transaction.atomic():
        cause("adjustment_granted", alice, campaign)
        transaction.set_rollback(True)
    assert not Event.objects.exists()


def test_a_subject_key_has_a_limit(alice: Employee) -> None:
    with pytest.raises(ValueError, match="longer"):
        record_event("weekly", subject="x" * 101, employees=[alice.pk])


def test_the_mail_is_in_the_recipient_s_language_and_all_languages_while_it_is_unknown(
    campaign: Campaign, alice: Employee, alan: Employee, clock: Clock
) -> None:
    account = account_for(alan)
    account.language = "zh-hans"
    account.save(update_fields=["language"])
    for person in (alice, alan):
        cause("adjustment_granted", person, campaign)
    plan(clock)
    assert send_notifications().sent == 2
    both, chinese = sorted(mail.outbox, key=lambda sent: len(sent.subject), reverse=True)
    assert both.subject.count(" · ") == 1
    assert "Your target was adjusted" in both.subject
    assert "Your target" not in chinese.subject


def test_links_begin_with_the_setting_and_an_html_part_says_the_same(
    campaign: Campaign, alice: Employee, clock: Clock
) -> None:
    cause("weekly", alice, campaign)
    plan(clock)
    send_notifications()
    [sent] = mail.outbox
    assert sent.to == ["alice@corp.example.com"]
    [(html, kind)] = sent.alternatives  # type: ignore[attr-defined]
    assert kind == "text/html"
    for body in (str(sent.body), str(html)):
        assert "http://testserver/" in body
        assert "November" in body
        assert "Hello Alice 艾," in body


def test_a_leaver_gets_nothing(campaign: Campaign, alice: Employee, clock: Clock) -> None:
    cause("result_final", alice, campaign)
    cause("adjustment_granted", alice, campaign)
    plan(clock)
    people.load("staff_no,name,email,left_on\nA001,Alice 艾,alice@corp.example.com,2026-11-23")
    clock.set(TUESDAY, ticks=True)
    assert send_notifications().dropped == 1
    assert states() == [("dropped", "left")]
    assert mail.outbox == []


def test_a_mailbox_that_one_hr_user_gave_alone_gets_nothing_until_it_is_proven(
    campaign: Campaign, alice: Employee, clock: Clock
) -> None:
    """Else an HR user gives the number of a person an own mailbox, and reads that person's numbers there."""
    people.record(alice)
    Employee.objects.filter(pk=alice.pk).update(email="mine@corp.example.com", email_unproven=True)
    cause("weekly", alice, campaign)
    plan(clock)
    people.mark()
    assert send_notifications().deferred == 1
    assert states() == [("due", "address_unproven")]
    account = account_for(alice)
    account.proven_email = "mine@corp.example.com"
    account.save(update_fields=["proven_email"])
    clock.set(clock.now() + timedelta(hours=1, minutes=1), ticks=True)
    assert send_notifications().sent == 1
    assert [sent.to for sent in mail.outbox] == [["mine@corp.example.com"]]


def test_an_account_without_access_gets_nothing(campaign: Campaign, alice: Employee, clock: Clock) -> None:
    cause("adjustment_granted", alice, campaign)
    plan(clock)
    account = account_for(alice)
    account.is_active = False
    account.save(update_fields=["is_active"])
    send_notifications()
    assert states() == [("dropped", "no_access")]


def test_hr_is_notified_of_a_request_except_the_account_that_made_it(
    campaign: Campaign, hr: Employee, alice: Employee, clock: Clock
) -> None:
    other = people.with_account(people.person("C001"), "hr")
    clerk = people.officer("clerk")
    record_event("approval_waiting", subject="7", actor_id=account_for(hr).pk)
    plan(clock)
    heard = Notification.objects.filter(channel="email").values_list("employee", "account")
    assert sorted(heard, key=str) == sorted([(other.pk, None), (None, clerk.id)], key=str)
    send_notifications()
    assert sorted(states()) == [("dropped", "no_address"), ("sent", "")]


def test_a_lost_role_ends_what_was_planned_for_it(campaign: Campaign, hr: Employee, clock: Clock) -> None:
    record_event("approval_waiting", subject="7")
    plan(clock)
    account_for(hr).role_set.all().delete()
    send_notifications()
    assert states() == [("dropped", "role_ended")]


def test_a_campaign_s_event_reaches_everybody_in_its_scope(company: dict[str, Employee], clock: Clock) -> None:
    campaign = people.november(scope=["Sales"])
    record_event("rule_changed", subject="v2", campaign_id=campaign.pk)
    plan(clock)
    heard = Notification.objects.filter(channel="email", kind="rule_changed").values_list(
        "employee__staff_no", flat=True
    )
    assert sorted(heard) == ["A001", "A002", "B001"]


def test_what_is_switched_off_is_not_planned_and_what_is_planned_is_not_sent(
    campaign: Campaign, alice: Employee, alan: Employee, clock: Clock
) -> None:
    off = {"kind": "weekly", "channel": "email", "enabled": False}
    Preference.objects.create(employee=alice, **off)
    for person in (alice, alan):
        cause("weekly", person, campaign)
    plan(clock)
    assert Notification.objects.filter(employee=alice).count() == 1, "the list in the application stays"
    Preference.objects.create(employee=alan, **off)
    send_notifications()
    assert states() == [("dropped", "switched_off")]


def test_what_a_right_depends_on_ignores_a_preference(campaign: Campaign, alice: Employee, clock: Clock) -> None:
    Preference.objects.create(employee=alice, kind="result_final", channel="email", enabled=False)
    Preference.objects.create(employee=alice, kind="adjustment_granted", channel="email", enabled=False)
    cause("adjustment_granted", alice, campaign)
    plan(clock)
    send_notifications()
    assert states() == [("sent", "")]


# -- Stale ---------------------------------------------------------------------------------------------------------


def test_a_reminder_is_dropped_when_the_target_is_reached(campaign: Campaign, alice: Employee, clock: Clock) -> None:
    cause("deadline_7", alice, campaign)
    plan(clock)
    people.record(alice, 100)
    people.mark()
    send_notifications()
    assert states() == [("dropped", "reached")]


def test_a_reminder_is_dropped_after_the_deadline(campaign: Campaign, alice: Employee, clock: Clock) -> None:
    clock.set("2026-11-30T19:00:00+08:00", ticks=True)
    cause("deadline_1", alice, campaign)
    plan(clock)
    clock.set("2026-12-01T08:00:00+08:00", ticks=True)
    send_notifications()
    assert states() == [("dropped", "deadline_passed")]


def test_a_reminder_gives_way_to_the_next(campaign: Campaign, alice: Employee, clock: Clock) -> None:
    clock.set("2026-11-28T12:00:00+08:00", ticks=True)
    cause("deadline_3", alice, campaign)
    plan(clock)
    clock.set("2026-11-30T16:00:00+08:00", ticks=True)
    send_notifications()
    assert states() == [("dropped", "superseded")]


def test_a_number_that_is_being_evaluated_is_not_sent(campaign: Campaign, alice: Employee, clock: Clock) -> None:
    people.record(alice, 1)
    cause("weekly", alice, campaign)
    plan(clock)
    assert (send_notifications().deferred, mail.outbox) == (1, [])
    people.mark()
    clock.set(clock.now() + timedelta(minutes=2), ticks=True)
    assert send_notifications().sent == 1
    assert "1 of your contacts count" in str(mail.outbox[0].body)


# -- Quiet hours ---------------------------------------------------------------------------------------------------


def test_at_night_a_mail_waits_for_the_morning_of_its_recipient(
    campaign: Campaign, alice: Employee, alan: Employee, clock: Clock
) -> None:
    """20:30 in Shanghai is noon in Paris."""
    Employee.objects.filter(pk=alice.pk).update(time_zone="Asia/Shanghai")
    Employee.objects.filter(pk=alan.pk).update(time_zone="Europe/Paris")
    clock.set("2026-11-23T20:30:00+08:00", ticks=True)
    for person in (alice, alan):
        cause("adjustment_granted", person, campaign)
    plan(clock)
    assert send_notifications().sent == 1
    assert [sent.to for sent in mail.outbox] == [["alan@corp.example.com"]]
    clock.set("2026-11-24T07:59:59+08:00")
    assert send_notifications().sent == 0
    clock.set("2026-11-24T08:00:00+08:00")
    assert send_notifications().sent == 1


def test_a_notification_that_was_late_is_deferred_as_well(campaign: Campaign, alice: Employee, clock: Clock) -> None:
    Employee.objects.filter(pk=alice.pk).update(time_zone="Asia/Shanghai")
    cause("adjustment_granted", alice, campaign)
    plan(clock)  # at noon, and then no worker ran until the evening
    clock.set("2026-11-23T20:00:00+08:00")
    assert send_notifications().deferred == 1
    due_at = Notification.objects.get(channel="email").due_at
    assert due_at.astimezone(clock.now().tzinfo).isoformat() == "2026-11-24T00:00:00+00:00"


# -- At most once, at least once -----------------------------------------------------------------------------------


class Answering:
    """Stands for the mail server: raises the errors in turn, then takes everything."""

    def __init__(self, *errors: DeliveryError) -> None:
        self.errors, self.sent = list(errors), []

    def __call__(self, session: Any, message: Any) -> None:
        if self.errors:
            raise self.errors.pop(0)
        self.sent.append(message)


def answers(monkeypatch: pytest.MonkeyPatch, *errors: DeliveryError) -> Answering:
    server = Answering(*errors)
    monkeypatch.setattr("apps.notifications.channels.email.EmailSession.send", lambda *args: server(*args))
    return server


@pytest.mark.parametrize("kind", ["weekly", "adjustment_granted"])
def test_what_was_certainly_not_delivered_is_sent_later(
    campaign: Campaign, alice: Employee, clock: Clock, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    server = answers(monkeypatch, TemporaryFailure("recipient: 451"))
    cause(kind, alice, campaign)
    plan(clock)
    send_notifications()
    assert states() == [("due", "recipient: 451")]
    assert send_notifications().sent == 0, "not at once again"
    clock.set(clock.now() + timedelta(minutes=1), ticks=True)
    assert send_notifications().sent == 1
    assert len(server.sent) == 1


@pytest.mark.parametrize(("kind", "sent"), [("weekly", 0), ("adjustment_granted", 1)])
def test_what_may_have_been_delivered_is_repeated_only_where_a_right_depends_on_it(
    campaign: Campaign, alice: Employee, clock: Clock, monkeypatch: pytest.MonkeyPatch, kind: str, sent: int
) -> None:
    server = answers(monkeypatch, UncertainFailure("data: timeout"))
    cause(kind, alice, campaign)
    plan(clock)
    send_notifications()
    clock.set(clock.now() + timedelta(minutes=2), ticks=True)
    send_notifications()
    assert len(server.sent) == sent
    assert states() == [("sent", "") if sent else ("failed", "data: timeout")]


@pytest.mark.parametrize(("kind", "again"), [("weekly", 0), ("adjustment_granted", 1)])
def test_a_worker_that_dies_while_it_sends(
    campaign: Campaign, alice: Employee, clock: Clock, monkeypatch: pytest.MonkeyPatch, kind: str, again: int
) -> None:
    cause(kind, alice, campaign)
    plan(clock)
    server = answers(monkeypatch)

    def die(session: Any, message: Any) -> None:
        server.sent.append(message)
        raise KeyboardInterrupt

    with monkeypatch.context() as killed:
        killed.setattr("apps.notifications.channels.email.EmailSession.send", die)
        with pytest.raises(KeyboardInterrupt):
            send_notifications()
    assert states() == [("sending", "")], "the mark came before the message"
    assert send_notifications().sent == 0
    clock.set(clock.now() + timedelta(minutes=11), ticks=True)
    assert send_notifications().sent == again
    assert len(server.sent) == 1 + again
    assert len({message.message_id for message in server.sent}) == 1, "the mail program shows both"
    assert states() == [("sent", "") if again else ("failed", "worker_lost")]


@pytest.mark.parametrize("kind", ["weekly", "adjustment_granted"])
def test_a_worker_that_dies_before_it_sends_loses_nothing(
    campaign: Campaign, alice: Employee, clock: Clock, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    cause(kind, alice, campaign)
    plan(clock)
    with monkeypatch.context() as killed:
        killed.setattr(delivery, "render_message", lambda *args: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            send_notifications()
    assert send_notifications().sent == 0, "the claim has not lapsed"
    clock.set(clock.now() + timedelta(minutes=11), ticks=True)
    assert send_notifications().sent == 1


def test_a_claim_that_another_worker_took_over_sends_nothing(
    campaign: Campaign, alice: Employee, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    cause("weekly", alice, campaign)
    plan(clock)
    render = delivery.render_message

    def slow(*args: Any) -> Any:
        Notification.objects.filter(channel="email").update(claimed_at=clock.now())
        return render(*args)

    monkeypatch.setattr(delivery, "render_message", slow)
    assert send_notifications().sent == 0
    assert mail.outbox == []


def test_after_a_day_of_attempts_it_has_failed(
    campaign: Campaign, alice: Employee, clock: Clock, monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    settings.QUIET_HOURS = ""
    answers(monkeypatch, *[TemporaryFailure("recipient: 451") for _ in range(99)])
    cause("adjustment_granted", alice, campaign)
    plan(clock)
    begun = clock.now()
    while not Notification.objects.filter(state="failed"):
        clock.set(clock.now() + timedelta(minutes=1))
        send_notifications()
    assert timedelta(hours=20) < clock.now() - begun < timedelta(hours=26)
    assert Notification.objects.get(channel="email").attempts == len(delivery.RETRY_MINUTES) + 1


def test_a_refusal_for_good_is_not_repeated(
    campaign: Campaign, alice: Employee, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers(monkeypatch, PermanentFailure("recipient: 550"))
    cause("adjustment_granted", alice, campaign)
    plan(clock)
    assert send_notifications().failed == 1
    assert states() == [("failed", "recipient: 550")]


def test_a_service_that_is_away_gets_one_attempt_a_call(
    campaign: Campaign, alice: Employee, alan: Employee, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = answers(monkeypatch, TemporaryFailure("connect: 421", affects_all=True))
    for person in (alice, alan):
        cause("adjustment_granted", person, campaign)
    plan(clock)
    send_notifications()
    assert server.errors == []
    assert [state for state, _why in states()] == ["due", "due"]
    assert server.sent == []
    clock.set(clock.now() + timedelta(minutes=1), ticks=True)
    assert send_notifications().sent == 2


def test_a_text_that_cannot_be_made_stops_no_other(
    campaign: Campaign, alice: Employee, alan: Employee, clock: Clock
) -> None:
    for person in (alice, alan):
        cause("turned_red", person, campaign)
    plan(clock)
    Notification.objects.filter(employee=alice, channel="email").update(data={"counted": "many"})
    assert (send_notifications().sent, len(mail.outbox)) == (1, 1)
    assert ("failed", "text: ValueError") in states()
