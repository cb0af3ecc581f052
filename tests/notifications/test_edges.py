"""Where rules meet: a batch that crosses the evening, mornings in two zones, moved openings, restored backups."""

from collections import Counter
from datetime import date, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.core import mail

from apps.accounts.services import account_for
from apps.campaigns.models import Campaign
from apps.campaigns.rule_draft import RuleDraft
from apps.contacts.models import Contact
from apps.contacts.services.changes import end_contact
from apps.core.events import record_event
from apps.core.models import Event
from apps.employees.models import Employee
from apps.notifications import checks, delivery
from apps.notifications.delivery import send_notifications
from apps.notifications.models import Notification, Preference
from apps.notifications.planning import plan_notifications
from apps.notifications.preferences import save_preferences
from apps.notifications.processing import process_notifications
from apps.notifications.schedule import record_scheduled_events
from apps.results.freeze import freeze
from apps.standings.effective_dates import process_effective_dates
from apps.standings.rule_changes import change_rule
from tests import people
from tests.fixtures import Clock
from tests.notifications.smtp import Mailbox
from tests.notifications.test_email import ALAN, ALICE, notify, states

pytestmark = pytest.mark.django_db


def move_opening(campaign: Campaign, opens_on: date) -> None:
    draft = RuleDraft(target=100, opens_on=opens_on, deadline=date(2026, 12, 31), time_zone="Asia/Shanghai")
    change_rule(campaign=campaign, draft=draft, expected_version=1, reason="x", by=people.TESTER)


def openings() -> int:
    return Event.objects.filter(kind="campaign_opened").count()


def test_a_postponed_opening_is_announced_on_its_new_day(company: dict[str, Employee], clock: Clock) -> None:
    december = people.november(opens_on=date(2026, 12, 1), deadline=date(2026, 12, 31))
    process_effective_dates()
    move_opening(december, date(2026, 12, 10))
    clock.set("2026-12-01T09:00:00+08:00", ticks=True)
    process_effective_dates()
    assert openings() == 0, "nothing has begun"
    clock.set("2026-12-10T09:00:00+08:00", ticks=True)
    process_effective_dates()
    assert openings() == 1


def test_an_opening_that_is_moved_to_today_is_announced(company: dict[str, Employee], clock: Clock) -> None:
    december = people.november(opens_on=date(2026, 12, 1), deadline=date(2026, 12, 31))
    process_effective_dates()
    move_opening(december, date(2026, 11, 23))
    process_effective_dates()
    assert openings() >= 1


def test_a_person_whose_number_waits_to_be_evaluated_gets_no_reminder_in_the_list(
    campaign: Campaign, alice: Employee, clock: Clock
) -> None:
    """A wrong red is the worst fault: the list would keep it for ever."""
    people.record(alice, 100)
    for morning in ("2026-11-23T09:30:00+08:00", "2026-11-24T09:00:00+08:00"):
        clock.set(morning, ticks=True)
        record_scheduled_events(clock.now())
    plan_notifications(clock.now())
    own = Notification.objects.filter(employee=alice, kind__in=["weekly", "deadline_7"])
    assert not own.filter(channel="app").exists()
    people.mark()
    process_notifications()
    assert set(own.values_list("state", "last_error")) == {("dropped", "reached")}


def test_a_batch_that_is_slow_stops_at_the_first_quiet_minute(
    campaign: Campaign, company: dict[str, Employee], clock: Clock, monkeypatch: Any
) -> None:
    clock.set("2026-11-23T19:59:50+08:00")
    notify(clock, campaign, *company.values())
    wait = delivery.Sender._keep_rate

    def slow(sender: Any) -> None:
        wait(sender)
        clock.set(clock.now() + timedelta(seconds=4))

    monkeypatch.setattr(delivery.Sender, "_keep_rate", slow)
    result = send_notifications()
    assert (result.sent, result.deferred) == (3, 6)


def test_a_day_has_one_reminder_in_a_zone_far_from_the_campaign(
    campaign: Campaign, alice: Employee, clock: Clock
) -> None:
    """In New York the campaign's day changes at eleven in the morning."""
    Employee.objects.filter(pk=alice.pk).update(time_zone="America/New_York")
    instant = clock.now()
    while instant < campaign.rule.cutoff_at:
        clock.set(instant, ticks=True)
        record_scheduled_events(clock.now())
        instant += timedelta(minutes=30)
    plan_notifications(clock.now())
    rows = Event.objects.filter(employee_id=alice.pk)
    assert not rows.exists()
    own = Notification.objects.filter(employee=alice, channel="app")
    days = Counter(own.exclude(kind__endswith="digest").values_list("kind", flat=True))
    assert set(days.values()) == {1}


@pytest.mark.parametrize(
    ("zone", "days"),
    [
        ("America/New_York", [24, 25, 26, 27, 30]), ("America/Los_Angeles", [23, 24, 25, 26, 27]),
        ("Pacific/Honolulu", [23, 24, 25, 26, 27]), ("Pacific/Auckland", [24, 25, 26, 27, 30]),
    ],
)  # fmt: skip
def test_hr_abroad_gets_the_daily_figures_in_its_morning(
    campaign: Campaign, hr: Employee, clock: Clock, zone: str, days: list[int]
) -> None:
    """Every working day of the last week, also where the company's morning is a night or a day off."""
    Employee.objects.filter(pk=hr.pk).update(time_zone=zone)
    instant = clock.now()
    while instant < campaign.rule.cutoff_at:
        clock.set(instant, ticks=True)
        record_scheduled_events(clock.now())
        process_notifications()
        instant += timedelta(minutes=30)
    sent = Notification.objects.filter(employee=hr, kind="company_digest", channel="email", state="sent")
    mornings = [f"{row.sent_at.astimezone(ZoneInfo(zone)):%d %H}" for row in sent.order_by("sent_at") if row.sent_at]
    assert mornings == [f"{day} 09" for day in days]


def test_a_manager_without_people_in_the_campaign_gets_no_digest(company: dict[str, Employee], clock: Clock) -> None:
    people.november(scope=["Sales"])
    process_effective_dates()
    people.mark()
    record_scheduled_events(clock.now())
    process_notifications()
    digests = Notification.objects.filter(kind="team_digest", channel="app").values_list(
        "employee__staff_no", flat=True
    )
    assert sorted(digests) == ["B001", "D001"], "Carol leads people of another department"


def test_saving_settings_keeps_what_was_switched_off_of_other_kinds(alice: Employee) -> None:
    Preference.objects.create(employee=alice, kind="team_digest", channel="email", enabled=False)
    save_preferences(account_for(alice), {})
    assert Preference.objects.filter(kind="team_digest").exists(), "she may lead a team again"


def test_a_link_leads_to_the_campaign_of_the_notification(campaign: Campaign, alice: Employee, clock: Clock) -> None:
    people.november(name="Other")
    people.mark()
    notify(clock, campaign, alice)
    send_notifications()
    [sent] = [sent for sent in mail.outbox if "adjust" in sent.subject]
    assert "http://testserver/?campaign=november" in str(sent.body)


def test_a_broken_connection_after_a_refused_content_is_not_taken_for_a_sent_mail(
    mailbox: Mailbox, campaign: Campaign, alice: Employee, alan: Employee, clock: Clock
) -> None:
    mailbox.in_data[ALICE] = "452 full"
    mailbox.break_at_recipient.add(ALAN)
    notify(clock, campaign, alice, alan, kind="weekly")
    send_notifications()
    assert {state for state, _why in states().values()} == {"due"}


def test_what_waited_in_a_restored_backup_is_not_sent(campaign: Campaign, alice: Employee, clock: Clock) -> None:
    notify(clock, campaign, alice)
    record_event("adjustment_granted", subject="2", campaign_id=campaign.pk, employees=[alice.pk])
    clock.set(clock.now() + timedelta(days=8), ticks=True)
    process_notifications()
    assert mail.outbox == []
    assert Notification.objects.get(channel="email").last_error == "too_old"
    assert not Event.objects.exists()


def test_an_event_of_a_newer_process_waits_for_its_update(alice: Employee, clock: Clock) -> None:
    record_event("kind_of_tomorrow", subject="1", employees=[alice.pk])
    process_notifications()
    assert Event.objects.get().kind == "kind_of_tomorrow"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("QUIET_HOURS", "20:00 - 08:00"),
        ("QUIET_DAYS", ["saturday"]),
        ("NOTIFICATIONS_PER_SECOND", 0.0),
        ("WEBHOOK_ALLOWED_NETWORKS", ["10.1.2.3/8"]),
    ],
)
def test_settings_that_no_worker_could_use_stop_the_start(settings: Any, name: str, value: Any) -> None:
    assert checks.check_notification_settings(None) == []
    setattr(settings, name, value)
    assert len(checks.check_notification_settings(None)) == 1


def test_on_the_last_day_a_reader_abroad_learns_the_hour(campaign: Campaign, alice: Employee, clock: Clock) -> None:
    Employee.objects.filter(pk=alice.pk).update(time_zone="America/New_York")
    clock.set("2026-11-30T08:30:00-05:00", ticks=True)
    notify(clock, campaign, alice, kind="deadline_1")
    send_notifications()
    assert "The campaign ends on 30 Nov 2026 11:00 in your time zone." in str(mail.outbox[0].body)


def test_a_freeze_that_succeeded_by_then_is_no_alarm(campaign: Campaign, hr: Employee, clock: Clock) -> None:
    clock.set("2026-12-01T09:00:00+08:00", ticks=True)
    record_event("freeze_failed", subject="1", campaign_id=campaign.pk)
    plan_notifications(clock.now())
    assert freeze(campaign=campaign, by=people.TESTER, wait=True)
    send_notifications()
    assert Notification.objects.get(kind="freeze_failed", channel="email").last_error == "frozen"


def test_a_morning_waits_until_everybody_is_evaluated(campaign: Campaign, alice: Employee, clock: Clock) -> None:
    """A rule that changed a minute before nine must not cost a company its reminder."""
    clock.set("2026-11-24T08:59:00+08:00", ticks=True)
    rule = campaign.rule
    draft = RuleDraft(target=80, opens_on=rule.opens_on, deadline=rule.deadline, time_zone=rule.time_zone)
    change_rule(campaign=campaign, draft=draft, expected_version=1, reason="x", by=people.TESTER)
    reminders = Event.objects.filter(kind="deadline_7", employee_id=alice.pk)
    clock.set("2026-11-24T09:00:00+08:00", ticks=True)
    record_scheduled_events(clock.now())
    assert not reminders.exists()
    people.mark()
    clock.set("2026-11-24T09:06:00+08:00", ticks=True)
    record_scheduled_events(clock.now())
    assert reminders.exists()


def test_a_second_fall_is_news_when_the_notice_of_the_first_was_dropped(
    campaign: Campaign, alice: Employee, clock: Clock
) -> None:
    people.record(alice, 100)
    people.mark()
    clock.set("2026-11-23T22:00:00+08:00", ticks=True)
    for _time in range(2):
        contact = Contact.objects.of(alice).filter(ended_at=None)[0]
        end_contact(contact_id=contact.pk, employee=alice, by=people.TESTER)
        people.mark()
        plan_notifications(clock.now())
        if _time == 0:
            people.record(alice, 1)
            people.mark()
            clock.set("2026-11-24T08:00:00+08:00", ticks=True)
            send_notifications()
    send_notifications()
    rows = Notification.objects.filter(employee=alice, kind="turned_red", channel="email").order_by("pk")
    assert list(rows.values_list("state", "last_error")) == [("dropped", "reached"), ("sent", "")]
