"""Races: no person is recorded twice, no employee is evaluated from a part of the facts, and none is missed.

Every test has a mutant: the same race without the lock or the index, which must fail. Where the order of two
transactions matters, gates and locks enforce it.
"""

import threading
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import pytest
from django.db import IntegrityError, connection

from apps.campaigns.models import Campaign
from apps.contacts import recording
from apps.contacts.drafts import Draft
from apps.contacts.models import Contact, ContactIdentity, Submission
from apps.contacts.services import submissions
from apps.contacts.services.submissions import submit
from apps.core.errors import Refused
from apps.core.models import OutboxRow
from apps.employees.models import Employee
from apps.standings import campaign_lifecycle, marking
from apps.standings.models import MarkRange
from apps.standings.process_runs import sweep
from tests.crowd import TIMEOUT_SECONDS, Gate, at_once, blocked, meanwhile, no_lock, unlock, until
from tests.oracle import oracle, recount, stored
from tests.people import TESTER, november, outsider, record, record_one, standing

pytestmark = pytest.mark.django_db(transaction=True)
SPELLINGS = ["13812345678", "+86 138 1234 5678", "0086-138-1234-5678", "１３８１２３４５６７８", "138\u200b12345678"]


@pytest.fixture
def without_index(as_owner: Callable[[str], list[tuple[Any, ...]]]) -> Iterator[None]:
    """The mutant: the database would take the same person twice."""
    [(definition,)] = as_owner("SELECT pg_get_indexdef('contacts_identity_once'::regclass)")
    as_owner("DROP INDEX contacts_identity_once")
    yield
    as_owner("SET session_replication_role = 'replica'; DELETE FROM contacts_contactidentity")
    as_owner(str(definition))


# -- C1: one person, many hands at once ------------------------------------------------------------------------------


def crowd_records(employee: Employee, hands: int) -> list[Any]:
    """Submit the same person `hands` times at one moment, in different spellings."""

    def hand_in(n: int) -> Any:
        spelling = SPELLINGS[n % len(SPELLINGS)]
        return submit(employee=employee, drafts=[Draft(f"W{n}", (("phone", spelling),))], source="api", by=TESTER)

    return at_once(*(partial(hand_in, n) for n in range(hands)))


def live() -> int:
    return ContactIdentity.objects.filter(live=True).count()


def test_64_who_hand_in_one_person_at_once_leave_one_contact(campaign: Campaign, alice: Employee) -> None:
    for round_ in range(1, 4):
        reports = crowd_records(alice, 64)
        assert [report for report in reports if isinstance(report, Exception)] == []
        assert sum(report.created for report in reports) == (1 if round_ == 1 else 0)
        assert sum(report.duplicate for report in reports) == (63 if round_ == 1 else 64)
        assert live() == Contact.objects.count() == 1
    sweep()
    assert standing(campaign, alice).counted == 1


def together(monkeypatch: pytest.MonkeyPatch, hands: int) -> None:
    """Let no transaction store before all have checked whether the person exists: the moment the lock protects."""
    meeting, real = threading.Barrier(hands), recording.insert_contacts

    def store(*args: Any) -> None:
        meeting.wait(TIMEOUT_SECONDS)
        real(*args)

    monkeypatch.setattr(recording, "insert_contacts", store)


def test_mutant_without_the_lock_all_but_one_get_an_error(alice: Employee, monkeypatch: pytest.MonkeyPatch) -> None:
    unlock(monkeypatch)
    together(monkeypatch, 8)
    reports = crowd_records(alice, 8)
    assert sum(isinstance(report, IntegrityError) for report in reports) == 7
    assert live() == 1, "the index stands behind the lock"


def test_mutant_without_lock_and_index_one_person_is_eight(
    alice: Employee, monkeypatch: pytest.MonkeyPatch, without_index: None
) -> None:
    unlock(monkeypatch)
    together(monkeypatch, 8)
    crowd_records(alice, 8)
    assert live() == 8


# -- I4: one submission, twice at once -------------------------------------------------------------------------------


def test_one_key_sent_16_times_at_once_is_one_effect_and_one_report(campaign: Campaign, alice: Employee) -> None:
    drafts = [Draft("W", (outsider(),)), Draft("V", (("phone", "12"),)), Draft("U", (outsider(),))]
    reports = at_once(*[partial(submit, employee=alice, drafts=drafts, source="api", by=TESTER, key="k")] * 16)
    assert [report for report in reports if report != reports[0]] == []
    assert (reports[0].created, reports[0].rejected) == (2, 1)
    assert (Submission.objects.count(), Contact.objects.count()) == (1, 2)


def test_mutant_without_its_key_every_sending_is_a_submission(alice: Employee) -> None:
    drafts = [Draft("W", (outsider(),))]
    at_once(*[partial(submit, employee=alice, drafts=drafts, source="api", by=TESTER)] * 8)
    assert Submission.objects.count() == 8


# -- a mark and a writer ---------------------------------------------------------------------------------------------


def late_mark_over_a_quick_one(alice: Employee, monkeypatch: pytest.MonkeyPatch) -> None:
    """An evaluation has counted but not written yet; meanwhile a contact is added and a second evaluation counts it."""

    def add_and_mark() -> None:
        record(alice)
        sweep()

    record(alice)
    quick = marking.MARK
    slow = quick.replace("FROM changed\n    ON CONFLICT", "FROM changed, pg_advisory_lock_shared(99)\n    ON CONFLICT")
    assert slow != quick
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_lock(99)")
        monkeypatch.setattr(marking, "MARK", slow)
        with meanwhile(sweep):
            until(lambda: blocked() == 1)
            monkeypatch.setattr(marking, "MARK", quick)
            with meanwhile(add_and_mark) as second:
                until(lambda: second.done() or blocked() == 2)
                cursor.execute("SELECT pg_advisory_unlock(99)")
    sweep()


def test_a_late_mark_never_writes_over_a_newer_one(
    campaign: Campaign, alice: Employee, monkeypatch: pytest.MonkeyPatch
) -> None:
    late_mark_over_a_quick_one(alice, monkeypatch)
    assert standing(campaign, alice).counted == 2
    assert recount(campaign) == []


def test_mutant_without_the_lock_a_late_mark_writes_over_a_newer_one(
    campaign: Campaign, alice: Employee, monkeypatch: pytest.MonkeyPatch
) -> None:
    unlock(monkeypatch)
    late_mark_over_a_quick_one(alice, monkeypatch)
    assert standing(campaign, alice).counted == 1
    assert [one.staff_no for one in recount(campaign)] == ["A001"]


# -- a mark and a campaign that opens --------------------------------------------------------------------------------


def test_a_campaign_that_opens_while_a_mark_begins_finds_its_notes(
    campaign: Campaign, alice: Employee, monkeypatch: pytest.MonkeyPatch
) -> None:
    record(alice)
    gate = Gate()
    monkeypatch.setattr(marking, "pop_outbox", gate.before(marking.pop_outbox))
    with meanwhile(sweep):
        gate.wait()
        second = november(name="Second")
        gate.open()
    sweep()
    assert stored(second) == oracle(second)
    assert len(stored(second)) == 9


@pytest.mark.parametrize(
    # Without a given short name it is generated from the name, so the refusal is about the name.
    ("second", "field"),
    [({}, "name"), ({"slug": "other"}, "name"), ({"name": "Other", "slug": "november"}, "slug")],
)
def test_of_two_openings_with_one_name_at_once_one_is_refused_with_a_sentence(
    company: dict[str, Employee], monkeypatch: pytest.MonkeyPatch, second: dict[str, str], field: str
) -> None:
    """Otherwise an operator who runs the command twice sees a traceback and does not know if the campaign exists."""

    def open_too() -> None:
        with pytest.raises(Refused, match="already exists") as refused:
            november(**second)
        assert refused.value.field == field

    gate = Gate()
    monkeypatch.setattr(campaign_lifecycle, "audit", gate.before(campaign_lifecycle.audit))
    with meanwhile(november):
        gate.wait()
        with meanwhile(open_too) as late:
            until(lambda: blocked() == 1 or late.done())
            assert not late.done(), "it has not met the first one"
            gate.open()
    assert Campaign.objects.count() == 1


def open_exclusive_over_an_open_writer(alice: Employee, alan: Employee, monkeypatch: pytest.MonkeyPatch) -> Campaign:
    """Alice's contact is written and not committed when an exclusive campaign opens; Alan has the same person."""
    them, gate = outsider(), Gate()
    monkeypatch.setattr(marking, "BATCH_SIZE", 1)
    real = submissions.queue_identity_reevaluation
    monkeypatch.setattr(submissions, "queue_identity_reevaluation", gate.after(real))
    with meanwhile(partial(record_one, alice, them)):
        gate.wait()
        monkeypatch.setattr(submissions, "queue_identity_reevaluation", real)
        record_one(alan, them)
        with meanwhile(partial(november, exclusive=True)) as opening:
            until(lambda: opening.done() or blocked() == 1)
            # Her contact brings its own outbox row; these would only make the sweep wait for her row lock.
            OutboxRow.objects.filter(employee_id=alice.pk).delete()
            MarkRange.objects.filter(first_id=alice.pk).delete()
            with meanwhile(sweep) as sweeping:
                until(lambda: sweeping.done() or blocked() == 2)
                gate.open()
    campaign = Campaign.objects.get()
    sweep()
    return campaign


def test_who_writes_while_an_exclusive_campaign_opens_is_still_judged_by_it(
    company: dict[str, Employee], alice: Employee, alan: Employee, monkeypatch: pytest.MonkeyPatch
) -> None:
    campaign = open_exclusive_over_an_open_writer(alice, alan, monkeypatch)
    assert stored(campaign) == oracle(campaign)
    assert (standing(campaign, alice).counted, standing(campaign, alan).counted) == (1, 0)


def test_mutant_without_the_facts_lock_the_second_keeps_what_the_first_claimed(
    company: dict[str, Employee], alice: Employee, alan: Employee, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("apps.core.outbox.lock_facts", no_lock)
    campaign = open_exclusive_over_an_open_writer(alice, alan, monkeypatch)
    assert stored(campaign) != oracle(campaign)
    assert standing(campaign, alan).counted == 1
