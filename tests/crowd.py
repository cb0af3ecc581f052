"""Concurrent work, each on its own connection; one crowd at a time on the server that the test processes share."""

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

TIMEOUT_SECONDS = 120.0


@contextmanager
def alone() -> Iterator[None]:
    """No other test process has a crowd meanwhile: together they would need too many connections."""
    lock = FileLock(plugin.PATHS.data / "crowd.lock")
    try:
        if not lock.exclusive(within=10 * TIMEOUT_SECONDS):
            raise TimeoutError("Another test process has held the crowd lock for too long.")
        yield
    finally:
        lock.release()


def at_once(*works: Callable[[], Any]) -> list[Any]:
    """Start all works at the same moment, each in its own thread and connection; returns their results or
    exceptions.
    """
    barrier = threading.Barrier(len(works))

    def run(work: Callable[[], Any]) -> Any:
        try:
            _connect()
            barrier.wait(TIMEOUT_SECONDS)
            return work()
        except Exception as error:
            return error
        finally:
            connection.close()

    with alone(), ThreadPoolExecutor(len(works)) as pool:
        return list(pool.map(run, works))


def _connect() -> None:
    end = time.monotonic() + TIMEOUT_SECONDS
    while True:
        try:
            return connection.ensure_connection()
        except OperationalError:
            if time.monotonic() > end:
                raise
            time.sleep(0.05)


@contextmanager
def meanwhile(work: Callable[[], Any]) -> Iterator["Future[Any]"]:
    """Run a work in another thread and connection; at the end it must have ended without an error."""

    def run() -> Any:
        try:
            return work()
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as pool:
        future = pool.submit(run)
        yield future
        future.result(TIMEOUT_SECONDS)


def until(reached: Callable[[], Any]) -> None:
    """Wait until the condition is true, however slow the machine is."""
    end = time.monotonic() + TIMEOUT_SECONDS
    while not reached():
        if time.monotonic() > end:
            raise TimeoutError("it never came to that")
        time.sleep(0.01)


def blocked() -> int:
    """The number of connections to this test's database that wait for a lock of another one."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
        )
        return int(cursor.fetchone()[0])


class Gate:
    """A point in the code where one thread stops until it is released. Patched in around a function."""

    def __init__(self) -> None:
        self._reached, self._open = threading.Event(), threading.Event()

    def before(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """The function, whose first caller waits before the call."""
        return self._gated(function, first=True)

    def after(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """The function, whose first caller waits before the return."""
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
        if not self._open.wait(TIMEOUT_SECONDS):
            raise TimeoutError("the gate was not opened")

    def wait(self) -> None:
        """Wait until a thread has reached the gate."""
        if not self._reached.wait(TIMEOUT_SECONDS):
            raise TimeoutError("no thread reached the gate")

    def open(self) -> None:
        """Release the waiting thread."""
        self._open.set()


def no_lock(*args: Any, **options: Any) -> None:
    """The mutant's replacement for a lock."""


def unlock(monkeypatch: pytest.MonkeyPatch) -> None:
    """The mutant: no statement waits for a row lock."""
    monkeypatch.setattr(submissions, "lock_employees", no_lock)
    monkeypatch.setattr(changes, "lock_employees", no_lock)
    monkeypatch.setattr(marking, "lock_employees", no_lock)
