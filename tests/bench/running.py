"""The environment of every benchmark: a size, a database, a folder, and processes to measure in."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from apps.localstack.paths import BASE_DIR
from apps.localstack.processes import die_with_parent
from tests.bench import seeding
from tests.bench.database import Database
from tests.bench.nursery import Nursery


class WrongCount(Exception):
    """Something was fast and wrong."""


MEMORY = "memory://"


@dataclass(frozen=True)
class Size:
    """How much is measured. `times` is how often, where a repetition is cheap."""

    employees: int
    contacts: int
    rows: int
    times: int
    # Companies for the standings' files: an ordinary one, and one that must need no more memory.
    people: int
    many: int
    # The two companies for the pages: contacts; the number of users, and duration and rate of their requests.
    page_contacts: int
    many_contacts: int
    readers: int
    seconds: float
    rounds: int
    # The number of adds of one employee, the duration for the others; seconds before and after the cut-off.
    follows: int
    busy: float
    before: int
    after: int
    # The companies for evaluations, ascending, as (employees, contacts); `everyday` is the index of the ordinary one.
    marked: tuple[tuple[int, int], ...]
    everyday: int
    # Seconds until all activity after a start has ended.
    settled: float
    # The rows that the slow peer imports too.
    beside: int
    # The sizes of two address books. They are large if both exceed the two batches that are in memory at once.
    cards: tuple[int, int]


SIZES = {
    "small": Size(
        employees=500, contacts=5_000, rows=2_000, times=1, people=600, many=2_000,
        page_contacts=6_000, many_contacts=4_000, readers=50, seconds=0.3, rounds=1,
        marked=((300, 3_000), (600, 6_000)), everyday=0,
        follows=2, busy=3.0, before=4, after=2,
        settled=1.0, beside=1_000, cards=(500, 2_500),
    ),
    "full": Size(
        employees=10_000, contacts=1_000_000, rows=200_000, times=2, people=50_000, many=1_000_000,
        page_contacts=5_000_000, many_contacts=20_000_000, readers=2_000, seconds=8.0, rounds=3,
        marked=((10_000, 1_000_000), (50_000, 5_000_000), (200_000, 20_000_000)), everyday=1,
        follows=30, busy=60.0, before=300, after=30,
        settled=8.0, beside=50_000, cards=(10_000, 50_000),
    ),
}  # fmt: skip


@dataclass(frozen=True)
class Bench:
    size: Size
    database: Database
    # Where generated files lie.
    folder: Path

    def start_anew(self) -> None:
        """The facts this size begins with, and nothing else."""
        seeding.start_anew(self.database, employees=self.size.employees, contacts=self.size.contacts)

    def judge_company(self, people: int, target: int = 100) -> None:
        """Create tree, campaign and verdicts of the seeded company, and wait until all is settled. Raises
        WrongCount.
        """
        expect("the company", self.process("process", "company", self.folder, target), {"people": people})
        # As the owner: for the application's role a vacuum is skipped with a warning.
        with self.database.as_owner() as cursor:
            seeding.settle(cursor, ("standings_standing", "standings_dailycount"))

    def process(self, module: str, *arguments: object, broker: str = MEMORY) -> dict[str, Any]:
        """Run a module of tests.bench by itself; the JSON object that it prints. Raises RuntimeError when it fails."""
        if broker == MEMORY:
            return _nursery(self.database).run(module, arguments)
        # A child inherits its parent's memory peak, which is small only while this process has not loaded Django.
        done = subprocess.run(
            [sys.executable, "-m", f"tests.bench.{module}", *map(str, arguments)], cwd=BASE_DIR, check=True,
            env=self.database.environment(broker), stdout=subprocess.PIPE, preexec_fn=die_with_parent(signal.SIGKILL),
        )  # fmt: skip
        result: dict[str, Any] = json.loads(done.stdout)
        return result


@cache
def _nursery(database: Database) -> Nursery:
    return Nursery(database.environment(MEMORY))


def expect(what: str, found: Mapping[str, int], wanted: Mapping[str, int]) -> None:
    """Raises WrongCount when one of the counts differs."""
    wrong = {name: (found.get(name), count) for name, count in wanted.items() if found.get(name) != count}
    if wrong:
        result = ", ".join(f"{name} is {is_}, not {should}" for name, (is_, should) in wrong.items())
        raise WrongCount(f"{what}: {result}")


def say(sentence: str) -> None:
    print(sentence, file=sys.stderr, flush=True)
