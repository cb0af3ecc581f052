"""The embedded PostgreSQL, for as long as somebody holds it."""

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

START_PATIENCE = 60.0
STOP_PATIENCE = 30.0


class EmbeddedError(Exception):
    """The embedded database cannot be used; the text is a sentence for whoever typed the command."""


class EmbeddedDatabase:
    """A hold on the embedded PostgreSQL: started when nobody had it, stopped when the last one lets go."""

    def __init__(self, places: InstallPaths, *, throw_away: bool = False) -> None:
        self.places = places
        self.throw_away = throw_away
        self._holders: FileLock | None = None

    def hold(self) -> None:
        """Return when the database answers; raises EmbeddedError, or PlaceError, with a sentence otherwise."""
        self.places.create_data()
        start = FileLock(self.places.data / "start.lock")
        if not start.exclusive(within=START_PATIENCE):
            raise EmbeddedError(f"Another process has been starting the database in {self.places.data} for a minute.")
        try:
            self.places.create()
            self._holders = FileLock(self.places.data / "holders.lock")
            if not self._holders.shared(within=STOP_PATIENCE):
                raise EmbeddedError(f"The database in {self.places.data} has been stopping for half a minute.")
            self.ensure()
        except BaseException:
            self.release()
            raise
        finally:
            start.release()

    def ensure(self) -> None:
        """Start a keeper where there is none, and wait until the database answers. Only for holders."""
        keeper_lock = FileLock(self.places.data / "keeper.lock")
        try:
            if keeper_lock.try_exclusive():
                self._start_keeper(keeper_lock)
        finally:
            keeper_lock.release()  # a keeper has its own copy of the descriptor, and with it the lock
        self._wait_until_ready()

    def keeper_lives(self) -> bool:
        """False also where nothing was ever started, or a throw-away folder is gone."""
        try:
            lock = FileLock(self.places.data / "keeper.lock")
        except FileNotFoundError:
            return False
        try:
            return not lock.try_shared()
        finally:
            lock.release()

    def release(self) -> None:
        if self._holders is not None:
            self._holders.release()
            self._holders = None

    def wait_until_stopped(self, within: float) -> bool:
        """After `release`: True when the server has gone, False when somebody else still holds it or it is slow."""
        end = time.monotonic() + within
        while self.keeper_lives():
            if time.monotonic() > end:
                return False
            time.sleep(0.05)
        return True

    def connect(self, role: str = "owner", database: str = "hundred") -> "psycopg2.extensions.connection":
        return psycopg2.connect(host=str(self.places.sockets), port="5432", user=role, dbname=database)

    def has_rows(self, table: str) -> bool:
        with contextlib.closing(self.connect()) as connection, connection.cursor() as cursor:
            cursor.execute(sql.SQL("SELECT EXISTS (SELECT FROM {})").format(sql.Identifier(table)))
            return cursor.fetchone() == (True,)

    def _start_keeper(self, lock: FileLock) -> None:
        refuse_other_major(self.places)
        command = [
            sys.executable,
            "-m",
            "apps.localstack.postgres_supervisor",
            *(["--throw-away"] if self.throw_away else []),
        ]
        with open_log(self.places.postgres_log) as log:
            subprocess.run(  # returns at once: the keeper goes on by itself
                command,
                check=False,
                cwd=BASE_DIR,
                env=plain_environment() | {"HUNDRED_DATA": str(self.places.data), "HUNDRED_LOG": str(self.places.log)},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                pass_fds=[lock.descriptor],
                start_new_session=True,  # Ctrl-C in the terminal is for the command, not for its database
            )

    def _wait_until_ready(self) -> None:
        """The database `hundred` is made last, so whoever can open it as the application finds everything there."""
        end = time.monotonic() + START_PATIENCE
        while True:
            with contextlib.suppress(psycopg2.OperationalError):
                self.connect("app").close()
                return
            if not self.keeper_lives() or time.monotonic() > end:
                log = self.places.postgres_log
                raise EmbeddedError(f"PostgreSQL did not start. The end of {log}:\n{last_lines(log)}")
            time.sleep(0.02)


def refuse_other_major(places: InstallPaths) -> None:
    """Raises EmbeddedError when another major version of PostgreSQL has made the data; no other can read them."""
    note = places.cluster / "PG_VERSION"
    if not note.exists():
        return
    made_by = note.read_text(encoding="ascii").strip()
    command = [str(places.binaries / "postgres"), "--version"]
    said = subprocess.run(command, check=True, capture_output=True, text=True)
    installed = said.stdout.split()[2].partition(".")[0]
    if made_by != installed:
        raise EmbeddedError(
            f"The data in {places.cluster} were made by PostgreSQL {made_by}, and this version of Hundred brings "
            f"PostgreSQL {installed}. Take a backup with the version of Hundred that made them, and restore it into an "
            "empty folder with this one: docs/deployment.md, Updates."
        )


def plain_environment() -> dict[str, str]:
    """What a server needs of the environment: no secrets, and no PGHOST or PGDATA, which would lead it astray."""
    kept = {"PATH", "HOME", "USER", "LANG", "LANGUAGE", "TZ", "TMPDIR", "VIRTUAL_ENV", "LD_LIBRARY_PATH"}
    return {
        name: value for name, value in os.environ.items()
        if name in kept or name.startswith(("LC_", "HUNDRED_DATA", "HUNDRED_LOG", "PYTHON", "COV"))
    }  # fmt: skip
