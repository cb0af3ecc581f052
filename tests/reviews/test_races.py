"""Two concurrent actions on one review: one succeeds, the other learns of it; and a freeze lists what was open before
it.

Every race has its mutant: the same without the lock or the index, which must fail.
"""

import threading
import uuid
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction

from apps.campaigns.models import Campaign
from apps.core import clock
from apps.core.audit import Actor
from apps.core.errors import Refused
from apps.core.locks import lock_facts
from apps.core.models import AuditEntry
from apps.employees.models import Employee
from apps.reviews import services
from apps.reviews.models import Review
from apps.reviews.services import under_review
from tests.crowd import TIMEOUT_SECONDS, Gate, at_once, blocked, meanwhile, no_lock, until
from tests.people import mark, record
from tests.reviewing import answer, ask, withdraw

pytestmark = pytest.mark.django_db(transaction=True)


def codes(results: list[Any]) -> list[str]:
    """The codes of the refusals; any other error fails."""
    errors = [one for one in results if isinstance(one, Exception)]
    assert [one for one in errors if not isinstance(one, Refused)] == []
    return [one.code for one in errors]


def test_one_form_sent_16_times_at_once_requests_once(campaign: Campaign, alice: Employee) -> None:
    results = at_once(*[partial(ask, campaign, alice, key=uuid.uuid4())] * 16)
    assert codes(results) == []
    assert {one.pk for one in results} == {Review.objects.get().pk}
    assert AuditEntry.objects.filter(action="review.asked").count() == 1


def test_16_forms_of_one_person_at_once_leave_one_open_question(campaign: Campaign, alice: Employee) -> None:
    results = at_once(*[lambda: ask(campaign, alice)] * 16)
    assert codes(results) == ["open"] * 15
    assert Review.objects.count() == 1


def test_mutant_without_the_lock_all_but_one_get_an_error(
    campaign: Campaign, alice: Employee, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(services, "lock_employees", no_lock)
    meeting, real = threading.Barrier(8), services._standing_in_question

    def all_look_first(*args: Any) -> Any:
        found = real(*args)
        meeting.wait(TIMEOUT_SECONDS)
        return found

    monkeypatch.setattr(services, "_standing_in_question", all_look_first)
    results = at_once(*[lambda: ask(campaign, alice)] * 8)
    assert sum(isinstance(one, IntegrityError) for one in results) == 7
    assert Review.objects.count() == 1, "the index stands behind the lock"


def at_the_gate(monkeypatch: pytest.MonkeyPatch, first: Callable[[], None], second: Callable[[], None]) -> Any:
    """The first has locked the review and is about to close it; the second arrives meanwhile. Returns the second's
    result.
    """
    gate, real = Gate(), services._linked_decision
    monkeypatch.setattr(services, "_linked_decision", gate.after(real))

    def come() -> Any:
        try:
            return second()
        except Exception as error:
            return error

    with meanwhile(first):
        gate.wait()
        monkeypatch.setattr(services, "_linked_decision", real)
        with meanwhile(come) as coming:
            until(lambda: coming.done() or blocked() == 1)
            gate.open()
    return coming.result()


def test_the_slower_of_two_hr_members_sees_who_answered_first(
    campaign: Campaign, alice: Employee, hr: Employee, bob: Employee, monkeypatch: pytest.MonkeyPatch
) -> None:
    review = ask(campaign, alice)
    first = partial(answer, review, hr, "The first.", by=Actor(None, "Hedda"))
    got = at_the_gate(monkeypatch, first, partial(answer, review, bob, "The second."))
    assert (got.code, got.message) == ("answered", "Hedda has already answered this review.")
    review.refresh_from_db()
    assert (review.answer_text, review.answered_by) == ("The first.", hr)


def test_an_employee_who_withdraws_while_hr_answers_sees_the_answer(
    campaign: Campaign, alice: Employee, hr: Employee, monkeypatch: pytest.MonkeyPatch
) -> None:
    review = ask(campaign, alice)
    got = at_the_gate(monkeypatch, partial(answer, review, hr), partial(withdraw, review))
    assert got.code == "answered"
    assert Review.objects.get().state == "answered"


def test_mutant_without_the_row_lock_the_database_refuses_the_second_with_an_error(
    campaign: Campaign, alice: Employee, hr: Employee, bob: Employee, monkeypatch: pytest.MonkeyPatch
) -> None:
    review = ask(campaign, alice)
    meeting, real = threading.Barrier(2), services._linked_decision

    def both(*args: Any) -> Any:
        meeting.wait(TIMEOUT_SECONDS)
        return real(*args)

    monkeypatch.setattr(services, "_linked_decision", both)
    monkeypatch.setattr(type(Review.objects.all()), "select_for_update", lambda self, **options: self)
    results = at_once(partial(answer, review, hr), partial(answer, review, bob))
    [error] = [one for one in results if one is not None]
    assert isinstance(error, IntegrityError)
    assert "is closed" in str(error)


def ask_over_a_line(campaign: Campaign, alice: Employee, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A freeze while a review is being stored: the open reviews listed at once, and later for the same instant."""
    gate, real = Gate(), services._tick
    monkeypatch.setattr(services, "_tick", gate.after(real))

    def draw() -> Any:
        with transaction.atomic():
            lock_facts(exclusive=True)
            line = clock.db_now()
            return line, list(under_review(campaign, line).values_list("employee_id", flat=True))

    with meanwhile(partial(ask, campaign, alice)):
        gate.wait()
        with meanwhile(draw) as drawing:
            until(lambda: drawing.done() or blocked() == 1)
            gate.open()
    line, at_once_listed = drawing.result()
    return at_once_listed, list(under_review(campaign, line).values_list("employee_id", flat=True))


def test_whom_a_freeze_lists_as_under_review_is_the_same_for_ever(
    campaign: Campaign, alice: Employee, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, later = ask_over_a_line(campaign, alice, monkeypatch)
    assert first == later == [alice.pk]


def test_mutant_without_the_facts_lock_a_question_appears_behind_the_line(
    campaign: Campaign, alice: Employee, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(services, "lock_facts", no_lock)
    first, later = ask_over_a_line(campaign, alice, monkeypatch)
    assert (first, later) == ([], [alice.pk])


def test_asking_and_recording_and_marking_at_once_end_without_a_deadlock(
    campaign: Campaign, alice: Employee, alan: Employee, hr: Employee
) -> None:
    def asks(who: Employee) -> None:
        answer(ask(campaign, who), hr)

    works = [partial(asks, alice), partial(asks, alan), partial(record, alice, 3), partial(record, alan, 3), mark, mark]
    codes(at_once(*works * 3))
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM reviews_review WHERE closed_at IS NULL")
        assert cursor.fetchone() == (0,)
