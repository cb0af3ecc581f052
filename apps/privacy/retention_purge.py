"""Erase expired contacts in batches, each a transaction: names and values first, then the digests.

`retention` decides which contacts a campaign still needs. It passes them as periods of `recorded_at`, `held`, as (from,
to).
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db import connection, transaction

from apps.contacts.services.submissions import lock_employees
from apps.core.audit import SYSTEM, audit
from apps.core.locks import lock_facts
from apps.privacy.erase_contacts import blank_contacts

BATCH = 2_000
Period = tuple[datetime, datetime]
HELD = """EXISTS (SELECT FROM unnest(%(starts)s::timestamptz[], %(ends)s::timestamptz[]) AS held(starts_at, ends_at)
    WHERE in_force_from(held.starts_at, held.ends_at, {contact}.recorded_at))"""
# The same for campaigns that still evaluate or answer for their contacts: there, a leaver's contacts are kept too.
USED = HELD.format(contact="contact").replace("%(starts)s", "%(used_from)s").replace("%(ends)s", "%(used_until)s")
# An employee who has worked here since `left_before` is not a leaver. The roster must also have reported the end before
# it, so that a backdated end erases nothing. An employee without any employment, after an undone import, is not a
# leaver either.
LEFT = """(SELECT max(greatest(work.ends_at, work.ended_recorded_at)) FROM employees_employment work
    WHERE work.employee_id = person.id) <= %(left_before)s"""
DUE = f"""contact.name IS NOT NULL AND (contact.recorded_at < %(before)s AND NOT {HELD.format(contact="contact")}
    OR NOT {USED} AND contact.employee_id IN (SELECT person.id FROM employees_employee person WHERE {LEFT}))"""
NEXT = f"""SELECT contact.employee_id, contact.id FROM contacts_contact contact
    WHERE {DUE} AND contact.id > %(after)s ORDER BY contact.id LIMIT %(limit)s"""
COUNT = f"SELECT count(*) FROM contacts_contact contact WHERE {DUE}"
# A digest has 32 bytes; its random replacement has 16. The digest of a current employee stays: it is the employee's own
# identity, and the roster has it too.
FREE = f"""SELECT DISTINCT one.kind, one.digest FROM contacts_contactidentity one
    JOIN contacts_contact contact ON contact.employee_id = one.employee_id AND contact.id = one.contact_id
    WHERE contact.name IS NULL AND octet_length(one.digest) = 32
      AND contact.recorded_at < %(before)s AND NOT {HELD.format(contact="contact")}
      AND NOT EXISTS (SELECT FROM employees_employeeidentity own WHERE own.kind = one.kind AND own.digest = one.digest)
      AND NOT EXISTS (SELECT FROM core_outbox note WHERE note.kind = one.kind AND note.digest = one.digest)
      AND NOT EXISTS (SELECT FROM contacts_contactidentity other
        JOIN contacts_contact holder ON holder.employee_id = other.employee_id AND holder.id = other.contact_id
        WHERE other.kind = one.kind AND other.digest = one.digest AND (holder.name IS NOT NULL
          OR holder.recorded_at >= %(before)s OR {HELD.format(contact="holder")}))
    LIMIT %(limit)s"""
# All identities with the same digest get the same replacement, so claims and duplicates stay the same.
REPLACE = """WITH freed AS MATERIALIZED (
    SELECT kind, decode(hex, 'hex') AS digest, uuid_send(gen_random_uuid()) AS fresh
    FROM unnest(%s::text[], %s::text[]) AS sent(kind, hex))
UPDATE contacts_contactidentity one SET digest = freed.fresh
FROM freed WHERE one.kind = freed.kind AND one.digest = freed.digest"""
HOLDERS = """SELECT DISTINCT one.employee_id, 0 FROM contacts_contactidentity one
    JOIN unnest(%(kinds)s::text[], %(digests)s::text[]) AS sent(kind, hex)
      ON one.kind = sent.kind AND one.digest = decode(sent.hex, 'hex')"""
# Fields of a submission that could still name a person.
TOLD = f"""UPDATE contacts_submission SET file_name = '',
    report = CASE WHEN report ? 'rejects' THEN jsonb_set(report, '{{rejects}}', '[]') ELSE report END
WHERE id IN (SELECT id FROM contacts_submission contact WHERE received_at < %(before)s AND state <> 'received'
    AND (file_name <> '' OR jsonb_array_length(coalesce(report -> 'rejects', '[]')) > 0)
    AND NOT {HELD.format(contact="contact").replace("recorded_at", "received_at")} LIMIT %(limit)s)"""


@dataclass(frozen=True)
class RetentionWindow:
    """The expired contacts: recorded `before` and in no `held` period, or recorded by a leaver.

    A leaver left before `left_before`. A leaver's contacts are kept in periods that are in `use`.
    """

    before: datetime
    left_before: datetime
    held: Sequence[Period] = ()
    use: Sequence[Period] = ()
    company_domains: Collection[str] = field(default=frozenset())

    @property
    def values(self) -> dict[str, Any]:
        return {
            "before": self.before, "left_before": self.left_before, "limit": BATCH,
            "starts": [start for start, _end in self.held], "ends": [end for _start, end in self.held],
            "used_from": [start for start, _end in self.use], "used_until": [end for _start, end in self.use],
        }  # fmt: skip


def count_due(limits: RetentionWindow) -> int:
    """Return how many contacts a run would blank now."""
    return int(_ask(COUNT, limits.values)[0][0])


def forget_expired(limits: RetentionWindow) -> Iterator[tuple[int, int]]:
    """Blank expired contacts and replace their digests; yields (contacts, digests) after each batch's commit.

    No status changes. After a crash, the next run continues with what is left.
    """
    after = 0
    while found := _ask(NEXT, {**limits.values, "after": after}):
        with _batch(found):
            blank_contacts(found, limits.company_domains)
            audit("retention.blanked", by=SYSTEM, kind="retention", detail={"contacts": len(found)})
        after = found[-1][1]
        yield len(found), 0
    while keys := [(kind, bytes(digest)) for kind, digest in _ask(FREE, limits.values)]:
        sent = [[kind for kind, _digest in keys], [digest.hex() for _kind, digest in keys]]
        with _batch(_ask(HOLDERS, {"kinds": sent[0], "digests": sent[1]})):
            _do(REPLACE, sent)
            audit("retention.freed", by=SYSTEM, kind="retention", detail={"digests": len(keys)})
        yield 0, len(keys)
    while _do(TOLD, limits.values):
        pass


@contextmanager
def _batch(found: Sequence[tuple[int, int]]) -> Iterator[None]:
    with transaction.atomic():
        lock_facts()
        lock_employees(employee for employee, _ in found)
        yield


def _ask(statement: str, values: Any) -> list[Any]:
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        return cursor.fetchall()


def _do(statement: str, values: Any) -> int:
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        return int(cursor.rowcount)
