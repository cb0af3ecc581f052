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
from typing import Any, NoReturn

from apps.core.secret_files import is_set
from apps.localstack.address import AddressError, answers, listener_url, open_listener, wanted_port
from apps.localstack.commands import run_command, start_command
from apps.localstack.embedded import EmbeddedDatabase, EmbeddedError, plain_environment
from apps.localstack.embedded_runtime import accepts_connections, local_environment, migrate_if_needed, read_env_file
from apps.localstack.file_locks import FileLock
from apps.localstack.paths import APPLICATION, BASE_DIR, FolderError, InstallPaths, write_private
from apps.localstack.processes import GaveUpError, ManagedProcess, last_lines, stop_children
from apps.localstack.static_files import StaticFiles
from apps.localstack.stop_signals import Stopped, handle_signals, ignore_signals, raise_if_stopping
from apps.localstack.unprivileged_user import can_run_as_account, leave_root
from apps.localstack.valkey import valkey_arguments

START_TIMEOUT_SECONDS = 60.0
LEFTOVERS_TIMEOUT_SECONDS = 15.0
# All processes end at most 10 seconds after the signal: first web, worker and beat, then the broker.
SERVICE_STEPS = ((signal.SIGTERM, 3.5), (signal.SIGQUIT, 1.5))
BROKER_STEPS = ((signal.SIGTERM, 1.5),)
DATABASE_TIMEOUT_SECONDS = 3.0


class StartError(Exception):
    """Hundred cannot start; the text is a sentence for the user of the command."""


class LocalStack:
    """All processes of `make run`, in the order of their dependencies."""

    def __init__(self, paths: InstallPaths) -> None:
        self.paths = paths
        self.started_at = time.monotonic()
        self.database = EmbeddedDatabase(paths) if not is_set("DATABASE_URL") else None
        self.own_broker = not is_set("CELERY_BROKER_URL")
        self.services: list[ManagedProcess] = []
        self.leave_root: Callable[[], None] | None = None
        self.broker: list[ManagedProcess] = []
        paths.create_data()
        self.lock = FileLock(paths.data / "run.lock")
        self.has_run_lock = False
        self.sign_ins: subprocess.Popen[bytes] | None = None
        self.static_files = StaticFiles(paths)

    def start(self) -> None:
        """Return when the page answers. Raises an error with a sentence when a process does not start."""
        self._acquire_run_lock()
        self.has_run_lock = True
        port = wanted_port()
        # Held for the whole run: a restarted web process uses the same port, and no other process can take it.
        self.listener = open_listener(port)
        address = listener_url(self.listener)
        if not address.endswith(f":{port}/"):
            echo(f"Port {port} is taken. The next free one is used.")
        if not is_set("BASE_URL"):
            os.environ["BASE_URL"] = address.rstrip("/")
        self.static_files.start()
        self._start_services()
        self._choose_account()
        self._wait_for_static_files()
        self._start_web()
        self._wait_for_page(address)
        self._start_celery()
        # Written after everything answers: commands in other terminals, and a second start, read it.
        write_private(self.paths.data / "address", f"{os.getpid()} {address}\n")
        echo(f"Hundred is running at {address} after {time.monotonic() - self.started_at:.1f} s. Press Ctrl-C to stop.")
        echo(f"Logs: {self.paths.log}")
        if not is_set("EMAIL_URL"):
            echo(f"E-mails are written to this folder instead of being sent: {self.paths.mails}")
        self.sign_ins = start_command("demo_sign_ins", stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)

    def watch(self) -> NoReturn:
        """Restart dead processes; raises GaveUpError when one does not stay up."""
        checked_at = time.monotonic()
        while True:
            self._restart_dead()
            self._show_sign_ins()
            # The supervisor is no child of this process, so only its lock tells that it has gone.
            if self.database and time.monotonic() - checked_at > 1:
                checked_at = time.monotonic()
                if not self.database.is_supervised():
                    echo("PostgreSQL stopped. It is being restarted.")
                    self.database.ensure()
            time.sleep(0.1)

    def stop(self) -> None:
        """End all processes, each within its time; those that do not end are killed."""
        if not self.has_run_lock:
            return
        if self.sign_ins:
            # It holds the embedded database, which would go on until it ends.
            self.sign_ins.kill()
            self.sign_ins.communicate()
        self.static_files.stop()
        stop_children(self.services, SERVICE_STEPS)
        stop_children(self.broker, BROKER_STEPS)
        if self.database:
            self.database.release()
            if not self.database.wait_until_stopped(DATABASE_TIMEOUT_SECONDS):
                echo("PostgreSQL keeps running: another command is using it, or it is still writing.")
        (self.paths.data / "address").unlink(missing_ok=True)

    def _acquire_run_lock(self) -> None:
        """One stack per data folder. The child processes of a killed stack hold the lock until they end."""
        if self.lock.try_exclusive():
            return
        with contextlib.suppress(OSError, ValueError):
            pid, address = (self.paths.data / "address").read_text(encoding="utf-8").split()
            # Signal 0 only asks whether the process exists: the file of a killed stack names one that does not.
            os.kill(int(pid), 0)
            raise StartError(f"Hundred already runs from this folder. Open {address} in a browser.")
        if not self.lock.exclusive(within=LEFTOVERS_TIMEOUT_SECONDS):
            raise StartError("Another start of this folder is under way, or an earlier run is still ending. Try again.")

    def _start_services(self) -> None:
        self.paths.create()
        if self.own_broker:
            self._start_broker()
        if self.database:
            self.database.hold()
            echo(f"PostgreSQL is ready ({self.paths.cluster}).")
        self._wait_for_broker()
        # After the broker answers: without one these settings would name a broker in memory.
        os.environ |= local_environment(self.paths)
        if self.database is None:
            run_or_exit("migrate", "--verbosity", "0")
            return
        migrate_if_needed(self.database)
        if not self.database.has_rows("employees_employee"):
            echo("Creating a demo company.")
            run_or_exit("seed_demo", "--if-empty")

    def _start_broker(self) -> None:
        command = [str(self.paths.valkey_server), *valkey_arguments(self.paths)]
        # An empty environment: Valkey could reveal it to an intruder.
        self.broker.append(
            ManagedProcess(
                "valkey", command, self.paths.log / "valkey.log", plain_environment(),
                pass_fds=[self.lock.descriptor], user=self.paths.valkey_user(),
            )
        )  # fmt: skip
        self.broker[0].start()

    def _wait_for_broker(self) -> None:
        end = time.monotonic() + START_TIMEOUT_SECONDS
        while self.broker and not accepts_connections(self.paths.broker_socket):
            raise_if_stopping()
            if not self.broker[0].alive or time.monotonic() > end:
                raise StartError(f"Valkey did not start. The end of its log:\n{last_lines(self.broker[0].log)}")
            time.sleep(0.02)

    def _choose_account(self) -> None:
        """As root, start web, worker and beat under the application's account where this machine allows it."""
        if os.geteuid() != 0:
            return
        leave = leave_root()
        if can_run_as_account(leave, self._environment()):
            self.leave_root = leave
            return
        echo(
            f"Web, worker and beat run as root: the account {APPLICATION} cannot read {BASE_DIR} or {sys.prefix}. "
            "Clone to a directory that is open to all users, such as /opt, or start Hundred as another user."
        )

    def _wait_for_static_files(self) -> None:
        if not self.static_files.wait():
            raise StartError("manage.py collectstatic failed. See the reason above.")
        os.environ["STATIC_ROOT"] = str(self.static_files.folder)

    def _start_web(self) -> None:
        web = [sys.executable, "-m", "gunicorn", "config.wsgi", "--bind", f"fd://{self.listener.fileno()}"]
        web += ["--workers", "2", "--threads", "4", "--preload", "--timeout", "60", "--graceful-timeout", "3"]
        # Its control socket has one path per user, below $HOME: two installations would share it.
        web += ["--no-control-socket", "--umask", "077"]
        self._start_service("web", web, pass_fds=[self.listener.fileno()])

    def _start_celery(self) -> None:
        """After the first page, which would otherwise be slower on a small machine."""
        celery = [sys.executable, "-m", "celery", "--quiet", "-A", "config.celery"]
        worker = [*celery, "worker", "-c", "2", "--loglevel", "INFO"]
        beat = [*celery, "beat", "--loglevel", "INFO", "--pidfile=", "--schedule", str(self.paths.schedule)]
        # Without a broker a worker may never stop normally; the database undoes its unfinished work.
        self._start_service("worker", worker, death_signal=signal.SIGKILL)
        self._start_service("beat", beat, death_signal=signal.SIGKILL)

    def _start_service(self, name: str, command: list[str], *, pass_fds: Sequence[int] = (), **options: Any) -> None:
        service = ManagedProcess(
            # A service that outlives a killed stack holds its lock, so the next start waits for it.
            name, command, self.paths.log / f"{name}.log", self._environment(),
            pass_fds=[self.lock.descriptor, *pass_fds], leave_root=self.leave_root, **options,
        )  # fmt: skip
        self.services.append(service)
        service.start()

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
            self._restart_dead()
            if time.monotonic() > end:
                log = self.services[0].log
                raise StartError(f"The page does not respond. The end of {log}:\n{last_lines(log)}")
            time.sleep(0.05)

    def _restart_dead(self) -> None:
        raise_if_stopping()
        for child in (*self.broker, *self.services):
            if line := child.restart_if_dead():
                echo(line)

    def _show_sign_ins(self) -> None:
        """Print the demo accounts when the command has listed them; there are none without a demo company."""
        if self.sign_ins and self.sign_ins.poll() is not None:
            if (output := self.sign_ins.communicate()[0].strip()) and self.sign_ins.returncode == 0:
                echo(output.decode())
            self.sign_ins = None


def run_or_exit(*arguments: str) -> None:
    if not run_command(*arguments):
        raise StartError(f"manage.py {' '.join(arguments)} failed. See the reason above.")


def echo(sentence: str) -> None:
    print(sentence, flush=True)


def main() -> int:
    handle_signals()
    os.chdir(BASE_DIR)
    read_env_file()
    # Before any import of settings, here and in all processes that this one starts.
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
    except (AddressError, EmbeddedError, GaveUpError, FolderError, StartError) as error:
        print(error, file=sys.stderr, flush=True)
    except OSError as error:
        print(f"Hundred cannot start here: {error}", file=sys.stderr, flush=True)
    finally:
        ignore_signals()
        if stack:
            stack.stop()
    return status


if __name__ == "__main__":
    sys.exit(main())
