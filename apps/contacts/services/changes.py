"""Changes of existing contacts: end, restore, rename, correct, and undo a whole file."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import datetime

from django.db import connection, transaction
from django.db.models import Exists, OuterRef, Q
from django.utils.translation import gettext as _

from apps.contacts import drafts as contacts_drafts
from apps.contacts.drafts import NormalisedDraft
from apps.contacts.models import Contact, ContactIdentity, EndReason, Sighting, Submission
from apps.contacts.recording import Identify, error_message, left_today, sentences, unwanted
from apps.contacts.services.submissions import lock_employees
from apps.core.audit import Actor, audit
from apps.core.clock import db_now
from apps.core.identity import Identity, InvalidIdentity, clean_text, distinct
from apps.core.identity_key import identity_normaliser, normalise_identity
from apps.core.locks import lock_facts
from apps.core.outbox import queue_identity_reevaluation, queue_reevaluation
from apps.employees.models import Employee


class ContactRefused(ValueError):
    """A contact cannot be changed as requested: a stable `code`, a message, and the form field it belongs to."""

    def __init__(self, code: str, message: str, field: str = ""):
        super().__init__(message)
        self.code, self.message, self.field = code, message, field


def _locked(contact_id: int, employee: Employee) -> Contact:
    """Take the locks and return the employee's contact.

    Raises Contact.DoesNotExist for a contact of another employee, and ContactRefused for an erased one. An erased
    contact has no name and no identity, so the employee could not reverse a change.
    """
    lock_facts()
    lock_employees([employee.pk])
    contact = Contact.objects.of(employee).get(pk=contact_id)
    if contact.erased:
        raise ContactRefused("erased", _("This contact was erased: it stays as it is."))
    return contact


def _note(contact: Contact) -> None:
    queue_reevaluation([contact.employee_id])
    queue_identity_reevaluation(_keys(contact))


def _keys(contact: Contact) -> set[tuple[str, bytes]]:
    """Return the (kind, digest) of a contact's identities.

    The filter uses employee and contact because the index has both columns.
    """
    held = ContactIdentity.objects.filter(employee_id=contact.employee_id, contact=contact)
    return {(kind, bytes(digest)) for kind, digest in held.values_list("kind", "digest")}


def end_contact(*, contact_id: int, employee: Employee, by: Actor, reason: str = EndReason.REMOVED) -> None:
    """End a contact now; the row is kept. Raises ContactRefused, Contact.DoesNotExist."""
    with transaction.atomic():
        contact = _locked(contact_id, employee)
        if contact.ended_at is not None:
            raise ContactRefused("already_ended", _("This contact has already ended."))
        _end(contact, reason, db_now())
        _note(contact)
        audit("contact.ended", by=by, kind="contact", id=contact_id, detail={"reason": str(reason)})


def _end(contact: Contact, reason: str, at: datetime) -> None:
    contact.ended_at, contact.end_reason = at, reason
    contact.save(update_fields=["ended_at", "end_reason"])


def restore_contact(*, contact_id: int, employee: Employee, by: Actor) -> None:
    """Remove the end of a contact that was ended by mistake.

    Raises ContactRefused when the employee has recorded the person again since, even if that contact ended too: a count
    at a past instant would include both. The interface asks apps.campaigns.selectors whether a campaign still allows
    the restore.
    """
    with transaction.atomic():
        contact = _locked(contact_id, employee)
        if contact.ended_at is None:
            raise ContactRefused("not_ended", _("This contact has not ended."))
        if contact.end_reason == EndReason.CORRECTED:
            raise ContactRefused("corrected", _("This contact was corrected: its correction stands in its place."))
        if contact.end_reason == EndReason.MERGED:
            raise ContactRefused("merged", _("This is the same person as another of your contacts: that one stands."))
        if _recorded_again(contact):
            message = _("You have recorded this person again since: that contact stands.")
            raise ContactRefused("identity_taken", message)
        contact.ended_at = contact.end_reason = None
        contact.save(update_fields=["ended_at", "end_reason"])
        # The end was a mistake, even when the feed reported it. A sighting that kept the end would bring it back with
        # the feed's next row.
        Sighting.objects.filter(contact=contact).update(ended_at=None)
        _note(contact)
        audit("contact.restored", by=by, kind="contact", id=contact_id)


def _recorded_again(contact: Contact) -> bool:
    """Return whether another contact shares an identity and was live at or after the start of this one."""
    own = ContactIdentity.objects.filter(
        employee_id=contact.employee_id, contact=contact, kind=OuterRef("kind"), digest=OuterRef("digest")
    )
    others = ContactIdentity.objects.filter(Exists(own), employee_id=contact.employee_id).exclude(contact=contact)
    at_the_time = Q(contact__ended_at=None) | Q(contact__ended_at__gt=contact.recorded_at)
    return others.filter(at_the_time).exists()


def rename_contact(*, contact_id: int, employee: Employee, name: str, by: Actor) -> None:
    """Change the name in place; a name affects no status. Raises ContactRefused, Contact.DoesNotExist."""
    with transaction.atomic():
        contact = _locked(contact_id, employee)
        contact.name = clean_text(name)
        contact.save(update_fields=["name"])
        audit("contact.renamed", by=by, kind="contact", id=contact_id)


def correct_contact(*, contact_id: int, employee: Employee, identities: Sequence[tuple[str, str]], by: Actor) -> int:
    """Replace the identities: the old contact ends as `corrected`, and a new one is recorded now. Returns its id.

    When the identities are unchanged, nothing is written and the result is the old contact's id. Raises ContactRefused
    (invalid_identity, duplicate, already_ended), Contact.DoesNotExist.
    """
    wanted = [_identity(kind, raw) for kind, raw in identities]
    if not wanted:
        raise ContactRefused("invalid_identity", _("A phone, an e-mail or a handle is needed."), "phone")
    with transaction.atomic():
        old = _locked(contact_id, employee)
        if old.ended_at is not None:
            raise ContactRefused("already_ended", _("This contact has already ended."))
        own = _keys(old)
        if {one.key for one in wanted} == own:
            return old.pk
        for kind, raw in identities:
            # An existing handle stays valid even if the rules for handles are stricter now.
            if _identity(kind, raw).key not in own:
                _identity(kind, raw, identity_normaliser())
        _refuse_taken(old, wanted)
        now = db_now()
        _end(old, EndReason.CORRECTED, now)
        new = _replacement(old, wanted, now)
        _note(old)
        _note(new)
        audit("contact.corrected", by=by, kind="contact", id=old.pk, detail={"replaced_by": new.pk})
    return new.pk


def _identity(kind: str, raw: str, identify: Identify = normalise_identity) -> Identity:
    try:
        return identify(kind, raw)
    except InvalidIdentity as error:
        raise ContactRefused("invalid_identity", error_message(error, raw), kind) from error


def _refuse_taken(old: Contact, wanted: Sequence[Identity]) -> None:
    drafts, messages = [(old.employee_id, NormalisedDraft("", tuple(wanted)))], sentences()
    # A correction counts towards the daily limit like a new contact, because both reveal whether a person has objected.
    if left_today(drafts, db_now())[old.employee_id] <= 0:
        raise ContactRefused(contacts_drafts.TOO_MANY_TODAY, messages[contacts_drafts.TOO_MANY_TODAY])
    for one in wanted:
        taken = ContactIdentity.objects.filter(
            employee_id=old.employee_id, kind=one.kind, digest=one.digest, live=True
        ).exclude(contact_id=old.pk)
        if taken.exists():
            raise ContactRefused("duplicate", _("Another of your contacts has this already."), one.kind)
    # Check objections last, so that a correction refused for another reason reveals none.
    nobodys = unwanted(drafts)
    for code in (contacts_drafts.NOT_EXTERNAL, contacts_drafts.OBJECTED):
        for one in wanted:
            if nobodys.get(one.key) == code:
                raise ContactRefused(code, messages[code], one.kind)


def _replacement(old: Contact, wanted: Sequence[Identity], now: datetime) -> Contact:
    new = Contact.objects.create(
        employee_id=old.employee_id, name=old.name, recorded_at=now, stored_at=now, source=old.source, replaces=old
    )
    ContactIdentity.objects.bulk_create(
        ContactIdentity(
            employee_id=old.employee_id, contact=new, kind=one.kind, value=one.value, domain=one.domain or None,
            digest=one.digest, live=True,
        )
        for one in distinct(wanted)
    )  # fmt: skip
    return new


def undo_submission(*, submission_id: uuid.UUID, employee: Employee, by: Actor) -> int:
    """End every live contact of a recorded file as `undone`; returns how many. A second undo ends nothing.

    The interface asks apps.campaigns.selectors whether a campaign still allows the undo. Raises ContactRefused,
    Submission.DoesNotExist.
    """
    with transaction.atomic():
        lock_facts()
        of_theirs = Submission.objects.select_for_update(no_key=True, of=("self",)).filter(employee=employee)
        submission = of_theirs.get(pk=submission_id)
        if submission.state == Submission.State.RECEIVED:
            raise ContactRefused("not_done", _("This file is still being recorded. Undo it when it is done."))
        lock_employees([employee.pk])
        now = db_now()
        with connection.cursor() as cursor:
            cursor.execute(
                "UPDATE contacts_contact SET ended_at = %s, end_reason = %s"
                " WHERE submission_id = %s AND employee_id = %s AND ended_at IS NULL RETURNING id",
                [now, EndReason.UNDONE, submission.pk, employee.pk],
            )
            ended = [contact_id for (contact_id,) in cursor.fetchall()]
        if submission.undone_at is None:
            submission.undone_at = now
            submission.save(update_fields=["undone_at"])
        if ended:
            held = ContactIdentity.objects.filter(employee=employee, contact_id__in=ended)
            queue_reevaluation([employee.pk])
            queue_identity_reevaluation((kind, bytes(digest)) for kind, digest in held.values_list("kind", "digest"))
            audit("submission.undone", by=by, kind="submission", id=submission.pk, detail={"contacts": len(ended)})
    return len(ended)
