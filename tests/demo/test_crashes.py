"""An interrupted demo: the next run finishes it, and it is the planned demo."""

import itertools
from collections import Counter
from typing import Any

import pytest
from django.db import connection, transaction

from apps.campaigns.models import Announcement, Campaign
from apps.contacts.models import Contact, ContactIdentity
from apps.core.models import AuditEntry
from apps.demo import messages, previous_campaign, seeding, store
from apps.demo.contacts import Recorder
from apps.demo.seeding import NoDemo, Plan, seed_demo, sign_ins
from apps.employees.models import Employee
from apps.results.models import ResultCorrection
from tests import people
from tests.fixtures import Clock
from tests.oracle import recount


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
        (Recorder, "_contacts_of", 25),
        (store, "write_batch", 3),
        (seeding, "open_campaign", 1),
        (previous_campaign, "open_campaign", 1),
        (seeding, "freeze", 1),
        (previous_campaign, "answer_review", 1),
        (messages, "publish_announcement", 1),
        (seeding, "mark_outbox", 1),
        (seeding, "audit", 1),
    ],
)
@pytest.mark.django_db(transaction=True)
def test_the_next_run_finishes_a_crashed_one(
    clock: Clock, monkeypatch: pytest.MonkeyPatch, owner: Any, name: str, call: int
) -> None:
    """After a power failure during `make run` the next start creates the same demo."""
    clock.set(people.NOON)
    monkeypatch.setattr(store, "BATCH", 50)
    crash_in(monkeypatch, owner, name, call=call)
    options: dict[str, Any] = {"employees": 30, "contacts": 8, "seed": 1, "by": people.TESTER}
    with pytest.raises(Crash):
        seed_demo(**options)
    with pytest.raises(NoDemo):
        sign_ins()
    begun = Employee.objects.exists()
    assert begun == (owner is not seeding or name != "make_sign_ins")
    seeded = seed_demo(**options | {"seed": 2 if begun else 1})
    assert (seeded["resumed"], seeded["seed"]) == (begun, 1)
    assert Contact.objects.count() == seeded["contacts"] == 30 * 8
    stored = Counter(ContactIdentity.objects.values_list("employee__staff_no", "kind", "value"))
    assert stored == identities(Plan(30, 8, 1, people.NOON, seeding.DOMAIN, False))
    assert recount(Campaign.objects.get(state="open")) == []
    assert Campaign.objects.filter(state="open").count() == Campaign.objects.filter(state="frozen").count() == 1
    assert Announcement.objects.exclude(published_at=None).count() == Announcement.objects.count() == 1
    assert ResultCorrection.objects.count() == AuditEntry.objects.filter(action="demo.seeded").count() == 1


def identities(demo: Plan) -> Counter[tuple[str, str, str]]:
    """(staff_no, kind, value) of every contact in the plan."""
    house = demo.company()
    return Counter(
        (house.people[place].staff_no, kind, value)
        for place, draft in demo.recorder(house).contacts()
        for kind, value in draft.identities
    )


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
