"""Many clients do random actions at once: every standing still equals the oracle's. Each test prints its seed."""

import random
import time
from functools import partial
from unittest import mock

import pytest
from django.db import Error

from apps.campaigns.adjustments.approve import grant_adjustment, refuse_adjustment
from apps.campaigns.adjustments.requests import request_adjustment, request_revocation
from apps.campaigns.models import AdjustmentRequest, Campaign
from apps.contacts import recording
from apps.contacts.drafts import Draft
from apps.contacts.models import Contact
from apps.contacts.services.changes import correct_contact, end_contact, restore_contact
from apps.contacts.services.submissions import submit
from apps.core.errors import Refused
from apps.core.models import OutboxRow
from apps.employees.models import Employee
from apps.standings.effective_dates import process_effective_dates
from apps.standings.process_runs import mark_all, sweep
from tests.crowd import at_once, unlock
from tests.fixtures import Clock
from tests.oracle import digest, oracle, recount, stored
from tests.people import ROSTER, TESTER, load, november, officer, outsider, person

pytestmark = pytest.mark.django_db(transaction=True)


class Client:
    """A user who performs random permitted actions."""

    def __init__(self, seed: int, people: list[Employee], campaigns: list[Campaign], outsiders: list[tuple[str, str]]):
        self.dice, self.people, self.campaigns, self.outsiders = random.Random(seed), people, campaigns, outsiders

    def work(self, operations: int) -> list[Exception]:
        """Do this many operations; return the errors. A refusal with a message is no error."""
        faults: list[Exception] = []
        for _ in range(operations):
            try:
                self.dice.choice(
                    [self.add, self.add, self.add_many, self.end, self.restore, self.correct, self.other]
                )()
            except (Refused, Contact.DoesNotExist):
                continue
            except Exception as error:
                faults.append(error)
        return faults

    def draft(self) -> Draft:
        return Draft("W", tuple(self.dice.sample(self.outsiders, self.dice.choice([1, 1, 1, 2]))))

    def add(self) -> None:
        submit(employee=self.dice.choice(self.people), drafts=[self.draft()], source="api", by=TESTER)

    def add_many(self) -> None:
        drafts = [self.draft() for _ in range(8)]
        submit(employee=self.dice.choice(self.people), drafts=drafts, source="csv", by=TESTER)

    def any_contact(self) -> tuple[int, Employee]:
        who = self.dice.choice(self.people)
        numbers = list(Contact.objects.of(who).values_list("pk", flat=True))
        if not numbers:
            raise Contact.DoesNotExist
        return self.dice.choice(numbers), who

    def end(self) -> None:
        number, who = self.any_contact()
        end_contact(contact_id=number, employee=who, by=TESTER)

    def restore(self) -> None:
        number, who = self.any_contact()
        restore_contact(contact_id=number, employee=who, by=TESTER)

    def correct(self) -> None:
        number, who = self.any_contact()
        correct_contact(contact_id=number, employee=who, identities=[self.dice.choice(self.outsiders)], by=TESTER)

    def other(self) -> None:
        self.dice.choice([self.roster, self.mark, self.mark_all, self.adjust, self.end_adjustment])()

    def roster(self) -> None:
        lines = ROSTER.splitlines()
        mail = self.dice.choice(self.outsiders)[1]
        moved = lines[3].replace("B001", self.dice.choice(["B001", "C001", "D001"]))
        load("\n".join([lines[0], moved, f"N{self.dice.randrange(9)},New,{mail},,Sales,B001"]))

    def mark(self) -> None:
        sweep()

    def mark_all(self) -> None:
        mark_all(self.dice.choice(self.campaigns))

    def adjust(self) -> None:
        terms = self.dice.choice([{"target": self.dice.randint(1, 9)}, {"exempt": self.dice.random() < 0.5}])
        asked = request_adjustment(
            campaign=self.dice.choice(self.campaigns), employee=self.dice.choice(self.people), kind="leave",
            reason="x", by=officer("asks"), **terms,
        )  # fmt: skip
        self.decide(asked)

    def end_adjustment(self) -> None:
        granted = list(AdjustmentRequest.objects.filter(decision="granted", ends=None))
        if granted:
            ended = self.dice.choice(granted)
            self.decide(request_revocation(request=ended, employee=None, reason="x", by=officer("asks")))

    def decide(self, asked: AdjustmentRequest) -> None:
        """Grant most requests; refuse or ignore the others."""
        choice = self.dice.random()
        if choice < 0.7:
            grant_adjustment(request_id=asked.pk, by=officer("grants"))
        elif choice < 0.85:
            refuse_adjustment(request_id=asked.pk, note="x", by=officer("grants"))


def chaos(seed: int, clients: int, operations: int) -> tuple[list[Exception], list[Campaign]]:
    """Run clients at once on one small company and two campaigns, one of them exclusive; return the errors."""
    print(f"seed {seed}")
    campaigns = [november(target=5), november(name="Exclusive", target=4, exclusive=True)]
    people = [person(number) for number in ("A001", "A002", "B001", "C001", "S001")]
    outsiders = [outsider() for _ in range(25)]
    crew = [Client(seed + n, people, campaigns, outsiders) for n in range(clients)]
    # The approval of an import is not tested here, only its changes.
    with mock.patch("apps.roster.loading.require_approval_if_large"):
        results = at_once(*(partial(client.work, operations) for client in crew))
    faults = [fault for result in results for fault in (result if isinstance(result, list) else [result])]
    return faults, campaigns


def test_whatever_eight_do_at_once_every_standing_is_the_oracles(company: dict[str, Employee]) -> None:
    faults, campaigns = chaos(seed=20261123, clients=8, operations=20)
    assert faults == [], "nobody saw a deadlock or any other error"
    process_effective_dates()
    sweep()
    for campaign in campaigns:
        assert stored(campaign) == oracle(campaign)
        assert recount(campaign) == []
        assert digest(stored(campaign)) == digest(oracle(campaign))
    assert not OutboxRow.objects.exists()


def test_mutant_without_locks_the_same_crowd_meets_errors(
    company: dict[str, Employee], monkeypatch: pytest.MonkeyPatch
) -> None:
    unlock(monkeypatch)
    real = recording.insert_contacts
    monkeypatch.setattr(recording, "insert_contacts", lambda *args: (time.sleep(0.02), real(*args)))
    faults, _campaigns = chaos(seed=20261123, clients=8, operations=20)
    assert any(isinstance(fault, Error) for fault in faults)


def test_the_clock_stands_in_no_ones_way(noon: Clock) -> None:
    """All clients read one clock, which never returns an instant twice."""
    readings = at_once(*[noon.now] * 16)
    assert len(set(readings)) == 16
