"""The stack on the measured database: web, worker, beat and a broker, started as in production."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from apps.localstack.address import answers, listener_url, open_listener, wanted_port
from apps.localstack.embedded_runtime import accepts_connections
from apps.localstack.paths import BASE_DIR, InstallPaths
from apps.localstack.processes import ManagedProcess, last_lines, stop_children
from tests.bench.running import Bench

PATIENCE = 60.0
STEPS = ((signal.SIGTERM, 5.0), (signal.SIGQUIT, 1.5))
# As docs/deployment.md has them, but for the number of workers.
WORKERS, THREADS = 2, 4
SETTINGS = "tests.bench.served_settings"
Command = Sequence[str]


@dataclass(frozen=True)
class Stack:
    """Its address, its processes by name, and the address of its broker, if it has one."""

    address: str
    children: dict[str, ManagedProcess]
    broker: str

    def pids(self, name: str) -> list[int]:
        """The process of that name and all that it has started."""
        process = self.children[name].process
        return [process.pid, *descendants(process.pid)] if process else []


def gunicorn(address: str, workers: int = WORKERS, threads: int = THREADS) -> list[str]:
    """The web server as production starts it, at an address or at a listener that is open already."""
    web = [sys.executable, "-m", "gunicorn", "config.wsgi", "--bind", address, "--preload"]
    web += ["--workers", str(workers), "--threads", str(threads), "--timeout", "60", "--graceful-timeout", "3"]
    return [*web, "--no-control-socket"]


@contextlib.contextmanager
def running_stack(bench: Bench, *, celery: bool = True, web: Command = ()) -> Iterator[Stack]:
    """Everything runs and answers; afterwards nothing is left.

    `web` is another server's command, in which `{port}` becomes where it is to listen. Raises RuntimeError with the end
    of a log.
    """
    folder = _folder()
    listener = open_listener(wanted_port())
    children: dict[str, ManagedProcess] = {}
    try:
        # The broker's user cannot read root's files: it owns the folder, and the logs are in another one.
        logs = folder / "log"
        logs.mkdir()
        broker = folder / "valkey.sock"
        url = f"redis+socket://{broker}" if celery else "memory://"
        environment = bench.database.environment(url)
        environment |= {"DJANGO_SETTINGS_MODULE": SETTINGS, "STATIC_ROOT": str(static(bench))}
        environment["ALLOWED_HOSTS"] = "localhost,127.0.0.1"
        environment.pop("DATABASE_OWNER_URL")
        if celery:
            children["broker"] = _broker(folder, broker, logs)
            _until(lambda: accepts_connections(broker), children["broker"])
        address = listener_url(listener)
        command = [part.format(port=listener.getsockname()[1]) for part in web] or gunicorn(f"fd://{listener.fileno()}")
        if web:
            listener.close()
        keeps = [] if web else [listener.fileno()]
        children["web"] = ManagedProcess("web", command, logs / "web.log", environment, pass_fds=keeps)
        for name, arguments in _celery(folder).items() if celery else ():
            children[name] = ManagedProcess(name, arguments, logs / f"{name}.log", environment, signal.SIGKILL)
        for child in children.values():
            if not child.alive:
                child.start()
        _until(lambda: answers(f"{address}health/live"), children["web"])
        if celery:
            _until(lambda: "ready." in _says(children["worker"]), children["worker"])
        yield Stack(address, children, url)
    finally:
        doors = [child for name, child in children.items() if name != "broker"]
        stop_children(doors, STEPS)
        stop_children([child for name, child in children.items() if name == "broker"], STEPS)
        listener.close()
        shutil.rmtree(folder, ignore_errors=True)


@cache
def static(bench: Bench) -> Path:
    """Static files as servers have them: collected and named by their content, once."""
    folder = bench.folder / "static"
    environment = bench.database.environment() | {"DJANGO_SETTINGS_MODULE": SETTINGS, "STATIC_ROOT": str(folder)}
    command = [sys.executable, "-m", "django", "collectstatic", "--noinput", "--verbosity", "0"]
    subprocess.run(command, cwd=BASE_DIR, env=environment, check=True)
    return folder


def descendants(pid: int) -> list[int]:
    """All child processes of a process, recursively."""
    found: list[int] = []
    with contextlib.suppress(OSError):
        for one in Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split():
            found += [int(one), *descendants(int(one))]
    return found


def _folder() -> Path:
    """A temporary folder with a path short enough for a socket, readable by the broker's user."""
    folder = Path(tempfile.mkdtemp(prefix="hundred-bench-", dir="/tmp"))
    folder.chmod(0o700)
    InstallPaths.from_environment().chown_to_server(folder)
    return folder


def _broker(folder: Path, socket: Path, logs: Path) -> ManagedProcess:
    places = InstallPaths.from_environment()
    places.create_data()
    settings = {"port": "0", "unixsocket": str(socket), "unixsocketperm": "700", "dir": str(folder)}
    settings |= {"appendonly": "yes", "save": "", "loglevel": "notice"}
    flags = [word for name, value in settings.items() for word in (f"--{name}", value)]
    broker = ManagedProcess(
        "valkey", [str(places.valkey_server), *flags], logs / "valkey.log", dict(os.environ), signal.SIGKILL,
        user=places.server_user(),
    )  # fmt: skip
    broker.start()
    return broker


def _celery(folder: Path) -> dict[str, list[str]]:
    celery = [sys.executable, "-m", "celery", "-A", "config.celery"]
    worker = [*celery, "worker", "-c", "2", "--loglevel", "INFO", "--without-gossip", "--without-mingle"]
    beat = [*celery, "beat", "--loglevel", "INFO", "--pidfile=", "--schedule", str(folder / "beat")]
    return {"worker": worker, "beat": beat}


def _until(so: Callable[[], bool], child: ManagedProcess) -> None:
    end = time.monotonic() + PATIENCE
    while not so():
        if not child.alive or time.monotonic() > end:
            raise RuntimeError(f"{child.name} did not start. The end of its log:\n{last_lines(child.log, 20)}")
        time.sleep(0.02)


def _says(child: ManagedProcess) -> str:
    return child.log.read_text(encoding="utf-8", errors="replace") if child.log.exists() else ""
