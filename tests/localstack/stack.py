"""Starts Hundred in a separate folder, as `make run` does, and finds the processes it leaves behind."""

import contextlib
import http.client
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from apps.localstack.paths import BASE_DIR
from tests import plugin


@contextlib.contextmanager
def data_folder(name: str = "hundred") -> Iterator[Path]:
    """An empty folder that the server's user can reach; all processes of it are ended afterwards."""
    root = Path(tempfile.mkdtemp(prefix="hundred-test-", dir=plugin.PATHS.data.parent))
    if os.geteuid() == 0:
        root.chmod(0o711)
    try:
        yield root / name
    finally:
        for pid in processes_of(root / name):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        shutil.rmtree(root)


def environment(data: Path, **more: str) -> dict[str, str]:
    """A user's environment: none of the tests' own variables."""
    clean = {name: value for name, value in os.environ.items() if name not in plugin.OURS}
    return clean | {"HUNDRED_DATA": str(data), "HUNDRED_ENV_FILE": "", **more}


def processes_of(data: Path) -> list[int]:
    """Every process started for this folder, whatever its parent is now."""
    mark, path = f"HUNDRED_DATA={data}".encode(), os.fsencode(data)
    pids = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal() and int(entry.name) != os.getpid():
            with contextlib.suppress(OSError):
                # Valkey overwrites its environment with its title, which names its socket.
                if mark in (entry / "environ").read_bytes().split(b"\0") or path in (entry / "cmdline").read_bytes():
                    pids.append(int(entry.name))
    return pids


def names_of(data: Path) -> dict[int, str]:
    """Process number and command line of all processes for this folder."""
    names = {}
    for pid in processes_of(data):
        with contextlib.suppress(OSError):
            names[pid] = Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
    return names


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class RunningStack:
    """One run of the supervisor."""

    def __init__(self, data: Path, **more: str) -> None:
        self.data = data
        port = more.pop("PORT", str(free_port()))
        self.process = subprocess.Popen(
            [sys.executable, "-m", "apps.localstack.local_stack"],
            cwd=BASE_DIR,
            env=environment(data, PORT=port, **more),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        self.output: list[str] = []

    def wait_until_it_answers(self) -> str:
        """The printed address; without one the test fails with the whole output."""
        assert self.process.stdout
        for line in self.process.stdout:
            self.output.append(line)
            if " is running at " in line:
                self.address: str = line.split(" is running at ")[1].split()[0]
                return self.address
        raise AssertionError(f"It does not answer:\n{''.join(self.output)}")

    def get(self, path: str) -> tuple[int, str]:
        connection = http.client.HTTPConnection(self.address.removeprefix("http://").rstrip("/"), timeout=20)
        try:
            connection.request("GET", path)
            response = connection.getresponse()
            return response.status, response.read().decode()
        finally:
            connection.close()

    def is_ready(self) -> dict[str, Any] | None:
        """The response of the health page, None without an answer."""
        with contextlib.suppress(OSError, http.client.HTTPException):
            status, text = self.get("/health/ready")
            if status == 200:
                answer: dict[str, Any] = json.loads(text)
                return answer
        return None

    def stop(self, number: signal.Signals = signal.SIGTERM) -> float:
        """Signal the supervisor and wait for its end; returns the seconds it took."""
        began = time.monotonic()
        self.process.send_signal(number)
        self.output.append(self.last_words())
        return time.monotonic() - began

    def last_words(self) -> str:
        """Wait for its end; returns the output since `wait_until_it_answers`."""
        output, _ = self.process.communicate(timeout=60)
        return output

    @property
    def runs(self) -> bool:
        return self.process.poll() is None


def eventually(ask: Any, within: float = 60.0) -> Any:
    """The first true answer; fails when there is none in time."""
    end = time.monotonic() + within
    while True:
        if answer := ask():
            return answer
        assert time.monotonic() < end, f"not within {within} s"
        time.sleep(0.1)
