"""The embedded PostgreSQL, which runs for as long as a process uses it."""

import contextlib
import os
import subprocess
import sys
import time

import psycopg2
from psycopg2 import sql

from apps.localstack.file_locks import FileLock
from apps.localstack.paths import BASE_DIR, InstallPaths
from apps.localstack.processes import last_lines, open_log

START_TIMEOUT_SECONDS = 60.0
STOP_TIMEOUT_SECONDS = 30.0


class EmbeddedError(Exception):
    """The embedded database cannot be used; the text is a sentence for the user of the command."""


class EmbeddedDatabase:
    """A shared lock on the embedded PostgreSQL: the first user starts it, the last one stops it."""

    def __init__(self, paths: InstallPaths, *, disposable: bool = False) -> None:
        self.paths = paths
        self.disposable = disposable
        self._users_lock: FileLock | None = None

    def hold(self) -> None:
        """Return when the database answers; otherwise raises EmbeddedError or FolderError with a sentence."""
        self.paths.create_data()
        # Two starts at once: the second waits here and finds a running supervisor. A file lock, because there is no
        # database yet to lock in.
        start = FileLock(self.paths.data / "start.lock")
        if not start.exclusive(within=START_TIMEOUT_SECONDS):
            raise EmbeddedError(f"Another process has been starting the database in {self.paths.data} for a minute.")
        try:
            self.paths.create()
            # Shared: the kernel counts the users, and forgets one that is killed.
            self._users_lock = FileLock(self.paths.data / "holders.lock")
            if not self._users_lock.shared(within=STOP_TIMEOUT_SECONDS):
                raise EmbeddedError(f"The database in {self.paths.data} has been stopping for half a minute.")
            self.ensure()
        except BaseException:
            self.release()
            raise
        finally:
            start.release()

    def ensure(self) -> None:
        """Start a supervisor if none runs, and wait until the database answers. Call it only between hold and
        release.
        """
        # The name is older than the class. An update keeps it: another name would allow a second supervisor beside one
        # that an older version started.
        supervisor_lock = FileLock(self.paths.data / "keeper.lock")
        try:
            if supervisor_lock.try_exclusive():
                self._start_supervisor(supervisor_lock)
        finally:
            supervisor_lock.release()  # the supervisor has its own copy of the descriptor, and with it the lock
        self._wait_until_ready()

    def is_supervised(self) -> bool:
        """Whether a supervisor runs; False also when nothing was ever started or a throw-away folder is gone."""
        try:
            lock = FileLock(self.paths.data / "keeper.lock")
        except FileNotFoundError:
            return False
        try:
            # Asks with a shared lock, so that two processes may ask at once.
            return not lock.try_shared()
        finally:
            lock.release()

    def release(self) -> None:
        if self._users_lock is not None:
            self._users_lock.release()
            self._users_lock = None

    def wait_until_stopped(self, within: float) -> bool:
        """After `release`: True when the server has gone, False when another process still uses it or it is slow."""
        end = time.monotonic() + within
        while self.is_supervised():
            if time.monotonic() > end:
                return False
            time.sleep(0.05)
        return True

    def connect(self, role: str = "owner", database: str = "hundred") -> "psycopg2.extensions.connection":
        return psycopg2.connect(host=str(self.paths.sockets), port="5432", user=role, dbname=database)

    def has_rows(self, table: str) -> bool:
        with contextlib.closing(self.connect()) as connection, connection.cursor() as cursor:
            cursor.execute(sql.SQL("SELECT EXISTS (SELECT FROM {})").format(sql.Identifier(table)))
            return cursor.fetchone() == (True,)

    def _start_supervisor(self, lock: FileLock) -> None:
        refuse_other_major(self.paths)
        command = [sys.executable, "-m", "apps.localstack.postgres_supervisor"]
        command += ["--disposable"] if self.disposable else []
        environment = {"HUNDRED_DATA": str(self.paths.data), "HUNDRED_LOG": str(self.paths.log)}
        with open_log(self.paths.postgres_log) as log:
            # Returns at once: the supervisor continues alone, in its own session, so that Ctrl-C in the terminal stops
            # the command and not its database.
            subprocess.run(
                command, check=False, cwd=BASE_DIR, env=plain_environment() | environment, stdin=subprocess.DEVNULL,
                stdout=log, stderr=log, pass_fds=[lock.descriptor], start_new_session=True,
            )  # fmt: skip

    def _wait_until_ready(self) -> None:
        """The supervisor creates the database `hundred` last: once the application can open it, everything exists."""
        end = time.monotonic() + START_TIMEOUT_SECONDS
        while True:
            with contextlib.suppress(psycopg2.OperationalError):
                # A connection and no more: the socket exists before the server accepts anything.
                self.connect("app").close()
                return
            if not self.is_supervised() or time.monotonic() > end:
                log = self.paths.postgres_log
                raise EmbeddedError(f"PostgreSQL did not start. The end of {log}:\n{last_lines(log)}")
            time.sleep(0.02)


def major_version(paths: InstallPaths) -> int:
    """The major version of the PostgreSQL programs, such as 18."""
    command = [str(paths.binaries / "postgres"), "--version"]
    output = subprocess.run(command, check=True, capture_output=True, text=True)
    return int(output.stdout.split()[2].partition(".")[0])


def refuse_other_major(paths: InstallPaths) -> None:
    """Raises EmbeddedError when another major version of PostgreSQL created the data; no other version can read
    them.
    """
    note = paths.cluster / "PG_VERSION"
    if not note.exists():
        return
    made_by = note.read_text(encoding="ascii").strip()
    installed = str(major_version(paths))
    if made_by != installed:
        raise EmbeddedError(
            f"The data in {paths.cluster} were made by PostgreSQL {made_by}, and {paths.binaries} holds PostgreSQL "
            f"{installed}. Take a backup with the version that made them, and restore it into an empty folder with "
            "this one: docs/deployment.md, Updates."
        )


def plain_environment() -> dict[str, str]:
    """The environment of a server: no secrets, and no PGHOST or PGDATA, which would mislead it."""
    # PYTHON and COV: coverage and its settings reach the supervisor in tests.
    passed_on = {"PATH", "HOME", "USER", "LANG", "LANGUAGE", "TZ", "TMPDIR", "VIRTUAL_ENV", "LD_LIBRARY_PATH"}
    own = ("LC_", "HUNDRED_DATA", "HUNDRED_LOG", "HUNDRED_POSTGRES_BIN", "PYTHON", "COV")
    return {
        name: value for name, value in os.environ.items()
        if name in passed_on or name.startswith(own)
    }  # fmt: skip
