"""Where reports read: from a replica with everything that was committed, or else from the primary.

Only rows of reports and files come from it, never an object that could be saved. Permissions are checked on the
primary, and everything that writes, evaluates or locks reads there. Without DATABASE_REPLICA_URL all of this is one
comparison. docs/adr/0044-read-from-a-replica-only-when-it-is-up-to-date.md has the reasons.
"""

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
REPLICA_ALIAS = "replica"
# Seconds for which this process uses the primary alone: after the replica was behind, and after it failed.
PAUSE_WHEN_BEHIND_SECONDS, PAUSE_AFTER_FAILURE_SECONDS = 3.0, 15.0
# Seconds in which a healthy server answers how far it is, in addition to the time to catch up.
RESPONSE_SECONDS = 2.0
# Seconds that monitoring allows the replica to catch up: a page that does not wait is no problem.
MONITOR_TIMEOUT_SECONDS = 1.0
# Identical on a physical copy and nowhere else. A name or an address may lead to another server.
CLUSTER_ID = """(SELECT system_identifier FROM pg_control_system())::text
    || '/' || (SELECT oid FROM pg_database WHERE datname = current_database())"""
# Up to the last byte written: an asynchronous commit is visible before the log is on disk.
PRIMARY_POSITION = f"""SELECT {CLUSTER_ID},
    ('x' || left(pg_walfile_name(pg_current_wal_insert_lsn()), 8))::bit(32)::int,
    pg_current_wal_insert_lsn()::text"""
# A promoted server has no such timeline, and a replica of another server has a different one: positions of two
# timelines cannot be compared.
REPLICA_POSITION = f"""SELECT {CLUSTER_ID} = %s AND (SELECT min_recovery_end_timeline FROM pg_control_recovery()) = %s,
    pg_last_wal_replay_lsn() >= %s::pg_lsn"""
# A statement that was cancelled, by a conflict with replay or by its timeout: the server is healthy.
CANCELLED_SQLSTATES = ("40", "57014")


class NotOurReplica(RuntimeError):
    """The address leads to no replica of this database."""


@dataclass
class _ReadScope:
    """Reads that belong together and therefore use one server."""

    timeout: float
    alias: str = ""


_scope: ContextVar[_ReadScope | None] = ContextVar("read_scope", default=None)
# By process, without a lock: two threads that write it at once store nearly the same instant.
_primary_until = 0.0


def is_configured() -> bool:
    return REPLICA_ALIAS in settings.DATABASES


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
    if scope is None or not is_configured() or connection.in_atomic_block:
        return read(DEFAULT_DB_ALIAS)
    if not scope.alias:
        scope.alias = REPLICA_ALIAS if _is_usable(scope.timeout) else DEFAULT_DB_ALIAS
    if scope.alias == REPLICA_ALIAS:
        try:
            return read(REPLICA_ALIAS)
        except Error as error:
            scope.alias = DEFAULT_DB_ALIAS
            _pause_replica(error)
    return read(DEFAULT_DB_ALIAS)


def state() -> str:
    """For monitoring: `ok`, `behind`, `foreign` (no replica of this database) or `unreachable`."""
    try:
        return "ok" if _has_caught_up(MONITOR_TIMEOUT_SECONDS) else "behind"
    except NotOurReplica:
        return "foreign"
    except Error as error:
        _pause_replica(error)
        return "unreachable"


def _is_usable(timeout: float) -> bool:
    global _primary_until
    if time.monotonic() < _primary_until:
        return False
    try:
        if _has_caught_up(timeout):
            return True
        _primary_until = time.monotonic() + PAUSE_WHEN_BEHIND_SECONDS
    except (Error, NotOurReplica) as error:
        _pause_replica(error)
    return False


def _has_caught_up(timeout: float) -> bool:
    """Whether the replica replays within `timeout` seconds all that the primary has written. Raises NotOurReplica."""
    with connection.cursor() as cursor:
        cursor.execute(PRIMARY_POSITION)
        written = cursor.fetchone()
    # A replica on the same network catches up within a few milliseconds, so the first looks come quickly.
    end, pause = time.monotonic() + timeout, 0.001
    with connections[REPLICA_ALIAS].cursor() as cursor, _abort_after(timeout + RESPONSE_SECONDS):
        while True:
            cursor.execute(REPLICA_POSITION, written)
            same_cluster, replayed = cursor.fetchone()
            if not same_cluster:
                raise NotOurReplica
            if replayed or time.monotonic() >= end:
                return bool(replayed)
            time.sleep(pause)
            pause = min(2 * pause, 0.01)


@contextmanager
def _abort_after(after: float) -> Iterator[None]:
    """Break the connection to the replica after so many seconds: a server that hangs ignores its own limits."""
    raw_connection = connections[REPLICA_ALIAS].connection

    def cut() -> None:
        with suppress(Error, OSError), socket.socket(fileno=os.dup(raw_connection.fileno())) as server:
            server.shutdown(socket.SHUT_RDWR)

    timer = Timer(after, cut)
    # A process that ends must not wait for the timer.
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
    if not state.startswith(CANCELLED_SQLSTATES):
        _primary_until = time.monotonic() + PAUSE_AFTER_FAILURE_SECONDS
    # The next read opens a new connection: a name in DNS may lead to another server by then.
    connections[REPLICA_ALIAS].close()
