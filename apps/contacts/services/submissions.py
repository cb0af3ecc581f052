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

from apps.contacts import drafts as contacts_drafts
from apps.contacts.drafts import Draft, NormalisedDraft, Outcome
from apps.contacts.feed_writer import Writes
from apps.contacts.feeds import record_feed
from apps.contacts.models import Submission
from apps.contacts.recording import normalise_draft, record
from apps.core.audit import Actor, audit
from apps.core.clock import db_now
from apps.core.closed_periods import closed_periods, ensure_backdating_allowed
from apps.core.identity import storable
from apps.core.locks import lock_facts
from apps.core.outbox import queue_identity_reevaluation, queue_reevaluation
from apps.employees.models import Employee

logger = logging.getLogger(__name__)
# A longer idempotency key is stored as its digest.
KEY_LIMIT = 200
# After this long the sweep finishes a submission whose process died.
ABANDONED_AFTER = timedelta(seconds=30)


@dataclass
class Report:
    """The outcomes of a submission."""

    outcomes: list[Outcome] = field(default_factory=list)
    submission_id: uuid.UUID | None = None

    def count(self, *codes: str) -> int:
        """Return how many outcomes have one of these codes."""
        return sum(outcome.code in codes for outcome in self.outcomes)

    @property
    def created(self) -> int:
        return self.count(contacts_drafts.CREATED)

    @property
    def duplicate(self) -> int:
        return self.count(contacts_drafts.DUPLICATE)

    @property
    def rejected(self) -> int:
        return self.count(*contacts_drafts.REJECTED)


def lock_employees(ids: Iterable[int]) -> None:
    """Lock the rows of these employees in id order, until the transaction ends."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT FROM employees_employee WHERE id = ANY(%s) ORDER BY id FOR NO KEY UPDATE", [sorted(set(ids))]
        )


def submit(*, employee: Employee, drafts: Sequence[Draft], source: str, by: Actor, key: str | None = None) -> Report:
    """Record drafts for one employee.

    The submission is committed first; its contacts count from its receipt. A repeated `key` returns the first report
    and records nothing twice. Duplicates and invalid identities are outcomes, not errors.
    """
    submission = receive(employee=employee, drafts=drafts, source=source, by=by, key=key)
    return finish_submission(submission.pk)


def receive(
    *, employee: Employee, drafts: Sequence[Draft], source: str, by: Actor, key: str | None = None
) -> Submission:
    """Commit the submission and the instant of its receipt before any contact is recorded."""
    with transaction.atomic():
        lock_facts()
        fields = {
            "source": source,
            "received_at": db_now(),
            "actor_id": by.id,
            "actor_label": by.label,
            "payload": [draft.as_json() for draft in drafts],
        }
        if key is None:
            return Submission.objects.create(employee=employee, **fields)
        submission, _created = Submission.objects.get_or_create(employee=employee, key=_kept(key), defaults=fields)
    return submission


def _kept(key: str) -> str:
    """Return the idempotency key as stored.

    A key that is too long, or that the database cannot store as text, is replaced by its digest.
    """
    if len(key) <= KEY_LIMIT and storable(key):
        return key
    return "sha256:" + hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()


def finish_submission(submission_id: uuid.UUID) -> Report:
    """Record the drafts of a received submission. A finished submission only returns its report again."""
    with transaction.atomic():
        lock_facts()
        submission = Submission.objects.select_for_update(of=("self",), no_key=True).get(pk=submission_id)
        if submission.state == Submission.State.RECEIVED:
            drafts = [Draft.from_json(kept) for kept in submission.payload or []]
            outcomes = record_contacts(
                employee_id=submission.employee_id, drafts=drafts, submission=submission, source=submission.source
            )
            submission.state, submission.payload, submission.done_at = Submission.State.DONE, None, db_now()
            submission.report = {"outcomes": [outcome._asdict() for outcome in outcomes]}
            submission.save(update_fields=["state", "payload", "done_at", "report"])
    outcomes = [Outcome(**kept) for kept in submission.report.get("outcomes", [])]
    return Report(outcomes, submission.pk)


def refuse_submission(submission_id: uuid.UUID, code: str) -> bool:
    """Refuse a received submission permanently; its report keeps `code` and the number of people submitted.

    Contacts recorded from it stay. Returns False when another process finished it first.
    """
    with transaction.atomic():
        lock_facts()
        submission = Submission.objects.select_for_update(of=("self",), no_key=True).get(pk=submission_id)
        if submission.state != Submission.State.RECEIVED:
            return False
        counts = {} if submission.payload is None else {"handed_in": len(submission.payload)}
        submission.state, submission.payload, submission.done_at = Submission.State.REFUSED, None, db_now()
        submission.report = {**submission.report, **counts, "refused": code}
        submission.save(update_fields=["state", "payload", "done_at", "report"])
    return True


def finish_abandoned(now: datetime) -> int:
    """Finish submissions that were received by a process that died; returns how many."""
    waiting = Submission.objects.filter(
        state=Submission.State.RECEIVED, received_at__lt=now - ABANDONED_AFTER, payload__isnull=False
    )
    ids = list(waiting.order_by("received_at").values_list("pk", flat=True)[:500])
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
    *,
    employee_id: int | None,
    drafts: Sequence[Draft],
    submission: Submission,
    source: str,
    trust_times: bool = False,
) -> list[Outcome]:
    """Record drafts, each for its own employee or for `employee_id`; returns one Outcome per draft, in order.

    Runs in the caller's transaction. `trust_times` is for the operator's feed, whose rows bring their own instants.
    """
    owned = [(draft.employee_id or employee_id, normalise_draft(draft)) for draft in drafts]
    if any(owner is None for owner, _checked in owned):
        raise ValueError("every draft needs an employee")
    return record_checked(
        drafts=[(owner, checked) for owner, checked in owned if owner],
        submission=submission, source=source, trust_times=trust_times,
    )  # fmt: skip


def record_checked(
    *, drafts: Sequence[tuple[int, NormalisedDraft]], submission: Submission, source: str, trust_times: bool = False
) -> list[Outcome]:
    """Record normalised drafts, given as (employee id, checked draft). Runs in the caller's transaction.

    With `trust_times`, raises BackdatingBlocked while a result is computed from the past.
    """
    lock_facts()
    if trust_times:
        ensure_backdating_allowed()
    lock_employees(owner for owner, _checked in drafts)
    given: dict[str, Any] = {
        "drafts": drafts, "received_at": submission.received_at, "now": db_now(), "source": source,
        "submission_id": submission.pk,
    }  # fmt: skip
    if trust_times:
        batch, changed = record_feed(**given, closed=closed_periods())
        _audit_changes(changed, submission)
    else:
        batch = record(**given)
        _audit_moved(((key, before, submission.received_at) for key, before in batch.moved.items()), submission)
    queue_reevaluation(batch.employees)
    queue_identity_reevaluation(batch.keys)
    return batch.outcomes


def _audit_changes(changed: Writes, submission: Submission) -> None:
    """Audit which stored contacts a feed moved or merged, because they change a count at a past instant."""
    _audit_moved(changed.moved, submission)
    by = Actor(submission.actor_id, submission.actor_label)
    for contact_id in changed.merged:
        audit("contact.merged", by=by, kind="contact", id=contact_id, detail={"submission": str(submission.pk)})


def _audit_moved(moved: Iterable[tuple[int, datetime, datetime]], submission: Submission) -> None:
    by = Actor(submission.actor_id, submission.actor_label)
    for contact_id, before, after in moved:
        detail = {"from": before.isoformat(), "to": after.isoformat(), "submission": str(submission.pk)}
        audit("contact.moved", by=by, kind="contact", id=contact_id, detail=detail)
