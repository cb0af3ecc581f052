"""Faults are done to what this run has started, and nothing of it stays, however the run ends."""

import contextlib
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from apps.localstack.paths import BASE_DIR
from apps.localstack.processes import die_with_parent
from tests.localstack.stack import data_folder, environment, eventually, processes_of

pytestmark = [pytest.mark.faults, pytest.mark.stack, pytest.mark.xdist_group("faults")]
NAMES = ("valkey-server", "tests.faults.starter web", "tests.faults.starter worker", "tests.faults.starter beat")


def descendants(pid: int) -> dict[int, str]:
    """Process number and command line of everything a process has started, directly or not."""
    found = {}
    with contextlib.suppress(OSError):
        for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
            found[int(child)] = Path(f"/proc/{child}/cmdline").read_bytes().replace(b"\0", b" ").decode()
            found |= descendants(int(child))
    return found


def alive(data: Path, started: dict[int, str]) -> list[int]:
    """The started processes that still run, and others for the folder of the run: the database."""
    ours = {pid for folder in (data, *data.glob("faults-*")) for pid in processes_of(folder)}
    return sorted(ours | {pid for pid in started if Path(f"/proc/{pid}").exists()})


def test_a_killed_run_leaves_no_process(tmp_path: Path) -> None:
    """An interrupted run leaves no brokers and databases on a developer's machine."""
    ours = ("PYTEST_XDIST_WORKER", "HUNDRED_TEST_DATA")
    with data_folder("faults") as data:
        clean = {name: value for name, value in environment(data).items() if name not in ours}
        command = [sys.executable, "-m", "tests.faults", "--id", "R1", "--trials", "500", "--broker", "redis"]
        process = subprocess.Popen(
            [*command, "--output", str(tmp_path / "faults.jsonl")], cwd=BASE_DIR, env=clean,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, preexec_fn=die_with_parent(signal.SIGKILL),
        )  # fmt: skip
        eventually(lambda: all(name in " ".join(descendants(process.pid).values()) for name in NAMES), within=120)
        started = descendants(process.pid)
        process.kill()
        process.wait()
        eventually(lambda: not alive(data, started), within=60)
