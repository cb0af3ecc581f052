"""The daily limit of one employee: it stops a script that invents people, and no valid contact is lost."""

import csv
import io
from collections import Counter
from typing import Any

import pytest
from django.test import Client

from apps.contacts import batches
from apps.contacts.daily_limit import remaining_today
from apps.contacts.drafts import Draft
from apps.contacts.imports import import_contacts
from apps.contacts.models import Contact
from apps.contacts.services.changes import end_contact
from apps.contacts.services.submissions import submit
from apps.core.clock import db_now
from apps.core.files import read_file
from apps.employees.models import Employee
from tests.crowd import at_once, unlock
from tests.fixtures import Clock
from tests.people import ROSTER, TESTER, load, outsider, person, record, record_one, sign_in

MOST = 3


@pytest.fixture(autouse=True)
def _few(settings: Any) -> None:
    settings.TIME_ZONE = "UTC"
    settings.MAX_CONTACTS_PER_EMPLOYEE_AND_DAY = MOST


def imported(employee: Employee, lines: list[str], **options: Any) -> Any:
    return import_contacts(raw=io.BytesIO("\n".join(lines).encode()), by=TESTER, employee=employee, **options)


@pytest.mark.django_db
def test_what_is_over_the_cap_is_refused_and_the_next_day_it_is_recorded(
    alice: Employee, alan: Employee, clock: Clock
) -> None:
    told = record(alice, MOST + 2)
    assert Counter(one.code for one in told.outcomes) == {"created": MOST, "too_many_today": 2}
    assert "at most 3 contacts a day" in told.outcomes[-1].message
    assert record(alan).created == 1
    # The day is a day of TIME_ZONE.
    clock.set("2026-11-23T23:59:59Z", ticks=True)
    assert record(alice).created == 0
    clock.set("2026-11-24T00:00:00Z", ticks=True)
    assert record(alice).created == 1


@pytest.mark.django_db
def test_who_is_known_already_takes_no_place_and_who_ended_keeps_it(alice: Employee) -> None:
    """Otherwise an employee could add and end contacts in turn without limit."""
    wanda = outsider()
    first = record_one(alice, wanda).outcomes[0].contact_id
    assert record_one(alice, wanda).outcomes[0].code == "duplicate"
    assert record(alice, MOST - 1).created == MOST - 1
    assert first is not None
    end_contact(contact_id=first, employee=alice, by=TESTER)
    assert record(alice).outcomes[0].code == "too_many_today"


@pytest.mark.django_db
@pytest.mark.parametrize(("identities", "remaining"), [(3, 2), (4, 1), (7, 0)])
def test_a_contact_with_many_identities_takes_the_place_of_several(
    alice: Employee, identities: int, remaining: int
) -> None:
    """In an exclusive campaign each identity claims a person: one employee could take a whole company's contacts."""
    drafts = [Draft("Many", tuple(outsider() for _number in range(identities)))]
    drafts += [Draft("One", (outsider(),)) for _number in range(MOST)]
    report = submit(employee=alice, drafts=drafts, source="page", by=TESTER)
    assert report.created == 1 + remaining
    assert remaining_today([alice.pk], db_now()) == {alice.pk: 0}


@pytest.mark.django_db
def test_a_file_that_reaches_the_cap_gives_back_the_lines_that_were_left(
    alice: Employee, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batches, "MAX_ENTRIES", 2)
    lines = ["name,email", *(f"G{n},g{n}@out.example" for n in range(6))]
    result = imported(alice, lines)
    told = result.as_json()
    assert (told["created"], told["rejected"]) == (MOST, 3)
    assert [(one["line"], one["code"]) for one in told["rejects"]] == [(n, "too_many_today") for n in (5, 6, 7)]
    rejects = b"".join(read_file(result.submission.rejects)).decode("utf-8-sig")
    assert [row["email"] for row in csv.DictReader(io.StringIO(rejects))] == [f"g{n}@out.example" for n in (3, 4, 5)]


@pytest.mark.django_db
def test_the_trusted_feed_has_no_cap_and_takes_nobodys_place(alice: Employee) -> None:
    lines = ["email,recorded_at", *(f"g{n}@out.example,2026-11-23T00:00:00Z" for n in range(MOST + 2))]
    assert imported(alice, lines, trust_times=True).as_json()["created"] == MOST + 2
    assert record(alice).created == 1


@pytest.mark.django_db
def test_the_page_says_so_and_keeps_what_was_typed(alice: Employee) -> None:
    record(alice, MOST)
    page = sign_in(Client(), alice).post(
        "/contacts/add/", {"name": "", "reach": "ann@out.example", "key": "4b1c5e5e-0000-4000-8000-000000000000"}
    )
    assert page.status_code == 422
    assert "contacts a day" in page.content.decode()
    assert "ann@out.example" in page.content.decode()


def _crowd() -> int:
    load(ROSTER)
    alice = person("A001")
    told = at_once(*[lambda: record(alice)] * 64)
    assert all(not isinstance(one, Exception) for one in told)
    return Contact.objects.filter(employee=alice).count()


@pytest.mark.django_db(transaction=True)
def test_sixty_four_at_once_are_counted_as_one_after_the_other(clock: Clock) -> None:
    clock.set("2026-11-23T12:00:00+08:00", ticks=True)
    assert _crowd() == MOST


@pytest.mark.django_db(transaction=True)
def test_mutant_without_the_lock_of_the_employee_the_cap_leaks(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    clock.set("2026-11-23T12:00:00+08:00", ticks=True)
    unlock(monkeypatch)
    assert _crowd() > MOST
