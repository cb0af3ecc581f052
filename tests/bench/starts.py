"""B11: the time of a second start, the memory of the idle stack, and the imported modules."""

from __future__ import annotations

import contextlib
import http.client
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from apps.localstack.address import open_listener
from apps.localstack.paths import BASE_DIR, InstallPaths
from apps.localstack.processes import die_with_parent
from tests.bench.figures import Figure, Goal
from tests.bench.running import Bench, say
from tests.bench.stack import descendants

PATIENCE = 120.0
PARTS = {"web": "gunicorn", "worker": "config.celery worker", "beat": "config.celery beat"}


def run(bench: Bench) -> Iterator[Figure]:
    """The figures B11.*. Raises RuntimeError."""
    say("B11: starting a separate stack twice")
    with _data_folder() as data:
        with _started(data):
            pass
        seconds = []
        for _ in range(bench.size.times):
            with _started(data) as (supervisor, took):
                seconds.append(took)
                _wait_for_worker(supervisor)
                time.sleep(bench.size.settled)
                shares = {part: sum(map(_megabytes, _pids(supervisor, mark))) for part, mark in PARTS.items()}
    yield Figure("B11.start", "second start to the first page", max(seconds), "s", goal=Goal("value", "<", 6))
    idle = Goal("value", "<", 600)
    yield Figure("B11.idle", "web (2), worker (2) and beat, idle", sum(shares.values()), "MB", goal=idle)
    for part, share in shares.items():
        yield Figure(f"B11.idle.{part}", f"of it {part}", share, "MB")


@contextlib.contextmanager
def _data_folder() -> Iterator[Path]:
    """An empty folder on the disk of the installation's own data."""
    beside = InstallPaths.from_environment()
    beside.create_data()
    with tempfile.TemporaryDirectory(prefix="start-", dir=beside.data) as made:
        Path(made).chmod(0o711)
        yield Path(made) / "stack"


@contextlib.contextmanager
def _started(data: Path) -> Iterator[tuple[int, float]]:
    """`make run` in that folder; its process, and the seconds from the command to the first page with its content."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PG", "HUNDRED_", "DATABASE_"))}
    with open_listener(8100) as probe:
        port = probe.getsockname()[1]
    kept |= {"HUNDRED_DATA": str(data), "HUNDRED_ENV_FILE": "", "PORT": str(port)}
    began = time.perf_counter()
    supervisor = subprocess.Popen(
        [sys.executable, "scripts/bootstrap.py", "apps.localstack.local_stack"],
        cwd=BASE_DIR, env=kept, stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, preexec_fn=die_with_parent(signal.SIGTERM),
    )  # fmt: skip
    try:
        yield supervisor.pid, _first_page(port, supervisor) - began
    finally:
        supervisor.send_signal(signal.SIGTERM)
        supervisor.communicate(timeout=60)


def _first_page(port: int, supervisor: subprocess.Popen[bytes]) -> float:
    """The time until a client that keeps trying gets the sign-in page. Raises RuntimeError when it never does."""
    end = time.perf_counter() + PATIENCE
    while time.perf_counter() < end and supervisor.poll() is None:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
        with contextlib.suppress(OSError, http.client.HTTPException), contextlib.closing(connection):
            connection.request("GET", "/login/")
            response = connection.getresponse()
            if response.status == 200 and b"</html>" in response.read():
                return time.perf_counter()
        time.sleep(0.02)
    raise RuntimeError("the stack did not start; see the reason above")


def _wait_for_worker(supervisor: int) -> None:
    """Until both its children are there. Raises RuntimeError."""
    end = time.perf_counter() + PATIENCE
    while len(_pids(supervisor, PARTS["worker"])) < 3:
        if time.perf_counter() > end:
            raise RuntimeError("the worker did not start")
        time.sleep(0.2)


def _pids(supervisor: int, mark: str) -> list[int]:
    """The supervisor's processes whose command contains the mark, and their child processes."""
    found: set[int] = set()
    for pid in descendants(supervisor):
        if mark in Path(f"/proc/{pid}/cmdline").read_text(encoding="utf-8").replace("\0", " "):
            found |= {pid, *descendants(pid)}
    return sorted(found)


def _megabytes(pid: int) -> float:
    """A process's own memory and its part of shared memory (PSS)."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii").splitlines()
    return sum(int(line.split()[1]) for line in lines if line.startswith("Pss:")) / 1024
