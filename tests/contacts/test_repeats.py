"""How often one employee may record one person within a day: each repeat makes the evaluation of colleagues slower."""

import io

import pytest

from apps.contacts.identity_lookup import MAX_REPEATS_OF_AN_IDENTITY
from apps.contacts.imports import import_contacts
from apps.contacts.services.changes import correct_contact, end_contact, record_contact_again
from apps.contacts.services.recording_again import record_contacts_again
from apps.core.errors import Refused
from apps.employees.models import Employee
from tests.fixtures import Clock
from tests.people import TESTER, outsider, record_one

pytestmark = pytest.mark.django_db
PERSON, PHONE = ("email", "wanda@outside.example.org"), ("phone", "13812345678")


def record_and_end(employee: Employee, repeats: int = MAX_REPEATS_OF_AN_IDENTITY) -> None:
    for _repeat in range(repeats):
        end_contact(contact_id=record_one(employee, PERSON).outcomes[0].contact_id, employee=employee, by=TESTER)


def test_a_person_ended_too_often_is_refused_until_tomorrow(alice: Employee, alan: Employee, clock: Clock) -> None:
    """Otherwise a script that records and ends one popular person stops the pages of all who hold it."""
    record_and_end(alice)
    [refused] = record_one(alice, PERSON, outsider()).outcomes
    assert (refused.code, refused.column) == ("too_many_today", "email")
    assert refused.message == "You have recorded this person 20 times within a day. Try again tomorrow."
    assert record_one(alice, outsider()).created == record_one(alan, PERSON).created == 1
    clock.set("2026-11-24T12:30:00+08:00", ticks=True)
    assert record_one(alice, PERSON).created == 1


def test_a_file_with_the_person_gives_back_that_line_only(alice: Employee) -> None:
    record_and_end(alice)
    lines = f"name,email\nAnn,ann@out.example\nWanda,{PERSON[1]}\nBen,ben@out.example"
    result = import_contacts(raw=io.BytesIO(lines.encode()), by=TESTER, employee=alice).as_json()
    assert result["created"] == 2
    assert [(row["line"], row["code"]) for row in result["rejects"]] == [(3, "too_many_today")]


def test_corrections_count_and_are_refused_too(alice: Employee) -> None:
    """Each correction ends a contact and records a new one with the same person."""
    contact_id = record_one(alice, PERSON, PHONE).outcomes[0].contact_id
    for number in range(MAX_REPEATS_OF_AN_IDENTITY):
        identities = [PERSON, ("handle", f"@wanda{number}")]
        contact_id = correct_contact(contact_id=contact_id, employee=alice, identities=identities, by=TESTER)
    with pytest.raises(Refused, match="20 times within a day"):
        correct_contact(contact_id=contact_id, employee=alice, identities=[PERSON, PHONE], by=TESTER)
    with pytest.raises(Refused, match="20 times within a day"):
        record_contact_again(contact_id=contact_id, employee=alice, by=TESTER)
    again = record_contacts_again(contact_ids=[contact_id], employee=alice, by=TESTER)
    assert (again.recorded, again.refused.total()) == (0, 1)
    assert correct_contact(contact_id=contact_id, employee=alice, identities=[PHONE], by=TESTER) != contact_id


def test_the_trusted_feed_is_exempt(alice: Employee, clock: Clock) -> None:
    """Otherwise the operator's feed loses a contact because its employee had recorded and ended it."""
    record_and_end(alice)
    clock.set("2026-11-23T13:00:00+08:00", ticks=True)
    feed = f"email,recorded_at\n{PERSON[1]},2026-11-23T04:30:00Z"
    result = import_contacts(raw=io.BytesIO(feed.encode()), by=TESTER, employee=alice, trust_times=True).as_json()
    assert (result["created"], result["rejected"]) == (1, 0)
