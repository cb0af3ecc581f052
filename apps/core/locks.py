"""Locks on facts, on the org tree and on campaigns, and waits with a time limit.

Code takes locks in one order: facts, campaign row, tree, employees by id, contacts by key; outbox rows only with SKIP
LOCKED.
"""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from django.db import DEFAULT_DB_ALIAS, DatabaseError, InterfaceError, OperationalError, connection, connections

# Arbitrary but permanent: all versions that share a database must use the same numbers.
FACTS_LOCK = 8_101_001
TREE_LOCK = 8_101_002
CAMPAIGNS_LOCK = 8_101_003


# SQLSTATE: classes of lost connections, conflicts of transactions, missing resources and a server that shuts down.
TEMPORARY_SQLSTATE_CLASSES = ("08", "40", "53", "57")
# A statement timeout is not temporary: the same work would take as long again. A lock timeout is.
LOCK_NOT_AVAILABLE, QUERY_CANCELED = "55P03", "57014"
# A write on a standby, which another server replaces as the primary or which is promoted.
READ_ONLY_TRANSACTION = "25006"


# The triggers on contacts read this setting (core.change_triggers); it ends with the transaction.
MARK_TRANSACTION_SQL = ", set_config('hundred.facts', 'held', true)"


def is_database_unavailable(error: BaseException | None) -> bool:
    """Whether an error means that the database is unreachable or read-only: temporary, and not caused by the query."""
    if _sqlstate(error) == READ_ONLY_TRANSACTION:
        return True
    # A server that dies during an answer leaves an error of this general class.
    return isinstance(error, OperationalError | InterfaceError) or type(error) is DatabaseError


def is_temporary(error: BaseException) -> bool:
    """Whether the same work can succeed later: the database is away or busy, or another transaction interfered."""
    state = _sqlstate(error)
    if state is None or state == READ_ONLY_TRANSACTION:
        return is_database_unavailable(error)
    return state == LOCK_NOT_AVAILABLE or (state[:2] in TEMPORARY_SQLSTATE_CLASSES and state != QUERY_CANCELED)


def _sqlstate(error: BaseException | None) -> str | None:
    return getattr(error.__cause__, "pgcode", None) if error else None


def lock_facts(*, exclusive: bool = False) -> None:
    """Take the facts lock until the transaction ends: shared to write or evaluate facts, exclusive for a cutoff.

    The lock extra_sql marks the transaction: the triggers log changes of contacts made without it.
    """
    _take_transaction_lock(
        "pg_advisory_xact_lock" if exclusive else "pg_advisory_xact_lock_shared", FACTS_LOCK, MARK_TRANSACTION_SQL
    )


def lock_org_tree() -> None:
    """Take the org tree lock for writing until the transaction ends; after facts, before employees.

    Its work concerns all employees, so the statement timeout is disabled.
    """
    _take_transaction_lock("pg_advisory_xact_lock", TREE_LOCK)
    disable_statement_timeout()


def begin_roster_preview(milliseconds: int) -> None:
    """Let this transaction write roster rows without the org tree lock; the database then refuses to commit it.

    A statement may take `milliseconds`. The preview waits for no row that another transaction changes: it fails with a
    temporary error before the database could end the other transaction because of a deadlock.
    """
    if not connection.in_atomic_block:
        raise RuntimeError("outside a transaction this would apply to nothing")
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT set_config('hundred.roster', 'trial', true), set_config('lock_timeout', '500ms', true),"
            " set_config('statement_timeout', %s, true)",
            [f"{milliseconds}ms"],
        )


def lock_request_key(name: str) -> None:
    """Serialise the receipts of requests with one idempotency key until the transaction ends; after facts."""
    if not connection.in_atomic_block:
        raise RuntimeError("a lock outside a transaction protects nothing")
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [f"request key: {name}"])


def lock_campaign_periods() -> None:
    """Serialise decisions on overlapping campaign periods until the transaction ends; before facts."""
    _take_transaction_lock("pg_advisory_xact_lock", CAMPAIGNS_LOCK)


def disable_statement_timeout(using: str = DEFAULT_DB_ALIAS) -> None:
    """Let the statements of this transaction take longer than the limit for pages."""
    if not connections[using].in_atomic_block:
        raise RuntimeError("outside a transaction this would apply to all later ones")
    with connections[using].cursor() as cursor:
        cursor.execute("SET LOCAL statement_timeout = 0")


def _take_transaction_lock(function: str, key: int, extra_sql: str = "") -> None:
    if not connection.in_atomic_block:
        # The lock would end with its own statement.
        raise RuntimeError("a lock outside a transaction protects nothing")
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {function}(%s){extra_sql}", [key])


def wait_for_writers(timeout_seconds: float) -> bool:
    """Wait until the current holders of the facts lock have released it, without blocking new ones.

    Then everything dated before this call is committed. False: a holder still had it after `timeout_seconds`.
    """
    # By virtual transaction and not by process: a process that released the lock and took it again is a new writer.
    holders_sql = """SELECT coalesce(array_agg(virtualtransaction), ARRAY[]::text[]) FROM pg_locks
        WHERE locktype = 'advisory' AND objsubid = 1 AND classid = 0 AND objid = %s AND granted
          AND database = (SELECT oid FROM pg_database WHERE datname = current_database()) AND pid <> pg_backend_pid()"""
    end, waited_for = time.monotonic() + timeout_seconds, None
    while True:
        with connection.cursor() as cursor:
            cursor.execute(holders_sql, [FACTS_LOCK])
            now = set(cursor.fetchone()[0])
        # Only those of the first look: waiting for newcomers too would never end under load.
        waited_for = now if waited_for is None else waited_for & now
        if not waited_for or time.monotonic() > end:
            return not waited_for
        time.sleep(0.02)


@contextmanager
def advisory_lock(name: str, *, wait: float = 0) -> Iterator[bool]:
    """Hold a named lock across transactions; yields False when another connection still holds it after `wait` seconds.

    The database releases it when the process dies, or a second later while a statement is still running.
    """
    # A session lock, because the work under it spans many transactions. Its name is hashed into the same 64 bits that
    # the numbered locks use; a collision would only make two kinds of work wait for each other.
    key, end = [name], time.monotonic() + wait
    while (
        not (acquired := _query_bool("SELECT pg_try_advisory_lock(hashtextextended(%s, 0))", key))
        and time.monotonic() < end
    ):
        # Polling, and not the waiting function: a wait in the server would hold the connection and ignore `wait`.
        time.sleep(0.1)
    try:
        yield acquired
    finally:
        # A broken connection has already released it.
        if acquired and connection.connection is not None and not connection.connection.closed:
            _query_bool("SELECT pg_advisory_unlock(hashtextextended(%s, 0))", key)


def _query_bool(statement: str, parameters: Sequence[Any]) -> bool:
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        return bool(cursor.fetchone()[0])
