"""Changes of existing contacts: end, restore, rename, correct, and undo a whole file."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Exists, OuterRef, Q
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from apps.contacts.daily_limit import remaining_today
from apps.contacts.drafts import REPEATED, NormalisedDraft, OutcomeCode
from apps.contacts.identity_lookup import known_identities
from apps.contacts.messages import NO_IDENTITY, error_message, outcome_messages
from apps.contacts.models import Contact, ContactIdentity, EndReason, Sighting, Submission
from apps.contacts.normalisation import Identify
from apps.contacts.services.submissions import lock_employees
from apps.core.audit import Actor, audit
from apps.core.clock import db_now
from apps.core.errors import Refused
from apps.core.identity import Identity, InvalidIdentity, unique_identities
from apps.core.identity_key import identity_normaliser, normalise_identity
from apps.core.locks import lock_facts
from apps.core.models import AuditEntry
from apps.core.outbox import queue_identity_reevaluation, queue_reevaluation
from apps.core.text import clean_text
from apps.employees.models import Employee, EmployeeIdentity

MAX_RENAMES_A_DAY = 10  # of one contact; another correction is a new contact, which has its daily limit
# Restored, a contact counts from its old start and keeps its confirmation: only the one who ended it takes that back.
NOT_RESTORED: dict[str | None, object] = {
    # Two contacts of one person would be live.
    EndReason.CORRECTED: gettext_lazy("This contact was corrected. The new entry replaces it."),
    EndReason.MERGED: gettext_lazy("Another of your contacts is the same person. That contact is kept."),
    EndReason.WITHDRAWN: gettext_lazy("The person ended this contact. If they agree, record them again."),
    EndReason.REJECTED: gettext_lazy("A reviewer ended this contact. If the person agrees, record them again."),
}


def _lock_contact(contact_id: int, employee: Employee) -> Contact:
    """Take the locks and return the employee's contact.

    Raises Contact.DoesNotExist for a contact of another employee, and Refused for an erased one. An erased
    contact has no name and no identity, so the employee could not reverse a change.
    """
    # The order of every write (ADR 4): the facts, then the employees.
    lock_facts()
    lock_employees([employee.pk])
    contact = Contact.objects.of(employee).get(pk=contact_id)
    if contact.erased:
        raise Refused("erased", _("This contact was erased and can no longer be changed."))
    return contact


def _queue_reevaluation(contact: Contact) -> None:
    queue_reevaluation([contact.employee_id])
    queue_identity_reevaluation(_claims(contact))


def _claims(contact: Contact) -> dict[tuple[str, bytes], datetime]:
    """Return the (kind, digest) of a contact's identities, and from when the employee named each."""
    # By employee and contact, because the index has both columns.
    identities = ContactIdentity.objects.filter(employee_id=contact.employee_id, contact=contact)
    rows = identities.values_list("kind", "digest", "claimed_from")
    return {(kind, bytes(digest)): claimed_from or contact.recorded_at for kind, digest, claimed_from in rows}


def end_contact(*, contact_id: int, employee: Employee, by: Actor, reason: str = EndReason.REMOVED) -> None:
    """End a contact now; the row is kept. Raises Refused, Contact.DoesNotExist."""
    with transaction.atomic():
        contact = _lock_contact(contact_id, employee)
        if contact.ended_at is not None:
            raise Refused("already_ended", _("This contact has already ended."))
        _end(contact, reason, db_now())
        _queue_reevaluation(contact)
        audit("contact.ended", by=by, kind="contact", id=contact_id, detail={"reason": str(reason)})


def _end(contact: Contact, reason: str, at: datetime) -> None:
    contact.ended_at, contact.end_reason = at, reason
    contact.corrected_at = at if reason == EndReason.CORRECTED else None
    contact.save(update_fields=["ended_at", "end_reason", "corrected_at"])


def restore_contact(*, contact_id: int, employee: Employee, by: Actor) -> None:
    """Remove the end of a contact that the employee ended or undid by mistake.

    Raises Refused when another ended it (NOT_RESTORED), and when the employee has recorded the person again since, even
    if that contact ended too: a count at a past instant would include both. The interface asks
    apps.campaigns.selectors whether a campaign still allows the restore.
    """
    with transaction.atomic():
        contact = _lock_contact(contact_id, employee)
        if contact.ended_at is None:
            raise Refused("not_ended", _("This contact has not ended."))
        if refused := NOT_RESTORED.get(contact.end_reason):
            raise Refused(str(contact.end_reason), str(refused))
        if _recorded_again(contact):
            message = _("You have since recorded this person again. The newer contact is kept.")
            raise Refused("identity_taken", message)
        contact.ended_at = contact.end_reason = None
        contact.save(update_fields=["ended_at", "end_reason"])
        # Only the employee's own end is stored there: one that the feed reported makes the contact `withdrawn`. A
        # sighting that kept the end would bring it back with the feed's next row.
        Sighting.objects.filter(contact=contact).update(ended_at=None)
        _queue_reevaluation(contact)
        audit("contact.restored", by=by, kind="contact", id=contact_id)


def _recorded_again(contact: Contact) -> bool:
    """Return whether another contact shares an identity and was live at or after the start of this one."""
    own = ContactIdentity.objects.filter(
        employee_id=contact.employee_id, contact=contact, kind=OuterRef("kind"), digest=OuterRef("digest")
    )
    identities = ContactIdentity.objects.filter(Exists(own), employee_id=contact.employee_id).exclude(contact=contact)
    live_since = Q(contact__ended_at=None) | Q(contact__ended_at__gt=contact.recorded_at)
    return identities.filter(live_since).exists()


def rename_contact(*, contact_id: int, employee: Employee, name: str, by: Actor) -> None:
    """Change the name in place; the same name again writes nothing. Raises Refused, Contact.DoesNotExist."""
    with transaction.atomic():
        contact = _lock_contact(contact_id, employee)
        if contact.name == (cleaned := clean_text(name)):
            return
        _refuse_many_renames(contact)
        contact.name = cleaned
        contact.save(update_fields=["name"])
        audit("contact.renamed", by=by, kind="contact", id=contact_id)


def _refuse_many_renames(contact: Contact) -> None:
    """Raise Refused for MAX_RENAMES_A_DAY of the contact within a day: each leaves an audit entry for ever."""
    entries = AuditEntry.objects.filter(subject_kind="contact", subject_id=str(contact.pk), action="contact.renamed")
    if entries.filter(at__gt=db_now() - timedelta(days=1)).count() >= MAX_RENAMES_A_DAY:
        message = _("You have changed this name %(most)s times within a day. Try again tomorrow.")
        raise Refused("too_many", message % {"most": MAX_RENAMES_A_DAY}, "name", conflict=True)


def correct_contact(*, contact_id: int, employee: Employee, identities: Sequence[tuple[str, str]], by: Actor) -> int:
    """Replace the identities: the old contact ends as `corrected`, and a new one is recorded now. Returns its id.

    When the identities are unchanged, nothing is written and the result is the old contact's id. Raises Refused
    (invalid_identity, duplicate, already_ended), Contact.DoesNotExist.
    """
    # First without the rules for new handles: the contact's own handle may be older than them.
    wanted = [_identity(kind, raw) for kind, raw in identities]
    if not wanted:
        raise Refused("invalid_identity", _(NO_IDENTITY), "phone")
    with transaction.atomic():
        old = _lock_contact(contact_id, employee)
        if old.ended_at is not None:
            raise Refused("already_ended", _("This contact has already ended."))
        own, kept = set(_claims(old)), {identity.key for identity in wanted}
        if kept == own:
            return old.pk
        for kind, raw in identities:
            # An existing handle stays valid even if the rules for handles are stricter now.
            if _identity(kind, raw).key not in own:
                _identity(kind, raw, identity_normaliser())
        # Only a contact that keeps all its identities is still the one that was confirmed.
        return _replace(old, wanted, by, confirmed_at=old.confirmed_at if own <= kept else None)


def record_contact_again(*, contact_id: int, employee: Employee, by: Actor) -> int:
    """Replace a contact by the same person, recorded now; returns the new contact's id.

    A contact that was recorded before a campaign opened can count in it only so. apps.campaigns.selectors
    decides whether campaigns allow it. Raises Refused (already_ended, objected,
    too_many_today), Contact.DoesNotExist.
    """
    with transaction.atomic():
        old = _lock_contact(contact_id, employee)
        if old.ended_at is not None:
            raise Refused("already_ended", _("This contact has already ended."))
        stored = ContactIdentity.objects.filter(employee=employee, contact=old).order_by("pk")
        identities = [Identity(row.kind, row.value or "", bytes(row.digest)) for row in stored]
        return _replace(old, identities, by, confirmed_at=old.confirmed_at)


def _replace(old: Contact, identities: Sequence[Identity], by: Actor, *, confirmed_at: datetime | None = None) -> int:
    """End `old` as corrected, and record a contact with these identities now. Returns its id. Raises Refused."""
    _refuse_conflicts(old, identities)
    now = db_now()
    _end(old, EndReason.CORRECTED, now)
    new = _replacement(old, identities, now, confirmed_at)
    _queue_reevaluation(old)
    _queue_reevaluation(new)
    audit("contact.corrected", by=by, kind="contact", id=old.pk, detail={"replaced_by": new.pk})
    return new.pk


def _identity(kind: str, raw: str, identify: Identify = normalise_identity) -> Identity:
    try:
        return identify(kind, raw)
    except InvalidIdentity as error:
        raise Refused("invalid_identity", error_message(error, raw), kind) from error


def _refuse_conflicts(old: Contact, identities: Sequence[Identity]) -> None:
    messages = outcome_messages()
    # A correction counts towards the daily limit like a new contact, because both reveal whether a person has objected.
    if remaining_today([old.employee_id], db_now())[old.employee_id] <= 0:
        raise Refused(OutcomeCode.TOO_MANY_TODAY, messages[OutcomeCode.TOO_MANY_TODAY])
    known = known_identities([(old.employee_id, NormalisedDraft("", tuple(identities)))])
    for identity in identities:
        if (old.employee_id, *identity.key) in known.repeated:
            raise Refused(OutcomeCode.TOO_MANY_TODAY, messages[REPEATED], identity.kind)
        if known.holders.get((old.employee_id, *identity.key), old.pk) != old.pk:
            raise Refused(
                "duplicate", _("Another of your contacts already has this phone, e-mail or handle."), identity.kind
            )
    # Objections come last, so that a correction refused for another reason reveals none.
    for code, keys in ((OutcomeCode.NOT_EXTERNAL, known.colleagues), (OutcomeCode.OBJECTED, known.objected)):
        for identity in identities:
            if identity.key in keys:
                raise Refused(code, messages[code], identity.kind)


def _replacement(old: Contact, identities: Sequence[Identity], now: datetime, confirmed_at: datetime | None) -> Contact:
    # No submission: undoing the file must not end what the employee entered by hand.
    new = Contact.objects.create(
        employee_id=old.employee_id, name=old.name, recorded_at=now, stored_at=now, confirmed_at=confirmed_at,
        source=old.source, replaces=old,
    )  # fmt: skip
    claims = _kept_claims(old, identities)
    ContactIdentity.objects.bulk_create(
        ContactIdentity(
            employee_id=old.employee_id, contact=new, kind=identity.kind, value=identity.value,
            domain=identity.domain or None, digest=identity.digest, live=True, claimed_from=claims.get(identity.key),
        )
        for identity in unique_identities(identities)
    )  # fmt: skip
    return new


def _kept_claims(old: Contact, identities: Sequence[Identity]) -> dict[tuple[str, bytes], datetime]:
    """Return from when the corrected contact claims each identity; empty: from the correction.

    The instants of the old contact stay. With later ones, the person could count for a colleague instead. An instant
    from before a campaign claims no person in it: the evaluation then reads the corrected contacts.
    """
    kept = {identity.key for identity in identities}
    stored = list(ContactIdentity.objects.filter(employee_id=old.employee_id, contact=old))
    removed = [row for row in stored if (row.kind, bytes(row.digest)) not in kept]
    # A contact with a colleague's identity, or an address in a company domain of a campaign, has claimed no person.
    # Its correction must not take a person whom a colleague has recorded meanwhile.
    colleagues = EmployeeIdentity.objects.filter(digest__in=[bytes(row.digest) for row in removed])
    if any(row.kind == "email" for row in removed) or colleagues.exists():
        return {}
    return {(row.kind, bytes(row.digest)): row.claimed_from or old.recorded_at for row in stored}


def undo_submission(*, submission_id: uuid.UUID, employee: Employee, by: Actor) -> int:
    """End every live contact of a recorded file as `undone`; returns how many. A second undo ends nothing.

    The interface asks apps.campaigns.selectors whether a campaign still allows the undo. Raises Refused,
    Submission.DoesNotExist.
    """
    with transaction.atomic():
        lock_facts()
        submissions = Submission.objects.select_for_update(no_key=True, of=("self",)).filter(employee=employee)
        submission = submissions.get(pk=submission_id)
        if submission.state == Submission.State.RECEIVED:
            # A batch that commits after the undo would stay.
            raise Refused("not_done", _("This file is still being recorded. Undo it after it has finished."))
        lock_employees([employee.pk])
        now = db_now()
        contacts = Contact.objects.of(employee).live().filter(submission=submission)
        # The locks above keep both statements on the same rows.
        ended = list(contacts.values_list("pk", flat=True))
        contacts.update(ended_at=now, end_reason=EndReason.UNDONE)
        # The first undo stays in the report; a later one may end contacts that were restored meanwhile.
        if ended and submission.undone_at is None:
            submission.undone_at = now
            submission.save(update_fields=["undone_at"])
        if ended:
            identities = ContactIdentity.objects.filter(employee=employee, contact_id__in=ended)
            queue_reevaluation([employee.pk])
            queue_identity_reevaluation(
                (kind, bytes(digest)) for kind, digest in identities.values_list("kind", "digest")
            )
            audit("submission.undone", by=by, kind="submission", id=submission.pk, detail={"contacts": len(ended)})
    return len(ended)
