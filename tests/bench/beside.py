"""B13: the comparison with a peer on the same tables in the same run, and the size of the heaviest page."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from statistics import median
from typing import Any

from apps.core.packaged_files import plotly_bundle
from scripts import plotly_basic
from tests.bench.companies import company
from tests.bench.figures import Figure, Goal, compared
from tests.bench.files import new_file
from tests.bench.running import Bench, expect, say
from tests.bench.seeding import stored

TWELVE, TENTH = Goal("ratio", ">=", 12), Goal("ratio", "<=", 1 / 10)
CHARTS = 4
Result = dict[str, Any]


def run(bench: Bench) -> Iterator[Figure]:
    """B13.csv and B13.weight. Raises WrongCount."""
    size = bench.size
    company(bench, people=size.people, contacts=size.page_contacts)
    say("B13: a page's CSV and the peer's")
    ours, theirs = (
        median(_exported(bench, work) for _ in range(size.times)) for work in ("page_csv", "peer_csv")
    )  # fmt: skip
    yield compared("B13.csv", "a page's CSV compared with the peer's", ours, "s", theirs, TENTH)
    yield _weight(bench)


def run_import(bench: Bench) -> Iterator[Figure]:
    """B13.import. Raises WrongCount."""
    size = bench.size
    rows = new_file(bench.folder, size.beside, size.employees)
    say("B13: an import and the peer's")
    ours, theirs = (
        median(_imported(bench, work, rows.path, rows.created) for _ in range(size.times))
        for work in ("import", "peer_import")
    )
    yield compared("B13.import", "import compared with the peer's bulk mode", ours, "rows/s", theirs, TWELVE)


def _imported(bench: Bench, work: str, path: Path, created: int) -> float:
    """Rows a second, on tables that are as they were before."""
    bench.start_anew()
    before = stored(bench.database)
    result = bench.process("process", work, path)
    expect(work, result, {"created": created})
    contacts, identities = stored(bench.database)
    added = {"contacts": contacts - before[0], "identities": identities - before[1]}
    expect(f"tables after {work}", added, {"contacts": created, "identities": 2 * created})
    return float(created / result["seconds"])


def _exported(bench: Bench, work: str) -> float:
    result = bench.process("process", work, bench.folder / "standings.csv")
    expect(work, result, {"rows": bench.size.people})
    return float(result["seconds"])


def _weight(bench: Bench) -> Figure:
    """npm provides the small bundle of Plotly; without it the packaged one is measured, without a goal."""
    bundle = bench.folder / f"plotly-basic-{plotly_basic.VERSION}.min.js"
    what, goal = "/company/ with its charts, basic bundle", Goal("value", "<=", 450)
    try:
        if not bundle.exists():
            plotly_basic.fetch(bundle)
    except SystemExit as reason:
        say(str(reason))
        bundle, what, goal = plotly_bundle(""), "/company/ with its charts, packaged bundle (no basic one by npm)", None
    result = bench.process("process", "weigh", bundle)
    expect("weighing /company/", result, {"charts": CHARTS})
    return Figure("B13.weight", what, result["bytes"] / 1_000, "kB", goal=goal)
