"""Real Celery workers of a test's own, on its database and its broker; some made slow, so that they can be killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from apps.localstack.paths import BASE_DIR
from apps.localstack.processes import die_with_parent

START = """
import sys
import config.celery
from config.celery import app
from tests.faults.moments import slow_ranges
app.loader.import_default_modules()
if {slow}:
    slow_ranges()
app.worker_main(sys.argv[1:])
"""


class Worker:
    """One worker with its children, which end with it."""

    def __init__(self, broker: str, log: Path, *, concurrency: int, slow: float) -> None:
        code = START.format(slow=bool(slow))
        options = ["worker", "-c", str(concurrency), "-n", f"{log.stem}@%h", "--without-gossip", "--without-mingle"]
        environment = os.environ | {"CELERY_BROKER_URL": broker, "SLOW": str(slow), "STATEMENT_TIMEOUT": "600000"}
        with log.open("wb") as out:
            self.process = subprocess.Popen(
                [sys.executable, "-c", code, *options, "--loglevel", "INFO"], cwd=BASE_DIR, env=environment,
                stdin=subprocess.DEVNULL, stdout=out, stderr=out, preexec_fn=die_with_parent(signal.SIGKILL),
            )  # fmt: skip
        self.log = log

    def children(self) -> list[int]:
        """The processes that do the work."""
        listed = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        return [int(pid) for pid in listed.read_text().split()] if listed.exists() else []

    def kill(self) -> None:
        """As the kernel does when memory is short: the parent alone."""
        self.process.kill()
        self.process.wait()

    def end(self) -> None:
        """Whatever of it still runs."""
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def is_ready(self) -> bool:
        """Whether it waits for tasks; fails with its log when it died."""
        said = self.log.read_text(errors="replace")
        assert self.process.poll() is None, said[-3000:]
        return " ready." in said


@contextmanager
def at_work(broker: str, folder: Path, *slow: float, concurrency: int = 1) -> Iterator[list[Worker]]:
    """As many workers as seconds are given, each that slow with the end of a range; ready when this returns."""
    started = time.monotonic()
    made: list[Worker] = []
    try:
        for place, seconds in enumerate(slow):
            log = folder / f"worker{place}-{started:.0f}.log"
            made.append(Worker(broker, log, concurrency=concurrency, slow=seconds))
        end = time.monotonic() + 120
        while not all(worker.is_ready() for worker in made):
            assert time.monotonic() < end, "no worker became ready"
            time.sleep(0.1)
        yield made
    finally:
        for worker in made:
            worker.end()


def tail(workers: list[Any]) -> str:
    """The ends of the workers' logs, for the message of a failing test."""
    return "\n".join(worker.log.read_text(errors="replace")[-1500:] for worker in workers)
