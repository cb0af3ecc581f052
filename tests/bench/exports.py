"""B6: files of standings. The page's CSV beside COPY of what is stored, and an export of many in how much memory."""

from __future__ import annotations

from collections.abc import Iterator
from statistics import median
from typing import Any

from tests.bench import seeding
from tests.bench.figures import Figure, Goal, compared
from tests.bench.running import Bench, expect, say

TWICE = Goal("ratio", "<=", 2)
# Megabytes by which an export of many may need more than one of few.
GROWTH = 100
FORMS = ("csv", "csv.gz", "xlsx")
Told = dict[str, Any]


def run(bench: Bench) -> Iterator[Figure]:
    """The figures B6.*. Raises WrongCount."""
    size = bench.size
    say("B6: a company and its standings")
    _company(bench, size.people, size.contacts)
    kinds = ("page_csv", "same_csv", "plain_csv", "past_csv", "plain_past_csv")
    took = {kind: _seconds([_made(bench, kind, "csv", size.people) for _ in range(size.times)]) for kind in kinds}
    page = took["page_csv"]
    few = {form: _made(bench, "export", form, size.people) for form in FORMS}
    yield compared("B6.csv", "a page's CSV beside COPY of the same query", page, "s", took["same_csv"], TWICE)
    yield compared("B6.stored", "the same beside COPY of what is stored of it", page, "s", took["plain_csv"])
    what = "the CSV of a past moment beside COPY of a plain query of it"
    yield compared("B6.as_of", what, took["past_csv"], "s", took["plain_past_csv"], Goal("ratio", "<=", 1.5))
    what = "an export judged from the facts beside the page's CSV"
    yield compared("B6.export", what, few["csv"]["seconds"], "s", page)
    say("B6: a large company")
    _company(bench, size.many, size.many)
    for form in FORMS:
        many = _made(bench, "export", form, size.many)
        before = few[form]["peak_mb"]
        flat = Goal("value", "<", round(before + GROWTH))
        what = f"peak of {size.many:,} rows beside {size.people:,}"
        yield compared(f"B6.memory.{form}", what, many["peak_mb"], "MB", before, flat)
        yield Figure(f"B6.rate.{form}", "rows of that export", many["rows"] / many["seconds"], "rows/s")


def _company(bench: Bench, people: int, contacts: int) -> None:
    seeding.start_company(bench.database, employees=people, contacts=contacts)
    bench.judge_company(people)


def _made(bench: Bench, work: str, form: str, rows: int) -> Told:
    told = bench.process("process", work, bench.folder / f"standings.{form}")
    expect(f"{work} as {form}", told, {"rows": rows})
    return told


def _seconds(runs: list[Told]) -> float:
    return float(median(run["seconds"] for run in runs))
