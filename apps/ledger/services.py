"""Services of the floor: the clock, the facts lock, the outbox, jobs once a period, the audit trail, the identity key.

Locks are taken in one order everywhere: facts, campaign row, tree, employees by id, contacts by key;
outbox rows only with SKIP LOCKED.
"""

from __future__ import annotations

import hmac
import json
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db import DEFAULT_DB_ALIAS, DatabaseError, InterfaceError, OperationalError, connection, connections

from apps.ledger.models import Setting
from apps.ledger.rules import Identity, digest, normalise
from apps.ledger.trail import SYSTEM, Actor, audit, audit_once, audit_origin, browser, origin, set_audit_origin

# What stands here is all of the floor that writers need.
__all__ = ["SYSTEM", "Actor", "audit", "audit_once", "audit_origin", "browser", "origin", "set_audit_origin"]

# Arbitrary, fixed for ever: the same number must be taken by every version that shares a database.
FACTS_LOCK = 8_101_001
TREE_LOCK = 8_101_002
CAMPAIGNS_LOCK = 8_101_003
# Read by the triggers on contacts (ledger.guards); gone with the transaction.
HELD = ", set_config('hundred.facts', 'held', true)"
# While set, writers of contacts note identities too, because some campaign counts exclusively.
WATCH_IDENTITIES = "watch_identities"
IDENTITY_KEY_CHECK = "identity_key_check"
# With a name behind it: that is being frozen, so nobody may change the past.
BACKDATING_BLOCKED = "past_is_kept:"
# With a name behind it: a campaign that is closing or frozen, whose facts no feed changes.
PAST_CLOSED = "past_closed:"
# Keys this process has compared with the database's: no digest is made with another.
_verified_keys: dict[str, bool] = {}


def db_now() -> datetime:
    """The database's time now. Services that date a fact call it after they hold the facts lock."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT hundred_clock()")
        return cursor.fetchone()[0]


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


class BackdatingBlocked(RuntimeError):
    """A change of the past while a result is made from it: it can be made again in a minute."""

    def __init__(self) -> None:
        super().__init__("a campaign is being frozen, so its past cannot change now; start again in a minute")


def block_backdated_writes(name: str, keep: bool) -> None:
    """From now on refuse changes of the past, or allow them again. To begin, the caller holds facts exclusively."""
    if keep:
        Setting.objects.get_or_create(name=BACKDATING_BLOCKED + name, defaults={"value": True})
    else:
        Setting.objects.filter(name=BACKDATING_BLOCKED + name).delete()


def ensure_backdating_allowed() -> None:
    """Raises BackdatingBlocked while a result is made from the past. The caller holds facts and changes the past."""
    if Setting.objects.filter(name__startswith=BACKDATING_BLOCKED).exists():
        raise BackdatingBlocked


def close_past(name: str, opens_at: datetime, cutoff_at: datetime) -> None:
    """From now on no feed changes what counted from `opens_at` to `cutoff_at`. The caller holds facts exclusively."""
    closed = [opens_at.isoformat(), cutoff_at.isoformat()]
    Setting.objects.update_or_create(name=PAST_CLOSED + name, defaults={"value": closed})


def closed_periods() -> list[tuple[datetime, datetime]]:
    """The periods of `close_past`, for the caller that holds facts."""
    closed = Setting.objects.filter(name__startswith=PAST_CLOSED).order_by("name").values_list("value", flat=True)
    return [(datetime.fromisoformat(start), datetime.fromisoformat(end)) for start, end in closed]


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


def normalise_identity(kind: str, raw: str) -> Identity:
    """Normalise raw text with this installation's region and key, to find what is stored: its handles may be older

    than HANDLE_PATTERN. Raises InvalidIdentity, ImproperlyConfigured.
    """
    return identity_normaliser(handles="")(kind, raw)


def identity_normaliser(handles: str | None = None) -> Callable[[str, str], Identity]:
    """What normalises identities that are to be recorded: a new handle has the syntax HANDLE_PATTERN (or `handles`).

    Raises ImproperlyConfigured.
    """
    if not _verified_keys.get(settings.IDENTITY_KEY):
        verify_identity_key()
    return partial(
        normalise, region=settings.COMPANY_PHONE_REGION, key=settings.IDENTITY_KEY,
        handles=settings.HANDLE_PATTERN if handles is None else handles,
    )  # fmt: skip


def verify_identity_key() -> None:
    """Refuse to go on with another IDENTITY_KEY than the one all stored digests were made with.

    The first call stores the check value. Raises ImproperlyConfigured.
    """
    check = digest(settings.IDENTITY_KEY, "check", "hundred").hex()
    stored, _ = Setting.objects.get_or_create(name=IDENTITY_KEY_CHECK, defaults={"value": check})
    if not hmac.compare_digest(str(stored.value), check):
        raise ImproperlyConfigured(
            "IDENTITY_KEY is not the key this database was filled with. With another key nobody would be recognised "
            "again: set the key of the first start, or restore it from your secrets."
        )
    _verified_keys[settings.IDENTITY_KEY] = True


# -- outbox ------------------------------------------------------------------------------------------------------


def queue_reevaluation(ids: Iterable[int]) -> None:
    """Note that the standings of these employees must be judged again. Part of the caller's transaction."""
    unique = sorted(set(ids))
    if unique:
        with connection.cursor() as cursor:
            cursor.execute("INSERT INTO ledger_outbox (employee_id) SELECT unnest(%s::bigint[])", [unique])


def queue_identity_reevaluation(keys: Iterable[tuple[str, bytes]], *, always: bool = False) -> None:
    """Note that whoever holds one of these (kind, digest) must be judged again.

    Without `always`, only while some campaign counts exclusively: nobody else's verdict hangs on a contact otherwise.
    """
    # Asked first: a file brings thousands. Whoever holds the facts lock sees what was decided before it took it.
    if not always and not identity_tracking_on():
        return
    unique = sorted({(kind, bytes(key)) for kind, key in keys})
    if not unique:
        return
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO ledger_outbox (kind, digest)"
            " SELECT kind, decode(hex, 'hex') FROM unnest(%s::text[], %s::text[]) AS noted(kind, hex)",
            [[kind for kind, _ in unique], [key.hex() for _, key in unique]],
        )


def queue_reevaluation_from_query(statement: str, parameters: Any = None) -> None:
    """`queue_reevaluation` of every id that a statement answers; none of them comes here."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"WITH found(employee_id) AS ({statement})"
            " INSERT INTO ledger_outbox (employee_id) SELECT DISTINCT employee_id FROM found ORDER BY employee_id",
            parameters,
        )


def queue_identity_reevaluation_from_query(statement: str, parameters: Any = None) -> None:
    """Queue every (kind, digest) that a statement answers, always; the identities stay in the database."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"WITH found(kind, digest) AS ({statement})"
            " INSERT INTO ledger_outbox (kind, digest) SELECT DISTINCT kind, digest FROM found ORDER BY kind, digest",
            parameters,
        )


def identity_tracking_on() -> bool:
    """Whether identities are noted with every contact."""
    return Setting.objects.filter(name=WATCH_IDENTITIES).exists()


def set_identity_tracking(watch: bool) -> None:
    """From now on note identities with every contact, or stop. Draws a line between the writers before and after.

    Never ask first whether it is so already: somebody may be about to change it.
    """
    lock_facts(exclusive=True)
    if watch:
        Setting.objects.get_or_create(name=WATCH_IDENTITIES, defaults={"value": True})
    else:
        Setting.objects.filter(name=WATCH_IDENTITIES).delete()


@dataclass(frozen=True)
class OutboxBatch:
    """What a drain took out of the outbox: employees' ids, and (kind, digest) of identities."""

    employees: Sequence[int]
    identities: Sequence[tuple[str, bytes]]
    rows: int


def pop_outbox(limit: int) -> OutboxBatch:
    """Take up to `limit` notes that nobody else is taking. They are gone when, and only when, the caller commits."""
    with connection.cursor() as cursor:
        cursor.execute(
            # As an array, these are found by their ids; as a set, by reading all that wait, for each piece again.
            "DELETE FROM ledger_outbox WHERE id = ANY(ARRAY"
            "(SELECT id FROM ledger_outbox ORDER BY id LIMIT %s FOR UPDATE SKIP LOCKED))"
            " RETURNING employee_id, kind, digest",
            [limit],
        )
        rows = cursor.fetchall()
    return OutboxBatch(
        employees=sorted({employee for employee, _, _ in rows if employee is not None}),
        identities=sorted({(kind, bytes(key)) for _, kind, key in rows if kind is not None}),
        rows=len(rows),
    )


# -- jobs ------------------------------------------------------------------------------------------------


def claim_job(job: str, period: str, detail: dict[str, Any] | None = None) -> bool:
    """Say in the caller's transaction that `job` is done for `period`. False: it already was, do nothing."""
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO ledger_job (job, period, detail, done_at) VALUES (%s, %s, %s::jsonb, hundred_clock())"
            " ON CONFLICT (job, period) DO NOTHING RETURNING id",
            [job, period, json.dumps(detail or {})],
        )
        return cursor.fetchone() is not None
