"""Record several contacts again today, so that those from before an opening can count."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from django.db import transaction

from apps.contacts.daily_limit import remaining_today
from apps.contacts.drafts import REPEATED, NormalisedDraft, OutcomeCode
from apps.contacts.identity_lookup import KnownIdentities, known_identities
from apps.contacts.messages import outcome_messages
from apps.contacts.models import Contact, ContactIdentity, EndReason
from apps.contacts.services.submissions import lock_employees
from apps.core.audit import Actor, audit_each
from apps.core.clock import db_now
from apps.core.identity import Identity
from apps.core.locks import lock_facts
from apps.core.outbox import queue_identity_reevaluation, queue_reevaluation
from apps.employees.models import Employee


@dataclass
class RecordedAgain:
    """How many contacts were recorded again, and how many were not, by the message that says why."""

    recorded: int = 0
    refused: Counter[str] = field(default_factory=Counter)


def record_contacts_again(*, contact_ids: Collection[int], employee: Employee, by: Actor) -> RecordedAgain:
    """Replace live contacts of the employee by new contacts of the same people, as `record_contact_again` does for one.

    Each is decided alone, in the order of the ids. Ids of ended, erased and other employees' contacts are ignored.
    apps.campaigns.selectors decides whether campaigns allow it.
    """
    with transaction.atomic():
        lock_facts()
        lock_employees([employee.pk])
        contacts = Contact.objects.of(employee).live().filter(pk__in=contact_ids).exclude(name=None).order_by("pk")
        drafts = _drafts(list(contacts), employee)
        result = RecordedAgain()
        accepted: list[tuple[Contact, NormalisedDraft]] = []
        known, messages = known_identities([(employee.pk, draft) for _contact, draft in drafts]), outcome_messages()
        remaining = remaining_today([employee.pk], db_now())[employee.pk]
        for contact, draft in drafts:
            code = _refusal(draft, known, employee) if remaining > 0 else OutcomeCode.TOO_MANY_TODAY
            if code:
                result.refused[messages[code]] += 1
            else:
                accepted.append((contact, draft))
                remaining -= draft.daily_cost
        if accepted:
            replaced_by = _replace_all(accepted, employee, db_now())
            details = {old: {"replaced_by": new} for old, new in replaced_by.items()}
            audit_each("contact.corrected", by=by, kind="contact", details=details)
        result.recorded = len(accepted)
    return result


def _drafts(contacts: Sequence[Contact], employee: Employee) -> list[tuple[Contact, NormalisedDraft]]:
    identities: dict[int, list[Identity]] = {}
    stored = ContactIdentity.objects.filter(employee=employee, contact_id__in=[contact.pk for contact in contacts])
    for row in stored.order_by("pk"):
        identities.setdefault(row.contact_id, []).append(Identity(row.kind, row.value or "", bytes(row.digest)))
    return [
        (contact, NormalisedDraft(contact.name or "", tuple(identities.get(contact.pk, ())))) for contact in contacts
    ]


def _refusal(draft: NormalisedDraft, known: KnownIdentities, employee: Employee) -> str | None:
    keys = {identity.key for identity in draft.identities}
    if any((employee.pk, *key) in known.repeated for key in keys):
        return REPEATED
    # Objections come last, so that a contact refused for another reason reveals none.
    for code, refused in ((OutcomeCode.NOT_EXTERNAL, known.colleagues), (OutcomeCode.OBJECTED, known.objected)):
        if keys & refused:
            return code
    return None


def _replace_all(
    accepted: Sequence[tuple[Contact, NormalisedDraft]], employee: Employee, now: datetime
) -> dict[int, int]:
    """End the contacts and record them again; returns the new ids by the old ones."""
    old = [contact.pk for contact, _draft in accepted]
    # The ends first: an employee has each identity live only once.
    Contact.objects.filter(pk__in=old).update(ended_at=now, end_reason=EndReason.CORRECTED, corrected_at=now)
    # No submission: undoing the file must not end what the employee entered by hand.
    new = Contact.objects.bulk_create(
        Contact(
            employee=employee, name=contact.name, recorded_at=now, stored_at=now, confirmed_at=contact.confirmed_at,
            source=contact.source, replaces=contact,
        )
        for contact, _draft in accepted
    )  # fmt: skip
    pairs = [(contact, identity) for contact, (_old, draft) in zip(new, accepted, strict=True)
             for identity in draft.identities]  # fmt: skip
    ContactIdentity.objects.bulk_create(
        ContactIdentity(
            employee=employee, contact=contact, kind=identity.kind, value=identity.value,
            domain=identity.domain or None, digest=identity.digest, live=True,
        )
        for contact, identity in pairs
    )  # fmt: skip
    queue_reevaluation([employee.pk])
    queue_identity_reevaluation(identity.key for _contact, identity in pairs)
    return dict(zip(old, (contact.pk for contact in new), strict=True))
