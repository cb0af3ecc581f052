"""Requesting a review of the own standing: one at a time, in time, with own contacts as of that moment."""

import uuid
from datetime import date, datetime, timedelta

import pytest

from apps.campaigns.models import Campaign
from apps.contacts.services.changes import end_contact
from apps.core import clock as core_clock
from apps.core.errors import Refused
from apps.core.models import AuditEntry
from apps.employees.models import Employee
from apps.reviews.models import Review
from apps.reviews.services import can_request_review
from tests.fixtures import Clock
from tests.people import TESTER, load, mark, november, person, record, record_one
from tests.reviewing import adjusted, answer, ask, close, ids, refusal, withdraw


def test_a_question_keeps_the_verdict_it_is_about(campaign: Campaign, alice: Employee) -> None:
    record(alice, 3)
    adjusted(campaign, alice)
    review = ask(campaign, alice)  # not marked yet: judged from the facts
    assert (review.counted, review.target, review.exempt, review.state) == (3, 80, False, "open")


@pytest.mark.parametrize(
    ("asked", "due"),
    [
        ("2026-11-23T12:00:00+08:00", "2026-12-01T00:00:00+08:00"),
        ("2026-11-23T00:00:00+08:00", "2026-12-01T00:00:00+08:00"),
        ("2026-11-22T23:59:59.999999+08:00", "2026-11-30T00:00:00+08:00"),
    ],
)
def test_the_reply_is_due_at_the_end_of_the_seventh_day_after_the_day_of_asking(
    campaign: Campaign, alice: Employee, clock: Clock, asked: str, due: str
) -> None:
    clock.set(asked)
    review = ask(campaign, alice)
    assert review.due_at == datetime.fromisoformat(due)
    assert not review.is_overdue(review.due_at - timedelta(microseconds=1))
    assert review.is_overdue(review.due_at)


def test_a_day_that_is_an_hour_longer_is_still_a_day_of_the_reply_clock(
    company: dict[str, Employee], alice: Employee, clock: Clock
) -> None:
    clock.set("2026-10-24T12:00:00+02:00", ticks=True)  # the night after, Berlin's clock goes back
    campaign = november(time_zone="Europe/Berlin", opens_on=date(2026, 10, 1))
    assert ask(campaign, alice).due_at == datetime.fromisoformat("2026-11-01T00:00:00+01:00")


def test_the_same_form_again_is_the_same_question(campaign: Campaign, alice: Employee) -> None:
    key = uuid.uuid4()
    first = ask(campaign, alice, key=key)
    assert ask(campaign, alice, "Other words.", key=key).pk == first.pk
    answer(first, person("H001"))
    assert ask(campaign, alice, key=key).pk == first.pk, "a page that is sent again asks nothing new"
    assert (Review.objects.count(), AuditEntry.objects.filter(action="review.asked").count()) == (1, 1)


def test_one_question_is_open_at_a_time_and_the_next_after_the_answer(campaign: Campaign, alice: Employee) -> None:
    first = ask(campaign, alice)
    assert refusal(ask, campaign, alice) == "open"
    answer(first, person("H001"))
    second = ask(campaign, alice)
    withdraw(second)
    assert ask(campaign, alice).state == "open"


def test_another_campaign_has_its_own_question(campaign: Campaign, alice: Employee) -> None:
    other = november(name="Second")
    ask(campaign, alice)
    assert ask(other, alice).state == "open"


@pytest.mark.parametrize("text", ["", " \n\t \n", "\u200b"])
def test_a_question_says_something(campaign: Campaign, alice: Employee, text: str) -> None:
    assert refusal(ask, campaign, alice, text) == "text"


def test_a_text_keeps_its_lines_and_loses_invisible_characters(campaign: Campaign, alice: Employee) -> None:
    review = ask(campaign, alice, "  First\u200b  line \r\n\r\n\r\n\nＳecond\x07\n")
    assert review.text == "First line\n\nSecond"


def test_asking_begins_with_the_campaign_and_ends_some_days_after_its_freeze(
    campaign: Campaign, alice: Employee, clock: Clock
) -> None:
    later = november(name="Later", opens_on=date(2026, 11, 24))
    assert refusal(ask, later, alice) == "over"
    close(campaign, datetime.fromisoformat("2026-12-01T00:05:00+08:00"))
    clock.set("2026-12-15T23:59:59.999999+08:00")
    review = ask(campaign, alice)
    withdraw(review)
    clock.set("2026-12-16T00:00:00+08:00")
    assert refusal(ask, campaign, alice) == "over"
    assert not can_request_review(campaign, clock.now())


def test_after_the_freeze_the_question_is_about_the_result(campaign: Campaign, alice: Employee, clock: Clock) -> None:
    record(alice, 2)
    mark()
    close(campaign, core_clock.db_now())
    record(alice, 1)
    assert ask(campaign, alice).counted == 2


def test_an_employee_without_a_standing_cannot_ask(company: dict[str, Employee], alice: Employee, clock: Clock) -> None:
    scoped = november(scope=["Board"])
    assert refusal(ask, scoped, alice) == "no_standing"


def test_a_leaver_cannot_ask_and_an_open_question_of_theirs_can_still_be_answered(
    campaign: Campaign, alice: Employee, hr: Employee, clock: Clock
) -> None:
    review = ask(campaign, alice)
    load("staff_no,name,email,left_on\nA001,Alice 艾,alice@corp.example.com,2026-11-23")
    clock.set("2026-11-25T12:00:00+08:00", ticks=True)
    answer(review, hr)
    assert refusal(ask, campaign, alice) == "no_standing"


def test_in_a_cancelled_campaign_reviews_can_only_be_withdrawn(
    campaign: Campaign, alice: Employee, alan: Employee, hr: Employee
) -> None:
    review = ask(campaign, alice)
    Campaign.objects.filter(pk=campaign.pk).update(state="cancelled")
    assert refusal(ask, campaign, alan) == "over"
    assert refusal(answer, review, hr) == "over"
    withdraw(review)


# -- ticked contacts -------------------------------------------------------------------------------------------------


def test_what_is_noted_of_a_ticked_contact_is_its_state_then(campaign: Campaign, alice: Employee, clock: Clock) -> None:
    record_one(alice, ("email", "bob@corp.example.com"), name="Secret")
    record(alice, 1)
    record_one(alice, ("handle", "gone"))
    gone = ids(alice)[-1]
    end_contact(contact_id=gone, employee=alice, by=TESTER)
    clock.set("2026-11-23T23:30:00+08:00", ticks=True)
    review = ask(campaign, alice, contacts=ids(alice))
    end_contact(contact_id=ids(alice)[1], employee=alice, by=TESTER)
    noted = list(review.contacts.values_list("number", "reason", "source", "recorded_on", "confirmed"))
    day = date(2026, 11, 23)
    assert noted == [
        (1, "not_external", "page", day, False),
        (2, "", "page", day, False),
        (3, "ended", "page", day, False),
    ]


def test_anothers_contact_refuses_the_review_like_an_unknown_one(
    campaign: Campaign, alice: Employee, alan: Employee
) -> None:
    record(alan, 1)
    record(alice, 1)
    said = []
    for wrong in (ids(alan)[0], 10**12, 0):
        with pytest.raises(Refused) as refused:
            ask(campaign, alice, contacts=[*ids(alice), wrong])
        said.append((refused.value.code, refused.value.message))
    assert len(set(said)) == 1
    assert not Review.objects.exists()


def test_a_tick_twice_is_one_and_there_is_an_end_to_ticking(campaign: Campaign, alice: Employee) -> None:
    record(alice, 1)
    assert refusal(ask, campaign, alice, contacts=range(1, 202)) == "contacts"
    assert ask(campaign, alice, contacts=ids(alice) * 3).contacts.count() == 1
