"""A feed is a set of rows: order, files, batches and repetition have no effect (ADR 71)."""

import io
import random
from collections.abc import Iterator
from collections.abc import Set as AbstractSet
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from django.db import connection
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from apps.campaigns.models import Campaign
from apps.contacts import batches, timelines
from apps.contacts.feed_groups import StoredContact
from apps.contacts.imports import import_contacts
from apps.contacts.models import Contact, ContactIdentity, EndReason, Sighting
from apps.contacts.services.changes import correct_contact, end_contact, record_contact_again, restore_contact
from apps.core.errors import Refused
from apps.core.models import AuditEntry, OutboxRow
from apps.employees.models import Employee
from apps.results.close_submissions import begin_closing
from tests.fixtures import Clock
from tests.oracle import oracle, stored
from tests.people import NOON, TESTER, mark, november, record_one, standing

pytestmark = pytest.mark.django_db
HEADER = "staff_no,name,phone,email,handle,recorded_at,confirmed_at,ended_at\n"
REACHED = {"p": "phone", "e": "email", "h": "handle", "i": "handle"}
VALUES = {"p": "13812345678", "e": "ann@out.example", "h": "@wanda", "i": "@ingrid"}
# Without shrinking: a smaller example would take minutes of marks.
QUICK = (Phase.explicit, Phase.reuse, Phase.generate)


def feed(*lines: str) -> dict[str, Any]:
    return import_contacts(raw=io.BytesIO((HEADER + "\n".join(lines)).encode()), by=TESTER, trust_times=True).as_json()


def line(staff_no: str, who: str, start: int, confirmed: int | None = None, end: int | None = None) -> str:
    """Return a row at noon of a day in November (0 and below: in October)."""
    cells = dict.fromkeys(("phone", "email", "handle"), "")
    for one in who:
        cells[REACHED[one]] = VALUES[one]
    times = [f"{at(day):%Y-%m-%dT%H:%M:%SZ}" if day is not None else "" for day in (start, confirmed, end)]
    return ",".join([staff_no, "Ann", *cells.values(), *times])


def at(day: int) -> datetime:
    return datetime(2026, 11, 1, 12, tzinfo=UTC) + timedelta(days=day - 1)


def facts() -> list[tuple[Any, ...]]:
    """Return every contact that existed at some time: employee, identities with claims, start, confirmation, end."""
    held: dict[int, list[tuple[str, str, datetime | None]]] = {}
    for contact, kind, value, claim in ContactIdentity.objects.values_list("contact", "kind", "value", "claimed_from"):
        held.setdefault(contact, []).append((kind, value or "", claim))
    rows = Contact.objects.exclude(end_reason=EndReason.MERGED).values_list(
        "pk", "employee__staff_no", "recorded_at", "confirmed_at", "ended_at", "end_reason", "live"
    )
    return sorted(((sorted(held[pk], key=str), *rest) for pk, *rest in rows), key=str)


def periods(employee: Employee) -> list[tuple[int, int | None]]:
    rows = Contact.objects.of(employee).exclude(end_reason=EndReason.MERGED).order_by("recorded_at")
    return [((one.recorded_at - at(0)).days, one.ended_at and (one.ended_at - at(0)).days) for one in rows]


@contextmanager
def taken_back() -> Iterator[None]:
    sid = connection.savepoint()
    try:
        yield
    finally:
        connection.savepoint_rollback(sid)


def outcome(campaign: Campaign, files: list[list[str]]) -> tuple[Any, ...]:
    """Return the facts and standings that result from these files, then roll back."""
    with taken_back():
        for rows in files:
            feed(*rows)
        _nobody_twice()
        mark()
        verdicts = stored(campaign)
        assert verdicts == oracle(campaign)
        return facts(), verdicts


def _nobody_twice() -> None:
    """Check that no identity of an employee is on two contacts at one moment."""
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT count(*) FROM contacts_contactidentity a JOIN contacts_contactidentity b
               ON (a.employee_id, a.kind, a.digest) = (b.employee_id, b.kind, b.digest) AND a.contact_id < b.contact_id
               JOIN contacts_contact one ON one.id = a.contact_id JOIN contacts_contact two ON two.id = b.contact_id
               WHERE tstzrange(one.recorded_at, one.ended_at) && tstzrange(two.recorded_at, two.ended_at)"""
        )
        assert cursor.fetchone() == (0,)


days = st.integers(-4, 12)


@st.composite
def rows(draw: st.DrawFn) -> str:
    start = draw(days)
    end = draw(st.none() | st.none() | st.integers(start, 14))
    confirmed = draw(st.none() | st.integers(start, 14))
    who = draw(st.sampled_from(["p", "p", "e", "h", "i", "pe", "ph", "eh", "peh", "pi"]))
    return line(draw(st.sampled_from(["A001", "A001", "A002"])), who, start, confirmed, end)


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck), phases=QUICK)
@given(feed_rows=st.lists(rows(), min_size=1, max_size=9), dice=st.randoms(use_true_random=False))
def test_order_files_batches_and_repetition_decide_nothing(
    company: dict[str, Employee],
    clock: Clock,
    monkeypatch: pytest.MonkeyPatch,
    feed_rows: list[str],
    dice: random.Random,
) -> None:
    """The order in which an operator loads a register must not decide who is red."""
    with taken_back():
        campaign = november(target=1, exclusive=dice.random() < 0.5, confirmed_only=dice.random() < 0.3)
        mark()
        whole = outcome(campaign, [feed_rows])
        for _ in range(2):
            mixed = feed_rows + [dice.choice(feed_rows) for _ in range(dice.randrange(4))]
            dice.shuffle(mixed)
            cuts = sorted(dice.randrange(len(mixed) + 1) for _ in range(dice.randrange(5)))
            files = [mixed[a:b] for a, b in zip([0, *cuts], [*cuts, len(mixed)], strict=True)]
            with monkeypatch.context() as patched:
                patched.setattr(batches, "MAX_ENTRIES", dice.choice([1, 2, 3, 5_000]))
                assert outcome(campaign, [rows for rows in files if rows]) == whole


def test_mutant_without_what_the_feed_said_before_the_order_decides(
    company: dict[str, Employee], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Mutant that stores no sightings: a late end then swallows a person who came back."""
    monkeypatch.setattr(StoredContact, "sightings", property(lambda self: self.own_sightings))
    truth = [line("A001", "p", 1), line("A001", "p", 7), line("A001", "p", 1, None, 4)]
    campaign = november(target=1)
    assert outcome(campaign, [[one] for one in truth]) != outcome(campaign, [[one] for one in reversed(truth)])


@st.composite
def rows_of_the_corrected(draw: st.DrawFn) -> str:
    """Rows that name Alice's corrected contact, none from before it: such a row would take its time over."""
    start = draw(st.integers(1, 12))
    end = draw(st.none() | st.none() | st.integers(start, 14))
    return line("A001", draw(st.sampled_from(["p", "p", "pe", "ph"])), start, draw(st.none() | st.just(start)), end)


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck), phases=QUICK)
@given(
    feed_rows=st.lists(rows_of_the_corrected(), min_size=1, max_size=7),
    steps=st.lists(st.sampled_from(["again", "p", "pe", "i"]), min_size=1, max_size=3),
    dice=st.randoms(use_true_random=False),
)
def test_after_corrections_order_files_and_repetition_decide_nothing(
    company: dict[str, Employee],
    alice: Employee,
    clock: Clock,
    feed_rows: list[str],
    steps: list[str],
    dice: random.Random,
) -> None:
    with taken_back():
        campaign = november(target=1, exclusive=dice.random() < 0.5, confirmed_only=True)
        feed(line("A001", dice.choice(["p", "pe"]), 1))
        contact = Contact.objects.get().pk
        for day, step in enumerate(steps, start=4):
            clock.set(at(day) + timedelta(hours=3), ticks=True)
            contact = corrected(alice, contact, step)
        clock.set(NOON, ticks=True)
        whole = outcome(campaign, [feed_rows])
        for _ in range(2):
            mixed = feed_rows + [dice.choice(feed_rows) for _ in range(dice.randrange(4))]
            dice.shuffle(mixed)
            cut = dice.randrange(len(mixed) + 1)
            assert outcome(campaign, [rows for rows in (mixed[:cut], mixed[cut:]) if rows]) == whole


def corrected(employee: Employee, contact_id: int, step: str) -> int:
    """Record the contact again, or give it other identities; returns the id of the contact that replaces it."""
    if step == "again":
        return record_contact_again(contact_id=contact_id, employee=employee, by=TESTER)
    identities = [(REACHED[one], VALUES[one]) for one in step]
    return correct_contact(contact_id=contact_id, employee=employee, identities=identities, by=TESTER)


def test_a_row_from_the_time_of_a_correction_says_the_same_after_another_row_took_that_time_over(
    company: dict[str, Employee], alice: Employee, clock: Clock
) -> None:
    """Else the order of the files decides which employee named the address first and gets the count."""
    campaign = november(target=1, exclusive=True)
    feed(line("A001", "pe", 1))
    contact = Contact.objects.get().pk
    for day, step in enumerate(["i", "p", "i"], start=4):
        clock.set(at(day) + timedelta(hours=3), ticks=True)
        contact = corrected(alice, contact, step)
    clock.set(NOON, ticks=True)
    before, within, after = line("A001", "p", 5), line("A001", "pe", 6), line("A001", "pe", 7)
    whole = outcome(campaign, [[before, within, after]])
    assert outcome(campaign, [[before], [within], [after]]) == whole
    assert outcome(campaign, [[within], [after], [before]]) == whole


# -- in single steps -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("newest_first", [True, False])
def test_an_earlier_sighting_counts_whenever_it_is_told(
    campaign: Campaign, alice: Employee, newest_first: bool
) -> None:
    """The deadline lies between the two sightings: seen in time, the contact counts."""
    sightings = [line("A001", "e", 5), line("A001", "e", -6)]
    early = november(name="October", opens_on=date(2026, 10, 1), deadline=date(2026, 11, 1), target=1)
    for one in sightings if newest_first else sightings[::-1]:
        feed(one)
    mark()
    assert standing(early, alice).counted == 1
    assert periods(alice) == [(-6, None)]


def test_a_contact_that_moves_back_is_audited_and_everybody_concerned_is_judged_again(
    company: dict[str, Employee], alice: Employee, alan: Employee
) -> None:
    exclusive = november(target=1, exclusive=True)
    feed(line("A001", "e", 5), line("A002", "e", 3))
    mark()
    assert (standing(exclusive, alice).counted, standing(exclusive, alan).counted) == (0, 1)
    feed(line("A001", "e", 2))
    assert OutboxRow.objects.exists()
    mark()
    assert (standing(exclusive, alice).counted, standing(exclusive, alan).counted) == (1, 0)
    [entry] = AuditEntry.objects.filter(action="contact.moved")
    assert (entry.detail["from"][:10], entry.detail["to"][:10]) == ("2026-11-05", "2026-11-02")
    assert entry.subject_id == str(Contact.objects.of(alice).get().pk)


def test_of_two_who_were_first_at_one_instant_it_is_always_the_same_one(
    company: dict[str, Employee], alice: Employee, alan: Employee
) -> None:
    """Feeds bring whole days: of two contacts at one instant, the order of the rows decided which one counted."""
    exclusive = november(target=1, exclusive=True)
    mark()
    both = [line("A001", "e", 5), line("A002", "e", 5)]
    assert outcome(exclusive, [both]) == outcome(exclusive, [both[::-1]])


def test_an_own_entry_counts_from_the_earlier_sighting(company: dict[str, Employee], alice: Employee) -> None:
    recorded = record_one(alice, ("email", VALUES["e"]), ("phone", VALUES["p"])).outcomes[0].contact_id
    told = feed(line("A001", "e", 3))
    assert (told["updated"], told["created"]) == (1, 0)
    contact = Contact.objects.get()
    assert (contact.pk, contact.recorded_at, contact.source) == (recorded, at(3), "page")


def test_a_row_that_names_two_contacts_makes_them_one_which_nobody_can_restore(
    company: dict[str, Employee], alice: Employee, clock: Clock
) -> None:
    feed(line("A001", "p", 3), line("A001", "e", 5), line("A001", "pe", 7))
    feed(line("A001", "h", 2), line("A001", "h", 8))
    assert periods(alice) == [(2, None), (3, None)]
    feed(line("A001", "ph", 9))
    assert periods(alice) == [(2, None)]
    merged = Contact.objects.get(end_reason=EndReason.MERGED)
    assert merged.ended_at == merged.recorded_at
    assert {one.kind for one in Contact.objects.get(live=True).identities.all()} == {"phone", "email", "handle"}
    with pytest.raises(Exception, match="same person"):
        restore_contact(contact_id=merged.pk, employee=alice, by=TESTER)
    assert AuditEntry.objects.filter(action="contact.merged").count() == 1


def test_what_people_did_stands(company: dict[str, Employee], alice: Employee, clock: Clock) -> None:
    """The next row about the same person does not undo an end, a restore or a correction."""
    feed(line("A001", "p", 2), line("A001", "p", 5))
    contact = Contact.objects.get()
    end_contact(contact_id=contact.pk, employee=alice, by=TESTER)
    feed(line("A001", "p", 6))
    contact.refresh_from_db()
    assert (contact.ended_at is not None, contact.end_reason) == (True, "removed")
    restore_contact(contact_id=contact.pk, employee=alice, by=TESTER)
    feed(line("A001", "p", 7))
    contact.refresh_from_db()
    assert contact.ended_at is None
    new = correct_contact(contact_id=contact.pk, employee=alice, identities=[("handle", "@wanda")], by=TESTER)
    feed(line("A001", "p", 8), line("A001", "h", 9))
    contact.refresh_from_db()
    assert contact.end_reason == "corrected"
    assert Contact.objects.get(pk=new).recorded_at == at(9)


@pytest.mark.parametrize("steps", [["again"], ["pe"], ["again", "pe", "again"], ["i", "p"]])
def test_a_corrected_contact_is_still_confirmed_and_withdrawn_by_the_feed(
    alice: Employee, clock: Clock, steps: list[str]
) -> None:
    """The feed knows the person since the third: its later rows name that day, not the day of the correction."""
    campaign = november(target=1, confirmed_only=True)
    feed(line("A001", "p", 3))
    contact = Contact.objects.get().pk
    clock.set(at(6), ticks=True)
    for step in steps:
        contact = corrected(alice, contact, step)
    clock.set(NOON, ticks=True)
    told = feed(line("A001", "p", 3, 5))
    assert (told["updated"], told["created"]) == (1, 0)
    assert Contact.objects.get(live=True).confirmed_at == at(5)
    assert AuditEntry.objects.get(action="contact.forwarded").subject_id == str(contact)
    mark()
    assert standing(campaign, alice).counted == 1
    assert feed(line("A001", "p", 3, 5))["duplicate"] == 1
    feed(line("A001", "p", 3, None, 9))
    ended = Contact.objects.get(pk=contact)
    assert (ended.ended_at, ended.end_reason, ended.confirmed_at) == (at(9), "withdrawn", at(5))
    mark()
    assert standing(campaign, alice).counted == 0


def test_what_the_feed_says_of_a_corrected_contact_gives_nothing_that_the_correction_took(
    alice: Employee, clock: Clock
) -> None:
    """An identity that the employee removed, a confirmation of it, and an end from before the correction stay away."""
    feed(line("A001", "pe", 3))
    clock.set(at(6), ticks=True)
    new = corrected(alice, Contact.objects.get().pk, "ph")
    clock.set(NOON, ticks=True)
    before = [row for row in facts() if row[5] is None]
    feed(line("A001", "pe", 3, 4), line("A001", "e", 3, 4), line("A001", "p", 3, 4, 5))
    assert [row for row in facts() if row[5] is None] == before
    feed(line("A001", "pi", 8))
    claims = ContactIdentity.objects.filter(contact=new).values_list("value", "claimed_from")
    assert dict(claims)["ingrid"] == at(8)
    feed(line("A001", "pi", 4, 5))
    assert dict(claims.all())["ingrid"] == at(8), "a row about the replaced contact claims nobody earlier"
    assert Contact.objects.get(pk=new).confirmed_at == at(5)


def test_a_campaign_that_closes_refuses_the_confirmation_of_a_corrected_contact(
    campaign: Campaign, alice: Employee, clock: Clock
) -> None:
    feed(line("A001", "p", 3))
    clock.set(at(6), ticks=True)
    new = corrected(alice, Contact.objects.get().pk, "again")
    clock.set("2026-12-01T00:00:01+08:00")
    begin_closing(campaign, TESTER)
    told = feed(line("A001", "p", 3, 5))
    assert [one["code"] for one in told["rejects"]] == ["campaign_over"]
    assert Contact.objects.get(pk=new).confirmed_at is None


def assert_withdrawn(alice: Employee, contact_id: int) -> None:
    with pytest.raises(Refused) as refused:
        restore_contact(contact_id=contact_id, employee=alice, by=TESTER)
    assert refused.value.code == "withdrawn"
    assert Contact.objects.get(pk=contact_id).end_reason == "withdrawn"


def test_the_employee_cannot_restore_whom_the_feed_ended(
    company: dict[str, Employee], alice: Employee, clock: Clock
) -> None:
    """Otherwise a person who withdrew counts again, confirmed and from the old start, until the feed says it again."""
    campaign = november(target=1)
    feed(line("A001", "p", 2, 2), line("A001", "p", 3, None, 5))
    assert_withdrawn(alice, Contact.objects.get().pk)
    again = record_one(alice, ("phone", VALUES["p"])).outcomes[0].contact_id
    feed(line("A001", "p", 2, 2), line("A001", "p", 3, None, 5))
    assert Contact.objects.get(live=True).pk == again
    assert Contact.objects.get(live=True).confirmed_at is None
    mark()
    assert standing(campaign, alice).counted == 1


# Ended by the employee at noon of the tenth; `known`: the feed's rows before that.
@pytest.mark.parametrize(
    "known", [[("p", 2, None)], [("p", 2, None), ("p", 4, None)], [("p", 2, None), ("pe", 4, None)]]
)
@pytest.mark.parametrize("told", [("p", 2, 5), ("p", 2, 14), ("p", 4, 5), ("p", 4, 14), ("pe", 4, 10)])
def test_an_end_of_ones_own_does_not_take_the_feeds_end_away(
    company: dict[str, Employee], alice: Employee, clock: Clock, known: list[Any], told: tuple[str, int, int]
) -> None:
    """Otherwise an employee ends a contact before the feed does, and restores it afterwards."""
    feed(*(line("A001", who, start, None, end) for who, start, end in known))
    contact = Contact.objects.get()
    clock.set(at(10), ticks=True)
    end_contact(contact_id=contact.pk, employee=alice, by=TESTER)
    clock.set(NOON, ticks=True)
    who, start, end = told
    for _again in range(2):
        feed(line("A001", who, start, None, end))
        assert_withdrawn(alice, contact.pk)
        assert periods(alice) == [(2, max(10, end))]
    feed(line("A001", "p", 3))
    assert periods(alice) == [(2, max(10, end))]


def test_an_end_of_a_corrected_contact_also_ends_its_replacement_that_the_employee_ended(
    company: dict[str, Employee], alice: Employee, clock: Clock
) -> None:
    feed(line("A001", "p", 3))
    clock.set(at(6), ticks=True)
    new = corrected(alice, Contact.objects.get().pk, "again")
    clock.set(at(10), ticks=True)
    end_contact(contact_id=new, employee=alice, by=TESTER)
    clock.set(NOON, ticks=True)
    feed(line("A001", "p", 3, None, 8))
    assert_withdrawn(alice, new)


@pytest.mark.parametrize("seen", [2, 7])
def test_the_past_of_a_campaign_that_closes_is_left_as_it_was(
    campaign: Campaign, alice: Employee, clock: Clock, seen: int
) -> None:
    """The result is being signed: a row that would change it is refused, and other rows are recorded."""
    feed(line("A001", "p", 5), line("A001", "e", 5))
    before = facts()
    clock.set("2026-12-01T00:00:01+08:00")
    begin_closing(campaign, TESTER)
    told = feed(line("A001", "p", seen, None, 12), line("A001", "e", 8), line("A001", "h", 4))
    assert [one["code"] for one in told["rejects"]] == ["campaign_over"]
    assert told["created"] == 1
    assert [one for one in facts() if one[0] != [("handle", "wanda", None)]] == before


def test_mutant_without_the_closed_period_the_past_changes(
    campaign: Campaign, alice: Employee, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("apps.contacts.services.submissions.closed_periods", list)
    feed(line("A001", "p", 5))
    clock.set("2026-12-01T00:00:01+08:00")
    begin_closing(campaign, TESTER)
    feed(line("A001", "p", 2))
    assert periods(alice) == [(2, None)]


def test_who_is_alone_in_a_feed_costs_no_row_beside(company: dict[str, Employee], alice: Employee) -> None:
    feed(line("A001", "pe", 3), line("A001", "h", 4, 5, 6))
    assert not Sighting.objects.exists()
    feed(line("A001", "pe", 3))
    assert not Sighting.objects.exists()
    feed(line("A001", "p", 8))
    assert Sighting.objects.count() == 2


class CountedKeys(frozenset[tuple[str, bytes]]):
    """Identities that count how often they are compared."""

    comparisons = 0

    def __ge__(self, other: AbstractSet[object]) -> bool:
        CountedKeys.comparisons += 1
        return super().__ge__(other)


def test_many_contacts_that_an_undone_file_connects_are_not_compared_in_pairs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Otherwise an employee with thousands of contacts of one instant holds the locks of the feed for minutes."""
    monkeypatch.setattr(CountedKeys, "comparisons", 0)
    overlaps, asked = timelines.DerivedContact.overlaps, []
    monkeypatch.setattr(
        timelines.DerivedContact, "overlaps", lambda self, other: asked.append(1) or overlaps(self, other)
    )
    keys = [("phone", number.to_bytes(2)) for number in range(300)]
    sightings = [timelines.Sighting(CountedKeys({key}), at(3)) for key in keys]
    derived = timelines.derive_contacts(sightings)
    assert len(derived) == len(keys)
    index = timelines.SightingIndex(derived)
    assert [index.contact_with(sighting).keys for sighting in sightings] == [{key} for key in keys]
    for pair in pairwise(keys):
        undone = timelines.DerivedContact(frozenset(pair), at(3), None, at(4), ())
        assert index.overlaps(undone)
    assert CountedKeys.comparisons + len(asked) < 10 * len(keys)


def test_a_contact_that_takes_over_many_others_is_derived_in_proportion(monkeypatch: pytest.MonkeyPatch) -> None:
    """Otherwise an employee who ends one phone each minute stops the feed when a row names it with another contact."""
    merge, merged = timelines.merge_sightings, []
    monkeypatch.setattr(
        timelines, "merge_sightings", lambda sightings: merged.extend(listed := list(sightings)) or merge(listed)
    )
    phone, handle, hour, repeats = ("phone", b"a"), ("handle", b"b"), timedelta(hours=1), 100
    sightings = [
        timelines.Sighting(frozenset({phone, handle}), at(1)),
        timelines.Sighting(frozenset({handle}), at(2), None, at(29)),
        *(
            timelines.Sighting(frozenset({phone}), at(3) + number * hour, None, at(3) + number * hour + hour / 2)
            for number in range(repeats)
        ),
    ]
    assert [len(contact.sightings) for contact in timelines.derive_contacts(sightings)] == [repeats + 2]
    assert len(merged) < 3 * len(sightings)
