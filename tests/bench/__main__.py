"""`make bench`: measures, prints one table and writes var/bench.json.

SIZE=full is the full size; SIZE=small only shows that everything runs and counts correctly. A missed goal is reported
and does not fail; a wrong count does. BENCH_DATABASE_URL and BENCH_DATABASE_OWNER_URL name an empty database.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from apps.localstack.embedded import EmbeddedError
from apps.localstack.paths import BASE_DIR, FolderError
from tests.bench import (
    adding,
    beside,
    deadline,
    exports,
    imports,
    marks,
    notifications,
    pages,
    peaks,
    rosters,
    starts,
    teams,
)
from tests.bench.companies import spoil
from tests.bench.database import NotOurs, opened
from tests.bench.figures import Figure, table
from tests.bench.running import SIZES, Bench, WrongCount, say

FAMILIES: dict[str, Callable[[Bench], Iterator[Figure]]] = {
    # One company for all of these, which takes minutes to create; the last one freezes it.
    "B7": pages.run,
    "B8": teams.run,
    "B6": exports.run,
    "B13": beside.run,
    "B4": adding.run,
    "B10": deadline.run,
    # The huge one.
    "B9": teams.run_huge,
    "B6.many": exports.run_many,
    # Each makes its own.
    "B13.import": beside.run_import,
    "B11": starts.run,
    "B1": marks.run,
    "B5": imports.run,
    "B14": rosters.run,
    "B15": peaks.run,
    "B16": notifications.run,
}


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--size", choices=SIZES, default=os.environ.get("SIZE") or "small")
    parser.add_argument("--only", choices=FAMILIES, nargs="+", default=list(FAMILIES))
    parser.add_argument("--output", type=Path, default=BASE_DIR / "var" / "bench.json")
    options = parser.parse_args()
    if options.size not in SIZES:
        parser.error(f"SIZE is one of {', '.join(SIZES)}")
    folder = BASE_DIR / "var" / "bench"
    folder.mkdir(parents=True, exist_ok=True)
    figures: list[Figure] = []
    failed: list[str] = []
    try:
        with opened() as database:
            bench = Bench(SIZES[options.size], database, folder)
            for family in options.only:
                try:
                    for figure in FAMILIES[family](bench):
                        figures.append(figure)
                        # Figures are stored as they come, even if a later one fails.
                        options.output.write_text(_as_json(figures), encoding="utf-8")
                except (WrongCount, RuntimeError) as error:
                    # The others have their own companies, or recreate this one.
                    failed.append(f"{family}: {error}")
                    say(failed[-1])
                    spoil(bench)
    except (NotOurs, EmbeddedError, FolderError, RuntimeError) as error:
        say(str(error))
        return 1
    print(table(figures))
    if failed:
        say("\n".join(("These ended before their last figure:", *failed)))
    return 1 if failed else 0


def _as_json(figures: list[Figure]) -> str:
    return json.dumps({figure.id: figure.as_json() for figure in figures}, indent=2) + "\n"


if __name__ == "__main__":
    sys.exit(main())
