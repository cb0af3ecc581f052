"""B1, B2, B3, B12: evaluations of all employees compared with one plain SQL statement, of one employee, and growth.

B17: the forecast of all employees, compared with a plain recount.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from statistics import median
from typing import Any, NamedTuple

from tests.bench import seeding
from tests.bench.figures import Figure, Goal, compared
from tests.bench.files import table_file
from tests.bench.imports import import_made
from tests.bench.running import Bench, expect, say
from tests.bench.stack import running_stack

# The number of single contacts recorded and evaluated, and of those imported for comparison.
ONE, IMPORTED = 50, 200_000
NAMES = {"mark": "a full mark", "import": "an import", "csv": "the standings' CSV"}
Result = dict[str, Any]


class Grown(NamedTuple):
    """What work took, in seconds by its name, in a company with so many contacts."""

    contacts: int
    took: dict[str, float]


def run(bench: Bench) -> Iterator[Figure]:
    """The figures B1, B2, B3, B12 and B17. Raises WrongCount."""
    grown: list[Grown] = []
    for place, (people, contacts) in enumerate(bench.size.marked):
        say(f"B1: {people:,} employees with {contacts:,} contacts")
        _company(bench, people, contacts)
        ours, plain = _marks(bench, people, bench.size.times if place <= bench.size.everyday else 1)
        if place == bench.size.everyday:
            what = f"full mark of {people:,} employees beside one plain statement"
            yield compared("B1", what, ours, "s", plain, Goal("ratio", "<=", 1.3))
            yield _by_workers(bench, people, ours)
            yield from _unchanged(bench, people)
        else:
            yield compared(f"B1.{contacts}", f"the same of {people:,} employees", ours, "s", plain)
        yield mark_of_one(bench, people, Goal("value", "<=", 20) if place == bench.size.everyday else None)
        grown.append(_others(bench, people, contacts, ours))
    for what in ("mark", "import", "csv"):
        yield _growth(what, grown)


def _others(bench: Bench, people: int, contacts: int, mark: float) -> Grown:
    """The other work that must not grow faster than the contacts: the standings' CSV, and an import of all of them."""
    csv = bench.process("process", "page_csv", bench.folder / "grown.csv")
    expect("the standings of the company", csv, {"rows": people})
    # The same number of rows each time, on the stored ones: the time of all contacts at that speed.
    made = table_file(bench.folder, min(bench.size.rows, IMPORTED), people)
    pace = import_made(bench, made)["seconds"] / made.read
    return Grown(contacts, {"mark": mark, "import": pace * contacts, "csv": csv["seconds"]})


def _growth(name: str, grown: list[Grown]) -> Figure:
    """The exponent of the growth of cost with contacts between the smallest company and the largest."""
    few, many = grown[0], grown[-1]
    exponent = math.log(many.took[name] / few.took[name]) / math.log(many.contacts / few.contacts)
    what = f"exponent of growth of {NAMES[name]} from {few.contacts:,} to {many.contacts:,} contacts"
    return Figure(f"B12.{name}", what, exponent, "", goal=Goal("value", "<=", 1.1))


def _company(bench: Bench, people: int, contacts: int) -> None:
    seeding.start_company(bench.database, employees=people, contacts=contacts)
    # About half of them have reached it: a hundredth of the contacts has ended, some are colleagues.
    target = max(contacts // people - 1, 1)
    bench.judge_company(people, target)


def _marks(bench: Bench, people: int, times: int) -> tuple[float, float]:
    """Seconds of a mark that writes every standing, and of the plain statement, taken in turns."""
    ours: list[float] = []
    plain: list[float] = []
    for _ in range(times):
        _forget(bench)
        reference = bench.process("process", "plain_mark", bench.folder)
        _forget(bench)
        result = bench.process("process", "mark", bench.folder)
        wanted = {name: reference[name] for name in ("counted", "red", "reached", "days")}
        expect("the mark beside plain SQL", result, {"people": people, "written": people, **wanted})
        ours.append(result["seconds"])
        plain.append(reference["seconds"])
    return median(ours), median(plain)


def _by_workers(bench: Bench, people: int, alone: float) -> Figure:
    """The same evaluation by two workers of a running stack, compared with one process."""
    took: list[float] = []
    with running_stack(bench) as built:
        for _ in range(bench.size.times):
            _forget(bench)
            result = bench.process("process", "mark_by_workers", bench.folder, broker=built.broker)
            expect("the mark by workers", result, {"people": people, "written": people})
            took.append(result["seconds"])
    what = "the same by two workers, beside one process"
    return compared("B1.workers", what, median(took), "s", alone, Goal("ratio", "<=", 1))


def _unchanged(bench: Bench, people: int) -> Iterator[Figure]:
    """An evaluation without changes, compared with the same verdicts counted and not written."""
    ours: list[Result] = []
    plain: list[Result] = []
    for _ in range(bench.size.times):
        plain.append(bench.process("process", "plain_recount", bench.folder))
        ours.append(bench.process("process", "mark", bench.folder))
        expect("a mark of what has not changed", ours[-1], {"people": people, "written": 0})
    seconds, reference = (median(run["seconds"] for run in runs) for runs in (ours, plain))
    what = "full mark when nothing changed, beside a plain recount"
    yield compared("B2", what, seconds, "s", reference, Goal("ratio", "<=", 1.4))
    yield _forecast(bench, people, reference)


def _forecast(bench: Bench, people: int, recount: float) -> Figure:
    """The forecast of everybody, read, fitted and stored, compared with the plain recount of the same verdicts."""
    took = []
    for _ in range(bench.size.times):
        result = bench.process("process", "forecast", bench.folder)
        expect("the forecast", result, {"people": people})
        took.append(result["seconds"])
    what = f"forecast of {people:,} employees beside the plain recount"
    return compared("B17", what, median(took), "s", recount, Goal("ratio", "<=", 1))


def mark_of_one(bench: Bench, people: int, goal: Goal | None) -> Figure:
    """B3 for a company of this size with stored verdicts. Raises WrongCount."""
    result = bench.process("process", "mark_one", bench.folder, ONE)
    expect("marks of one", result, {"marked": min(ONE, people)})
    what = f"mark after one contact of one of {people:,}"
    return Figure(f"B3.{people}", what, result["seconds"] * 1000, "ms", goal=goal)


def _forget(bench: Bench) -> None:
    """Delete the verdicts, so that the next evaluation writes each."""
    with bench.database.as_owner() as cursor:
        cursor.execute("TRUNCATE standings_standing, standings_dailycount")
