"""The answer to a review: once, by another person, stored unchanged; and who is under review, at any instant."""

import uuid
from datetime import date, datetime, timedelta

import pytest
from django.db import DatabaseError, IntegrityError, connection, transaction
from django.utils import translation

from apps.campaigns.models import Campaign
from apps.core import clock as core_clock
from apps.core.models import AuditEntry, OutboxRow
from apps.employees.models import Employee
from apps.reports.standings_filters import Filters
from apps.reports.standings_report import Standings
from apps.reviews import linked_decisions, services
from apps.reviews.models import Review, ReviewContact, under_review_sql
from apps.reviews.services import under_review
from apps.standings.report_people import WholeCompany
from tests.fixtures import Clock
from tests.people import TESTER, mark, november, person, record, record_one
from tests.reviewing import adjusted, answer, ask, close, ids, refusal, withdraw


def test_a_reason_answers(campaign: Campaign, alice: Employee, hr: Employee) -> None:
    review = ask(campaign, alice)
    answer(review, hr, "He came back in spring.\nSo he does not count.")
    review.refresh_from_db()
    assert (review.state, review.answer_kind, review.answered_by) == ("answered", "reason", hr)
    assert review.answer_text == "He came back in spring.\nSo he does not count."
    assert refusal(answer, review, hr) == "answered"


def test_a_question_can_be_answered_however_late(
    campaign: Campaign, alice: Employee, hr: Employee, clock: Clock
) -> None:
    review = ask(campaign, alice)
    close(campaign, core_clock.db_now())
    clock.set("2027-11-23T12:00:00+08:00", ticks=True)
    answer(review, hr)
    assert Review.objects.get().state == "answered"


def test_a_reason_needs_words(campaign: Campaign, alice: Employee, hr: Employee) -> None:
    assert refusal(answer, ask(campaign, alice), hr, " ") == "text"


def test_hr_cannot_answer_their_own_review(campaign: Campaign, hr: Employee) -> None:
    review = ask(campaign, hr)
    assert refusal(answer, review, hr) == "own"
    answer(review, person("B001"))


def test_an_adjustment_answers_when_it_is_this_persons_in_this_campaign(
    campaign: Campaign, alice: Employee, alan: Employee, hr: Employee
) -> None:
    review = ask(campaign, alice)
    for wrong in (None, 10**12, adjusted(campaign, alan), adjusted(november(name="Second"), alice)):
        assert refusal(answer, review, hr, "", kind="adjustment", subject_id=wrong) == "subject"
    right = adjusted(campaign, alice)
    answer(review, hr, "", kind="adjustment", subject_id=right)
    review.refresh_from_db()
    assert (review.answer_kind, review.answer_subject_id, review.answer_text) == ("adjustment", right, "")
    with translation.override("en"):
        [act] = linked_decisions.decisions_for("adjustment", campaign, alice)
    assert (act.id, act.text) == (right, "Target 80: part time")


def test_an_unknown_way_of_answering_is_refused(campaign: Campaign, alice: Employee, hr: Employee) -> None:
    review = ask(campaign, alice)
    assert refusal(answer, review, hr, kind="shrug") == "kind"
    assert refusal(answer, review, hr, kind="correction", subject_id=1) == "subject"


def test_only_the_requester_withdraws_and_only_before_the_answer(
    campaign: Campaign, alice: Employee, alan: Employee, hr: Employee
) -> None:
    review = ask(campaign, alice)
    with pytest.raises(Review.DoesNotExist):
        services.withdraw_review(review_id=review.pk, employee=alan, by=TESTER)
    withdraw(review)
    assert refusal(withdraw, review) == "withdrawn"
    assert refusal(answer, review, hr) == "withdrawn"
    answered = ask(campaign, alice)
    answer(answered, hr)
    assert refusal(withdraw, answered) == "answered"


def test_an_employee_asks_only_so_often_in_a_day(
    campaign: Campaign, alice: Employee, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Reviews are never deleted: one account could fill the disk and HR's list by asking and withdrawing."""
    monkeypatch.setattr(services, "MAX_REVIEWS_A_DAY", 2)
    for _time in range(2):
        withdraw(ask(campaign, alice))
    assert refusal(ask, campaign, alice) == "too_many"


def test_a_review_changes_no_verdict_and_queues_no_reevaluation(
    campaign: Campaign, alice: Employee, hr: Employee
) -> None:
    answer(ask(campaign, alice), hr)
    assert not OutboxRow.objects.exists()


def test_the_audit_trail_says_who_did_what_and_no_word_of_it(campaign: Campaign, alice: Employee, hr: Employee) -> None:
    record_one(alice, ("email", "canary@outside.example.org"), name="Canary Name")
    answer(ask(campaign, alice, "Canary text", contacts=ids(alice)), hr, "Canary answer")
    withdraw(ask(campaign, alice))
    entries = AuditEntry.objects.filter(subject_kind="review").order_by("pk")
    assert [entry.action for entry in entries] == [
        "review.asked", "review.answered", "review.asked", "review.withdrawn",
    ]  # fmt: skip
    assert entries[0].detail == {"campaign": "november", "contacts": 1}
    assert entries[1].detail == {"campaign": "november", "answer": "reason", "subject": None}
    assert "anary" not in str(list(entries.values()))


# -- under review ----------------------------------------------------------------------------------------------------


def listed(campaign: Campaign, at: datetime) -> list[int]:
    with connection.cursor() as cursor:
        cursor.execute(under_review_sql(campaign.pk, at))
        found = [one for (one,) in cursor.fetchall()]
    assert sorted(found) == sorted(under_review(campaign, at).values_list("employee_id", flat=True))
    return found


def test_under_review_is_known_for_every_past_instant(
    campaign: Campaign, alice: Employee, alan: Employee, hr: Employee, clock: Clock
) -> None:
    moments = [datetime.fromisoformat(f"2026-11-24T1{hour}:00:00+08:00") for hour in range(6)]

    def at(n: int) -> None:
        clock.set(moments[n])

    at(0)
    first = ask(campaign, alice)
    at(1)
    answer(first, hr)
    at(2)
    second = ask(campaign, alice)
    at(3)
    ask(campaign, alan)
    at(4)
    withdraw(second)
    a, b = alice.pk, alan.pk
    just_after = timedelta(microseconds=1)
    assert [sorted(listed(campaign, moment)) for moment in moments] == [[], [a], [], [a], [a, b], [b]]
    assert [sorted(listed(campaign, moment + just_after)) for moment in moments] == [[a], [], [a], [a, b], [b], [b]]


def test_the_list_of_red_people_under_review_is_one_question(
    campaign: Campaign, alice: Employee, alan: Employee, bob: Employee
) -> None:
    record(alice, 100)
    for one in (alice, alan):
        ask(campaign, one)
    mark()
    standings = Standings(campaign, WholeCompany(), filters=Filters(status="under_review"), show_reviews=True)
    assert [(row.staff_no, row.red) for row in standings.page().rows] == [("A002", True), ("A001", False)]
    assert standings.totals().under_review == 2
    assert [row.under_review for row in Standings(campaign, WholeCompany()).page().rows] == [None] * 9


# -- what the database itself holds ----------------------------------------------------------------------------------


def test_the_database_takes_no_second_open_question_and_no_answer_to_ones_own(
    campaign: Campaign, alice: Employee, hr: Employee
) -> None:
    review = ask(campaign, alice)
    row = {name: getattr(review, name) for name in ("campaign", "employee", "asked_at", "due_at", "text")}
    with pytest.raises(IntegrityError, match="reviews_review_one_open"), transaction.atomic():
        Review.objects.create(**row, key=uuid.uuid4(), counted=1, target=1, exempt=False)
    done = {"state": "answered", "closed_at": core_clock.db_now(), "answer_kind": "reason", "answer_text": "x"}
    for wrong, name in (
        ({"answered_by": alice}, "oneself"), ({"answered_by": None}, "state"), ({"answer_text": ""}, "answer"),
        ({"answer_kind": "adjustment"}, "answer"), ({"closed_at": review.asked_at - timedelta(1)}, "in_order"),
    ):  # fmt: skip
        with pytest.raises(IntegrityError, match=f"reviews_review_.*{name}"), transaction.atomic():
            Review.objects.filter(pk=review.pk).update(**{**done, "answered_by": hr, **wrong})


def test_what_was_asked_and_what_was_answered_never_changes(
    campaign: Campaign, alice: Employee, alan: Employee, hr: Employee
) -> None:
    record(alice, 1)
    review = ask(campaign, alice, contacts=ids(alice))
    for change in ({"text": "other"}, {"due_at": core_clock.db_now()}, {"employee": alan}, {"counted": 99}):
        with pytest.raises(DatabaseError, match="cannot change"), transaction.atomic():
            Review.objects.filter(pk=review.pk).update(**change)
    answer(review, hr)
    for change in ({"answer_text": "other"}, {"state": "open"}, {"closed_at": core_clock.db_now()}):
        with pytest.raises(DatabaseError, match="is closed"), transaction.atomic():
            Review.objects.filter(pk=review.pk).update(**change)
    Review.objects.filter(pk=review.pk).update(notified_at=core_clock.db_now())


def test_the_database_refuses_ticks_of_foreign_contacts(campaign: Campaign, alice: Employee, alan: Employee) -> None:
    record(alan, 1)
    review = ask(campaign, alice)
    row = {"number": 1, "recorded_on": date(2026, 11, 23), "source": "page", "confirmed": False}
    for whose in (alice, alan):
        with pytest.raises(DatabaseError, match="own contacts can be ticked"), transaction.atomic():
            ReviewContact.objects.create(review=review, employee=whose, contact_id=ids(alan)[0], **row)
