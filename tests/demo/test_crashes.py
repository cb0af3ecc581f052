"""An interrupted demo: the next run finishes it, and it is the planned demo."""

import itertools
from collections import Counter
from typing import Any

import pytest
from django.db import connection, transaction

from apps.campaigns.models import Campaign
from apps.contacts.models import Contact, ContactIdentity
from apps.core.models import AuditEntry
from apps.demo import bulk_writer, plan, previous_campaign, seeding, store
from apps.demo.contacts import Recorder
from apps.demo.seeding import NoDemo, seed_demo, sign_ins
from apps.employees.models import Employee
from apps.results.models import ResultCorrection
from apps.standings.recount import recount
from tests import people
from tests.fixtures import Clock


class Crash(Exception):
    """The machine failed."""


def crash_in(monkeypatch: pytest.MonkeyPatch, owner: Any, name: str, *, call: int) -> None:
    """Let the `call`-th call of `owner.name` crash, once."""
    real, calls = getattr(owner, name), itertools.count(1)

    def crashing(*args: Any, **options: Any) -> Any:
        if next(calls) == call:
            raise Crash
        return real(*args, **options)

    monkeypatch.setattr(owner, name, crashing)


@pytest.mark.parametrize(
    ("owner", "name", "call"),
    [
        (seeding, "make_sign_ins", 1),
        (Recorder, "contacts_of", 25),
        (store.ContactWriter, "write", 3),
        (bulk_writer, "claim_job", 2),
        (seeding, "open_campaign", 1),
        (previous_campaign, "open_campaign", 1),
        (previous_campaign, "freeze", 1),
        (previous_campaign, "answer_review", 1),
        (seeding, "mark_touched", 1),
        (seeding, "audit", 1),
    ],
)
@pytest.mark.django_db(transaction=True)
def test_the_next_run_finishes_a_crashed_one(
    clock: Clock, monkeypatch: pytest.MonkeyPatch, owner: Any, name: str, call: int
) -> None:
    """After a power failure during `make run` the next start creates the same demo."""
    clock.set(people.NOON)
    monkeypatch.setattr(plan, "CHUNK", 100)
    crash_in(monkeypatch, owner, name, call=call)
    options: dict[str, Any] = {"employees": 30, "contacts": 8, "seed": 1, "by": people.TESTER}
    with pytest.raises(Crash):
        seed_demo(**options)
    with pytest.raises(NoDemo):
        sign_ins()
    begun = Employee.objects.exists()
    assert begun == (owner is not seeding or name != "make_sign_ins")
    seeded = seed_demo(**options | {"seed": 2 if begun else 1}, workers=2)
    assert (seeded.resumed, seeded.seed) == (begun, 1)
    assert Contact.objects.count() == seeded.contacts == 30 * 8
    stored = Counter(ContactIdentity.objects.values_list("employee__staff_no", "kind", "value"))
    assert stored == identities(plan.Plan(30, 8, 1, people.NOON, seeding.DOMAIN, False, "UTC"))
    assert recount(Campaign.objects.get(state="open")) == []
    assert Campaign.objects.filter(state="open").count() == Campaign.objects.filter(state="frozen").count() == 1
    assert ResultCorrection.objects.count() == AuditEntry.objects.filter(action="demo.seeded").count() == 1


def identities(demo: plan.Plan) -> Counter[tuple[str, str, str]]:
    """(staff_no, kind, value) of every contact in the plan."""
    house = demo.company()
    recorder = demo.recorder(house)
    return Counter(
        (person.staff_no, kind, value)
        for place, person in enumerate(house.people)
        for draft in recorder.contacts_of(place)
        for kind, value in draft.identities
    )


@pytest.mark.django_db(transaction=True)
def test_a_failing_connection_ends_the_others_and_the_command(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    clock.set(people.NOON)
    monkeypatch.setattr(plan, "CHUNK", 50)
    crash_in(monkeypatch, Recorder, "contacts_of", call=12)
    with pytest.raises(Crash):
        seed_demo(employees=30, contacts=8, seed=1, by=people.TESTER, workers=2)
    assert Contact.objects.count() < 30 * 8
    assert not Campaign.objects.exists()


@pytest.mark.django_db
def test_a_long_demo_has_no_timeout_and_restores_it_afterwards(noon: Clock) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SHOW statement_timeout")
        before = cursor.fetchone()
    with transaction.atomic():
        with seeding.without_timeouts(), connection.cursor() as cursor:
            cursor.execute("SHOW statement_timeout")
            assert cursor.fetchone() == ("0",)
        transaction.set_rollback(True)
    with connection.cursor() as cursor:
        cursor.execute("SHOW statement_timeout")
        assert cursor.fetchone() == before
