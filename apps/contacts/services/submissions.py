"""Record contacts: every source ends in this module, which takes the locks, reads the clock and fills the outbox.

Each write takes the facts lock in shared mode, then locks its employees' rows in id order. Concurrent submissions of
one employee therefore see each other; the unique index is the second safeguard. The outbox entries are written in the
same transaction.
"""

from __future__ import annotations

import hashlib
import logging
import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.db import connection, transaction

from apps.contacts.drafts import REJECTED, Draft, NormalisedDraft, Outcome, OutcomeCode
from apps.contacts.feeds import record_feed
from apps.contacts.models import Submission
from apps.contacts.normalisation import normalise_draft
from apps.contacts.recording import record_batch
from apps.contacts.stored_outcomes import as_stored, restored
from apps.core.audit import Actor, audit
from apps.core.clock import db_now
from apps.core.closed_periods import closed_periods, ensure_backdating_allowed
from apps.core.events import record_event
from apps.core.locks import lock_facts, lock_request_key
from apps.core.outbox import queue_identity_reevaluation, queue_reevaluation
from apps.core.text import is_storable
from apps.employees.models import Employee

logger = logging.getLogger(__name__)
# A longer idempotency key is stored as its digest, which keeps the unique index small.
MAX_KEY_CHARS = 200
# After this long the sweep finishes a submission whose process died. A request that still runs holds the row's lock.
ABANDONED_AFTER = timedelta(seconds=30)


class KeyReused(Exception):
    """An earlier request had the same key with other contacts: nothing is recorded."""


@dataclass
class Report:
    outcomes: list[Outcome] = field(default_factory=list)
    submission_id: uuid.UUID | None = None

    def count(self, *codes: str) -> int:
        return sum(outcome.code in codes for outcome in self.outcomes)

    @property
    def created(self) -> int:
        return self.count(OutcomeCode.CREATED)

    @property
    def duplicate(self) -> int:
        return self.count(OutcomeCode.DUPLICATE)

    @property
    def rejected(self) -> int:
        return self.count(*REJECTED)


def lock_employees(ids: Iterable[int]) -> None:
    """Lock the rows of these employees in id order, until the transaction ends."""
    with connection.cursor() as cursor:
        cursor.execute(
            # In id order, so that two transactions with the same employees cannot deadlock (ADR 4). NO KEY: rows that
            # refer to the employee may be inserted meanwhile.
            "SELECT FROM employees_employee WHERE id = ANY(%s) ORDER BY id FOR NO KEY UPDATE",
            [sorted(set(ids))],
        )


def submit(
    *, employee: Employee, drafts: Sequence[Draft], source: str, by: Actor, key: str | None = None, prefix: str = ""
) -> Report:
    """Record drafts for one employee.

    The submission is committed first; its contacts count from its receipt. A repeated `key` returns the first report
    and records nothing twice. Duplicates and invalid identities are outcomes, not errors.
    """
    submission = receive(employee=employee, drafts=drafts, source=source, by=by, key=key, prefix=prefix)
    return finish_submission(submission.pk, drafts)


def receive(
    *, employee: Employee, drafts: Sequence[Draft], source: str, by: Actor, key: str | None = None, prefix: str = ""
) -> Submission:
    """Commit the submission and the instant of its receipt before any contact is recorded.

    `prefix`: the part of the key that the sender chose; the rest is of the contacts. Raises KeyReused for another key
    with this prefix.
    """
    with transaction.atomic():
        lock_facts()
        # Read before the wait for another request: contacts count from their receipt.
        now = db_now()
        if prefix:
            lock_request_key(f"{employee.pk} {prefix}")
            if Submission.objects.filter(employee=employee, key__startswith=prefix).exclude(key=key).exists():
                raise KeyReused
        return create_submission(
            employee=employee, by=by, source=source, received_at=now, key=key and _storable_key(key),
            payload=[draft.as_json() for draft in drafts],
        )  # fmt: skip


def create_submission(
    *, employee: Employee | None, by: Actor, source: str, received_at: datetime, key: str | None, **fields: Any
) -> Submission:
    """Create a submission; with a key that exists, return the first one. The caller holds the facts lock."""
    values = {"source": source, "received_at": received_at, "actor_id": by.id, "actor_label": by.label, **fields}
    if key is None:
        return Submission.objects.create(employee=employee, **values)
    submission, _created = Submission.objects.get_or_create(employee=employee, key=key, defaults=values)
    return submission


def _storable_key(key: str) -> str:
    """Return the idempotency key as stored.

    A key that is too long, or that the database cannot store as text, is replaced by its digest.
    """
    if len(key) <= MAX_KEY_CHARS and is_storable(key):
        return key
    return "sha256:" + hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()


def finish_submission(submission_id: uuid.UUID, repeated: Sequence[Draft] = ()) -> Report:
    """Record the drafts of a received submission. A finished submission only returns its report again.

    `repeated`: the drafts of this request; the texts of an earlier report are made from them again.
    """
    with transaction.atomic():
        lock_facts()
        # The row is locked, so the request and the sweep cannot both record the drafts.
        submission = Submission.objects.select_for_update(of=("self",), no_key=True).get(pk=submission_id)
        if submission.state == Submission.State.RECEIVED:
            employee_id = submission.employee_id
            if employee_id is None and submission.payload:
                raise ValueError("drafts need an employee")
            drafts = [normalise_draft(Draft.from_json(stored)) for stored in submission.payload or []]
            outcomes = record_contacts(
                drafts=[(employee_id, draft) for draft in drafts if employee_id], submission=submission
            )
            submission.state, submission.payload, submission.done_at = Submission.State.DONE, None, db_now()
            submission.report = {"outcomes": as_stored(outcomes)}
            submission.save(update_fields=["state", "payload", "done_at", "report"])
            return Report(outcomes, submission.pk)
    return Report(restored(submission.report.get("outcomes", []), repeated), submission.pk)


def refuse_submission(submission_id: uuid.UUID, code: str) -> bool:
    """Refuse a received submission permanently; its report keeps `code` and the number of people submitted.

    Contacts recorded from it stay, its file does not. Returns False when another process finished it first.
    """
    with transaction.atomic():
        lock_facts()
        submission = Submission.objects.select_for_update(of=("self",), no_key=True).get(pk=submission_id)
        if submission.state != Submission.State.RECEIVED:
            return False
        # The payload is emptied below, and the number of people is needed for the report of the closing.
        counts = {} if submission.payload is None else {"handed_in": len(submission.payload)}
        submission.state, submission.payload, submission.done_at = Submission.State.REFUSED, None, db_now()
        submission.report = {**submission.report, **counts, "refused": code}
        submission.save(update_fields=["state", "payload", "done_at", "report"])
        if submission.file is not None:
            # It is not read again, and an erasure that did not wait for it could not find it any more.
            submission.file.delete()
        notify_end(submission)
    return True


def notify_end(submission: Submission) -> None:
    """Record, in the caller's transaction, that the import of a file has ended which an employee uploaded."""
    # Files of commands and feeds have no page, and drafts are recorded while their sender waits.
    if submission.actor_id and submission.employee_id and submission.sha256:
        record_event("import_finished", subject=submission.pk, account_id=submission.actor_id)


def finish_abandoned(now: datetime) -> int:
    """Finish submissions that were received by a process that died; returns how many."""
    # Only drafts: submitted files are continued by apps.contacts.import_queue.
    abandoned = Submission.objects.filter(
        state=Submission.State.RECEIVED, received_at__lt=now - ABANDONED_AFTER, payload__isnull=False
    )
    ids = list(abandoned.order_by("received_at").values_list("pk", flat=True)[:500])
    finished = 0
    for submission_id in ids:
        try:
            finish_submission(submission_id)
            finished += 1
        except Exception:
            # A submission that fails stays received. The next sweep retries it, the log shows it, and the others go on.
            logger.exception("submission %s could not be finished", submission_id)
    return finished


def record_contacts(
    *, drafts: Sequence[tuple[int, NormalisedDraft]], submission: Submission, trust_times: bool = False
) -> list[Outcome]:
    """Record drafts, given as (employee id, normalised draft); returns one Outcome per draft, in order.

    Runs in the caller's transaction. `trust_times` is for the operator's feed, whose rows bring their own instants.
    With it, raises BackdatingBlocked while a result is computed from the past.
    """
    lock_facts()
    if trust_times:
        ensure_backdating_allowed()
    lock_employees(employee_id for employee_id, _draft in drafts)
    arguments: dict[str, Any] = {
        # The clock is read after the locks: a wait for them must not make a contact older than what was stored before.
        "drafts": drafts, "received_at": submission.received_at, "now": db_now(), "source": submission.source,
        "submission_id": submission.pk,
    }  # fmt: skip
    by = Actor(submission.actor_id, submission.actor_label)
    reference = {"submission": str(submission.pk)}
    if trust_times:
        batch, writes = record_feed(**arguments, closed=closed_periods())
        starts = writes.start_changes
        for contact_id in writes.merged:
            audit("contact.merged", by=by, kind="contact", id=contact_id, detail=reference)
        for contact_id in writes.forwarded:
            audit("contact.forwarded", by=by, kind="contact", id=contact_id, detail=reference)
    else:
        batch = record_batch(**arguments)
        starts = [(contact_id, before, submission.received_at) for contact_id, before in batch.backdated.items()]
    # Both change a count at a past instant, so they are audited one by one.
    for contact_id, before, after in starts:
        times = {"from": before.isoformat(), "to": after.isoformat()}
        audit("contact.moved", by=by, kind="contact", id=contact_id, detail=times | reference)
    queue_reevaluation(batch.employees)
    queue_identity_reevaluation(batch.keys)
    return batch.outcomes
