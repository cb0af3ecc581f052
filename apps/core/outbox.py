"""The outbox: employees and identities whose standings must be evaluated again.

Each function that queues also wakes a worker after the commit; its caller need not.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from apps.core.enqueue import enqueue_marking
from apps.core.locks import lock_facts
from apps.core.models import Setting
from apps.core.sql import execute, fetch_all

# While set, writers of contacts queue identities too, because a campaign counts exclusively.
WATCH_IDENTITIES = "watch_identities"


def queue_reevaluation(ids: Iterable[int]) -> None:
    """Queue these employees for re-evaluation. Part of the caller's transaction."""
    unique = sorted(set(ids))
    if unique:
        execute("INSERT INTO core_outbox (employee_id) SELECT unnest(%s::bigint[])", [unique])
        enqueue_marking()


def queue_identity_reevaluation(keys: Iterable[tuple[str, bytes]], *, always: bool = False) -> None:
    """Queue the holders of these (kind, digest) for re-evaluation.

    Without `always`, only while a campaign counts exclusively: otherwise a contact affects its own employee only.
    """
    # Checked first: a file brings thousands. Under the facts lock the caller sees the decision made before it.
    if not always and not identity_tracking_on():
        return
    unique = sorted({(kind, bytes(key)) for kind, key in keys})
    if not unique:
        return
    execute(
        "INSERT INTO core_outbox (kind, digest)"
        " SELECT kind, decode(hex, 'hex') FROM unnest(%s::text[], %s::text[]) AS identity(kind, hex)",
        [[kind for kind, _ in unique], [key.hex() for _, key in unique]],
    )
    enqueue_marking()


def queue_reevaluation_from_query(statement: str, parameters: Any = None) -> None:
    """Queue every employee id that a statement returns; the ids stay in the database."""
    execute(
        f"WITH employee(employee_id) AS ({statement})"
        " INSERT INTO core_outbox (employee_id) SELECT DISTINCT employee_id FROM employee ORDER BY employee_id",
        parameters,
    )
    enqueue_marking()


def queue_identity_reevaluation_from_query(statement: str, parameters: Any = None) -> None:
    """Queue every (kind, digest) that a statement returns, always; the identities stay in the database."""
    execute(
        f"WITH identity(kind, digest) AS ({statement})"
        " INSERT INTO core_outbox (kind, digest) SELECT DISTINCT kind, digest FROM identity ORDER BY kind, digest",
        parameters,
    )
    enqueue_marking()


def identity_tracking_on() -> bool:
    return Setting.objects.filter(name=WATCH_IDENTITIES).exists()


def set_identity_tracking(watch: bool) -> None:
    """Start or stop queueing identities with every contact. Takes the exclusive lock between earlier and later writers.

    Do not check the current value first: another transaction may be about to change it.
    """
    # Exclusive: a writer that checked before has committed, and a later one sees the new value.
    lock_facts(exclusive=True)
    if watch:
        Setting.objects.get_or_create(name=WATCH_IDENTITIES, defaults={"value": True})
    else:
        Setting.objects.filter(name=WATCH_IDENTITIES).delete()


@dataclass(frozen=True)
class OutboxBatch:
    """The rows that one call took out of the outbox: employees' ids, and (kind, digest) of identities."""

    employees: Sequence[int]
    identities: Sequence[tuple[str, bytes]]
    rows: int


def pop_outbox(limit: int) -> OutboxBatch:
    """Take up to `limit` unlocked outbox rows. They are deleted only when the caller commits."""
    rows = fetch_all(
        # An array is looked up by index; a set would read all waiting rows for each batch.
        "DELETE FROM core_outbox WHERE id = ANY(ARRAY"
        "(SELECT id FROM core_outbox ORDER BY id LIMIT %s FOR UPDATE SKIP LOCKED))"
        " RETURNING employee_id, kind, digest",
        [limit],
    )
    return OutboxBatch(
        employees=sorted({employee for employee, _, _ in rows if employee is not None}),
        identities=sorted({(kind, bytes(key)) for _, kind, key in rows if kind is not None}),
        rows=len(rows),
    )
