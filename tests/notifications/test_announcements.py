"""Everybody in the campaign hears of an announcement, by one mail, when it begins to be shown and not afterwards."""

from datetime import date, datetime, timedelta

import pytest
from django.core import mail

from apps.campaigns.announcements import mark_read, withdraw_announcement
from apps.campaigns.models import Campaign
from apps.core.models import Event
from apps.employees.models import Employee
from apps.notifications.models import Notification, Preference
from apps.notifications.processing import process_notifications
from apps.notifications.schedule import record_scheduled_events
from apps.standings.effective_dates import process_effective_dates
from tests import announcing, people
from tests.fixtures import Clock

pytestmark = pytest.mark.django_db
TOMORROW = datetime.fromisoformat("2026-11-24T10:00:00+08:00")


def minute(clock: Clock, at: datetime | str | None = None) -> None:
    """What beat and a worker do in a minute."""
    if at is not None:
        clock.set(at, ticks=True)
    process_effective_dates()
    people.mark()
    record_scheduled_events(clock.now())
    process_notifications()


ABOUT_IT = ("Your page has an announcement", "has begun")


def mailed(employee: Employee, words: tuple[str, ...] = ABOUT_IT) -> list[str]:
    """The mails to this employee with one of these words: others, such as Monday's, are not of interest here."""
    bodies = [str(sent.body) for sent in mail.outbox if sent.to == [employee.email]]
    return [body for body in bodies if any(word in body for word in words)]


def readers() -> int:
    """How many mails about an announcement left."""
    return Notification.objects.filter(kind="announcement", channel="email", state="sent").count()


def reasons() -> set[str]:
    dropped = Notification.objects.filter(kind="announcement", channel="email", state="dropped")
    return set(dropped.values_list("last_error", flat=True))


def test_everybody_in_the_campaign_hears_of_it_once(campaign: Campaign, alice: Employee, clock: Clock) -> None:
    announcing.published(campaign)
    Event.objects.all().delete()
    for _time in range(3):
        minute(clock)
    assert readers() == 9
    [body] = mailed(alice)
    assert "Your page has an announcement about November." in body
    assert "/?campaign=november" in body
    assert "Each of us knows somebody." not in body, "the text is on the page alone"


def test_a_scheduled_one_is_mailed_when_it_is_shown(campaign: Campaign, alice: Employee, clock: Clock) -> None:
    announcing.published(campaign, shown_from=TOMORROW)
    Event.objects.all().delete()
    minute(clock, TOMORROW - timedelta(minutes=1))
    assert mailed(alice) == []
    minute(clock, TOMORROW + timedelta(seconds=1))
    assert len(mailed(alice)) == 1


def test_people_outside_its_departments_do_not_hear_of_it(
    company: dict[str, Employee], alice: Employee, carol: Employee, clock: Clock
) -> None:
    campaign = people.november(scope=["Sales"])
    process_effective_dates()
    people.mark()
    announcing.published(campaign)
    Event.objects.all().delete()
    minute(clock)
    assert (len(mailed(alice)), len(mailed(carol))) == (1, 0)


def test_who_has_read_it_by_then_is_not_mailed(campaign: Campaign, alice: Employee, clock: Clock) -> None:
    clock.set("2026-11-23T23:00:00+08:00", ticks=True)
    announcement = announcing.published(campaign)
    minute(clock)
    assert readers() == 0, "at night"
    mark_read(announcement=announcement, employee=alice)
    minute(clock, TOMORROW)
    assert (len(mailed(alice)), readers()) == (0, 8)
    assert reasons() == {"read"}


def test_what_was_withdrawn_or_replaced_by_then_is_not_mailed(
    campaign: Campaign, alice: Employee, clock: Clock
) -> None:
    clock.set("2026-11-23T23:00:00+08:00", ticks=True)
    announcement = announcing.published(campaign)
    minute(clock)
    announcing.published(campaign, text_en="Corrected.")
    minute(clock)
    minute(clock, TOMORROW)
    assert len(mailed(alice)) == 1, "of two versions in a night the newer one"
    third = announcing.published(campaign, text_en="Wrong.")
    record_scheduled_events(clock.now())
    withdraw_announcement(announcement_id=third.pk, reason="Wrong.", by=people.officer("asks"))
    process_notifications()
    assert len(mailed(alice)) == 1
    assert reasons() == {"not_shown"}
    assert announcement.version == 1


def test_an_announcement_at_the_opening_is_in_its_mail(
    company: dict[str, Employee], alice: Employee, clock: Clock
) -> None:
    """One mail, not two."""
    days = {"opens_on": date(2026, 11, 25), "deadline": date(2026, 12, 20)}
    campaign = people.november(name="Later", slug="later", **days)
    announcing.published(campaign)
    Event.objects.all().delete()
    minute(clock)
    assert mailed(alice) == []
    minute(clock, "2026-11-25T00:00:05+08:00")
    minute(clock, "2026-11-25T10:00:00+08:00")
    [body] = mailed(alice)
    assert "The campaign Later has begun." in body
    assert "Your page has an announcement." in body


def test_an_announcement_in_the_morning_of_the_opening_is_in_the_same_mail(
    company: dict[str, Employee], alice: Employee, clock: Clock
) -> None:
    campaign = people.november(name="Later", slug="later", opens_on=date(2026, 11, 25), deadline=date(2026, 12, 20))
    announcing.published(campaign, shown_from=datetime.fromisoformat("2026-11-25T07:00:00+08:00"))
    Event.objects.all().delete()
    minute(clock)
    for at in ("00:00:05", "07:00:05", "08:00:05"):
        minute(clock, f"2026-11-25T{at}+08:00")
    minute(clock)
    [body] = mailed(alice)
    assert "Your page has an announcement." in body
    assert reasons() == {"superseded"}


def test_the_opening_is_mailed_without_it_to_who_has_read_it(
    company: dict[str, Employee], alice: Employee, clock: Clock
) -> None:
    campaign = people.november(name="Later", slug="later", opens_on=date(2026, 11, 25), deadline=date(2026, 12, 20))
    mark_read(announcement=announcing.published(campaign), employee=alice)
    Event.objects.all().delete()
    minute(clock)
    minute(clock, "2026-11-25T10:00:00+08:00")
    [body] = mailed(alice)
    assert "announcement" not in body


def test_it_can_be_switched_off(campaign: Campaign, alice: Employee, clock: Clock) -> None:
    """The page shows it all the same."""
    Preference.objects.create(employee=alice, kind="announcement", channel="email", enabled=False)
    announcing.published(campaign)
    Event.objects.all().delete()
    minute(clock)
    assert (len(mailed(alice)), readers()) == (0, 8)


def test_hr_hears_of_a_request_until_it_is_decided(campaign: Campaign, hr: Employee, clock: Clock) -> None:
    request = announcing.requested(campaign)
    process_notifications()
    [body] = mailed(hr, ("a second person must decide",))
    assert "/company/campaigns/" in body
    clock.set(clock.now() + timedelta(days=1, minutes=1), ticks=True)
    record_scheduled_events(clock.now())
    withdraw_announcement(announcement_id=request.pk, reason="No.", by=people.officer("other"))
    process_notifications()
    overdue = Notification.objects.get(employee=hr, kind="approval_overdue", channel="email")
    assert (overdue.state, overdue.last_error) == ("dropped", "decided")
