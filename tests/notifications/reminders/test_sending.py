"""A reminder reaches those who can still reach their target, says who sent it, and never becomes pressure."""

import uuid
from collections import Counter
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from django.core import mail
from django.db import transaction

from apps.accounts.services import account_for
from apps.campaigns.models import Campaign
from apps.contacts.services.changes import end_contact
from apps.core.errors import Refused
from apps.core.models import AuditEntry, Event
from apps.employees.models import Employee
from apps.notifications.delivery import send_notifications
from apps.notifications.inbox import entries_of
from apps.notifications.models import LastReminder, Notification, Preference, Reminder
from apps.notifications.planning import plan_notifications
from apps.notifications.progress import sums_by_sender
from apps.notifications.reminders import sending
from apps.notifications.reminders.approved_texts import add_text, change_text
from apps.notifications.reminders.sending import Draft
from apps.notifications.retention import delete_old_notifications
from tests import crowd, people, reviewing
from tests.fixtures import Clock
from tests.reminding import preview, reasons, remind, text

pytestmark = pytest.mark.django_db
DAY, YEAR = timedelta(days=1), timedelta(days=366)


def concerned() -> list[str]:
    """The staff numbers of the reminders that wait to be planned."""
    events = Event.objects.filter(kind="reminder").values("employee_id")
    return sorted(Employee.objects.filter(pk__in=events).values_list("staff_no", flat=True))


def deliver(clock: Clock) -> None:
    plan_notifications(clock.now())
    send_notifications()


# -- What recipients read ------------------------------------------------------------------------------------------


def test_the_recipient_reads_who_sent_it_in_which_role_and_the_text(
    campaign: Campaign, alice: Employee, bob: Employee, clock: Clock
) -> None:
    account = account_for(alice)
    account.language = "en"
    account.save(update_fields=["language"])
    assert remind(campaign, bob, q="A001").people == 1
    deliver(clock)
    [sent] = mail.outbox
    assert (sent.to, sent.subject) == (["alice@corp.example.com"], "A reminder")
    for body in (str(sent.body), str(sent.alternatives[0][0])):  # type: ignore[attr-defined]
        for words in ("Bob 白 (manager) reminds you of November.", "Shall we talk?", "0 of your contacts count."):
            assert words in body
        assert "Switch off messages like this one" in body
    [entry] = entries_of(Notification.objects.visible_to(account), clock.now())
    assert "Bob 白 (manager)" in entry.content.summary
    assert entry.content.quote == "Shall we talk?"


def test_hr_is_named_as_hr_and_each_recipient_reads_the_own_language(
    campaign: Campaign, alice: Employee, hr: Employee, clock: Clock
) -> None:
    account = account_for(alice)
    account.language = "zh-hans"
    account.save(update_fields=["language"])
    remind(campaign, hr, q="A001", draft=Draft(None, "Hello there", "你好，全角标点。"))
    deliver(clock)
    [sent] = mail.outbox
    assert "Hedda（HR）提醒您" in str(sent.body)
    assert "你好，全角标点。" in str(sent.body)
    assert "Hello there" not in str(sent.body)


def test_a_text_is_no_markup_and_reaches_no_header(
    campaign: Campaign, alice: Employee, hr: Employee, clock: Clock
) -> None:
    hostile = "<img src=x>\r\nBcc: all\n\x07\u202eend"
    remind(campaign, hr, q="A001", draft=Draft(None, hostile, hostile))
    deliver(clock)
    [sent] = mail.outbox
    assert sent.recipients() == ["alice@corp.example.com"]
    assert set(sent.message().keys()) <= {
        "Content-Type", "MIME-Version", "Subject", "From", "To", "Date", "Message-ID", "Auto-Submitted",
        "List-Unsubscribe", "List-Unsubscribe-Post",
    }  # fmt: skip
    html = str(sent.alternatives[0][0])  # type: ignore[attr-defined]
    assert "&lt;img src=x&gt;<br>Bcc:" in html
    assert "\x07" not in html + str(sent.body)
    assert "\u202e" not in html + str(sent.body)


def test_a_sent_reminder_keeps_its_text_when_hr_changes_it(
    campaign: Campaign, alice: Employee, bob: Employee, clock: Clock
) -> None:
    first = text()
    remind(campaign, bob, q="A001", draft=Draft(first))
    change_text(text_id=first.pk, title="Short", text_en="Other", text_zh="另一段", by=people.TESTER)
    plan_notifications(clock.now())
    [entry] = entries_of(Notification.objects.visible_to(account_for(alice)), clock.now())
    assert entry.content.quote == "Shall we talk?"


# -- Who is left out -----------------------------------------------------------------------------------------------


def test_who_is_left_out_and_why(
    campaign: Campaign, alice: Employee, alan: Employee, carol: Employee, hr: Employee, clock: Clock
) -> None:
    people.record(alice, 100)
    people.adjust(campaign=campaign, employee=alan, exempt=True)
    people.mark()
    reviewing.ask(campaign, carol)
    account = account_for(people.with_account(people.person("S001")))
    account.is_active = False
    account.save(update_fields=["is_active"])
    remind(campaign, hr, q="U001")
    remaining = reasons(campaign, hr)
    assert remaining == {
        "A001": "reached", "A002": "exempt", "C001": "under_review", "S001": "no_access", "U001": "recent",
        "B001": "", "D001": "", "H001": "", "O001": "",
    }  # fmt: skip
    remind(campaign, hr)
    assert concerned() == ["B001", "D001", "H001", "O001", "U001"]


def test_a_leaver_of_today_is_left_out(campaign: Campaign, alan: Employee, bob: Employee, clock: Clock) -> None:
    people.load("staff_no,name,email,left_on\nA002,Alan,alan@corp.example.com,2026-11-22")
    assert reasons(campaign, bob).get("A002", "left") == "left"
    remind(campaign, bob)
    assert concerned() == ["A001"]


def test_a_manager_cannot_tell_who_asked_for_a_review(
    campaign: Campaign, alice: Employee, alan: Employee, bob: Employee, clock: Clock
) -> None:
    """Neither the preview, nor the number, nor a later preview says it; and the person gets no reminder (ADR 29)."""
    reviewing.ask(campaign, alice)
    assert reasons(campaign, bob) == {"A001": "", "A002": ""}
    assert remind(campaign, bob).people == 2
    assert concerned() == ["A002"]
    assert reasons(campaign, bob) == {"A001": "recent", "A002": "recent"}


def test_a_manager_cannot_tell_who_asked_for_a_review_after_hr_has_reminded(
    campaign: Campaign, alice: Employee, alan: Employee, bob: Employee, hr: Employee, clock: Clock
) -> None:
    reviewing.ask(campaign, alice)
    reminder = remind(campaign, hr)
    assert "A001" not in concerned()
    assert "A002" in concerned()
    assert reminder.people == len(concerned())
    members = {each.staff_no: (each.reason, each.last_at) for each in preview(campaign, bob).candidates}
    assert members["A001"] == members["A002"] == ("recent", reminder.sent_at)


def test_of_a_campaign_that_is_over_no_one_is_reminded(campaign: Campaign, bob: Employee, clock: Clock) -> None:
    seen = preview(campaign, bob).seen
    clock.set("2026-12-01T00:00:00+08:00", ticks=True)
    assert reviewing.refusal(remind, campaign, bob, seen=seen) == "over"
    assert not Reminder.objects.exists()


def test_who_reaches_the_target_before_the_mail_leaves_gets_none(
    campaign: Campaign, alice: Employee, bob: Employee, clock: Clock
) -> None:
    remind(campaign, bob, q="A001")
    plan_notifications(clock.now())
    people.record(alice, 100)
    people.mark()
    send_notifications()
    assert mail.outbox == []
    assert Notification.objects.get(channel="email").last_error == "reached"


def test_the_mail_can_be_switched_off_and_the_list_in_hundred_cannot(
    campaign: Campaign, alice: Employee, bob: Employee, clock: Clock
) -> None:
    for channel in ("app", "email"):
        Preference.objects.create(employee=alice, kind="reminder", channel=channel, enabled=False)
    assert reasons(campaign, bob, q="A001") == {"A001": ""}, "the sender does not learn it"
    remind(campaign, bob, q="A001")
    deliver(clock)
    assert mail.outbox == []
    assert list(Notification.objects.values_list("kind", "channel")) == [("reminder", "app")]


def test_at_night_the_preview_says_when_the_mails_leave(
    campaign: Campaign, alice: Employee, alan: Employee, bob: Employee, clock: Clock
) -> None:
    Employee.objects.filter(pk=alan.pk).update(time_zone="Europe/Paris")
    clock.set("2026-11-23T20:30:00+08:00")
    assert [(at.isoformat(), people) for at, people in preview(campaign, bob).departures] == [
        ("2026-11-23T12:30:00+00:00", 1), ("2026-11-24T00:00:00+00:00", 1),
    ]  # fmt: skip
    remind(campaign, bob)
    deliver(clock)
    assert [sent.to for sent in mail.outbox] == [["alan@corp.example.com"]]


# -- Limits --------------------------------------------------------------------------------------------------------


def test_once_in_a_day_and_twice_in_seven_days_whoever_sends(
    campaign: Campaign, alice: Employee, bob: Employee, hr: Employee, clock: Clock
) -> None:
    begun = clock.now()
    remind(campaign, bob, q="A001")
    for after, sender, reason in (
        (DAY - timedelta(minutes=1), hr, "recent"),
        (DAY + timedelta(minutes=1), hr, ""),
        (3 * DAY, bob, "twice"),
        (7 * DAY - timedelta(minutes=1), hr, "twice"),
        (7 * DAY + timedelta(minutes=1), bob, ""),
    ):
        clock.set(begun + after, ticks=True)
        assert reasons(campaign, sender, q="A001") == {"A001": reason}, after
        if reason:
            assert reviewing.refusal(remind, campaign, sender, q="A001") == "empty"
        else:
            remind(campaign, sender, q="A001")
    assert Reminder.objects.count() == 3


@pytest.mark.django_db(transaction=True)
def test_two_senders_at_once_remind_each_person_once(campaign: Campaign, bob: Employee, hr: Employee) -> None:
    """Both have seen everybody as due: the limit is part of the write."""
    draft = Draft(text())
    seen = {who.pk: preview(campaign, who).seen for who in (bob, hr)}
    works = [partial(remind, campaign, who, draft=draft, seen=seen[who.pk]) for who in (bob, hr, bob, hr)]
    outcomes = crowd.at_once(*works)
    assert {type(outcome) for outcome in outcomes} <= {Reminder, Refused}
    by_person = Counter(Event.objects.filter(kind="reminder").values_list("employee_id", flat=True))
    assert len(by_person) == 9
    assert set(by_person.values()) == {1}
    assert sum(outcome.people for outcome in outcomes if isinstance(outcome, Reminder)) == 9
    assert LastReminder.objects.filter(previous_at=None).count() == 9


@pytest.mark.django_db(transaction=True)
def test_a_double_click_is_one_reminder(campaign: Campaign, bob: Employee) -> None:
    key, draft, seen = uuid.uuid4(), Draft(text()), preview(campaign, bob).seen
    outcomes = crowd.at_once(*[partial(remind, campaign, bob, draft=draft, seen=seen, key=key)] * 3)
    assert {outcome.pk for outcome in outcomes} == {Reminder.objects.get().pk}
    assert Event.objects.filter(kind="reminder").count() == 2
    assert AuditEntry.objects.filter(action="reminder.sent").count() == 1


def test_a_longer_list_than_the_one_shown_is_shown_again_and_a_shorter_one_is_sent(
    campaign: Campaign, alice: Employee, alan: Employee, bob: Employee, clock: Clock
) -> None:
    people.record(alice, 100)
    people.mark()
    seen = preview(campaign, bob).seen
    end_contact(contact_id=reviewing.ids(alice)[0], employee=alice, by=people.TESTER)
    Event.objects.all().delete()
    assert reviewing.refusal(remind, campaign, bob, seen=seen) == "changed", "not marked yet, and below the target"
    assert not Reminder.objects.exists()
    assert not LastReminder.objects.exists()
    assert not Event.objects.exists()
    seen = preview(campaign, bob).seen
    people.record(alan, 100)
    assert remind(campaign, bob, seen=seen).people == 1
    assert concerned() == ["A001"]


def test_a_manager_sends_no_text_of_the_own(campaign: Campaign, bob: Employee) -> None:
    assert reviewing.refusal(remind, campaign, bob, draft=Draft(None, "Work!", "快！")) == "invalid"


def test_hr_s_own_texts_reach_few_people_a_day_and_approved_ones_all(
    campaign: Campaign, alice: Employee, hr: Employee, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One HR user alone must not speak to the whole company."""
    monkeypatch.setattr(sending, "OWN_TEXT_PEOPLE", 1)
    own = Draft(None, "Come by", "来找我")
    remind(campaign, hr, q="A001", draft=own)
    assert reviewing.refusal(remind, campaign, hr, q="A002", draft=own) == "too_many"
    assert LastReminder.objects.count() == Reminder.objects.count() == 1
    assert remind(campaign, hr).people == 8
    clock.set(clock.now() + DAY + timedelta(minutes=1), ticks=True)
    assert remind(campaign, hr, q="A002", draft=own).people == 1


def test_an_approved_text_of_the_sender_reaches_as_few_people_as_an_own_one(
    campaign: Campaign, hr: Employee, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One HR user could otherwise add a text and send it to the whole company, and no second person has seen it."""
    monkeypatch.setattr(sending, "OWN_TEXT_PEOPLE", 1)
    sender, second = account_for(hr).actor, people.officer("second")
    words = {"text_en": "Come by", "text_zh": "来找我"}
    mine = add_text(title="Mine", **words, by=sender)
    theirs = add_text(title="Theirs", **words, by=second)
    edited = change_text(text_id=theirs.pk, title="Theirs", **words, by=sender)
    other = people.november(name="Other", slug="other")
    remind(campaign, hr, q="A001", draft=Draft(None, "Come by", "来找我"))
    for chosen in (mine, edited):
        assert reviewing.refusal(remind, campaign, hr, draft=Draft(chosen)) == "too_many"
        assert reviewing.refusal(remind, other, hr, q="A002", draft=Draft(chosen)) == "too_many", "of all campaigns"
    assert Reminder.objects.count() == 1
    seen_by_two = change_text(text_id=mine.pk, title="Mine", **words, by=second)
    assert remind(campaign, hr, draft=Draft(seen_by_two)).people == 8


def test_own_and_approved_texts_of_the_sender_count_together(
    campaign: Campaign, hr: Employee, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sending, "OWN_TEXT_PEOPLE", 1)
    mine = add_text(title="Mine", text_en="Come by", text_zh="来找我", by=account_for(hr).actor)
    remind(campaign, hr, q="A001", draft=Draft(mine))
    own = Draft(None, "Come by", "来找我")
    assert reviewing.refusal(remind, campaign, hr, q="A002", draft=own) == "too_many"


def test_an_own_text_holds_no_link(campaign: Campaign, hr: Employee) -> None:
    assert reviewing.refusal(remind, campaign, hr, draft=Draft(None, "See evil.example", "好")) == "link"


# -- What stays ----------------------------------------------------------------------------------------------------


def test_the_trail_says_who_sent_which_text_to_how_many_and_holds_no_search(
    campaign: Campaign, bob: Employee, clock: Clock
) -> None:
    remind(campaign, bob, q="Alice", status="red")
    entry = AuditEntry.objects.get(action="reminder.sent")
    assert entry.actor_id == account_for(bob).pk
    assert entry.detail == {
        "campaign": "november", "people": 1, "text": "Short (v1)", "filters": {"status": "red", "q": "…"},
    }  # fmt: skip


def test_hr_reads_sums_by_sender(campaign: Campaign, bob: Employee, hr: Employee, clock: Clock) -> None:
    remind(campaign, bob)
    remind(campaign, hr, q="S001")
    rows = [(row["sender"], row["staff_no"], row["reminders"], row["people"], row["offers"])
            for row in sums_by_sender(clock.now())]  # fmt: skip
    assert rows == [("Bob 白", "B001", 1, 2, 0), ("Hedda", "H001", 1, 1, 0)]
    assert sums_by_sender(clock.now() + 31 * DAY) == []


def test_after_a_year_they_are_gone_and_not_while_the_campaign_runs(
    campaign: Campaign, bob: Employee, clock: Clock
) -> None:
    remind(campaign, bob)
    deliver(clock)
    delete_old_notifications(clock.now() + YEAR)
    assert Reminder.objects.exists()
    Campaign.objects.filter(pk=campaign.pk).update(state="cancelled")
    delete_old_notifications(clock.now() + YEAR)
    assert not Reminder.objects.exists()
    assert not LastReminder.objects.exists()
    assert not Notification.objects.exists()


def test_a_refusal_leaves_no_trace_of_the_sending(
    campaign: Campaign, bob: Employee, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*args: Any, **options: Any) -> None:
        raise Refused("x", "x")

    draft, seen = Draft(text()), preview(campaign, bob).seen
    monkeypatch.setattr(sending, "audit", fail)
    with pytest.raises(Refused), transaction.atomic():
        remind(campaign, bob, draft=draft, seen=seen)
    assert not LastReminder.objects.exists()
    assert not Event.objects.exists()
