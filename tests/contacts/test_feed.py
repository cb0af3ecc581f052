"""The rule of the trusted feed, as pure functions and through the import.

A row is new, an update, a duplicate or a contradiction.
"""

import io
from datetime import UTC, datetime, timedelta
from itertools import pairwise, permutations
from typing import Any

import pytest
from django.db import connection
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from apps.contacts.feed_groups import CONNECTED
from apps.contacts.imports import import_contacts
from apps.contacts.models import Contact, ContactIdentity
from apps.contacts.services.changes import correct_contact
from apps.contacts.timelines import Sighting, derive_contacts
from apps.employees.models import Employee
from tests.fixtures import Clock
from tests.people import TESTER, record_one


def day(number: int | None) -> datetime | None:
    return None if number is None else datetime(2026, 11, number, tzinfo=UTC)


def row(start: int, end: int | None = None, confirmed: int | None = None, keys: str = "p") -> Sighting:
    at = day(start)
    assert at is not None
    return Sighting(frozenset((key, b"") for key in keys), at, day(confirmed), day(end))


def said(*rows: Sighting) -> list[tuple[str, int, int | None, int | None]]:
    """Return the contacts these rows create, as (keys, start, end, confirmed)."""
    return [
        ("".join(sorted(key for key, _digest in stay.keys)), stay.start.day, stay.end and stay.end.day,
         stay.confirmed_at and stay.confirmed_at.day)
        for stay in derive_contacts(rows)
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("rows", "stays"),
    [
        ([row(1)], [("p", 1, None, None)]),
        # Seen again: the first sighting and the first confirmation count.
        ([row(5), row(2), row(7)], [("p", 2, None, None)]),
        ([row(5, confirmed=6), row(2, confirmed=8)], [("p", 2, None, 6)]),
        # An end closes what began before it; of two ends of one stay, the later one counts.
        ([row(2), row(5, end=9)], [("p", 2, 9, None)]),
        ([row(5, end=9), row(5)], [("p", 5, 9, None)]),
        ([row(5, end=9), row(5, end=8)], [("p", 5, 9, None)]),
        ([row(2, end=6), row(5, end=9)], [("p", 2, 9, None)]),
        # At or after an end, a new contact begins, from its first sighting.
        ([row(1, end=4), row(4)], [("p", 1, 4, None), ("p", 4, None, None)]),
        ([row(1), row(3), row(7), row(9), row(3, end=5)], [("p", 1, 5, None), ("p", 7, None, None)]),
        ([row(1), row(3), row(1, end=2)], [("p", 1, 2, None), ("p", 3, None, None)]),
        ([row(5, end=5)], [("p", 5, 5, None)]),
        # A confirmation belongs to the stay in which its row was seen.
        ([row(1, end=4), row(6, confirmed=6)], [("p", 1, 4, None), ("p", 6, None, 6)]),
        # Another identity merges two contacts, and an end that names either identity applies to the merged contact.
        ([row(1, keys="p"), row(3, keys="q")], [("p", 1, None, None), ("q", 3, None, None)]),
        ([row(1, keys="p"), row(3, keys="q"), row(5, keys="pq")], [("pq", 1, None, None)]),
        ([row(1, keys="pq"), row(1, 5, keys="p"), row(7, keys="q")], [("pq", 1, 5, None), ("q", 7, None, None)]),
        # A number that passed to another person in between merges nothing, and moves no identity.
        (
            [row(1, 5, keys="px"), row(7, keys="py"), row(9, keys="x")],
            [("px", 1, 5, None), ("py", 7, None, None), ("x", 9, None, None)],
        ),
        # A person has at most one contact at any instant.
        ([row(1, keys="px"), row(1, 5, keys="p"), row(2, 9, keys="x"), row(7, keys="py")], [("pxy", 1, None, None)]),
    ],
)
def test_what_a_feed_says_is_said_by_the_set_of_its_rows(rows: list[Sighting], stays: list[Any]) -> None:
    for order in permutations(rows):
        assert said(*order) == stays
        assert said(*order, *order) == stays


# -- through the import --------------------------------------------------------------------------------------------

HEADER = "name,phone,handle,recorded_at,confirmed_at,ended_at\n"


def feed(employee: Employee, *lines: str) -> dict[str, Any]:
    """Import feed lines for one employee; returns the JSON of the import."""
    raw = io.BytesIO((HEADER + "\n".join(lines)).encode())
    return import_contacts(raw=raw, by=TESTER, employee=employee, trust_times=True).as_json()


def counts(told: dict[str, Any]) -> dict[str, int]:
    return {code: n for code, n in told.items() if n and code not in ("read", "rejects")}


def periods(employee: Employee) -> list[tuple[int, int | None]]:
    rows = Contact.objects.of(employee).order_by("recorded_at", "id").values_list("recorded_at", "ended_at")
    return [(start.day, end.day if end else None) for start, end in rows]


def test_a_feed_brings_its_own_times(alice: Employee) -> None:
    told = feed(alice, "Wanda,,ww,2026-11-03T08:00:00+08:00,2026-11-04T00:00:00Z,2026-11-05T00:00:00Z")
    contact = Contact.objects.get()
    assert counts(told) == {"created": 1}
    assert contact.recorded_at == datetime(2026, 11, 3, tzinfo=UTC)
    assert (contact.confirmed_at, contact.ended_at, contact.end_reason) == (day(4), day(5), "withdrawn")
    assert (contact.live, contact.identities.get().live, contact.source) == (False, False, "feed")
    assert contact.stored_at > contact.recorded_at


def test_a_person_who_ended_and_came_back_in_the_feed_is_two_facts(alice: Employee) -> None:
    told = feed(alice, "W,,ww,2026-11-03T00:00:00Z,,2026-11-05T00:00:00Z", "W,,ww,2026-11-07T00:00:00Z,,")
    assert counts(told) == {"created": 2}
    assert periods(alice) == [(3, 5), (7, None)]


def test_a_person_recorded_often_does_not_stop_the_feed_of_all(alice: Employee) -> None:
    """The rows that are joined grow with the contacts that share an identity, not with their square."""
    few, many = (_rows_joined(alice, f"h{stays}", stays) for stays in (10, 40))
    assert many < 6 * few, (few, many)


@pytest.mark.usefixtures("unlimited_repeats")
@pytest.mark.parametrize("without", ["", "SET LOCAL enable_hashjoin = off", "SET LOCAL enable_nestloop = off"])
def test_a_contact_corrected_often_does_not_stop_the_feed_of_all(alice: Employee, without: str) -> None:
    """Whatever the planner expects: without one kind of join, it takes the plans of a company of another size."""
    with connection.cursor() as cursor:
        cursor.execute(without or "SELECT 1")
    few, many = (_rows_joined_after_corrections(alice, f"c{number}", number) for number in (10, 40))
    assert many < 6 * few, (few, many)


def _rows_joined_after_corrections(employee: Employee, handle: str, number: int) -> float:
    contact = record_one(employee, ("handle", handle)).outcomes[0].contact_id
    assert contact is not None
    for n in range(number):
        identities = [("handle", handle), *([("email", f"{handle}@out.example")] if n % 2 else [])]
        contact = correct_contact(contact_id=contact, employee=employee, identities=identities, by=TESTER)
    return _rows_joined_for(employee, handle)


def _rows_joined(employee: Employee, handle: str, stays: int) -> float:
    """How many rows the steps of the statement return for a person with so many ended contacts."""
    start = datetime(2026, 11, 3, tzinfo=UTC)
    hours = [(start + timedelta(hours=2 * n), start + timedelta(hours=2 * n + 1)) for n in range(stays)]
    feed(employee, *(f"W,,{handle},{began.isoformat()},,{ended.isoformat()}" for began, ended in hours))
    return _rows_joined_for(employee, handle)


def _rows_joined_for(employee: Employee, handle: str) -> float:
    digest = ContactIdentity.objects.filter(value=handle).values_list("digest", flat=True)[0]
    parameters = {"employees": [employee.pk], "kinds": "handle", "digests": bytes(digest).hex()}
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN (ANALYZE, FORMAT JSON) {CONNECTED}", parameters)
        return _returned(cursor.fetchone()[0][0]["Plan"])


def _returned(node: dict[str, Any]) -> float:
    # Of all steps: a cached look-up reads nothing and still returns its rows. A bitmap is a part of its scan: which of
    # both ways the planner takes differs between the two numbers.
    own = 0 if node["Node Type"] == "Bitmap Index Scan" else node["Actual Loops"] * node["Actual Rows"]
    return own + sum(_returned(child) for child in node.get("Plans", ()))


def test_a_confirmation_in_the_same_file_is_part_of_the_new_contact(alice: Employee) -> None:
    told = feed(alice, "W,,ww,2026-11-03T00:00:00Z,,", "W,,ww,2026-11-03T00:00:00Z,2026-11-04T00:00:00Z,")
    assert counts(told) == {"created": 1, "updated": 1}
    assert Contact.objects.get().confirmed_at == day(4)


@pytest.mark.parametrize("at_once", [True, False])
def test_an_end_is_known_to_the_next_line_whichever_identity_it_names(alice: Employee, at_once: bool) -> None:
    lines = [
        "W,13812345678,ww,2026-11-03T00:00:00Z,,",
        "W,13812345678,,2026-11-03T00:00:00Z,,2026-11-05T00:00:00Z",
        "W,,ww,2026-11-07T00:00:00Z,,",
    ]
    for part in [lines] if at_once else [[line] for line in lines]:
        feed(alice, *part)
    assert periods(alice) == [(3, 5), (7, None)]


@pytest.mark.parametrize(
    ("line", "column", "code"),
    [
        ("W,,ww,,,", "recorded_at", "bad_time"),
        ("W,,ww,2026-11-03,,", "recorded_at", "bad_time"),
        ("W,,ww,2026-11-03T00:00:00,,", "recorded_at", "bad_time"),
        ("W,,ww,yesterday,,", "recorded_at", "bad_time"),
        ("W,,ww,2026-11-31T00:00:00Z,,", "recorded_at", "bad_time"),
        ("W,,ww,2026-11-03T24:00:00Z,,", "recorded_at", "bad_time"),
        ("W,,ww,2026-11-03T23:59:60Z,,", "recorded_at", "bad_time"),
        ("W,,ww,2026-11-30T00:00:00Z,,", "recorded_at", "bad_time"),
        ("W,,ww,0001-01-01T00:00:00+08:00,,", "recorded_at", "bad_time"),
        ("W,,ww,9999-12-31T23:59:59-08:00,,", "recorded_at", "bad_time"),
        ("W,,ww,2026-11-03T00:00:00Z,tomorrow,", "confirmed_at", "bad_time"),
        ("W,,ww,2026-11-03T00:00:00Z,,2026-11-30T00:00:00Z", "ended_at", "bad_time"),
        ("W,,ww,2026-11-03T00:00:00Z,2026-11-30T00:00:00Z,", "confirmed_at", "bad_time"),
        ("W,,ww,2026-11-03T00:00:00Z,,2026-11-02T00:00:00Z", "ended_at", "bad_time"),
    ],
)
def test_a_time_that_cannot_be_is_named_and_takes_nobody_along(
    alice: Employee, line: str, column: str, code: str
) -> None:
    told = feed(alice, "V,,vv,2026-11-03T00:00:00Z,,", line, "U,,uu,2026-11-03T00:00:00Z,,")
    assert counts(told) == {"created": 2, "rejected": 1}
    [reject] = told["rejects"]
    assert (reject["line"], reject["column"], reject["code"]) == (3, column, code)


def test_the_microseconds_of_the_feed_are_kept(alice: Employee) -> None:
    feed(alice, "W,,ww,2026-11-03T23:59:59.999999Z,,", "V,,vv,2026-11-03T23:59:59.9999999Z,,")
    kept = Contact.objects.values_list("recorded_at", flat=True)
    assert {at.day for at in kept} == {3}
    assert {at.microsecond for at in kept} == {999999}


def test_without_trust_the_times_of_a_file_are_ignored(alice: Employee) -> None:
    raw = io.BytesIO((HEADER + "W,,ww,2001-01-01T00:00:00Z,2001-01-01T00:00:00Z,2001-01-01T00:00:00Z").encode())
    result = import_contacts(raw=raw, by=TESTER, employee=alice)
    assert result.unknown_columns == ["recorded_at", "confirmed_at", "ended_at"]
    contact = Contact.objects.get()
    assert (contact.recorded_at.year, contact.confirmed_at, contact.ended_at) == (2026, None, None)


days = st.integers(1, 12)
Facts = list[tuple[datetime, datetime | None, datetime | None]]


def facts_of(employee: Employee) -> Facts:
    rows = Contact.objects.of(employee).values_list("recorded_at", "confirmed_at", "ended_at")
    return sorted(rows, key=str)


def fed(employee: Employee, *parts: list[str]) -> tuple[list[dict[str, int]], Facts]:
    """Import the parts one after the other, then roll back; returns their reports and the resulting facts."""
    sid = connection.savepoint()
    try:
        told = [counts(feed(employee, *part)) for part in parts]
        _nobody_twice(employee)
        return told, facts_of(employee)
    finally:
        connection.savepoint_rollback(sid)


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(edges=st.sets(days, min_size=2, max_size=8), seed=st.randoms(use_true_random=False), live=st.booleans())
def test_a_feed_that_knows_every_period_gives_the_same_facts_in_any_order_however_often(
    noon: Clock, alice: Employee, edges: set[int], seed: Any, live: bool
) -> None:
    starts = sorted(edges)
    periods_ = [(a, b) for a, b in pairwise(starts)] + ([(starts[-1], None)] if live else [])
    truth = [_line(seed.choice(["p", "pq"]), a, seed.choice([None, a]), b) for a, b in periods_]
    mixed = truth * 2
    seed.shuffle(mixed)
    in_order, facts = fed(alice, truth, truth)
    assert in_order == [{"created": len(truth)}, {"duplicate": len(truth)}]
    out_of_order, same = fed(alice, mixed, mixed)
    assert out_of_order[0]["created"] == len(truth)
    assert out_of_order[1] == {"duplicate": len(mixed)}
    assert facts == same


def _line(who: str, start: int, confirmed: int | None, end: int | None) -> str:
    phone, handle = "13812345678" if "p" in who else "", "ww" if "q" in who else ""
    times = [f"2026-11-{number:02d}T00:00:00Z" if number else "" for number in (start, confirmed, end)]
    return ",".join(["W", phone, handle, *times])


def _nobody_twice(employee: Employee) -> None:
    held: dict[bytes, list[Contact]] = {}
    for one in ContactIdentity.objects.filter(employee=employee).select_related("contact"):
        held.setdefault(bytes(one.digest), []).append(one.contact)
    for contacts in held.values():
        contacts.sort(key=lambda one: one.recorded_at)
        for earlier, later in pairwise(contacts):
            assert earlier.ended_at is not None
            assert earlier.ended_at <= later.recorded_at


def test_who_ends_and_begins_anew_in_a_later_part_of_the_feed_is_there_again(alice: Employee) -> None:
    feed(alice, "W,,ww,2026-11-01T00:00:00Z,,")
    told = feed(alice, "W,,ww,2026-11-01T00:00:00Z,,2026-11-02T00:00:00Z", "W,,ww,2026-11-03T00:00:00Z,,")
    assert counts(told) == {"created": 1, "updated": 1}
    assert periods(alice) == [(1, 2), (3, None)]
