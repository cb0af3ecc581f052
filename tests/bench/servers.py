"""Compares web servers for these pages: `python -m tests.bench.servers`, useful occasionally.

Each serves the same stack in turn, several rounds. Granian is not among the project's packages: `pip install granian`
first, or it is left out. The results are in docs/adr/0045-keep-gunicorn-with-threads.md.
"""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from statistics import median

from apps.localstack.paths import BASE_DIR
from tests.bench.companies import company, readers
from tests.bench.database import opened
from tests.bench.load import Load, Result, ask, get
from tests.bench.pages import BARE, CONNECTIONS, LIST, PAGE, TEAM
from tests.bench.running import SIZES, Bench, say
from tests.bench.stack import THREADS, WORKERS, gunicorn, running_stack

GRANIAN = [sys.executable, "-m", "granian", "--interface", "wsgi", "config.wsgi:application", "--host", "127.0.0.1"]
GRANIAN += ["--port", "{port}", "--no-ws", "--workers", str(WORKERS), "--blocking-threads"]


def commands() -> dict[str, list[str]]:
    """Every server with its settings by name; the first is what production has."""
    found = {}
    for workers, threads in ((WORKERS, THREADS), (3, THREADS), (2, 2), (2, 1), (4, 1)):
        kind = f"workers of {threads} threads" if threads > 1 else "sync workers"
        found[f"gunicorn, {workers} {kind}"] = gunicorn("127.0.0.1:{port}", workers, threads)
    if importlib.util.find_spec("granian"):
        found |= {f"granian, {WORKERS} workers of {threads} threads": [*GRANIAN, str(threads)] for threads in (1, 4)}
    return found


def main() -> None:
    size = SIZES[sys.argv[1] if len(sys.argv) > 1 else "small"]
    folder = BASE_DIR / "var" / "bench"
    folder.mkdir(parents=True, exist_ok=True)
    with opened() as database:
        bench = Bench(size, database, Path(folder))
        company(bench, people=size.people, contacts=size.page_contacts)
        known = readers(bench, size.readers, TEAM)
        people, leader = list(known.people.values()), [known.leaders[TEAM][1]]
        paths = {BARE: people, PAGE: people, LIST: leader}
        result: dict[tuple[str, str], list[Result]] = {}
        for number in range(size.rounds):
            say(f"round {number + 1}")
            for name, command in commands().items():
                with running_stack(bench, celery=False, web=command) as built:
                    for path, sessions in paths.items():
                        load = Load(built.address, get(path, sessions), CONNECTIONS, size.seconds)
                        ask(load)  # a warm-up: the process has then read the data that it reads once
                        result.setdefault((name, path), []).append(ask(load))
    for (name, path), runs in result.items():
        rate = median(one.rate for one in runs)
        slowest = median(one.percentile(99) for one in runs)
        print(f"{name:36} {path:32} {rate:8.1f} req/s  p99 {slowest:7.0f} ms")


if __name__ == "__main__":
    main()
