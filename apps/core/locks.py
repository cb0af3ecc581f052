"""Locks on facts, on the org tree and on campaigns, and waits with a time limit.

Code takes locks in one order: facts, campaign row, tree, employees by id, contacts by key; outbox rows only with SKIP
LOCKED.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from django.db import DEFAULT_DB_ALIAS, DatabaseError, InterfaceError, OperationalError, connection, connections

# Arbitrary but permanent: all versions that share a database must use the same numbers.
FACTS_LOCK = 8_101_001


TREE_LOCK = 8_101_002


CAMPAIGNS_LOCK = 8_101_003


# The triggers on contacts read this setting (core.change_triggers); it ends with the transaction.
SET_FACTS_HELD = ", set_config('hundred.facts', 'held', true)"


def database_is_away(error: BaseException | None) -> bool:
    """Whether an error means that the database is unreachable: temporary, and not caused by the query."""
    # A server that dies during an answer leaves an error of this general class.
    return isinstance(error, OperationalError | InterfaceError) or type(error) is DatabaseError


def lock_facts(*, exclusive: bool = False) -> None:
    """Take the facts lock until the transaction ends: shared to write or evaluate facts, exclusive for a cutoff.

    The lock also marks the transaction: the triggers log changes of contacts made without it.
    """
    _advisory("pg_advisory_xact_lock" if exclusive else "pg_advisory_xact_lock_shared", FACTS_LOCK, SET_FACTS_HELD)


def lock_org_tree() -> None:
    """Take the org tree lock for writing until the transaction ends; after facts, before employees.

    Its work concerns all employees, so the statement timeout is disabled.
    """
    _advisory("pg_advisory_xact_lock", TREE_LOCK)
    disable_statement_timeout()


def lock_campaign_periods() -> None:
    """Serialise decisions on overlapping campaign periods until the transaction ends; before facts."""
    _advisory("pg_advisory_xact_lock", CAMPAIGNS_LOCK)


def disable_statement_timeout(using: str = DEFAULT_DB_ALIAS) -> None:
    """Let the statements of this transaction take longer than the limit for pages."""
    if not connections[using].in_atomic_block:
        raise RuntimeError("outside a transaction this would apply to all later ones")
    with connections[using].cursor() as cursor:
        cursor.execute("SET LOCAL statement_timeout = 0")


def _advisory(function: str, key: int, also: str = "") -> None:
    if not connection.in_atomic_block:
        raise RuntimeError("a lock outside a transaction protects nothing")
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {function}(%s){also}", [key])


def wait_for_writers(within: float) -> bool:
    """Wait until the current holders of the facts lock have released it, without blocking new ones.

    Then everything dated before this call is committed. False: a holder still had it after `within` seconds.
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
    """Hold a named lock across transactions; yields False when another connection still holds it after `wait` seconds.

    The database releases it when the process dies, or a second later while a statement is still running.
    """
    key, end = [name], time.monotonic() + wait
    while (
        not (acquired := _ask("SELECT pg_try_advisory_lock(hashtextextended(%s, 0))", key)) and time.monotonic() < end
    ):
        time.sleep(0.1)
    try:
        yield acquired
    finally:
        # A broken connection has already released it.
        if acquired and connection.connection is not None and not connection.connection.closed:
            _ask("SELECT pg_advisory_unlock(hashtextextended(%s, 0))", key)


def _ask(statement: str, parameters: Sequence[Any]) -> bool:
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        return bool(cursor.fetchone()[0])
