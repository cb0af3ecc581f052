"""The trusted feed's rule (a row is new, news, nothing new, or a contradiction), pure and through the import."""

import io
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

import pytest
from django.db import connection
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from apps.contacts.imports import import_contacts
from apps.contacts.models import Contact, ContactIdentity
from apps.contacts.rules import Draft, Known, match_feed_row
from apps.employees.models import Employee
from tests.fixtures import Clock
from tests.people import TESTER


def day(number: int | None) -> datetime | None:
    return None if number is None else datetime(2026, 11, number, tzinfo=UTC)


def known(number: int, start: int, end: int | None = None, confirmed: int | None = None) -> Known:
    return Known(number, day(start), day(confirmed), day(end))


def row(start: int, end: int | None = None, confirmed: int | None = None) -> Draft:
    return Draft("x", (), recorded_at=day(start), confirmed_at=day(confirmed), ended_at=day(end))


@pytest.mark.parametrize(
    ("contacts", "news", "code", "whose"),
    [
        ([], row(1), "created", None),
        # The same recording: news where it says more, a duplicate where it does not.
        ([known(1, 5)], row(5), "duplicate", 1),
        ([known(1, 5)], row(5, confirmed=6), "updated", 1),
        ([known(1, 5, confirmed=6)], row(5, confirmed=6), "duplicate", 1),
        ([known(1, 5, confirmed=6)], row(5, confirmed=7), "updated", 1),
        ([known(1, 5)], row(5, end=9), "updated", 1),
        ([known(1, 5, end=9)], row(5, end=9), "duplicate", 1),
        ([known(1, 5, end=9)], row(5), "duplicate", 1),
        ([known(1, 5, end=9)], row(5, end=8), "updated", 1),
        # Inside a period it is that contact.
        ([known(1, 5)], row(7), "duplicate", 1),
        ([known(1, 5, end=9)], row(8), "duplicate", 1),
        ([known(1, 5)], row(7, confirmed=7), "updated", 1),
        # At its end, and after it, it is a new one.
        ([known(1, 5, end=9)], row(9), "created", None),
        ([known(1, 5, end=9)], row(12), "created", None),
        # Before it: new when it ends in time, a contradiction when it reaches into it.
        ([known(1, 5)], row(2, end=5), "created", None),
        ([known(1, 5)], row(2, end=6), "overlap", 1),
        ([known(1, 5)], row(2), "overlap", 1),
        ([known(1, 5, end=9)], row(2, end=12), "overlap", 1),
        ([known(1, 2, end=4), known(2, 8)], row(4, end=8), "created", None),
        ([known(1, 2, end=4), known(2, 8)], row(5), "overlap", 2),
        # The same instant decides before a period that contains it.
        ([known(1, 2), known(2, 5, end=6)], row(5), "duplicate", 2),
        # News must not make two periods of one person overlap: nobody counts twice at one moment.
        ([known(1, 2, end=4), known(2, 8)], row(2, end=9), "overlap", 2),
        ([known(1, 2, end=4), known(2, 8)], row(2, end=8), "updated", 1),
    ],
)
def test_a_feed_row_is_new_news_nothing_new_or_a_contradiction(
    contacts: list[Known], news: Draft, code: str, whose: int | None
) -> None:
    found, match = match_feed_row(contacts, news)
    assert (found, match.contact_id if match else None) == (code, whose)


def test_a_feed_row_without_its_instant_is_none() -> None:
    with pytest.raises(ValueError, match="instant"):
        match_feed_row([], Draft("x", ()))


# -- through the import --------------------------------------------------------------------------------------------

HEADER = "name,phone,handle,recorded_at,confirmed_at,ended_at\n"


def feed(employee: Employee, *lines: str) -> dict[str, Any]:
    """Import feed lines for one employee; the JSON of the import."""
    raw = io.BytesIO((HEADER + "\n".join(lines)).encode())
    return import_contacts(raw=raw, by=TESTER, employee=employee, trust_times=True).as_json()


def counts(told: dict[str, Any]) -> dict[str, int]:
    return {code: n for code, n in told.items() if n and code not in ("read", "rejects")}


def periods(employee: Employee) -> list[tuple[int, int | None]]:
    rows = Contact.objects.of(employee).order_by("recorded_at", "id").values_list("recorded_at", "ended_at")
    return [(start.day, end.day if end else None) for start, end in rows]


def test_a_feed_brings_its_own_times(alice: Employee) -> None:
    told = feed(alice, "Wanda,,w,2026-11-03T08:00:00+08:00,2026-11-04T00:00:00Z,2026-11-05T00:00:00Z")
    contact = Contact.objects.get()
    assert counts(told) == {"created": 1}
    assert contact.recorded_at == datetime(2026, 11, 3, tzinfo=UTC)
    assert (contact.confirmed_at, contact.ended_at, contact.end_reason) == (day(4), day(5), "withdrawn")
    assert (contact.live, contact.identities.get().live, contact.source) == (False, False, "feed")
    assert contact.stored_at > contact.recorded_at


def test_a_person_who_ended_and_came_back_in_the_feed_is_two_facts(alice: Employee) -> None:
    told = feed(alice, "W,,w,2026-11-03T00:00:00Z,,2026-11-05T00:00:00Z", "W,,w,2026-11-07T00:00:00Z,,")
    assert counts(told) == {"created": 2}
    assert periods(alice) == [(3, 5), (7, None)]


def test_a_confirmation_in_the_same_file_is_part_of_the_new_contact(alice: Employee) -> None:
    told = feed(alice, "W,,w,2026-11-03T00:00:00Z,,", "W,,w,2026-11-03T00:00:00Z,2026-11-04T00:00:00Z,")
    assert counts(told) == {"created": 1, "updated": 1}
    assert Contact.objects.get().confirmed_at == day(4)


@pytest.mark.parametrize("at_once", [True, False])
def test_an_end_is_known_to_the_next_line_whichever_identity_it_names(alice: Employee, at_once: bool) -> None:
    lines = [
        "W,13812345678,w,2026-11-03T00:00:00Z,,",
        "W,13812345678,,2026-11-03T00:00:00Z,,2026-11-05T00:00:00Z",
        "W,,w,2026-11-07T00:00:00Z,,",
    ]
    for part in [lines] if at_once else [[line] for line in lines]:
        feed(alice, *part)
    assert periods(alice) == [(3, 5), (7, None)]


@pytest.mark.parametrize(
    ("line", "column", "code"),
    [
        ("W,,w,,,", "recorded_at", "bad_time"),
        ("W,,w,2026-11-03,,", "recorded_at", "bad_time"),
        ("W,,w,2026-11-03T00:00:00,,", "recorded_at", "bad_time"),
        ("W,,w,yesterday,,", "recorded_at", "bad_time"),
        ("W,,w,2026-11-31T00:00:00Z,,", "recorded_at", "bad_time"),
        ("W,,w,2026-11-03T24:00:00Z,,", "recorded_at", "bad_time"),
        ("W,,w,2026-11-03T23:59:60Z,,", "recorded_at", "bad_time"),
        ("W,,w,2026-11-30T00:00:00Z,,", "recorded_at", "bad_time"),
        ("W,,w,0001-01-01T00:00:00+08:00,,", "recorded_at", "bad_time"),
        ("W,,w,9999-12-31T23:59:59-08:00,,", "recorded_at", "bad_time"),
        ("W,,w,2026-11-03T00:00:00Z,tomorrow,", "confirmed_at", "bad_time"),
        ("W,,w,2026-11-03T00:00:00Z,,2026-11-30T00:00:00Z", "ended_at", "bad_time"),
        ("W,,w,2026-11-03T00:00:00Z,2026-11-30T00:00:00Z,", "confirmed_at", "bad_time"),
        ("W,,w,2026-11-03T00:00:00Z,,2026-11-02T00:00:00Z", "ended_at", "bad_time"),
    ],
)
def test_a_time_that_cannot_be_is_named_and_takes_nobody_along(
    alice: Employee, line: str, column: str, code: str
) -> None:
    told = feed(alice, "V,,v,2026-11-03T00:00:00Z,,", line, "U,,u,2026-11-03T00:00:00Z,,")
    assert counts(told) == {"created": 2, "rejected": 1}
    [reject] = told["rejects"]
    assert (reject["line"], reject["column"], reject["code"]) == (3, column, code)


def test_the_microseconds_of_the_feed_are_kept(alice: Employee) -> None:
    feed(alice, "W,,w,2026-11-03T23:59:59.999999Z,,", "V,,v,2026-11-03T23:59:59.9999999Z,,")
    kept = Contact.objects.values_list("recorded_at", flat=True)
    assert {at.day for at in kept} == {3}
    assert {at.microsecond for at in kept} == {999999}


def test_without_trust_the_times_of_a_file_are_ignored(alice: Employee) -> None:
    raw = io.BytesIO((HEADER + "W,,w,2001-01-01T00:00:00Z,2001-01-01T00:00:00Z,2001-01-01T00:00:00Z").encode())
    result = import_contacts(raw=raw, by=TESTER, employee=alice)
    assert result.unknown_columns == ["recorded_at", "confirmed_at", "ended_at"]
    contact = Contact.objects.get()
    assert (contact.recorded_at.year, contact.confirmed_at, contact.ended_at) == (2026, None, None)


days = st.integers(1, 12)
events = st.tuples(st.sampled_from(["p", "q", "pq"]), days, st.none() | days, st.none() | days)
Facts = list[tuple[datetime, datetime | None, datetime | None]]


def facts_of(employee: Employee) -> Facts:
    rows = Contact.objects.of(employee).values_list("recorded_at", "confirmed_at", "ended_at")
    return sorted(rows, key=str)


def fed(employee: Employee, *parts: list[str]) -> tuple[list[dict[str, int]], Facts]:
    """Import parts one after the other, then take it all back; what they told, and the facts they left."""
    sid = connection.savepoint()
    try:
        told = [counts(feed(employee, *part)) for part in parts]
        _nobody_twice(employee)
        return told, facts_of(employee)
    finally:
        connection.savepoint_rollback(sid)


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(lines=st.lists(events, min_size=1, max_size=10), cuts=st.sets(st.integers(1, 9)))
def test_whatever_the_feed_says_nobody_is_there_twice_at_one_moment_and_batches_decide_nothing(
    noon: Clock, alice: Employee, lines: list[tuple[str, int, int | None, int | None]], cuts: set[int]
) -> None:
    texts = [_line(*line) for line in lines]
    edges = [0, *sorted(cut for cut in cuts if cut < len(texts)), len(texts)]
    whole, parts = fed(alice, texts), fed(alice, *(texts[a:b] for a, b in pairwise(edges)))
    assert whole[1] == parts[1]
    for code in ("created", "updated", "rejected"):
        assert whole[0][0].get(code, 0) == sum(told.get(code, 0) for told in parts[0])


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
    phone, handle = "13812345678" if "p" in who else "", "w" if "q" in who else ""
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
    feed(alice, "W,,w,2026-11-01T00:00:00Z,,")
    told = feed(alice, "W,,w,2026-11-01T00:00:00Z,,2026-11-02T00:00:00Z", "W,,w,2026-11-03T00:00:00Z,,")
    assert counts(told) == {"created": 1, "updated": 1}
    assert periods(alice) == [(1, 2), (3, None)]
