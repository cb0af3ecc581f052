"""Fixtures for every test. Registered by tests/plugin.py."""

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
import redis
from django.conf import settings as django_settings
from django.core.cache import cache
from django.db import connection, connections
from django.test import TransactionTestCase

from apps.localstack.processes import die_with_parent
from config.celery import app
from tests import plugin


@pytest.fixture(scope="session")
def django_db_setup(django_test_environment: None, django_db_blocker: Any) -> Iterator[None]:
    """A copy of the template instead of Django's own test database, emptied as its owner after committing tests."""
    plugin.create_database()
    patch = pytest.MonkeyPatch()
    patch.setattr(TransactionTestCase, "_fixture_teardown", lambda self: _empty(django_db_blocker))
    yield
    patch.undo()
    with django_db_blocker.unblock():
        connections.close_all()


def _empty(blocker: Any) -> None:
    with blocker.unblock():
        for opened in connections.all(initialized_only=True):
            opened.close()  # an open transaction would keep its locks
    plugin.empty_database()


@pytest.fixture(autouse=True, scope="session")
def _quick_passwords(django_test_environment: None) -> Iterator[None]:
    patch = pytest.MonkeyPatch()
    patch.setattr(django_settings, "PASSWORD_HASHERS", ["django.contrib.auth.hashers.MD5PasswordHasher"])
    yield
    patch.undo()


@pytest.fixture(autouse=True)
def _nobody_has_tried_yet() -> None:
    """Failed sign-ins of another test lock no account."""
    cache.clear()


class Clock:
    """Sets the result of `hundred_clock()` over the default connection; a rolled-back test resets it."""

    def set(self, at: str | datetime, *, ticks: bool = False) -> None:
        """Stop the clock at `at` (an instant with its zone); with `ticks` each reading advances it by a microsecond."""
        instant = datetime.fromisoformat(at) if isinstance(at, str) else at
        if instant.tzinfo is None:
            raise ValueError(f"{at} names no instant: it has no zone")
        with connection.cursor() as cursor:
            cursor.execute("DELETE FROM test_clock")
            cursor.execute("SELECT setval('test_clock_tick', 0, false)")
            cursor.execute("INSERT INTO test_clock VALUES (%s, %s)", [instant, ticks])

    def now(self) -> datetime:
        """The time that Hundred reads (for a ticking clock this is one reading)."""
        with connection.cursor() as cursor:
            cursor.execute("SELECT hundred_clock()")
            instant: datetime = cursor.fetchone()[0]
        return instant

    def clear(self) -> None:
        """Return to the real time."""
        with connection.cursor() as cursor:
            cursor.execute("DELETE FROM test_clock")


@pytest.fixture
def clock(request: pytest.FixtureRequest) -> Clock:
    """Hundred's clock. Rolled back with the test, or reset after it."""
    if not any(name in request.fixturenames for name in ("transactional_db", "live_server")):
        request.getfixturevalue("db")
    return Clock()


@pytest.fixture
def as_owner(django_db_setup: None) -> Callable[[str], list[tuple[object, ...]]]:
    """Runs SQL as the role that owns everything, outside the test's transaction."""
    return plugin.run_as_owner


@pytest.fixture
def unlimited_repeats(monkeypatch: pytest.MonkeyPatch) -> None:
    """As many contacts of one person as an employee collects over days, at once."""
    monkeypatch.setattr("apps.contacts.identity_lookup.MAX_REPEATS_OF_AN_IDENTITY", 1_000)


@pytest.fixture
def eager() -> Iterator[None]:
    """Celery tasks run immediately in this process, and raise."""
    app.loader.import_default_modules()  # as in a worker: a process that only publishes knows tasks by name
    # By name, not by attribute: Celery's layered settings cannot undo a patch by attribute.
    before = {name: app.conf[name] for name in ("task_always_eager", "task_eager_propagates")}
    app.conf.update(dict.fromkeys(before, True))
    yield
    app.conf.update(before)


@pytest.fixture(scope="session")
def valkey_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a throw-away Valkey of this test process."""
    plugin.PATHS.create_data()
    plugin.PATHS.create()
    name = plugin.WORKER or "main"
    path = plugin.PATHS.broker_socket.parent / f"valkey-{name}.sock"
    command = [str(plugin.PATHS.valkey_server), "--port", "0", "--unixsocket", str(path), "--unixsocketperm", "770"]
    command += ["--save", "", "--dir", str(plugin.PATHS.queue), "--loglevel", "warning"]
    process = subprocess.Popen(
        command,
        cwd="/",
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        preexec_fn=die_with_parent(signal.SIGKILL),
        **plugin.PATHS.valkey_user(),
    )
    try:
        _wait_for(path, process)
        yield f"redis+socket://{path}"
    finally:
        process.kill()
        process.wait()


def _wait_for(path: Path, process: "subprocess.Popen[bytes]") -> None:
    end = time.monotonic() + 10
    while True:
        try:
            redis.Redis(unix_socket_path=str(path)).ping()
            return
        except redis.ConnectionError:
            if process.poll() is not None or time.monotonic() > end:
                raise
            time.sleep(0.02)


@pytest.fixture
def valkey(valkey_server: str) -> Iterator[str]:
    """The address of an empty Valkey, for `CELERY_BROKER_URL`."""
    client = redis.Redis(unix_socket_path=valkey_server.removeprefix("redis+socket://"))
    client.flushall()
    yield valkey_server
    client.close()


@pytest.fixture
def shared() -> Path:
    """The reference data in the repository's parent folder; only for tests marked `shared`."""
    return plugin.SHARED / "data"


@pytest.fixture(scope="session")
def browser_type_launch_args() -> dict[str, Any]:
    """Debian's Chromium without background requests."""
    chromium = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None:
        pytest.fail("Browser tests need Chromium: apt-get install chromium, or name it in CHROMIUM", pytrace=False)
    quiet = ["--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"]
    quiet += ["--disable-component-update", "--disable-sync"]
    # Chromium refuses to run as root inside its own sandbox.
    return {"executable_path": chromium, "args": quiet + (["--no-sandbox"] if os.geteuid() == 0 else [])}
