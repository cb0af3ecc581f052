"""Where reports are read: from a replica that has all that was committed, or else from the primary.

Only rows of reports and files come from it, never an object that could be saved or followed to others: who may see whom
is judged on the primary, and whatever writes, judges or locks reads there. Without DATABASE_REPLICA_URL all of this is
one comparison. docs/adr/0044-read-from-a-replica-only-when-it-is-up-to-date.md has the reasons.
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

from apps.core.prepared_statements import execution

T = TypeVar("T")
logger = logging.getLogger(__name__)
ALIAS = "replica"
# Seconds for which this process asks the primary alone: after the replica was behind, and after it failed.
AFTER_A_MISS, AFTER_A_FAILURE = 3.0, 15.0
# Seconds in which a server that is well answers the question how far it is, besides those it is waited for.
HANGS = 2.0
# Seconds a monitor gives it to catch up: a page that is not waited for is no trouble.
MONITOR_PATIENCE = 1.0
# What is the same on a physical copy and nowhere else. A name or an address may lead anywhere.
WHOSE = """(SELECT system_identifier FROM pg_control_system())::text
    || '/' || (SELECT oid FROM pg_database WHERE datname = current_database())"""
# Up to the last byte that was written: whoever commits asynchronously is seen before the log is on disk.
WRITTEN = f"""SELECT {WHOSE}, ('x' || left(pg_walfile_name(pg_current_wal_insert_lsn()), 8))::bit(32)::int,
    pg_current_wal_insert_lsn()::text"""
# A promoted server has no such timeline, and one that followed another has a different one: positions of two timelines
# compare to nothing.
REPLAYED = f"""SELECT {WHOSE} = %s AND (SELECT min_recovery_end_timeline FROM pg_control_recovery()) = %s,
    pg_last_wal_replay_lsn() >= %s::pg_lsn"""
# A statement that was cancelled, by a conflict with what is replayed or by its time: the server is well.
CANCELLED = ("40", "57014")


class NotOurStandby(RuntimeError):
    """The address leads to no standby of this database."""


@dataclass
class _Unit:
    """What is read together, hence from one place."""

    patience: float
    alias: str = ""


_unit: ContextVar[_Unit | None] = ContextVar("unit", default=None)
_primary_until = 0.0


def configured() -> bool:
    return ALIAS in settings.DATABASES


@contextmanager
def reading(patience: float | None = None) -> Iterator[None]:
    """Let `read_rows` and `anew` inside ask the replica: all of them, from the first on, or none.

    They show everything that was committed before the first of them asked. The replica has `patience` seconds to catch
    up, by default settings.REPLICA_PATIENCE.
    """
    token = _unit.set(_Unit(settings.REPLICA_PATIENCE / 1000 if patience is None else patience))
    try:
        yield
    finally:
        _unit.reset(token)


def read_rows(statement: str, *, kept: bool = False) -> list[tuple]:
    """The rows of a SELECT without parameters. `kept`: by a plan that the connection keeps
    (apps.core.prepared_statements).
    """

    def ask(using: str) -> list[tuple]:
        with connections[using].cursor() as cursor:
            cursor.execute(execution(statement, using) if kept else statement)
            return cursor.fetchall()

    return anew(ask)


def anew(read: Callable[[str], T]) -> T:
    """What `read` returns, which is given the alias of the connection to read over, and writes nothing.

    When the replica fails it is called once more, for the primary, and has to begin anew.
    """
    unit = _unit.get()
    # Whoever is in a transaction may have written what no replica has.
    if unit is None or not configured() or connection.in_atomic_block:
        return read(DEFAULT_DB_ALIAS)
    if not unit.alias:
        unit.alias = ALIAS if _usable(unit.patience) else DEFAULT_DB_ALIAS
    if unit.alias == ALIAS:
        try:
            return read(ALIAS)
        except Error as error:
            unit.alias = DEFAULT_DB_ALIAS
            _note(error)
    return read(DEFAULT_DB_ALIAS)


def state() -> str:
    """For a monitor: `ok`, `behind`, `foreign` (the address leads to no standby of this database) or `unreachable`."""
    try:
        return "ok" if _caught_up(MONITOR_PATIENCE) else "behind"
    except NotOurStandby:
        return "foreign"
    except Error as error:
        _note(error)
        return "unreachable"


def _usable(patience: float) -> bool:
    global _primary_until
    if time.monotonic() < _primary_until:
        return False
    try:
        if _caught_up(patience):
            return True
        _primary_until = time.monotonic() + AFTER_A_MISS
    except (Error, NotOurStandby) as error:
        _note(error)
    return False


def _caught_up(patience: float) -> bool:
    """Whether the replica has replayed, within so many seconds, all that the primary has written. Raises Foreign."""
    with connection.cursor() as cursor:
        cursor.execute(WRITTEN)
        written = cursor.fetchone()
    end, pause = time.monotonic() + patience, 0.001
    with connections[ALIAS].cursor() as cursor, _cut_off(patience + HANGS):
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
    """Break the connection to the replica after so many seconds: a server that hangs keeps no limit of its own."""
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


def _note(error: Exception) -> None:
    """Leave the replica alone for a while, unless all it did was give up a statement. No message: that quotes rows."""
    global _primary_until
    state: Any = getattr(error.__cause__, "pgcode", None) or ""
    logger.warning("Not read from the replica: %s %s", type(error).__name__, state)
    if not state.startswith(CANCELLED):
        _primary_until = time.monotonic() + AFTER_A_FAILURE
    connections[ALIAS].close()
