"""The last week of a campaign in a browser: the mail server and the chat product hold exactly what was due, once each.

When it fails, people hear too late, twice, or not at all that they are below the target.
"""

from collections import Counter
from datetime import datetime, timedelta

import pytest
from playwright.sync_api import expect

from apps.campaigns.models import Campaign
from apps.core.clock import db_now
from apps.core.models import Event
from apps.employees.models import Employee
from apps.notifications.models import Notification
from apps.notifications.processing import process_notifications
from apps.notifications.schedule import record_scheduled_events
from apps.results.freeze import freeze
from apps.standings.effective_dates import process_effective_dates
from tests import people
from tests.browser.conftest import Looked, Open
from tests.fixtures import Clock
from tests.notifications.chat_services import SlackService
from tests.notifications.smtp import Mailbox

pytestmark = [
    pytest.mark.browser,
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("company_in_shanghai"),
]
HOUR = timedelta(hours=1)


def at(text: str) -> datetime:
    return datetime.fromisoformat(f"2026-{text}:00:00+08:00")


def add(mine: Looked, name: str) -> None:
    mine.page.goto("/")
    mine.page.fill("#quick-add input[name=name]", name)
    mine.page.fill("#quick-add [name=reach]", f"{name.lower()}@outside.example.org")
    mine.page.click("#quick-add button")
    expect(mine.page.locator("#added")).to_contain_text(f"{name} is recorded.")


def end(mine: Looked, name: str) -> None:
    mine.page.goto("/contacts/")
    mine.page.get_by_role("button", name=f"End {name}", exact=True).click()
    expect(mine.page.locator(".message", has_text=f"{name} is ended.")).to_be_visible()


def test_everybody_hears_what_concerns_them_once(
    open_as: Open,
    campaign: Campaign,
    alice: Employee,
    alan: Employee,
    mailbox: Mailbox,
    slack: SlackService,
    clock: Clock,
) -> None:
    # What happened before this week has been said.
    Event.objects.all().delete()
    Employee.objects.filter(pk=alan.pk).update(chat_id="W0ALAN")
    acts = {
        at("11-25T10"): lambda: add(open_as(alice, width=390), "Hugo"),
        at("11-27T10"): lambda: end(open_as(alice, width=390), "Hugo"),
        at("11-30T11"): lambda: add(open_as(alice, width=390), "Ines"),
        at("12-01T00"): lambda: freeze(campaign=campaign, by=people.TESTER, wait=True),
    }
    instant = at("11-23T12")
    while instant < at("12-01T12"):
        clock.set(instant + timedelta(seconds=1), ticks=True)
        process_effective_dates()
        if instant in acts:
            acts[instant]()
        people.mark()
        record_scheduled_events(db_now())
        process_notifications()
        instant += HOUR

    assert sent_to(alice, "email") == [
        ("deadline_7", "11-24T09"),
        ("milestone_100", "11-25T10"),
        ("turned_red", "11-27T10"),
        ("deadline_1", "11-30T09"),
        ("result_final", "12-01T08"),
    ]
    # The roster names Alan's account, so reminders come there, and the result by e-mail.
    assert sent_to(alan, "chat") == [("weekly", "11-23T12"), ("deadline_7", "11-24T09"), ("deadline_1", "11-30T09")]
    assert sent_to(alan, "email") == [("result_final", "12-01T08")]
    mails = Counter(mail["Message-ID"] for mail in mailbox.received)
    assert set(mails.values()) == {1}
    assert len(mails) == Notification.objects.filter(channel="email", state="sent").count()
    messages = Counter(slack.sent)
    assert set(messages.values()) == {1}
    assert Counter(member for member, _text in messages) == {"W0ALAN": 3}
    assert not Notification.objects.filter(state__in=["due", "sending", "failed"]).exists()

    mine = open_as(alice, width=390)
    mine.page.goto("/notifications/")
    expect(mine.page.locator("main")).to_contain_text("The result of November is final")
    assert mine.problems() + mine.findings() == []


def sent_to(employee: Employee, channel: str) -> list[tuple[str, str]]:
    """The kinds that left by this channel, each with its hour in Shanghai, in order."""
    sent = Notification.objects.filter(employee=employee, channel=channel, state="sent").order_by("sent_at")
    zone = at("11-23T12").tzinfo
    return [(row.kind, f"{row.sent_at.astimezone(zone):%m-%dT%H}") for row in sent if row.sent_at]
