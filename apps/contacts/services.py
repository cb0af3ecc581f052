"""The only writers of contacts. Every way in ends here, and here the locks, the clock and the outbox are kept.

Each write holds the facts lock shared, then its employees' rows in id order, so that two submissions of one employee
see each other; the unique index stands behind that. What was touched is noted in the same transaction.
"""

from __future__ import annotations

import hashlib
import logging
import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Exists, OuterRef, Q
from django.utils.translation import gettext as _

from apps.contacts import rules
from apps.contacts.models import Contact, ContactIdentity, EndReason, Submission
from apps.contacts.recording import Checked, check, record, sentence
from apps.contacts.rules import Draft, Outcome
from apps.employees.models import Employee
from apps.ledger.rules import Identity, InvalidIdentity, clean_text, storable
from apps.ledger.services import Actor, audit, clock, hold_facts, identity, note_employees, note_identities

logger = logging.getLogger(__name__)
# A sender's key longer than this is kept as its digest.
KEY_LIMIT = 200
# A submission whose process died is finished by the sweep after this long.
ABANDONED_AFTER = timedelta(seconds=30)


class ContactRefused(ValueError):
    """A change of a contact that cannot be made: a stable `code`, a sentence, and the field it belongs to."""

    def __init__(self, code: str, message: str, field: str = ""):
        super().__init__(message)
        self.code, self.message, self.field = code, message, field


@dataclass
class Report:
    """What a submission did, outcome by outcome."""

    outcomes: list[Outcome] = field(default_factory=list)
    submission_id: uuid.UUID | None = None

    def count(self, *codes: str) -> int:
        """How many outcomes have one of these codes."""
        return sum(outcome.code in codes for outcome in self.outcomes)

    @property
    def created(self) -> int:
        return self.count(rules.CREATED)

    @property
    def duplicate(self) -> int:
        return self.count(rules.DUPLICATE)

    @property
    def rejected(self) -> int:
        return self.count(*rules.REJECTED)


def lock_employees(ids: Iterable[int]) -> None:
    """Lock the rows of these employees until the transaction ends, in id order."""
    wanted = sorted(set(ids))
    list(Employee.objects.filter(pk__in=wanted).order_by("pk").select_for_update(no_key=True).values_list("pk"))


def submit(*, employee: Employee, drafts: Sequence[Draft], source: str, by: Actor, key: str | None = None) -> Report:
    """Record drafts for one employee: the submission is a row first, and its contacts count from its receipt.

    The same `key` again is the same submission: nothing is recorded twice and the first report comes back.
    Duplicates and invalid identities are outcomes, not errors.
    """
    submission = receive(employee=employee, drafts=drafts, source=source, by=by, key=key)
    return finish_submission(submission.pk)


def receive(
    *, employee: Employee, drafts: Sequence[Draft], source: str, by: Actor, key: str | None = None
) -> Submission:
    """Commit that something was handed in, with its instant, before any of it is recorded."""
    with transaction.atomic():
        hold_facts()
        fields = {
            "source": source,
            "received_at": clock(),
            "actor_id": by.id,
            "actor_label": by.label,
            "payload": [draft.as_json() for draft in drafts],
        }
        if key is None:
            return Submission.objects.create(employee=employee, **fields)
        submission, _created = Submission.objects.get_or_create(employee=employee, key=_kept(key), defaults=fields)
    return submission


def _kept(key: str) -> str:
    """The sender's key as it is stored: what is too long, or no text a database can hold, by its digest."""
    if len(key) <= KEY_LIMIT and storable(key):
        return key
    return "sha256:" + hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()


def finish_submission(submission_id: uuid.UUID) -> Report:
    """Record what a received submission holds; a finished one only reports again."""
    with transaction.atomic():
        hold_facts()
        submission = Submission.objects.select_for_update(of=("self",), no_key=True).get(pk=submission_id)
        if submission.state == Submission.State.RECEIVED:
            drafts = [Draft.from_json(kept) for kept in submission.payload or []]
            outcomes = record_contacts(
                employee_id=submission.employee_id, drafts=drafts, submission=submission, source=submission.source
            )
            submission.state, submission.payload, submission.done_at = Submission.State.DONE, None, clock()
            submission.report = {"outcomes": [outcome._asdict() for outcome in outcomes]}
            submission.save(update_fields=["state", "payload", "done_at", "report"])
    outcomes = [Outcome(**kept) for kept in submission.report.get("outcomes", [])]
    return Report(outcomes, submission.pk)


def finish_abandoned(now: datetime) -> int:
    """Finish submissions that were received and then forgotten by a process that died; returns how many."""
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
            # One that cannot be finished stays received, is tried again and seen in the log; the others go on.
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
    """Record drafts, each for its own employee or for `employee_id`; one Outcome a draft, in order.

    Part of the caller's transaction. `trust_times` is the operator's feed: its rows bring their own instants.
    """
    owned = [(draft.employee_id or employee_id, check(draft)) for draft in drafts]
    if any(owner is None for owner, _checked in owned):
        raise ValueError("every draft needs an employee")
    return record_checked(
        drafts=[(owner, checked) for owner, checked in owned if owner],
        submission=submission, source=source, trust_times=trust_times,
    )  # fmt: skip


def record_checked(
    *, drafts: Sequence[tuple[int, Checked]], submission: Submission, source: str, trust_times: bool = False
) -> list[Outcome]:
    """Record what has passed the choke point, as (employee id, checked draft). Part of the caller's transaction."""
    hold_facts()
    lock_employees(owner for owner, _checked in drafts)
    batch = record(
        drafts=drafts, received_at=submission.received_at, now=clock(), source=source, submission_id=submission.pk,
        trust_times=trust_times,
    )  # fmt: skip
    note_employees(batch.touched_employees)
    note_identities(batch.touched_identities)
    return batch.outcomes


# -- changes of one contact ----------------------------------------------------------------------------------------


def _locked(contact_id: int, employee: Employee) -> Contact:
    """The contact of this employee, after the locks. Raises Contact.DoesNotExist: nobody else's is there at all."""
    hold_facts()
    lock_employees([employee.pk])
    return Contact.objects.of(employee).get(pk=contact_id)


def _note(contact: Contact) -> None:
    note_employees([contact.employee_id])
    note_identities(_keys(contact))


def _keys(contact: Contact) -> set[tuple[str, bytes]]:
    """The (kind, digest) of a contact's identities; found by employee and contact, as their index is."""
    held = ContactIdentity.objects.filter(employee_id=contact.employee_id, contact=contact)
    return {(kind, bytes(digest)) for kind, digest in held.values_list("kind", "digest")}


def end_contact(*, contact_id: int, employee: Employee, by: Actor, reason: str = EndReason.REMOVED) -> None:
    """End a contact now: the row stays as a fact. Raises ContactRefused, Contact.DoesNotExist."""
    with transaction.atomic():
        contact = _locked(contact_id, employee)
        if contact.ended_at is not None:
            raise ContactRefused("already_ended", _("This contact has already ended."))
        _end(contact, reason, clock())
        _note(contact)
        audit("contact.ended", by=by, kind="contact", id=contact_id, detail={"reason": str(reason)})


def _end(contact: Contact, reason: str, at: datetime) -> None:
    contact.ended_at, contact.end_reason = at, reason
    contact.save(update_fields=["ended_at", "end_reason"])


def restore_contact(*, contact_id: int, employee: Employee, by: Actor) -> None:
    """Take an end away: it was a mistake. Raises ContactRefused when the person was recorded again since, even if that
    ended too: a look back would count both.

    Whether a campaign still allows it, the door asks quotas.
    """
    with transaction.atomic():
        contact = _locked(contact_id, employee)
        if contact.ended_at is None:
            raise ContactRefused("not_ended", _("This contact has not ended."))
        if contact.end_reason == EndReason.CORRECTED:
            raise ContactRefused("corrected", _("This contact was corrected: its correction stands in its place."))
        if _recorded_again(contact):
            message = _("You have recorded this person again since: that contact stands.")
            raise ContactRefused("identity_taken", message)
        contact.ended_at = contact.end_reason = None
        contact.save(update_fields=["ended_at", "end_reason"])
        _note(contact)
        audit("contact.restored", by=by, kind="contact", id=contact_id)


def _recorded_again(contact: Contact) -> bool:
    """Whether another contact shares an identity at or after the start of this one."""
    own = ContactIdentity.objects.filter(
        employee_id=contact.employee_id, contact=contact, kind=OuterRef("kind"), digest=OuterRef("digest")
    )
    others = ContactIdentity.objects.filter(Exists(own), employee_id=contact.employee_id).exclude(contact=contact)
    at_the_time = Q(contact__ended_at=None) | Q(contact__ended_at__gt=contact.recorded_at)
    return others.filter(at_the_time).exists()


def rename_contact(*, contact_id: int, employee: Employee, name: str, by: Actor) -> None:
    """Edit the name in place; it decides nothing. Raises ContactRefused, Contact.DoesNotExist."""
    with transaction.atomic():
        contact = _locked(contact_id, employee)
        if contact.name is None:
            raise ContactRefused("erased", _("This contact was erased."))
        contact.name = clean_text(name)
        contact.save(update_fields=["name"])
        audit("contact.renamed", by=by, kind="contact", id=contact_id)


def correct_contact(*, contact_id: int, employee: Employee, identities: Sequence[tuple[str, str]], by: Actor) -> int:
    """Replace the identities: the old contact ends as `corrected`, a new one is recorded now. Returns its id.

    Nothing changes when the identities are the same already: then the id is the old one's.
    Raises ContactRefused (invalid_identity, duplicate, already_ended), Contact.DoesNotExist.
    """
    wanted = [_identity(kind, raw) for kind, raw in identities]
    if not wanted:
        raise ContactRefused("invalid_identity", _("A phone, an e-mail or a handle is needed."), "phone")
    with transaction.atomic():
        old = _locked(contact_id, employee)
        if old.ended_at is not None:
            raise ContactRefused("already_ended", _("This contact has already ended."))
        if {one.key for one in wanted} == _keys(old):
            return old.pk
        _refuse_taken(old, wanted)
        now = clock()
        _end(old, EndReason.CORRECTED, now)
        new = _replacement(old, wanted, now)
        _note(old)
        _note(new)
        audit("contact.corrected", by=by, kind="contact", id=old.pk, detail={"replaced_by": new.pk})
    return new.pk


def _identity(kind: str, raw: str) -> Identity:
    try:
        return identity(kind, raw)
    except InvalidIdentity as error:
        raise ContactRefused("invalid_identity", sentence(error), kind) from error


def _refuse_taken(old: Contact, wanted: Sequence[Identity]) -> None:
    for one in wanted:
        taken = ContactIdentity.objects.filter(
            employee_id=old.employee_id, kind=one.kind, digest=one.digest, live=True
        ).exclude(contact_id=old.pk)
        if taken.exists():
            raise ContactRefused("duplicate", _("Another of your contacts has this already."), one.kind)


def _replacement(old: Contact, wanted: Sequence[Identity], now: datetime) -> Contact:
    new = Contact.objects.create(
        employee_id=old.employee_id, name=old.name, recorded_at=now, stored_at=now, source=old.source, replaces=old
    )
    ContactIdentity.objects.bulk_create(
        ContactIdentity(
            employee_id=old.employee_id, contact=new, kind=one.kind, value=one.value, domain=one.domain or None,
            digest=one.digest, live=True,
        )
        for one in dict.fromkeys(wanted)
    )  # fmt: skip
    return new
