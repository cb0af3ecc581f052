"""Child processes that never outlive their parent."""

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

PR_SET_PDEATHSIG = 1
# Looked up before any fork: between fork and exec only async-signal-safe work is allowed, and importing is not.
PRCTL = ctypes.CDLL(None, use_errno=True).prctl if sys.platform == "linux" else None
MAX_LOG_BYTES = 5_000_000  # bytes; a longer log is renamed when its writer starts
MAX_DEATHS_IN_A_ROW = 5  # deaths in a row
HEALTHY_AFTER_SECONDS = 30.0  # a child that ran this long counts as healthy again


def die_with_parent(number: signal.Signals, first: Callable[[], None] | None = None) -> Callable[[], None]:
    """A preexec_fn for Popen: a new process group, so that Ctrl-C reaches only the parent, and on Linux the signal
    `number` when the parent dies. The signal depends on the thread that starts the child: start children from the main
    thread.

    `first` runs before: the kernel forgets the signal when a process changes its user.
    """
    parent = os.getpid()

    def prepare() -> None:
        # A group of its own also lets `kill` reach the grandchildren, as gunicorn's and Celery's workers.
        os.setpgid(0, 0)
        if first:
            first()
        set_parent_death_signal(number, parent)

    return prepare


def set_parent_death_signal(number: signal.Signals, parent: int) -> None:
    """Ask the kernel, where possible, to send this process `number` when its parent dies; exit when it already has."""
    if PRCTL is not None:
        PRCTL(PR_SET_PDEATHSIG, int(number), 0, 0, 0)
        # The parent may have died before the call above: then the kernel sends no signal, ever.
        if os.getppid() != parent:
            os._exit(1)


class GaveUpError(Exception):
    """A child process does not stay up; the text names it and ends with the end of its log."""


@dataclass
class ManagedProcess:
    """One long-running process: started, restarted when it dies, and stopped with its own child processes."""

    name: str
    command: Sequence[str]
    log: Path
    environment: Mapping[str, str]
    death_signal: signal.Signals = signal.SIGTERM  # when the parent is killed
    pass_fds: Sequence[int] = ()
    user: Mapping[str, Any] = field(default_factory=dict)
    leave_root: Callable[[], None] | None = None
    process: "subprocess.Popen[bytes] | None" = None
    deaths: int = 0
    started_at: float = 0.0
    restart_at: float | None = None

    def start(self) -> None:
        with open_log(self.log) as log:
            self.process = subprocess.Popen(
                # Another user may not be able to enter the present directory.
                list(self.command), cwd="/" if self.user else None, env=dict(self.environment),
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, pass_fds=list(self.pass_fds),
                # Sockets, pid files and uploads of a server are its own, whatever the user's umask.
                umask=0o077, preexec_fn=die_with_parent(self.death_signal, self.leave_root), **self.user,
            )  # fmt: skip
        self.started_at = time.monotonic()
        self.restart_at = None

    @property
    def alive(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def restart_if_dead(self) -> str | None:
        """Restart a dead process after its pause. Returns a line to print; raises GaveUpError after too many deaths."""
        if self.alive or self.process is None:
            return None
        now = time.monotonic()
        if self.restart_at is None:
            # The children of a dead gunicorn or worker would go on and hold its port or its tasks.
            self.kill()
            self.deaths = 1 if now - self.started_at > HEALTHY_AFTER_SECONDS else self.deaths + 1
            if self.deaths > MAX_DEATHS_IN_A_ROW:
                raise GaveUpError(
                    f"The process {self.name} ended {self.deaths} times in a row. "
                    f"The end of {self.log}:\n{last_lines(self.log)}"
                )
            # Longer and longer pauses: a process that dies at once must not take the whole machine.
            self.restart_at = now + min(0.25 * 2 ** (self.deaths - 1), 4.0)
            return f"The process {self.name} ended {describe_exit(self.process.returncode)}. It is being restarted."
        if now >= self.restart_at:
            self.start()
        return None

    def signal(self, number: signal.Signals) -> None:
        if self.process is not None and self.alive:
            self.process.send_signal(number)

    def kill(self) -> None:
        """Kill the child and every process of its group."""
        if self.process is None:
            return
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.process.pid, signal.SIGKILL)
        # Reaps it: a zombie would count as running.
        self.process.wait()


def stop_children(children: Sequence[ManagedProcess], steps: Sequence[tuple[signal.Signals, float]]) -> None:
    """Send the signals step by step to all children, with so many seconds after each; then kill the rest."""
    for number, patience in steps:
        for child in children:
            child.signal(number)
        end = time.monotonic() + patience
        while any(child.alive for child in children) and time.monotonic() < end:
            time.sleep(0.02)
    for child in children:
        child.kill()


def describe_exit(status: int) -> str:
    """A return code of subprocess in words."""
    if status >= 0:
        return f"with status {status}"
    try:
        return f"by {signal.Signals(-status).name}"
    except ValueError:
        return f"by signal {-status}"


def open_log(path: Path) -> IO[bytes]:
    """A log to append to that only its owner can read, whatever the umask and its previous owner."""
    rotate_log(path)
    log = os.fdopen(os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600), "ab")
    # The mode above counts only for a new file; an older one may be open to others.
    os.fchmod(log.fileno(), 0o600)
    return log


def rotate_log(path: Path) -> None:
    """Keep one older log of each kind, so that logs never fill a disk."""
    if path.exists() and path.stat().st_size > MAX_LOG_BYTES:
        path.replace(path.with_name(f"{path.name}.1"))


def last_lines(path: Path, count: int = 8) -> str:
    with contextlib.suppress(OSError):
        return "\n".join(path.read_text(encoding="utf-8", errors="replace").splitlines()[-count:])
    return ""
