"""B14: a roster. The first load, the preview and a repeated load, compared with plain SQL including the tree."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.bench.figures import Figure, Goal, compared
from tests.bench.running import Bench, expect, say

THIRD = Goal("ratio", ">=", 1 / 3)
# All but the first have a manager further up; eleven people per manager make six levels of a million.
TEAM = 11
# Other numbers than those of the people a benchmark begins with.
FIRST = 500_000
Result = dict[str, Any]


def run(bench: Bench) -> Iterator[Figure]:
    """The figures B14.*. Raises WrongCount."""
    rows = bench.size.rows
    path, moved = roster_file(bench.folder, rows, 0), roster_file(bench.folder, rows, 1)
    say("B14: loading a roster")
    bench.start_anew()
    first = _load(bench, path, {"read": rows, "created": rows, "rejected": 0})
    again = _load(bench, path, {"read": rows, "unchanged": rows, "rejected": 0})
    say("B14: moving a tenth")
    shown = bench.process("process", "look", moved)
    expect("looking at a roster", shown, {"read": rows, "updated": rows // 10})
    changed = _load(bench, moved, {"read": rows, "updated": rows // 10, "rejected": 0})
    say("B14: plain SQL")
    bench.start_anew()
    plain = bench.process("process", "plain_roster", path)
    expect("plain SQL", plain, {"created": rows})
    yield compared("B14.sql", "a first roster beside SQL and the tree", _rate(first), "rows/s", _rate(plain), THIRD)
    yield compared("B14.again", "the same roster again beside the first time", _rate(again), "rows/s", _rate(first))
    yield compared("B14.look", "looking at a move of a tenth beside loading it", _rate(shown), "rows/s", _rate(changed))


def _rate(result: Result) -> float:
    return float(result["read"] / result["seconds"])


def _load(bench: Bench, path: Path, counts: dict[str, int]) -> Result:
    result = bench.process("process", "load_roster", path)
    expect(f"loading {path.name}", result, counts)
    return result


def roster_file(folder: Path, rows: int, shift: int) -> Path:
    """A roster; with `shift` a tenth of its people have another department."""
    path = folder / f"roster-{rows}-{shift}.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        lines = csv.writer(file)
        lines.writerow(("staff_no", "name", "email", "department", "manager_staff_no"))
        for n in range(rows):
            manager = f"BENCH-{FIRST + (n - 1) // TEAM}" if n else ""
            department = f"Department {n % 40 + (shift if n % 10 == 0 else 0)}"
            lines.writerow((f"BENCH-{FIRST + n}", f"Person {n}", f"r{n}@bench.example", department, manager))
    return path
