"""Erase expired contacts in batches, each a transaction: names and values first, then the digests.

`retention` decides which contacts a campaign still needs. It passes them as periods of `recorded_at`.
"""

from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db import transaction
from psycopg2 import sql

from apps.contacts.models import Contact, EndReason
from apps.contacts.services.submissions import lock_employees
from apps.core.audit import SYSTEM, audit
from apps.core.clock import db_now
from apps.core.locks import lock_facts
from apps.core.sql import execute, fetch_all, statement
from apps.privacy.erase_contacts import blank_contacts

# Each batch is one transaction under the facts lock: recording goes on between two of them.
BATCH_ROWS = 2_000
Period = tuple[datetime, datetime]
DUE = statement("privacy", "retention", "due")
NEXT_DUE = statement("privacy", "retention", "next_due")
COUNT_DUE = statement("privacy", "retention", "count_due")
UNUSED_DIGESTS = statement("privacy", "retention", "unused_digests")
HOLDERS = statement("privacy", "retention", "holders")
REPLACE_DIGESTS = statement("privacy", "retention", "replace_digests")
BLANK_SUBMISSIONS = statement("privacy", "retention", "blank_submissions")


@dataclass(frozen=True)
class RetentionWindow:
    """The expired contacts: recorded `before` and in no `retained` period, or recorded by a leaver.

    A leaver left before `left_before`. A leaver's contacts are retained in periods that are `used`.
    """

    before: datetime
    left_before: datetime
    retained: Sequence[Period] = ()
    used: Sequence[Period] = ()
    company_domains: Collection[str] = field(default=frozenset())

    @property
    def parameters(self) -> dict[str, Any]:
        return {
            "before": self.before, "left_before": self.left_before, "batch": BATCH_ROWS, "after": 0,
            "retained_from": [start for start, _end in self.retained],
            "retained_until": [end for _start, end in self.retained],
            "used_from": [start for start, _end in self.used], "used_until": [end for _start, end in self.used],
        }  # fmt: skip


def count_due(window: RetentionWindow) -> int:
    return int(fetch_all(_with_due(COUNT_DUE), window.parameters)[0][0])


def erase_expired(window: RetentionWindow) -> Iterator[tuple[int, int]]:
    """Blank and end expired contacts and replace their digests; yields (contacts, digests) after each batch's commit.

    No count changes. After a crash, the next run continues with what is left.
    """
    after = 0
    while contacts := fetch_all(_with_due(NEXT_DUE), window.parameters | {"after": after}):
        with _batch(employee for employee, _contact in contacts):
            blank_contacts(contacts, window.company_domains)
            # While it is live, the employee could not record the person again. No campaign that still counts has it.
            ids = [contact for _employee, contact in contacts]
            Contact.objects.live().filter(pk__in=ids).update(ended_at=db_now(), end_reason=EndReason.EXPIRED)
            audit("retention.blanked", by=SYSTEM, kind="retention", detail={"contacts": len(contacts)})
        # By id, because blanked contacts no longer match: without it, each batch would scan them again.
        after = contacts[-1][1]
        yield len(contacts), 0
    # After the names: a digest is replaced only when no contact with it has a name left.
    while identities := fetch_all(UNUSED_DIGESTS, window.parameters):
        parameters = {
            "kinds": [kind for kind, _digest in identities],
            "digests": [bytes(digest).hex() for _kind, digest in identities],
        }
        with _batch(employee for (employee,) in fetch_all(HOLDERS, parameters)):
            execute(REPLACE_DIGESTS, parameters)
            audit("retention.freed", by=SYSTEM, kind="retention", detail={"digests": len(identities)})
        yield 0, len(identities)
    while execute(BLANK_SUBMISSIONS, window.parameters):
        pass


@contextmanager
def _batch(employees: Iterable[int]) -> Iterator[None]:
    with transaction.atomic():
        lock_facts()
        lock_employees(employees)
        yield


def _with_due(query: str) -> sql.Composed:
    return sql.SQL(query).format(due=sql.SQL(DUE))
