"""Locks on facts, on the tree of people and on campaigns, and the waits that end.

Locks are taken in one order everywhere: facts, campaign row, tree, employees by id, contacts by key;
outbox rows only with SKIP LOCKED.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from django.db import DEFAULT_DB_ALIAS, DatabaseError, InterfaceError, OperationalError, connection, connections

# Arbitrary, fixed for ever: the same number must be taken by every version that shares a database.
FACTS_LOCK = 8_101_001


TREE_LOCK = 8_101_002


CAMPAIGNS_LOCK = 8_101_003


# Read by the triggers on contacts (core.change_triggers); gone with the transaction.
HELD = ", set_config('hundred.facts', 'held', true)"


def database_is_away(error: BaseException | None) -> bool:
    """Whether an error says that the database does not answer: a passing trouble, no fault of the question."""
    # A server that dies in the middle of an answer leaves an error of no narrower class than this.
    return isinstance(error, OperationalError | InterfaceError) or type(error) is DatabaseError


def lock_facts(*, exclusive: bool = False) -> None:
    """Take the facts lock until the transaction ends: shared to write or judge facts, exclusive to draw a line.

    Whoever holds it follows the rules of the house, and says so: contacts that are changed without are noted.
    """
    _advisory("pg_advisory_xact_lock" if exclusive else "pg_advisory_xact_lock_shared", FACTS_LOCK, HELD)


def lock_org_tree() -> None:
    """Take the reporting tree for writing until the transaction ends; after facts, before employees.

    What is done with it is done to everybody, and may take its time.
    """
    _advisory("pg_advisory_xact_lock", TREE_LOCK)
    disable_statement_timeout()


def lock_campaign_periods() -> None:
    """Let one caller at a time decide which campaigns have days in common, until the transaction ends; before facts."""
    _advisory("pg_advisory_xact_lock", CAMPAIGNS_LOCK)


def disable_statement_timeout(using: str = DEFAULT_DB_ALIAS) -> None:
    """Let the statements of this transaction take longer than a page may wait."""
    if not connections[using].in_atomic_block:
        raise RuntimeError("outside a transaction this would hold for every one after it")
    with connections[using].cursor() as cursor:
        cursor.execute("SET LOCAL statement_timeout = 0")


def _advisory(function: str, key: int, also: str = "") -> None:
    if not connection.in_atomic_block:
        raise RuntimeError("a lock outside a transaction protects nothing")
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {function}(%s){also}", [key])


def wait_for_writers(within: float) -> bool:
    """Wait until whoever holds the facts lock now has let go of it, without keeping anybody else from it.

    Then everything dated before this call is committed. False: somebody still held it after `within` seconds.
    """
    holding = """SELECT coalesce(array_agg(virtualtransaction), ARRAY[]::text[]) FROM pg_locks
        WHERE locktype = 'advisory' AND objsubid = 1 AND classid = 0 AND objid = %s AND granted
          AND database = (SELECT oid FROM pg_database WHERE datname = current_database()) AND pid <> pg_backend_pid()"""
    end, before = time.monotonic() + within, None
    while True:
        with connection.cursor() as cursor:
            cursor.execute(holding, [FACTS_LOCK])
            now = set(cursor.fetchone()[0])
        before = now if before is None else before & now
        if not before or time.monotonic() > end:
            return not before
        time.sleep(0.02)


@contextmanager
def advisory_lock(name: str, *, wait: float = 0) -> Iterator[bool]:
    """Hold a name across transactions; yields False when another connection still holds it after `wait` seconds.

    The database lets go of it when the process dies, or a second later when a statement of it is still running.
    """
    key, end = [name], time.monotonic() + wait
    while not (held := _ask("SELECT pg_try_advisory_lock(hashtextextended(%s, 0))", key)) and time.monotonic() < end:
        time.sleep(0.1)
    try:
        yield held
    finally:
        # A connection that broke has let go of it already.
        if held and connection.connection is not None and not connection.connection.closed:
            _ask("SELECT pg_advisory_unlock(hashtextextended(%s, 0))", key)


def _ask(question: str, parameters: Sequence[Any]) -> bool:
    with connection.cursor() as cursor:
        cursor.execute(question, parameters)
        return bool(cursor.fetchone()[0])
