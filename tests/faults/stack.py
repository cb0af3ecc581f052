"""The processes for the faults: web, worker and beats on a separate database and broker.

They start as in production, each with its intended break, and die with this process.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import time
from pathlib import Path

from apps.localstack.address import answers, listener_url, open_listener
from apps.localstack.processes import ManagedProcess, last_lines, rotate_log, stop_children
from tests.brokers import Broker
from tests.localstack.stack import free_port

# As apps/localstack/local_stack.py ends its services.
STEPS = ((signal.SIGTERM, 3.5), (signal.SIGQUIT, 1.5))
START_PATIENCE = 120.0
SWEEP = 1.0
# A RabbitMQ that is killed within seconds of the first declaration of a quorum queue loses it: docs/reliability.md.
SETTLED_AFTER = 20.0
CELERY = ["--loglevel", "INFO"]
# No mutants: they only time the faults. Every process has them, so that few restarts are needed.
ALWAYS = {"web": "die_before_publish", "worker": "name_connections,small_batches,count_claims"}


class FaultStack:
    """Processes by name, each with the breaks it runs with. Start them from the main thread: they die with it."""

    def __init__(self, broker: Broker, folder: Path) -> None:
        self.broker, self.folder = broker, folder
        # While the first file exists, web workers die (moments.die_before_publish); claimed jobs are added to the
        # other.
        self.armed, self.effects = folder / "armed", folder / "effects"
        self._running: dict[str, tuple[str, ManagedProcess]] = {}
        self._said_before: dict[str, int] = {}
        self.began = time.monotonic()
        # How often a process had ended by itself.
        self.revived = 0
        # Held for the whole run: a restarted web process uses the same port.
        self.listener = open_listener(free_port())
        self.address = listener_url(self.listener)

    @property
    def host(self) -> str:
        return self.address.removeprefix("http://").rstrip("/")

    def __getitem__(self, name: str) -> ManagedProcess:
        return self._running[name][1]

    def need(self, **wanted: str) -> None:
        """Have exactly these processes run, each with its breaks ("" for none); what runs so already stays."""
        started = []
        for name, (broken, child) in list(self._running.items()):
            if wanted.get(name) != broken or not child.alive:
                self._end(name)
        for name, broken in wanted.items():
            if name not in self._running:
                self.began = self.began if self._said_before else time.monotonic()
                child = self._child(name, broken)
                self._running[name] = broken, child
                # Before the measurement: the child rotates a long log at its start.
                rotate_log(child.log)
                self._said_before[name] = child.log.stat().st_size if child.log.exists() else 0
                child.start()
                started.append(name)
        for name in started:
            self._wait_for(name)

    def start_again(self, name: str) -> None:
        """Start a process that has ended, as a supervisor does."""
        child = self[name]
        child.kill()
        child.start()

    def let_queues_settle(self) -> None:
        """Wait until a kill of the broker no longer loses the queues that were declared at the start."""
        if self.broker.kind == "rabbitmq":
            time.sleep(max(0.0, self.began + SETTLED_AFTER - time.monotonic()))

    def restart_if_dead(self) -> None:
        """Restart dead processes, as the supervisor of an installation does."""
        for name, (_broken, child) in self._running.items():
            if not child.alive:
                self.revived += 1
                self.start_again(name)

    def pid_of(self, name: str) -> int:
        process = self[name].process
        if process is None:
            raise RuntimeError(f"{name} was never started")
        return process.pid

    def signal_group(self, name: str, number: signal.Signals) -> None:
        """Signal a process and all its child processes."""
        os.killpg(self.pid_of(name), number)

    def stop(self) -> None:
        stop_children([child for _broken, child in self._running.values()], STEPS)
        self._running.clear()
        self.listener.close()

    def _end(self, name: str) -> None:
        _broken, child = self._running.pop(name)
        stop_children([child], STEPS)

    def environment(self, broken: str = "") -> dict[str, str]:
        """The environment of a process of this stack."""
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST")}
        return inherited | {
            "CELERY_BROKER_URL": self.broker.url,
            "CONN_MAX_AGE": "60",
            "SWEEP_INTERVAL": str(SWEEP),
            "FAULT_BREAK": broken,
            "FAULT_ARMED": str(self.armed),
            "FAULT_EFFECTS": str(self.effects),
        }

    def _child(self, name: str, broken: str) -> ManagedProcess:
        kind = name.rstrip("0123456789")
        command = [sys.executable, "-m", "tests.faults.starter", kind, *self._arguments(kind, name)]
        keeps = [self.listener.fileno()] if kind == "web" else []
        log = self.folder / f"{name}.log"
        # Last, so that they see the effect of a mutant.
        breaks = ",".join(filter(None, [broken, ALWAYS.get(kind, "")]))
        return ManagedProcess(name, command, log, self.environment(breaks), signal.SIGKILL, pass_fds=keeps)

    def _arguments(self, kind: str, name: str) -> list[str]:
        if kind == "web":
            web = ["--bind", f"fd://{self.listener.fileno()}", "--workers", "2", "--threads", "32", "--preload"]
            return [*web, "--timeout", "60", "--graceful-timeout", "3", "--no-control-socket"]
        if kind == "worker":
            return ["--concurrency", "2", *CELERY, "--without-gossip", "--without-mingle", "-n", f"{name}@faults"]
        return [*CELERY, "--pidfile=", "--schedule", str(self.folder / name)]

    def _wait_for(self, name: str) -> None:
        child, end = self[name], time.monotonic() + START_PATIENCE
        while not self._is_ready(name):
            if not child.alive or time.monotonic() > end:
                raise RuntimeError(f"{name} did not start. The end of its log:\n{last_lines(child.log, 20)}")
            time.sleep(0.05)

    def _is_ready(self, name: str) -> bool:
        if name.startswith("web"):
            return answers(self.address + "health/live")
        if name.startswith("worker"):
            return len(children_of(self[name])) >= 2 and "ready." in self._says(name)
        return "beat: Starting" in self._says(name)

    def _says(self, name: str) -> str:
        """Its output since its start."""
        with self[name].log.open("rb") as log:
            log.seek(self._said_before[name])
            return log.read().decode(errors="replace")


def children_of(child: ManagedProcess) -> list[int]:
    """The processes a process has started itself, that live."""
    if child.process is None:
        return []
    pid = child.process.pid
    with contextlib.suppress(OSError):
        return [int(one) for one in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    return []
