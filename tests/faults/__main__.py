"""`make faults`: injects faults into a separate stack and compares the results with those of an undisturbed one.

ID=F1 chooses rows by the beginning of their id, BROKER=redis|rabbitmq a broker, N= the number of trials, SEED= the
seed. Results are appended to var/faults.jsonl, and finished trials are not repeated. The table comes at the end.
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import sys
from pathlib import Path
from types import FrameType
from typing import NoReturn

from apps.localstack.embedded import EmbeddedError
from apps.localstack.paths import BASE_DIR, FolderError
from tests.bench.database import own_folder
from tests.faults.table import table


def options_of(arguments: list[str] | None = None) -> argparse.Namespace:
    told = os.environ.get
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("--id", default=told("ID", ""), help="comma-separated beginnings of row ids")
    parser.add_argument("--broker", default=told("BROKER", ""), choices=["", "redis", "rabbitmq"])
    parser.add_argument("--trials", type=int, default=int(told("N") or 0), help="instead of the full count")
    parser.add_argument("--seed", type=int, default=int(told("SEED") or 0))
    parser.add_argument("--small", action="store_true", help="a few trials of each, as make test has them")
    parser.add_argument("--no-mutants", action="store_true")
    parser.add_argument("--output", type=Path, default=BASE_DIR / "var" / "faults.jsonl")
    options = parser.parse_args(arguments)
    options.seed = options.seed or random.SystemRandom().randrange(1, 10**6)
    return options


def main() -> int:
    options = options_of()
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _stop)
    try:
        with own_folder("faults", "Another run of faults uses this folder: only one at a time.") as places:
            os.environ["HUNDRED_TEST_DATA"] = str(places.data)
            # Imported only now: these modules read the settings once, from the folder of this run.
            from tests.faults.running import run

            rows = run(options)
    except (EmbeddedError, FolderError) as error:
        print(error, file=sys.stderr)
        return 1
    print(table(rows))
    return 0 if all(row.held for row in rows) else 1


def _stop(number: int, frame: FrameType | None) -> NoReturn:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
