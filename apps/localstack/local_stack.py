"""Hundred on one machine: database, broker, web, worker and beat under one supervisor.

`make run` starts it. Nothing outlives it: its child processes die with it. They hold its lock until they are gone, so
the next start never meets leftovers of the last one.
"""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from types import FrameType
from typing import Any, NoReturn

from apps.core.secret_files import is_given
from apps.localstack.address import AddressError, answers, open_listener, url_of, wanted_port
from apps.localstack.commands import run_command, start_command
from apps.localstack.embedded import EmbeddedDatabase, EmbeddedError, plain_environment
from apps.localstack.embedded_runtime import listening, local_environment, migrate_if_needed, read_env_file
from apps.localstack.file_locks import FileLock
from apps.localstack.paths import APPLICATION, BASE_DIR, InstallPaths, PlaceError, write_private
from apps.localstack.processes import GaveUpError, ManagedProcess, last_lines, stop_children
from apps.localstack.unprivileged_user import leave_root, works
from apps.localstack.valkey import settings_of

START_TIMEOUT_SECONDS = 60.0
LEFTOVERS_TIMEOUT_SECONDS = 15.0
# All processes end at most 10 seconds after the signal: first web, worker and beat, then the broker.
SERVICE_STEPS = ((signal.SIGTERM, 3.5), (signal.SIGQUIT, 1.5))
BROKER_STEPS = ((signal.SIGTERM, 1.5),)
DATABASE_TIMEOUT_SECONDS = 3.0
STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class StartError(Exception):
    """Hundred cannot start; the text is a sentence for the user of the command."""


_stop_requests: list[int] = []


class Stopped(BaseException):
    """SIGINT or SIGTERM arrived: not an error, and no handler may swallow it."""


class LocalStack:
    """All processes of `make run`, in the order of their dependencies."""

    def __init__(self, places: InstallPaths) -> None:
        self.places = places
        self.began = time.monotonic()
        self.database = EmbeddedDatabase(places) if not is_given("DATABASE_URL") else None
        self.own_broker = not is_given("CELERY_BROKER_URL")
        self.services: list[ManagedProcess] = []
        self.leave_root: Callable[[], None] | None = None
        self.broker: list[ManagedProcess] = []
        self.lock = FileLock(self._create_data() / "run.lock")
        self.begun = False
        self.sign_ins: subprocess.Popen[bytes] | None = None

    def _create_data(self) -> Path:
        self.places.create_data()
        return self.places.data

    def start(self) -> None:
        """Return when the page answers. Raises an error with a sentence when a process does not start."""
        self._acquire_run_lock()
        self.begun = True
        port = wanted_port()
        # Held for the whole run: a restarted web process uses the same port, and no other process can take it.
        self.listener = open_listener(port)
        address = url_of(self.listener)
        if not address.endswith(f":{port}/"):
            echo(f"Port {port} is taken. The next free one is used.")
        if not is_given("BASE_URL"):
            os.environ["BASE_URL"] = address.rstrip("/")
        self._start_services()
        self._choose_account()
        self._start_web()
        self._wait_for_page(address)
        self._start_celery()
        write_private(self.places.data / "address", f"{os.getpid()} {address}\n")
        echo(f"Hundred answers at {address} after {time.monotonic() - self.began:.1f} s. Ctrl-C stops it.")
        echo(f"Logs: {self.places.log}")
        if not is_given("EMAIL_URL"):
            echo(f"The mails it would send: {self.places.mails}")
        self.sign_ins = start_command("demo_sign_ins", stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)

    def watch(self) -> NoReturn:
        """Restart dead processes; raises GaveUpError when one does not stay up."""
        checked_at = time.monotonic()
        while True:
            raise_if_stopping()
            for child in (*self.broker, *self.services):
                if line := child.restart_if_dead():
                    echo(line)
            self._show_sign_ins()
            if self.database and time.monotonic() - checked_at > 1:
                checked_at = time.monotonic()
                if not self.database.is_supervised():
                    echo("PostgreSQL ended. It is started again.")
                    self.database.ensure()
            time.sleep(0.1)

    def stop(self) -> None:
        """End all processes, each within its time; those that do not end are killed."""
        if not self.begun:
            return
        if self.sign_ins:
            self.sign_ins.kill()
            self.sign_ins.communicate()
        stop_children(self.services, SERVICE_STEPS)
        stop_children(self.broker, BROKER_STEPS)
        if self.database:
            self.database.release()
            if not self.database.wait_until_stopped(DATABASE_TIMEOUT_SECONDS):
                echo("PostgreSQL goes on: another command still works with it, or it is writing.")
        (self.places.data / "address").unlink(missing_ok=True)

    def _acquire_run_lock(self) -> None:
        """One stack per data folder. The child processes of a killed stack hold the lock until they end."""
        if self.lock.try_exclusive():
            return
        with contextlib.suppress(OSError, ValueError):
            pid, address = (self.places.data / "address").read_text(encoding="utf-8").split()
            os.kill(int(pid), 0)
            raise StartError(f"Hundred already runs from this folder. Open {address} in a browser.")
        if not self.lock.exclusive(within=LEFTOVERS_TIMEOUT_SECONDS):
            raise StartError("Another start of this folder is under way, or an earlier run is still ending. Try again.")

    def _start_services(self) -> None:
        self.places.create()
        if self.own_broker:
            self._start_broker()
        if self.database:
            self.database.hold()
            echo(f"PostgreSQL is ready ({self.places.cluster}).")
        self._wait_for_broker()
        os.environ |= local_environment(self.places)
        if self.database is None:
            run_or_exit("migrate", "--verbosity", "0")
            return
        migrate_if_needed(self.database)
        if not self.database.has_rows("employees_employee"):
            echo("A demo company is filled in.")
            run_or_exit("seed_demo", "--if-empty")

    def _start_broker(self) -> None:
        command = [str(self.places.valkey_server), *settings_of(self.places)]
        # An empty environment: Valkey could reveal it to an intruder.
        self.broker.append(
            ManagedProcess(
                "valkey", command, self.places.log / "valkey.log", plain_environment(),
                keeps_open=[self.lock.descriptor], user=self.places.valkey_user(),
            )
        )  # fmt: skip
        self.broker[0].start()

    def _wait_for_broker(self) -> None:
        end = time.monotonic() + START_TIMEOUT_SECONDS
        while self.broker and not listening(self.places.broker_socket):
            raise_if_stopping()
            if not self.broker[0].alive or time.monotonic() > end:
                raise StartError(f"Valkey did not start. The end of its log:\n{last_lines(self.broker[0].log)}")
            time.sleep(0.02)

    def _choose_account(self) -> None:
        """As root, start web, worker and beat under the application's account where this machine allows it."""
        if os.geteuid() != 0:
            return
        leave = leave_root()
        if works(leave, self._environment()):
            self.leave_root = leave
            return
        echo(
            f"Web, worker and beat run as root: the account {APPLICATION} cannot read {BASE_DIR} or {sys.prefix}. "
            "Clone to a directory that is open to all users, such as /opt, or start Hundred as another user."
        )

    def _start_web(self) -> None:
        web = [sys.executable, "-m", "gunicorn", "config.wsgi", "--bind", f"fd://{self.listener.fileno()}"]
        web += ["--workers", "2", "--threads", "4", "--preload", "--timeout", "60", "--graceful-timeout", "3"]
        web += ["--no-control-socket", "--umask", "077"]
        self._start_service(self._child("web", web, keeps_open=[self.listener.fileno()]))

    def _start_celery(self) -> None:
        """After the first page, which would otherwise be slower on a small machine."""
        celery = [sys.executable, "-m", "celery", "--quiet", "-A", "config.celery"]
        worker = [*celery, "worker", "-c", "2", "--loglevel", "INFO"]
        beat = [*celery, "beat", "--loglevel", "INFO", "--pidfile=", "--schedule", str(self.places.schedule)]
        # Without a broker a worker may never stop normally; the database undoes its unfinished work.
        self._start_service(self._child("worker", worker, death_signal=signal.SIGKILL))
        self._start_service(self._child("beat", beat, death_signal=signal.SIGKILL))

    def _start_service(self, service: ManagedProcess) -> None:
        self.services.append(service)
        service.start()

    def _child(
        self, name: str, command: list[str], *, keeps_open: Sequence[int] = (), **options: Any
    ) -> ManagedProcess:
        keeps_open = [self.lock.descriptor, *keeps_open]
        log = self.places.log / f"{name}.log"
        return ManagedProcess(
            name, command, log, self._environment(), keeps_open=keeps_open, leave_root=self.leave_root, **options
        )

    def _environment(self) -> dict[str, str]:
        """The environment of web, worker and beat: all of `.env`, which they may be unable to read themselves.

        Without the owner's address, which only migrations need.
        """
        owner = ("DATABASE_OWNER_URL", "DATABASE_OWNER_URL_FILE")
        return {name: value for name, value in os.environ.items() if name not in owner} | {"HUNDRED_ENV_FILE": ""}

    def _wait_for_page(self, address: str) -> None:
        """Wait until the first page answers, and restart child processes that die meanwhile."""
        end = time.monotonic() + START_TIMEOUT_SECONDS
        while not all(answers(address + path) for path in ("health/ready", "")):
            raise_if_stopping()
            for child in (*self.broker, *self.services):
                if line := child.restart_if_dead():
                    echo(line)
            if time.monotonic() > end:
                log = self.services[0].log
                raise StartError(f"The page does not answer. The end of {log}:\n{last_lines(log)}")
            time.sleep(0.05)

    def _show_sign_ins(self) -> None:
        """Print the demo accounts when the command has listed them; there are none without a demo company."""
        if self.sign_ins and self.sign_ins.poll() is not None:
            output, _ = self.sign_ins.communicate()
            if self.sign_ins.returncode == 0 and output.strip():
                echo(output.decode().rstrip())
            self.sign_ins = None


def run_or_exit(*arguments: str) -> None:
    if not run_command(*arguments):
        raise StartError(f"manage.py {' '.join(arguments)} failed. See the reason above.")


def echo(sentence: str) -> None:
    print(sentence, flush=True)


def _stop(number: int, frame: FrameType | None) -> NoReturn:
    _ignore_signals()
    _stop_requests.append(number)
    raise Stopped


def raise_if_stopping() -> None:
    """Called in every wait: an exception raised during one of Python's own callbacks, as around a fork, is lost."""
    if _stop_requests:
        raise Stopped


def _ignore_signals() -> None:
    """A stop has already begun and ends by itself."""
    for number in STOP_SIGNALS:
        signal.signal(number, signal.SIG_IGN)


def main() -> int:
    for number in STOP_SIGNALS:
        signal.signal(number, _stop)
    os.chdir(BASE_DIR)
    read_env_file()
    os.environ |= {"HUNDRED_LOCAL": "1", "DJANGO_SETTINGS_MODULE": "config.settings"}
    stack = None
    status = 1
    try:
        stack = LocalStack(InstallPaths.from_environment())
        stack.start()
        stack.watch()
    except Stopped:
        echo("\nStopping")
        status = 0
    except (AddressError, EmbeddedError, GaveUpError, PlaceError, StartError) as error:
        print(error, file=sys.stderr, flush=True)
    except OSError as error:
        print(f"It cannot start here: {error}", file=sys.stderr, flush=True)
    finally:
        _ignore_signals()
        if stack:
            stack.stop()
    return status


if __name__ == "__main__":
    sys.exit(main())
