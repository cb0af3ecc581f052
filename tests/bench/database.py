"""The measured database: a separate one with production's durability, or the one of BENCH_DATABASE_URL.

It may only contain generated employees, whose data is deleted and generated again.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg2

from apps.localstack.commands import run_command
from apps.localstack.embedded import EmbeddedDatabase, EmbeddedError
from apps.localstack.file_locks import FileLock
from apps.localstack.paths import InstallPaths
from tests.unlimited import UNLIMITED

# The name of every generated employee, which no real one has.
OWN_NUMBER = r"^BENCH-\d{6,7}$"
OWN_CAMPAIGN = "bench"
FOREIGN = (
    "This database holds employees or campaigns that are not the benchmark's; nothing was changed. "
    "Benchmarks go into an empty database."
)


class NotOurs(Exception):
    """The database holds people that were not made here; the text is a sentence."""


@dataclass(frozen=True)
class Database:
    """Addresses of one database: for the application's role, and for the owner of its tables."""

    url: str
    owner_url: str

    def environment(self, broker: str = "memory://") -> dict[str, str]:
        """The environment of a process that works on it; nothing else is passed on."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("PG", "HUNDRED_"))}
        return (
            kept
            | UNLIMITED
            | {
                "HUNDRED_LOCAL": "1",
                "HUNDRED_ENV_FILE": "",
                "SECRET_KEY": "only-for-benchmarks",
                "IDENTITY_KEY": "only-for-benchmarks",
                "SIGNING_KEY": "b25seS1mb3ItYmVuY2htYXJrcy0wMTIzNDU2Nzg5YWI",
                "ALLOWED_HOSTS": "localhost",
                "COMPANY_PHONE_REGION": "CN",
                "COMPANY_EMAIL_DOMAINS": "",
                "CELERY_BROKER_URL": broker,
                "CACHE_URL": "",
                "TIME_ZONE": "UTC",
                "DATABASE_URL": self.url,
                "DATABASE_OWNER_URL": self.owner_url,
            }
        )

    @contextlib.contextmanager
    def as_owner(self) -> Iterator[Any]:
        """A cursor of the owner; every statement commits at once."""
        with contextlib.closing(psycopg2.connect(self.owner_url)) as connection:
            connection.autocommit = True
            with connection.cursor() as cursor:
                yield cursor

    def one(self, statement: str) -> Any:
        """The single value of a query."""
        with self.as_owner() as cursor:
            cursor.execute(statement)
            return cursor.fetchone()[0]

    def refuse_foreign(self) -> None:
        """Raises NotOurs when the database holds employees that no benchmark generated."""
        checks = {
            "employees_employee": f"SELECT EXISTS (SELECT FROM employees_employee WHERE staff_no !~ '{OWN_NUMBER}')",
            "campaigns_campaign": f"SELECT EXISTS (SELECT FROM campaigns_campaign WHERE slug <> '{OWN_CAMPAIGN}')",
        }
        for name, found in checks.items():
            if self.one(f"SELECT to_regclass('{name}') IS NOT NULL") and self.one(found):
                raise NotOurs(FOREIGN)

    def migrate(self) -> None:
        """Bring the schema up to the code. Raises RuntimeError."""
        if not run_command("migrate", "--skip-checks", "--verbosity", "0", env=self.environment()):
            raise RuntimeError("The database could not be migrated; see the reason above.")


@contextlib.contextmanager
def opened() -> Iterator[Database]:
    """The database to measure, migrated. Raises NotOurs, before anything is changed."""
    if given := os.environ.get("BENCH_DATABASE_URL"):
        database = Database(given, os.environ.get("BENCH_DATABASE_OWNER_URL") or given)
        database.refuse_foreign()
        database.migrate()
        yield database
        return
    with own_folder("bench", "Another benchmark is running: each would measure the other.") as places:
        server = EmbeddedDatabase(places)
        server.hold()
        try:
            database = Database(places.database_url("app"), places.database_url("owner"))
            database.migrate()
            yield database
        finally:
            server.release()
            server.wait_until_stopped(within=30)


@contextlib.contextmanager
def own_folder(name: str, refusal: str) -> Iterator[InstallPaths]:
    """A folder next to the installation's data: on the same disk, because the measurements depend on it.

    Its database is not the throw-away kind, which does not wait for the disk. Leftovers of a killed run of this name
    are removed. Raises EmbeddedError(refusal) while another run has one.
    """
    beside = InstallPaths.from_environment()
    beside.create_data()
    alone = FileLock(beside.data / f"{name}.lock")
    if not alone.try_exclusive():
        alone.release()
        raise EmbeddedError(refusal)
    try:
        for left in beside.data.glob(f"{name}-*"):
            _remove(InstallPaths(data=left, log=left / "log"))
        made = Path(tempfile.mkdtemp(prefix=f"{name}-", dir=beside.data))
        if os.geteuid() == 0:
            made.chmod(0o711)
        places = InstallPaths(data=made, log=made / "log")
        try:
            yield places
        finally:
            _remove(places)
    finally:
        alone.release()


def _remove(places: InstallPaths) -> None:
    """Remove a folder unless its server is still stopping; then the next run does."""
    if not EmbeddedDatabase(places).is_supervised():
        shutil.rmtree(places.sockets, ignore_errors=True)
        shutil.rmtree(places.data, ignore_errors=True)
