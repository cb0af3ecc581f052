"""Exclusive campaigns: who recorded a person first, and what happens to the second when the first one's claim ends."""

import io
from datetime import date, datetime, timedelta
from typing import Any

import pytest
from django.db import connection

from apps.campaigns.models import Campaign
from apps.campaigns.selectors import restore_while_open
from apps.contacts.identity_lookup import MAX_REPEATS_OF_AN_IDENTITY
from apps.contacts.imports import import_contacts, import_submission
from apps.contacts.models import Contact
from apps.contacts.services.changes import correct_contact, end_contact, record_contact_again
from apps.core.clock import db_now
from apps.core.errors import Refused
from apps.employees.models import Employee
from apps.standings.effective_dates import process_effective_dates
from apps.standings.evaluation import evaluation_ctes, pending_sql
from tests import files
from tests.fixtures import Clock
from tests.oracle import oracle, stored
from tests.people import TESTER, load, mark, november, outsider, record_one, standing
from tests.plans import Plan


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
    with pytest.raises(Refused, match="A colleague has recorded this person"):
        restore_while_open(contact_id=first.pk, employee=alice, by=TESTER)
    assert counted(exclusive, alice, alan) == [0, 1]


def test_the_next_counts_when_the_first_is_corrected_to_somebody_else(
    exclusive: Campaign, first: Contact, second: Contact, alice: Employee, alan: Employee
) -> None:
    counted(exclusive, alice)
    correct_contact(contact_id=first.pk, employee=alice, identities=[outsider()], by=TESTER)
    assert counted(exclusive, alice, alan) == [1, 1]


def test_a_correction_that_keeps_an_identity_gives_the_person_to_nobody(
    exclusive: Campaign, first: Contact, second: Contact, alice: Employee, alan: Employee
) -> None:
    """Otherwise an employee loses the person for good by adding an address or by correcting a typing error."""
    assert counted(exclusive, alice, alan) == [1, 0]
    pk = first.pk
    for identities in ([SHARED, OWN, PLACEHOLDER], [SHARED, PLACEHOLDER], [SHARED]):
        pk = correct_contact(contact_id=pk, employee=alice, identities=identities, by=TESTER)
        assert counted(exclusive, alice, alan) == [1, 0]
        assert claims(Contact.objects.get(pk=pk))["email"] == first.recorded_at


def test_a_correction_brings_no_claim_from_before_the_opening(
    company: dict[str, Employee], alice: Employee, alan: Employee, clock: Clock
) -> None:
    """Otherwise an old contact, corrected today, takes the person from the colleague who recorded first."""
    clock.set("2026-10-20T12:00:00+08:00", ticks=True)
    old = record_one(alice, SHARED).outcomes[0].contact_id
    clock.set("2026-11-20T12:00:00+08:00", ticks=True)
    campaign = november(exclusive=True)
    record_one(alan, SHARED)
    correct_contact(contact_id=old, employee=alice, identities=[SHARED, outsider()], by=TESTER)
    assert counted(campaign, alice, alan) == [0, 1]


@pytest.mark.parametrize("removed", [("email", "alan@corp.example.com"), ("phone", "13900000001")])
def test_a_correction_of_a_colleagues_entry_takes_no_person_from_a_colleague(
    exclusive: Campaign, alice: Employee, alan: Employee, removed: tuple[str, str]
) -> None:
    """Otherwise an employee reserves people beside a colleague's address, and takes them at the last minute."""
    load("staff_no,name,email,phone\nN001,New,new@corp.example.com,13900000001")
    reserved = record_one(alice, SHARED, removed).outcomes[0].contact_id
    record_one(alan, SHARED)
    assert counted(exclusive, alice, alan) == [0, 1]
    correct_contact(contact_id=reserved, employee=alice, identities=[SHARED], by=TESTER)
    assert counted(exclusive, alice, alan) == [0, 1]


def test_a_contact_recorded_again_keeps_its_claim_when_it_is_corrected(
    company: dict[str, Employee], alice: Employee, alan: Employee, clock: Clock
) -> None:
    """Otherwise the claim moves to the day of each correction, because the first instant is from before the opening."""
    clock.set("2026-10-20T12:00:00+08:00", ticks=True)
    old = record_one(alice, SHARED).outcomes[0].contact_id
    clock.set("2026-11-20T12:00:00+08:00", ticks=True)
    campaign = november(exclusive=True)
    again = record_contact_again(contact_id=old, employee=alice, by=TESTER)
    later(clock)
    record_one(alan, SHARED)
    later(clock)
    correct_contact(contact_id=again, employee=alice, identities=[SHARED, outsider()], by=TESTER)
    assert counted(campaign, alice, alan) == [1, 0]


def test_a_row_of_the_feed_leaves_the_claim_of_a_corrected_contact(
    exclusive: Campaign, first: Contact, second: Contact, alice: Employee, alan: Employee, clock: Clock
) -> None:
    later(clock)
    correct_contact(contact_id=first.pk, employee=alice, identities=[SHARED, PLACEHOLDER], by=TESTER)
    later(clock)
    feed(f"A001,,{SHARED[1]},{clock.now().isoformat()}")
    assert counted(exclusive, alice, alan) == [1, 0]


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


def test_a_second_correction_keeps_the_first_claim_of_each_campaign(
    exclusive: Campaign, alice: Employee, alan: Employee, clock: Clock
) -> None:
    """Otherwise a colleague counts a person in the later of two campaigns because the first corrected a name twice."""
    clock.set("2026-11-10T12:00:00+08:00", ticks=True)
    contact = record_one(alice, SHARED).outcomes[0].contact_id
    clock.set("2026-11-23T12:00:00+08:00", ticks=True)
    contact = correct_contact(contact_id=contact, employee=alice, identities=[SHARED, PLACEHOLDER], by=TESTER)
    later(clock)
    record_one(alan, SHARED)
    later(clock)
    correct_contact(contact_id=contact, employee=alice, identities=[SHARED, OWN], by=TESTER)
    week = november(name="Week", slug="week", opens_on=date(2026, 11, 20), exclusive=True, target=1)
    for campaign in (exclusive, week):
        assert counted(campaign, alice, alan) == [1, 0]


# -- a contact that is moved back -------------------------------------------------------------------------------------

PLACEHOLDER = ("handle", "@placeholder")


def later(clock: Clock) -> None:
    clock.set(clock.now() + timedelta(minutes=1), ticks=True)


def claims(contact: Contact) -> dict[str, datetime]:
    """Return from when each identity of the contact was named, by kind."""
    return {one.kind: one.claimed_from or contact.recorded_at for one in contact.identities.all()}


def test_a_placeholder_in_a_waiting_file_takes_nobody_from_a_colleague(
    exclusive: Campaign, alice: Employee, alan: Employee, clock: Clock
) -> None:
    """Otherwise one employee turns colleagues red: the file was received before they recorded, and names nobody."""
    waiting = files.received(alan, "handle\n@placeholder\n")
    later(clock)
    record_one(alice, SHARED)
    later(clock)
    record_one(alan, SHARED, PLACEHOLDER)
    assert counted(exclusive, alice, alan) == [1, 0]
    import_submission(waiting.pk)
    assert counted(exclusive, alice, alan) == [1, 0]
    contact = Contact.objects.get(employee=alan)
    assert contact.recorded_at == waiting.received_at, "the contact itself counts from the receipt"
    assert claims(contact)["email"] > Contact.objects.get(employee=alice).recorded_at


def test_a_waiting_file_that_names_the_person_claims_them_from_its_receipt(
    exclusive: Campaign, alice: Employee, alan: Employee, clock: Clock
) -> None:
    waiting = files.received(alan, f"email\n{SHARED[1]}\n")
    later(clock)
    record_one(alice, SHARED)
    later(clock)
    record_one(alan, SHARED, PLACEHOLDER)
    assert counted(exclusive, alice, alan) == [1, 0]
    import_submission(waiting.pk)
    assert counted(exclusive, alice, alan) == [0, 1]
    assert claims(Contact.objects.get(employee=alan))["email"] == waiting.received_at


def test_a_second_waiting_file_claims_what_the_first_did_not_name(
    exclusive: Campaign, alice: Employee, alan: Employee, clock: Clock
) -> None:
    first_file = files.received(alan, "handle\n@placeholder\n")
    later(clock)
    second_file = files.received(alan, f"email\n{SHARED[1]}\n")
    later(clock)
    record_one(alice, SHARED)
    later(clock)
    record_one(alan, SHARED, PLACEHOLDER)
    import_submission(first_file.pk)
    assert counted(exclusive, alice, alan) == [1, 0]
    import_submission(second_file.pk)
    assert counted(exclusive, alice, alan) == [0, 1]
    named = claims(Contact.objects.get(employee=alan))
    assert named == {"handle": first_file.received_at, "email": second_file.received_at}


def test_a_feed_that_reports_one_identity_earlier_takes_nobody_by_the_others(
    exclusive: Campaign, alice: Employee, alan: Employee, clock: Clock
) -> None:
    record_one(alice, SHARED)
    later(clock)
    record_one(alan, SHARED, PLACEHOLDER)
    assert counted(exclusive, alice, alan) == [1, 0]
    feed("A002,@placeholder,,2026-11-20T00:00:00Z")
    assert counted(exclusive, alice, alan) == [1, 0]
    assert Contact.objects.get(employee=alan).recorded_at < Contact.objects.get(employee=alice).recorded_at
    feed(f"A002,,{SHARED[1]},2026-11-20T01:00:00Z")
    assert counted(exclusive, alice, alan) == [0, 1], "now the feed says that Alan had this person first"


def test_a_correction_after_such_a_feed_takes_nobody_either(
    exclusive: Campaign, alice: Employee, alan: Employee, clock: Clock
) -> None:
    """Otherwise an employee whose contact a feed has moved back takes, by a correction, everybody named in it."""
    record_one(alice, SHARED)
    later(clock)
    contact = record_one(alan, SHARED, PLACEHOLDER).outcomes[0].contact_id
    feed("A002,@placeholder,,2026-11-20T00:00:00Z")
    later(clock)
    correct_contact(contact_id=contact, employee=alan, identities=[SHARED, PLACEHOLDER, OWN], by=TESTER)
    assert counted(exclusive, alice, alan) == [1, 0]


def feed(row: str) -> None:
    raw = io.BytesIO(f"staff_no,handle,email,recorded_at\n{row}\n".encode())
    import_contacts(raw=raw, by=TESTER, format="csv", trust_times=True)


def test_the_pending_look_up_grows_with_the_contacts_and_not_with_their_square(
    exclusive: Campaign, alice: Employee, alan: Employee
) -> None:
    """Otherwise one person recorded and ended in a loop stops the standing pages of all readers."""
    twenty, repeats = [("phone", f"138123456{n}") for n in range(10, 30)], 20
    record_one(alan, twenty[0])
    for _repeat in range(repeats):
        end_contact(contact_id=record_one(alice, *twenty).outcomes[0].contact_id, employee=alice, by=TESTER)
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN (ANALYZE, FORMAT JSON) {pending_sql(exclusive.pk)}")
        plan = Plan("", cursor.fetchone()[0][0]["Plan"])
        cursor.execute(pending_sql(exclusive.pk))
        assert {employee for employee, _since in cursor.fetchall()} == {alice.pk, alan.pk}
    reads = [node for _depth, node in plan.nodes() if node.get("Relation Name") == "contacts_contactidentity"]
    rows = sum(node["Actual Rows"] * node["Actual Loops"] for node in reads)
    assert rows < 3 * repeats * len(twenty), "by the identity and by the contact, once each"


def evaluation_nodes(campaign: Campaign, as_of: datetime, *employees: Employee) -> list[dict[str, Any]]:
    """The steps that evaluate employees as of an instant."""
    ids = f"SELECT unnest(ARRAY{[employee.pk for employee in employees]})"
    text = f"WITH {evaluation_ctes(campaign.rule, as_of, ids)} SELECT counted FROM evaluated"
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN (ANALYZE, FORMAT JSON) {text}")
        return [node for _depth, node in Plan("", cursor.fetchone()[0][0]["Plan"]).nodes()]


def most_rows(campaign: Campaign, employee: Employee, as_of: datetime) -> float:
    """The rows of the largest step that evaluates an employee as of an instant."""
    return max(
        (node["Actual Rows"] + node.get("Rows Removed by Join Filter", 0)) * node["Actual Loops"]
        for node in evaluation_nodes(campaign, as_of, employee)
        # It also returns the rows that the tests before rolled back; the scan above it does not.
        if node["Node Type"] != "Bitmap Index Scan"
    )


def test_the_evaluation_grows_with_the_contacts_and_not_with_their_square(
    exclusive: Campaign, alice: Employee, alan: Employee
) -> None:
    """Otherwise two colleagues who record and end one person each day for weeks stop the pages of both."""
    for employee in (alice, alan):
        record_and_end(employee, MAX_REPEATS_OF_AN_IDENTITY)
    record_one(alan, outsider())
    assert most_rows(exclusive, alan, db_now()) <= 3 * MAX_REPEATS_OF_AN_IDENTITY


def record_and_end(employee: Employee, repeats: int) -> None:
    for _repeat in range(repeats):
        end_contact(contact_id=record_one(employee, SHARED).outcomes[0].contact_id, employee=employee, by=TESTER)


def test_the_evaluation_reads_the_ended_contacts_of_a_person_once_for_all_who_hold_it(
    exclusive: Campaign, company: dict[str, Employee], alice: Employee
) -> None:
    """Otherwise one employee who records and ends a popular person for weeks stops the evaluation of the company."""
    holders = [employee for employee in company.values() if employee != alice]
    record_and_end(alice, MAX_REPEATS_OF_AN_IDENTITY)
    for employee in holders:
        record_one(employee, SHARED)
    nodes = evaluation_nodes(exclusive, db_now(), *holders)
    reads = [node for node in nodes if node.get("Alias") == "earlier_identity"]
    rows = sum(node["Actual Rows"] * node["Actual Loops"] for node in reads)
    assert 0 < rows <= MAX_REPEATS_OF_AN_IDENTITY + len(holders)
    assert counted(exclusive, *holders) == [1] + [0] * (len(holders) - 1)


def test_the_evaluation_of_a_day_before_many_corrections_does_neither(
    exclusive: Campaign, alice: Employee, alan: Employee, clock: Clock
) -> None:
    """Otherwise two colleagues who correct one contact again and again stop each page with a day before it."""
    repeats, latest = MAX_REPEATS_OF_AN_IDENTITY, {}
    for employee in (alice, alan):
        latest[employee] = record_one(employee, SHARED, PLACEHOLDER).outcomes[0].contact_id
    before = clock.now() + timedelta(minutes=30)
    clock.set(clock.now() + timedelta(hours=1), ticks=True)
    for employee in (alice, alan):
        for number in range(repeats):
            identities = [SHARED, ("handle", f"@placeholder{number}")]
            latest[employee] = correct_contact(
                contact_id=latest[employee], employee=employee, identities=identities, by=TESTER
            )
    assert most_rows(exclusive, alan, before) <= 5 * repeats
