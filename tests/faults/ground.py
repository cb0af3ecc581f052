"""The base of every scenario: a small company in a separate database, a stack on it, and the tally of a trial."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import psycopg2
from django.db import DatabaseError, connection

from apps.campaigns.models import Campaign
from apps.contacts.drafts import Draft
from apps.contacts.models import Source, Submission
from apps.contacts.services.submissions import submit
from apps.core.clock import db_now
from apps.core.models import OutboxRow
from apps.core.outbox import queue_reevaluation
from apps.employees.models import Employee
from apps.standings.effective_dates import process_effective_dates
from apps.standings.evaluation import pending_sql
from apps.standings.process_runs import sweep
from tests import people, plugin
from tests.faults.clients import NoAnswer, UserClient, client_of
from tests.faults.stack import FaultStack
from tests.fixtures import Clock
from tests.oracle import Verdicts, digest, oracle, stored

# The seconds that a slow machine may need beyond the promised time.
PATIENCE = 90.0
TARGET = 5
CROSSERS = 12


class Enough(Exception):
    """A mutant has failed, and the trial can stop."""

    def __init__(self, tally: Tally) -> None:
        super().__init__("a mutant has failed")
        self.tally = tally


@dataclass
class Tally:
    """The results of trials: their number, the failures, the seconds of each recovery, and counters."""

    eager: bool = False  # of a mutant: ended by Enough at the first failure
    trials: int = 0
    failures: list[str] = field(default_factory=list)
    recoveries: list[float] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=dict)

    def expect(self, held: object, wrong: str) -> bool:
        """Record the failure `wrong` if the condition did not hold. Raises Enough."""
        if not held:
            self.failures.append(wrong)
        if self.eager and self.failures and threading.current_thread() is threading.main_thread():
            raise Enough(self)
        return bool(held)

    def count(self, name: str, number: int = 1) -> None:
        self.counts[name] = self.counts.get(name, 0) + number


def within(seconds: float, reached: Callable[[], Any]) -> float | None:
    """Return how long it took until the condition held; None if it never did."""
    began = time.monotonic()
    while time.monotonic() - began <= seconds:
        if reached():
            return time.monotonic() - began
        time.sleep(0.01)
    return None


def patiently(work: Callable[[], Any]) -> Any:
    """Repeat the work over new connections as long as the database is unreachable. For repeatable work only."""
    end = time.monotonic() + PATIENCE
    while True:
        try:
            return work()
        except (DatabaseError, psycopg2.Error):
            with suppress(DatabaseError):
                connection.close()
            if time.monotonic() > end:
                raise
            time.sleep(0.1)


class Ground:
    """One campaign of a small company, emptied and filled again for every round."""

    def __init__(self, stack: FaultStack) -> None:
        self.stack = stack
        self.campaign: Campaign
        self._clients: dict[str, UserClient] = {}

    # -- a round's beginning

    def fresh(self, *, staff: int = 0, target: int = TARGET, at: datetime | None = None, **terms: Any) -> Campaign:
        """Load the people of tests.people, `staff` more, and those who will cross the target; remove all other data.

        The clock runs normally, or stands still at `at`.
        """
        connection.close()
        patiently(plugin.empty_database)
        if at is not None:
            Clock().set(at, ticks=True)
        self._clients.clear()
        people.load(people.ROSTER)
        crossers = [f"R{n:03d},Rita {n},r{n}@corp.example.com,Sales,B001" for n in range(CROSSERS)]
        more = [f"E{n:04d},Emil {n},e{n}@corp.example.com,Sales,C001" for n in range(staff)]
        people.load("\n".join(["staff_no,name,email,department,manager_staff_no", *crossers, *more]))
        today = db_now().date()
        usual = {"opens_on": today - timedelta(days=20), "deadline": today + timedelta(days=20), "target": target}
        self.campaign = people.november(**{**usual, **terms})
        for number in range(CROSSERS):
            self.bring(f"R{number:03d}", range(target - 1))
        process_effective_dates()
        self.settle()
        return self.campaign

    def settle(self) -> float | None:
        """Evaluate all queued employees. A worker may do some of it: its unfinished work is repeated."""
        return within(PATIENCE, lambda: (sweep(), self.at_rest())[1])

    @staticmethod
    def bring(staff_no: str, numbers: Sequence[int]) -> None:
        """Record people for an employee without a message to workers; the same numbers are the same people."""
        drafts = [Draft(f"Guest {n}", (("handle", f"{staff_no}-{n}"),)) for n in numbers]
        submit(employee=people.person(staff_no), drafts=drafts, source=Source.API, by=people.TESTER)

    def client(self, staff_no: str) -> UserClient:
        """That employee as a user of the web interface and API."""
        if staff_no not in self._clients:
            self._clients[staff_no] = client_of(self.stack.host, people.person(staff_no))
        return self._clients[staff_no]

    @staticmethod
    def note_everybody() -> None:
        """Queue an outbox row for each employee, as a roster change does."""
        queue_reevaluation(Employee.objects.values_list("pk", flat=True))

    # -- observed state

    @staticmethod
    def at_rest() -> bool:
        """No work is pending: no outbox row, no stale standing, no unfinished submission."""
        received = Submission.objects.filter(state=Submission.State.RECEIVED)
        return not (OutboxRow.objects.exists() or received.exists() or _anybody_is_stale())

    def rests(self, seconds: float = PATIENCE) -> float | None:
        """Return how long it took until no work was pending."""
        return self.within(seconds, self.at_rest)

    def within(self, seconds: float, reached: Callable[[], Any]) -> float | None:
        """Like `within`, but restarts dead processes of the stack, and tolerates database errors."""

        def look() -> Any:
            self.stack.restart_if_dead()
            return patiently(reached)

        return within(seconds, look)

    def undisturbed(self, tally: Tally) -> str:
        """The digest after all pending work is done, without an injected fault."""
        tally.expect(self.settle() is not None, "undisturbed: it never came to rest")
        return self.verdicts(tally, "undisturbed")

    def verdicts(self, tally: Tally, what: str) -> str:
        """Compare with the oracle; return the digest of the stored data."""
        found: Verdicts = patiently(lambda: stored(self.campaign))
        wanted: Verdicts = patiently(lambda: oracle(self.campaign))
        differ = [f"{one} is not {two}" for one, two in zip(found, wanted, strict=False) if one != two]
        tally.expect(found == wanted, f"{what}: {len(found)} standings, oracle {len(wanted)}: {'; '.join(differ[:3])}")
        return digest(found)


def _anybody_is_stale() -> bool:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT EXISTS ({pending_sql()})")
        return bool(cursor.fetchone()[0])


def send(ask: Callable[[], Any], patience: float = PATIENCE) -> Any:
    """Send until there is a response other than an internal error, like a program with an idempotency key."""
    end = time.monotonic() + patience
    while True:
        with suppress(NoAnswer):
            answer = ask()
            if answer.is_ours or time.monotonic() > end:
                return answer
        if time.monotonic() > end:
            raise NoAnswer("no response for too long")
        time.sleep(0.05)


def instant(text: str) -> datetime:
    return datetime.fromisoformat(text)


def dice_of(seed: int, *names: object) -> random.Random:
    return random.Random(f"{seed}:{':'.join(map(str, names))}")
