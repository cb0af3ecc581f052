"""B6: files of standings. A page's CSV compared with COPY of the stored rows, and the memory of a large export."""

from __future__ import annotations

from collections.abc import Iterator
from statistics import median
from typing import Any

from tests.bench.companies import company
from tests.bench.figures import Figure, Goal, compared
from tests.bench.running import Bench, expect, say
from tests.bench.seeding import DEPARTMENTS

TWICE = Goal("ratio", "<=", 2)
# The additional megabytes allowed for a large export over a small one.
GROWTH = 100
FORMS = ("csv", "csv.gz", "xlsx")
Result = dict[str, Any]


def run(bench: Bench) -> Iterator[Figure]:
    """The figures B6.* of an everyday company. Raises WrongCount."""
    size = bench.size
    company(bench, people=size.people, contacts=size.page_contacts)
    say("B6: files of standings")
    kinds = ("page_csv", "same_csv", "plain_csv", "past_csv", "plain_past_csv")
    took = {kind: _seconds([_made(bench, kind, "csv", size.people) for _ in range(size.times)]) for kind in kinds}
    page = took["page_csv"]
    export = _made(bench, "export", "csv", size.people)
    yield compared("B6.csv", "a page's CSV beside COPY of the same query", page, "s", took["same_csv"], TWICE)
    yield compared("B6.stored", "the same beside COPY of what is stored of it", page, "s", took["plain_csv"])
    what = "the CSV of a past moment beside COPY of a plain query of it"
    yield compared("B6.as_of", what, took["past_csv"], "s", took["plain_past_csv"], Goal("ratio", "<=", 1.5))
    what = "an export judged from the facts beside the page's CSV"
    yield compared("B6.export", what, export["seconds"], "s", page)


def run_many(bench: Bench) -> Iterator[Figure]:
    """The figures B6.* of a large company: its export compared with that of one department. Raises WrongCount."""
    size = bench.size
    company(bench, people=size.many, contacts=size.many)
    say("B6: files of many")
    for form in FORMS:
        few, many = (_made(bench, "export", form, rows, part) for rows, part in _parts(bench))
        before = few["peak_mb"]
        flat = Goal("value", "<", round(before + GROWTH))
        what = f"peak of {many['rows']:,} rows beside {few['rows']:,}"
        yield compared(f"B6.memory.{form}", what, many["peak_mb"], "MB", before, flat)
        yield Figure(f"B6.rate.{form}", "rows of that export", many["rows"] / many["seconds"], "rows/s")


def _parts(bench: Bench) -> list[tuple[int, str]]:
    """The number of rows by department: of one, and of all."""
    people = bench.size.many
    return [(len(range(0, people, DEPARTMENTS)), "Department 0"), (people, "")]


def _made(bench: Bench, work: str, form: str, rows: int, part: str = "") -> Result:
    result = bench.process("process", work, bench.folder / f"standings.{form}", part)
    expect(f"{work} as {form}", result, {"rows": rows})
    return result


def _seconds(runs: list[Result]) -> float:
    return float(median(run["seconds"] for run in runs))
