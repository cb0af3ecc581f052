"""The last week of a campaign, hour by hour: the mail server holds exactly the expected mails, each once."""

from collections import Counter
from datetime import datetime, timedelta

import pytest

from apps.campaigns.models import Campaign
from apps.contacts.models import Contact
from apps.contacts.services.changes import end_contact
from apps.core.clock import db_now
from apps.employees.models import Employee
from apps.notifications.models import Notification
from apps.notifications.processing import process_notifications
from apps.notifications.schedule import record_scheduled_events
from apps.results.freeze import freeze
from apps.standings.effective_dates import process_effective_dates
from tests import people
from tests.fixtures import Clock
from tests.notifications.smtp import Mailbox

pytestmark = pytest.mark.django_db
HOUR = timedelta(hours=1)


def at(text: str) -> datetime:
    return datetime.fromisoformat(f"2026-{text}:00:00+08:00")


def test_everybody_hears_what_concerns_them_once_and_at_the_right_hour(
    mailbox: Mailbox, campaign: Campaign, alice: Employee, alan: Employee, clock: Clock
) -> None:
    def end_one() -> None:
        contact = Contact.objects.of(alice).filter(ended_at=None)[0]
        end_contact(contact_id=contact.pk, employee=alice, by=people.TESTER)

    acts = {
        at("11-23T12"): lambda: people.record(alice, 50),
        at("11-25T10"): lambda: people.record(alice, 40),
        at("11-26T21"): lambda: people.record(alice, 10),
        at("11-27T10"): end_one,
        at("11-30T11"): lambda: people.record(alice, 1),
        at("12-01T00"): lambda: freeze(campaign=campaign, by=people.TESTER, wait=True),
    }
    instant = at("11-23T12")
    while instant < at("12-02T12"):
        clock.set(instant + timedelta(seconds=1), ticks=True)
        process_effective_dates()
        if instant in acts:
            acts[instant]()
        people.mark()
        record_scheduled_events(db_now())
        process_notifications()
        instant += HOUR

    def mails(employee: Employee) -> list[tuple[str, str]]:
        sent = Notification.objects.filter(employee=employee, channel="email", state="sent")
        zone = at("11-23T12").tzinfo
        return sorted(
            ((row.kind, f"{row.sent_at.astimezone(zone):%m-%dT%H}") for row in sent if row.sent_at),
            key=lambda mail: mail[::-1],
        )

    assert mails(alice) == [
        ("milestone_50", "11-23T12"),
        ("weekly", "11-23T12"),
        ("deadline_7", "11-24T09"),
        ("milestone_90", "11-25T10"),
        # Reached in the evening; the mail came with the morning.
        ("milestone_100", "11-27T08"),
        ("turned_red", "11-27T10"),
        # The reminder due on Saturday gave way to that of the last day.
        ("deadline_1", "11-30T09"),
        # Reaching the target again is no second milestone.
        ("result_final", "12-01T08"),
    ]
    assert mails(alan) == [
        ("weekly", "11-23T12"),
        ("deadline_7", "11-24T09"),
        ("deadline_1", "11-30T09"),
        ("result_final", "12-01T08"),
    ]
    arrived = Counter(mail["Message-ID"] for mail in mailbox.received)
    assert set(arrived.values()) == {1}
    assert len(arrived) == Notification.objects.filter(channel="email", state="sent").count()
    assert not Notification.objects.filter(state__in=["due", "sending", "failed"]).exists()
