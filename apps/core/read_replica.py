"""Where reports read: from a replica with everything that was committed, or else from the primary.

Only rows of reports and files come from it, never an object that could be saved. Permissions are checked on the
primary, and everything that writes, evaluates or locks reads there. Without DATABASE_REPLICA_URL all of this is one
comparison. docs/adr/0044-read-from-a-replica-only-when-it-is-up-to-date.md has the reasons.
"""

from __future__ import annotations

import logging
import os
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from dataclasses import dataclass
from threading import Timer
from typing import Any, TypeVar

from django.conf import settings
from django.db import DEFAULT_DB_ALIAS, Error, connection, connections

from apps.core.prepared_statements import execute_prepared_sql

T = TypeVar("T")
logger = logging.getLogger(__name__)
ALIAS = "replica"
# Seconds for which this process uses the primary alone: after the replica was behind, and after it failed.
PAUSE_WHEN_BEHIND_SECONDS, PAUSE_AFTER_FAILURE_SECONDS = 3.0, 15.0
# Seconds in which a healthy server answers how far it is, in addition to the time to catch up.
ANSWER_SECONDS = 2.0
# Seconds that monitoring allows the replica to catch up: a page that does not wait is no problem.
MONITOR_TIMEOUT_SECONDS = 1.0
# Identical on a physical copy and nowhere else. A name or an address may lead to another server.
CLUSTER_ID = """(SELECT system_identifier FROM pg_control_system())::text
    || '/' || (SELECT oid FROM pg_database WHERE datname = current_database())"""
# Up to the last byte written: an asynchronous commit is visible before the log is on disk.
WRITTEN = f"""SELECT {CLUSTER_ID}, ('x' || left(pg_walfile_name(pg_current_wal_insert_lsn()), 8))::bit(32)::int,
    pg_current_wal_insert_lsn()::text"""
# A promoted server has no such timeline, and a replica of another server has a different one: positions of two
# timelines cannot be compared.
REPLAYED = f"""SELECT {CLUSTER_ID} = %s AND (SELECT min_recovery_end_timeline FROM pg_control_recovery()) = %s,
    pg_last_wal_replay_lsn() >= %s::pg_lsn"""
# A statement that was cancelled, by a conflict with replay or by its timeout: the server is healthy.
CANCELLED = ("40", "57014")


class NotOurStandby(RuntimeError):
    """The address leads to no standby of this database."""


@dataclass
class _ReadScope:
    """Reads that belong together and therefore use one server."""

    timeout: float
    alias: str = ""


_scope: ContextVar[_ReadScope | None] = ContextVar("unit", default=None)
_primary_until = 0.0


def configured() -> bool:
    return ALIAS in settings.DATABASES


@contextmanager
def replica_allowed(timeout: float | None = None) -> Iterator[None]:
    """Let `read_rows` and `with_fallback` inside use the replica: all of them, or none.

    They see everything that was committed before the first of them ran. The replica has `timeout` seconds to catch up,
    by default settings.REPLICA_PATIENCE.
    """
    token = _scope.set(_ReadScope(settings.REPLICA_PATIENCE / 1000 if timeout is None else timeout))
    try:
        yield
    finally:
        _scope.reset(token)


def read_rows(statement: str, *, prepared: bool = False) -> list[tuple]:
    """The rows of a SELECT without parameters. `prepared`: as a prepared statement (apps.core.prepared_statements)."""

    def run(using: str) -> list[tuple]:
        with connections[using].cursor() as cursor:
            cursor.execute(execute_prepared_sql(statement, using) if prepared else statement)
            return cursor.fetchall()

    return with_fallback(run)


def with_fallback(read: Callable[[str], T]) -> T:
    """The result of `read`, which receives the alias of the connection to use and writes nothing.

    When the replica fails, `read` runs once more on the primary and must start from the beginning.
    """
    scope = _scope.get()
    # An open transaction may have written rows that no replica has.
    if scope is None or not configured() or connection.in_atomic_block:
        return read(DEFAULT_DB_ALIAS)
    if not scope.alias:
        scope.alias = ALIAS if _usable(scope.timeout) else DEFAULT_DB_ALIAS
    if scope.alias == ALIAS:
        try:
            return read(ALIAS)
        except Error as error:
            scope.alias = DEFAULT_DB_ALIAS
            _pause_replica(error)
    return read(DEFAULT_DB_ALIAS)


def state() -> str:
    """For monitoring: `ok`, `behind`, `foreign` (no standby of this database) or `unreachable`."""
    try:
        return "ok" if _caught_up(MONITOR_TIMEOUT_SECONDS) else "behind"
    except NotOurStandby:
        return "foreign"
    except Error as error:
        _pause_replica(error)
        return "unreachable"


def _usable(timeout: float) -> bool:
    global _primary_until
    if time.monotonic() < _primary_until:
        return False
    try:
        if _caught_up(timeout):
            return True
        _primary_until = time.monotonic() + PAUSE_WHEN_BEHIND_SECONDS
    except (Error, NotOurStandby) as error:
        _pause_replica(error)
    return False


def _caught_up(timeout: float) -> bool:
    """Whether the replica replays within `timeout` seconds all that the primary has written. Raises NotOurStandby."""
    with connection.cursor() as cursor:
        cursor.execute(WRITTEN)
        written = cursor.fetchone()
    end, pause = time.monotonic() + timeout, 0.001
    with connections[ALIAS].cursor() as cursor, _cut_off(timeout + ANSWER_SECONDS):
        while True:
            cursor.execute(REPLAYED, written)
            ours, replayed = cursor.fetchone()
            if not ours:
                raise NotOurStandby
            if replayed or time.monotonic() >= end:
                return bool(replayed)
            time.sleep(pause)
            pause = min(2 * pause, 0.01)


@contextmanager
def _cut_off(after: float) -> Iterator[None]:
    """Break the connection to the replica after so many seconds: a server that hangs ignores its own limits."""
    opened = connections[ALIAS].connection

    def cut() -> None:
        with suppress(Error, OSError), socket.socket(fileno=os.dup(opened.fileno())) as ours:
            ours.shutdown(socket.SHUT_RDWR)

    timer = Timer(after, cut)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def _pause_replica(error: Exception) -> None:
    """Do not use the replica for a while, unless it only cancelled a statement. Logs no message: it may quote rows."""
    global _primary_until
    state: Any = getattr(error.__cause__, "pgcode", None) or ""
    logger.warning("Not read from the replica: %s %s", type(error).__name__, state)
    if not state.startswith(CANCELLED):
        _primary_until = time.monotonic() + PAUSE_AFTER_FAILURE_SECONDS
    connections[ALIAS].close()
