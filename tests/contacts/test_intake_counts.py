"""The intake counts give the number of contacts by time and source, before and after compacting."""

from collections import Counter
from datetime import timedelta

import pytest

from apps.contacts.models import Contact, IntakeCount
from apps.contacts.services.intake_counts import compact_intake_counts
from apps.employees.models import Employee
from tests.crowd import at_once
from tests.fixtures import Clock
from tests.people import record


def tallied() -> Counter[tuple[object, str]]:
    found: Counter[tuple[object, str]] = Counter()
    for one in IntakeCount.objects.all():
        found[one.quarter, one.source] += one.n
    return +found


def counted() -> Counter[tuple[object, str]]:
    at = Contact.objects.values_list("recorded_at", "source")
    return Counter((when - timedelta(minutes=when.minute % 15, seconds=when.second, microseconds=when.microsecond), how)
                   for when, how in at)  # fmt: skip


def test_what_is_recorded_changed_and_summed_up_is_tallied(alice: Employee, bob: Employee, clock: Clock) -> None:
    for minutes, source in ((0, "page"), (14, "api"), (1, "api"), (40, "page")):
        clock.set(clock.now() + timedelta(minutes=minutes), ticks=True)
        record(alice, 2, source=source)
        record(bob, 3, source=source)
    assert tallied() == counted()
    assert sum(tallied().values()) == 20
    rows = IntakeCount.objects.count()
    compact_intake_counts()
    assert tallied() == counted()
    assert IntakeCount.objects.count() == len(counted()) < rows
    Contact.objects.filter(employee=alice).update(end_reason="removed", ended_at=clock.now())
    assert IntakeCount.objects.count() == len(counted()), "an end is nothing new"
    late = Contact.objects.filter(employee=bob)
    late.update(recorded_at=late.earliest("recorded_at").recorded_at - timedelta(days=1))
    assert tallied() == counted()


@pytest.mark.django_db(transaction=True)
def test_writers_and_who_sums_up_at_once_lose_nothing(alice: Employee, bob: Employee) -> None:
    def records(one: Employee) -> None:
        for _ in range(10):
            record(one, 2)

    def sums_up() -> None:
        for _ in range(20):
            compact_intake_counts()

    found = at_once(lambda: records(alice), lambda: records(bob), sums_up, sums_up)
    assert [one for one in found if one is not None] == []
    assert tallied() == counted()
