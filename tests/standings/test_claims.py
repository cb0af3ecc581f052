"""Exclusive campaigns: who recorded a person first, and what happens to the second when the first one's claim ends."""

import pytest

from apps.campaigns.models import Campaign
from apps.campaigns.selectors import restore_while_open
from apps.contacts.models import Contact
from apps.contacts.services.changes import ContactRefused, correct_contact, end_contact
from apps.core.clock import db_now
from apps.employees.models import Employee
from apps.standings.effective_dates import process_effective_dates
from tests.fixtures import Clock
from tests.oracle import oracle, stored
from tests.people import TESTER, load, mark, november, outsider, record_one, standing


@pytest.fixture
def exclusive(company: dict[str, Employee]) -> Campaign:
    opened = november(exclusive=True, target=1)
    mark()
    return opened


SHARED, OWN = ("email", "wanda@outside.example.org"), ("phone", "13812345678")


@pytest.fixture
def first(exclusive: Campaign, alice: Employee) -> Contact:
    """Alice's contact: she recorded Wanda first, with a phone number that only she knows."""
    return Contact.objects.get(pk=record_one(alice, SHARED, OWN).outcomes[0].contact_id)


@pytest.fixture
def second(first: Contact, alan: Employee) -> Contact:
    """Alan's contact with the same address, marked as claimed."""
    recorded = record_one(alan, SHARED).outcomes[0].contact_id
    return Contact.objects.get(pk=recorded)


def counted(campaign: Campaign, *people: Employee) -> list[int]:
    """Evaluate, compare with the oracle, and return the counted contacts of each employee."""
    mark()
    assert stored(campaign) == oracle(campaign)
    return [standing(campaign, one).counted for one in people]


def test_the_first_counts(
    exclusive: Campaign, first: Contact, second: Contact, alice: Employee, alan: Employee
) -> None:
    assert counted(exclusive, alice, alan) == [1, 0]


def test_the_next_counts_when_the_first_ends_and_keeps_counting(
    exclusive: Campaign, first: Contact, second: Contact, alice: Employee, alan: Employee
) -> None:
    counted(exclusive, alice)
    end_contact(contact_id=first.pk, employee=alice, by=TESTER)
    assert counted(exclusive, alice, alan) == [0, 1]
    with pytest.raises(ContactRefused, match="A colleague has recorded this person"):
        restore_while_open(contact_id=first.pk, employee=alice, by=TESTER)
    assert counted(exclusive, alice, alan) == [0, 1]


def test_the_next_counts_when_the_first_is_corrected_to_somebody_else(
    exclusive: Campaign, first: Contact, second: Contact, alice: Employee, alan: Employee
) -> None:
    counted(exclusive, alice)
    correct_contact(contact_id=first.pk, employee=alice, identities=[outsider()], by=TESTER)
    assert counted(exclusive, alice, alan) == [1, 1]


def test_the_next_counts_when_the_first_turns_out_to_be_a_colleague_by_a_number_only_alice_knew(
    exclusive: Campaign, first: Contact, second: Contact, alice: Employee, alan: Employee
) -> None:
    counted(exclusive, alice)
    load(f"staff_no,name,email,phone\nN001,New,new@corp.example.com,{OWN[1]}")
    assert counted(exclusive, alice, alan) == [0, 1]


def test_the_same_when_the_colleague_starts_at_midnight(
    exclusive: Campaign, first: Contact, second: Contact, alice: Employee, alan: Employee, clock: Clock
) -> None:
    load(f"staff_no,name,email,phone,started_on\nN001,New,new@corp.example.com,{OWN[1]},2026-11-24")
    process_effective_dates()
    assert counted(exclusive, alice, alan) == [1, 0]
    clock.set("2026-11-24T00:00:01+00:00", ticks=True)
    assert process_effective_dates()
    assert counted(exclusive, alice, alan) == [0, 1]


def test_a_contact_that_was_no_outsider_before_its_erasure_claims_nobody(
    exclusive: Campaign, first: Contact, second: Contact, alice: Employee, alan: Employee
) -> None:
    Contact.objects.filter(pk=first.pk).update(was_external=False)
    assert counted(exclusive, alice, alan) == [0, 1]


def test_an_unconfirmed_claim_is_one(company: dict[str, Employee], alice: Employee, alan: Employee) -> None:
    campaign = november(exclusive=True, confirmed_only=True)
    record_one(alice, SHARED)
    record_one(alan, SHARED)
    Contact.objects.filter(employee=alan).update(confirmed_at=db_now())
    assert counted(campaign, alice, alan) == [0, 0]


def test_somebody_claimed_still_claims_from_the_third(
    exclusive: Campaign, alice: Employee, alan: Employee, bob: Employee
) -> None:
    other = outsider()
    record_one(alice, SHARED)
    record_one(alan, SHARED, other)
    record_one(bob, other)
    assert counted(exclusive, alice, alan, bob) == [1, 0, 0]


def test_a_leaver_keeps_the_claim(
    exclusive: Campaign, first: Contact, second: Contact, alice: Employee, alan: Employee
) -> None:
    load("staff_no,name,email,left_on\nA001,Alice 艾,alice@corp.example.com,2026-11-22")
    assert counted(exclusive, alan) == [0]


def test_a_contact_from_before_the_opening_claims_nobody(
    company: dict[str, Employee], alice: Employee, alan: Employee, clock: Clock
) -> None:
    clock.set("2026-10-20T12:00:00+08:00", ticks=True)
    record_one(alice, SHARED)
    clock.set("2026-11-20T12:00:00+08:00", ticks=True)
    campaign = november(exclusive=True)
    record_one(alan, SHARED)
    assert counted(campaign, alice, alan) == [0, 1]


def test_an_exclusive_campaign_opened_later_judges_what_was_recorded_before(
    campaign: Campaign, alice: Employee, alan: Employee
) -> None:
    record_one(alice, SHARED)
    record_one(alan, SHARED)
    assert counted(campaign, alice, alan) == [1, 1]
    exclusive = november(name="Exclusive", exclusive=True)
    assert counted(exclusive, alice, alan) == [1, 0]
    assert counted(campaign, alice, alan) == [1, 1]


@pytest.mark.parametrize("alice_first", [True, False])
def test_of_two_at_one_instant_the_one_who_was_on_the_roster_first_counts(
    exclusive: Campaign, alice: Employee, alan: Employee, clock: Clock, alice_first: bool
) -> None:
    """The order of storing does not matter: in a feed it is only the order of the rows."""
    clock.set("2026-11-23T13:00:00+08:00")
    for one in (alice, alan) if alice_first else (alan, alice):
        record_one(one, SHARED)
    clock.set("2026-11-23T13:00:01+08:00", ticks=True)
    assert alice.pk < alan.pk
    assert counted(exclusive, alice, alan) == [1, 0]
