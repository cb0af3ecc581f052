"""Many at once, each over a connection of its own; one crowd at a time on the server the test processes share."""

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import pytest
from django.db import OperationalError, connection

from apps.contacts.services import changes, submissions
from apps.localstack.file_locks import FileLock
from apps.standings import marking
from tests import plugin

PATIENCE = 120.0


@contextmanager
def alone() -> Iterator[None]:
    """No other test process has a crowd meanwhile: together they would want more connections than there are."""
    lock = FileLock(plugin.PLACES.data / "crowd.lock")
    try:
        if not lock.exclusive(within=10 * PATIENCE):
            raise TimeoutError("Another test process has kept its crowd for too long.")
        yield
    finally:
        lock.release()


def at_once(*works: Callable[[], Any]) -> list[Any]:
    """Begin all works at one moment, each in its own thread and connection; their results, or what they raised."""
    barrier = threading.Barrier(len(works))

    def run(work: Callable[[], Any]) -> Any:
        try:
            _connect()
            barrier.wait(PATIENCE)
            return work()
        except Exception as error:
            return error
        finally:
            connection.close()

    with alone(), ThreadPoolExecutor(len(works)) as pool:
        return list(pool.map(run, works))


def _connect() -> None:
    end = time.monotonic() + PATIENCE
    while True:
        try:
            return connection.ensure_connection()
        except OperationalError:
            if time.monotonic() > end:
                raise
            time.sleep(0.05)


@contextmanager
def meanwhile(work: Callable[[], Any]) -> Iterator["Future[Any]"]:
    """A work in another thread and connection; at the end it must have ended without an error."""

    def run() -> Any:
        try:
            return work()
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as pool:
        future = pool.submit(run)
        yield future
        future.result(PATIENCE)


def until(reached: Callable[[], Any]) -> None:
    """Wait until that is so, however slow the machine is."""
    end = time.monotonic() + PATIENCE
    while not reached():
        if time.monotonic() > end:
            raise TimeoutError("it never came to that")
        time.sleep(0.01)


def blocked() -> int:
    """How many connections to this test's database wait for a lock that another one holds."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
        )
        return int(cursor.fetchone()[0])


class Gate:
    """A place in the code where one thread stops until it is let through. Patched in around a function."""

    def __init__(self) -> None:
        self._reached, self._open = threading.Event(), threading.Event()

    def before(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """The function, which now waits at its door; only the first caller does."""
        return self._gated(function, first=True)

    def after(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """The function, which now waits before it returns; only the first caller does."""
        return self._gated(function, first=False)

    def _gated(self, function: Callable[..., Any], *, first: bool) -> Callable[..., Any]:
        def gated(*args: Any, **options: Any) -> Any:
            if first:
                self._stop()
                return function(*args, **options)
            result = function(*args, **options)
            self._stop()
            return result

        return gated

    def _stop(self) -> None:
        if self._reached.is_set():
            return
        self._reached.set()
        if not self._open.wait(PATIENCE):
            raise TimeoutError("nobody opened the gate")

    def wait(self) -> None:
        """Until somebody stands at the gate."""
        if not self._reached.wait(PATIENCE):
            raise TimeoutError("nobody came to the gate")

    def open(self) -> None:
        """Let them through."""
        self._open.set()


def no_lock(*args: Any, **options: Any) -> None:
    """What a mutant has instead of a lock."""


def unlock(monkeypatch: pytest.MonkeyPatch) -> None:
    """The mutant: nobody waits for anybody's row."""
    monkeypatch.setattr(submissions, "lock_employees", no_lock)
    monkeypatch.setattr(changes, "lock_employees", no_lock)
    monkeypatch.setattr(marking, "lock_employees", no_lock)
