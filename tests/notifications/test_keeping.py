"""Old notifications are deleted, and no deletion lets a notification be planned again."""

from datetime import timedelta

import pytest

from apps.campaigns.models import Campaign
from apps.core.health import FAILING_CHANNEL
from apps.core.models import Setting
from apps.employees.models import Employee
from apps.notifications.delivery import send_notifications
from apps.notifications.models import Notification, Preference
from apps.notifications.retention import delete_old_notifications
from tests import people
from tests.fixtures import Clock
from tests.notifications.smtp import Mailbox
from tests.notifications.test_email import notify

pytestmark = pytest.mark.django_db
YEAR = timedelta(days=366)


def test_a_year_after_the_campaign_they_are_gone(campaign: Campaign, alice: Employee, clock: Clock) -> None:
    notify(clock, campaign, alice)
    send_notifications()
    assert delete_old_notifications(clock.now() + YEAR) == 0, "the campaign runs, and could plan them again"
    Campaign.objects.filter(pk=campaign.pk).update(state="cancelled")
    assert delete_old_notifications(clock.now() + YEAR - timedelta(days=2)) == 0
    assert delete_old_notifications(clock.now() + YEAR) == 2
    assert not Notification.objects.exists()


def test_what_waits_is_not_deleted(campaign: Campaign, alice: Employee, clock: Clock) -> None:
    notify(clock, campaign, alice)
    Campaign.objects.filter(pk=campaign.pk).update(state="cancelled")
    delete_old_notifications(clock.now() + YEAR)
    assert Notification.objects.get().channel == "email"


def test_the_preferences_of_a_leaver_are_deleted(
    campaign: Campaign, alice: Employee, alan: Employee, clock: Clock
) -> None:
    for person in (alice, alan):
        Preference.objects.create(employee=person, kind="weekly", channel="email", enabled=False)
    people.load("staff_no,name,email,left_on\nA001,Alice 艾,alice@corp.example.com,2026-11-23")
    assert delete_old_notifications(clock.now()) == 0
    assert delete_old_notifications(clock.now() + YEAR + timedelta(days=1)) == 1
    assert Preference.objects.get().employee_id == alan.pk


def test_monitoring_sees_a_channel_that_fails_until_it_works_again(
    campaign: Campaign, alice: Employee, clock: Clock, settings: object, mailbox: Mailbox
) -> None:
    failing = Setting.objects.filter(name=f"{FAILING_CHANNEL}email")
    notify(clock, campaign, alice)
    port, settings.EMAIL_PORT = settings.EMAIL_PORT, 1  # type: ignore[attr-defined]
    send_notifications()
    assert failing.get().value == "connect: ConnectionRefusedError"
    settings.EMAIL_PORT = port  # type: ignore[attr-defined]
    clock.set(clock.now() + timedelta(minutes=2), ticks=True)
    send_notifications()
    assert not failing.exists()
