"""Erase a person outside the company on request: identifying data is removed, all counts stay (ADR 53).

The erasure has three steps. First an objection to their identities is committed, so that no employee records them
again. Then the erasure waits for running writers. Then it blanks the stored data. It is idempotent: a second run erases
what is left.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from django.db import connection, transaction
from django.utils.translation import gettext as _

from apps.contacts.models import Contact, ContactIdentity, Erasure, Submission, SuppressedIdentity
from apps.contacts.services.submissions import finish_submission, lock_employees
from apps.core.audit import Actor, audit
from apps.core.clock import db_now
from apps.core.identity import clean_text, in_domains
from apps.core.locks import lock_facts, wait_for_writers
from apps.privacy.erase_submissions import blank_reports, clear_files, files_with, handed_in_with
from apps.privacy.erasure_subject import ErasureRefused, ErasureTarget, MatchedRecords, contacts_of, named_in
from apps.privacy.pii_patterns import PiiPattern

# Seconds to wait for running writers during an erasure.
PATIENCE = 60.0
# Replaces texts that mentioned an erased person.
ERASED_TEXT = "[…]"


@dataclass
class ErasurePreview:
    """How much data there is about a person, without revealing whose contact they are.

    `employees`: how many employees have them as a contact. `names`: other contacts whose names mention them. `busy`:
    files with them that are being recorded now.
    """

    employees: int = 0
    contacts: int = 0
    names: int = 0
    erased: int = 0
    files: int = 0
    reports: int = 0
    busy: int = 0


def preview_erasure(whom: ErasureTarget) -> ErasurePreview:
    """Return how much data there is to erase. Changes nothing."""
    return _look(whom, MatchedRecords.of(whom))


def _look(whom: ErasureTarget, known: MatchedRecords) -> ErasurePreview:
    ids = [contact for _employee, contact in known.contacts]
    found = ErasurePreview(len(known.employees), len(ids), len(named_in(known)), reports=len(handed_in_with(known)))
    found.erased = Contact.objects.filter(pk__in=ids, name=None).count()
    for _stored, submission in files_with(whom, known):
        if submission is not None and submission.state == Submission.State.RECEIVED:
            found.busy += 1
        else:
            found.files += 1
    return found


def erase(whom: ErasureTarget, *, reason: str, by: Actor) -> tuple[Erasure, ErasurePreview]:
    """Erase a person; returns the erasure and what was found. Counts, reasons and results stay.

    Raises ErasureRefused. Then nothing has changed. When a writer was too slow, only the objection is stored: no
    employee can record the person any more.
    """
    erasure = object_to(whom, reason=reason, by=by)
    return erasure, finish(whom, erasure=erasure, by=by)


def check_reason(reason: str, traces: PiiPattern) -> str:
    """Return the reason of an erasure, cleaned. Raises ErasureRefused when it is empty or identifies the person."""
    reason = clean_text(reason, 2_000)
    if not reason:
        raise ErasureRefused("reason", _("Say how the request came and how it was checked."), "reason")
    if traces.stand_in([reason]):
        raise ErasureRefused("reason", _("The reason is kept: it must not say who it is about."), "reason")
    return reason


def object_to(whom: ErasureTarget, *, reason: str, by: Actor, approved_by: Actor | None = None) -> Erasure:
    """Step one of an erasure: store the objection. After its commit, no employee can record the person.

    Raises ErasureRefused. Changes nothing but the objection.
    """
    known = MatchedRecords.of(whom)
    reason = check_reason(reason, known.at_home)
    if _look(whom, known).busy:
        raise ErasureRefused("busy", _("A file with this person is just being recorded. Try again in a minute."))
    return _object(whom, reason, by, approved_by)


def finish(whom: ErasureTarget, *, erasure: Erasure, by: Actor) -> ErasurePreview:
    """Step two, after the commit of the objection; may be repeated after a crash.

    Raises ErasureRefused while a writer is busy.
    """
    if not wait_for_writers(PATIENCE):
        raise ErasureRefused("busy", _("Somebody is still writing contacts. Try again in a minute."))
    # Record pending drafts first: the objection then refuses the person, and the report can be blanked below.
    for submission in handed_in_with(MatchedRecords.of(whom)):
        if submission.state == Submission.State.RECEIVED and submission.payload is not None:
            finish_submission(submission.pk)
    # Read the names before blanking, because they cannot be found afterwards.
    known = MatchedRecords.of(whom)
    found = ErasurePreview(files=clear_files(whom, known), employees=len(known.employees))
    with transaction.atomic():
        found.contacts, found.names = _blank(whom, known)
        found.reports = blank_reports(known)
        # The entry has no counts: many users read the audit trail, and a count would reveal that the person is a
        # contact.
        audit("erasure.done", by=by, kind="erasure", id=erasure.pk)
    return found


def _object(whom: ErasureTarget, reason: str, by: Actor, approved_by: Actor | None) -> Erasure:
    second = approved_by.label if approved_by else ""
    with transaction.atomic():
        lock_facts()
        erasure = Erasure.objects.create(
            erased_at=db_now(), actor_id=by.id, actor_label=by.label, approved_by_label=second, reason=reason
        )
        SuppressedIdentity.objects.bulk_create(
            [SuppressedIdentity(erasure=erasure, kind=kind, digest=digest) for kind, digest in sorted(whom.keys)],
            ignore_conflicts=True,
        )
        detail = {"identities": len(whom.keys), **({"approved_by": second} if second else {})}
        audit("erasure.asked", by=by, kind="erasure", id=erasure.pk, detail=detail)
    return erasure


def _blank(whom: ErasureTarget, known: MatchedRecords) -> tuple[int, int]:
    """Blank names and values, in the caller's transaction.

    Returns how many contacts were the person, and how many other contacts' names mentioned them.
    """
    lock_facts()
    named = named_in(known)
    lock_employees(employee for employee, _contact in [*contacts_of(whom), *named])
    # Query again under the lock, because a correction may have run before it.
    found = contacts_of(whom)
    blank_contacts(found, whom.company_domains)
    Contact.objects.filter(pk__in=[contact for _employee, contact in named], name__isnull=False).update(
        name=ERASED_TEXT
    )
    return len(found), len(named)


def blank_contacts(found: Sequence[tuple[int, int]], company_domains: Collection[str]) -> None:
    """Blank these contacts, given as (employee, contact). The caller holds the facts lock and the employees' row locks.

    No status changes: the digests stay, and so does a domain that any campaign lists as a company domain, or a
    subdomain of one. All other domains are removed. `was_external` then keeps the fact that the domain was external,
    whatever a later rule lists.
    """
    employees, contacts = [one for one, _ in found], [one for _, one in found]
    held = ContactIdentity.objects.filter(employee__in=employees, contact__in=contacts, domain__isnull=False)
    domains = held.order_by("domain").values_list("domain", flat=True).distinct()
    kept = [domain for domain in domains if domain and in_domains(domain, company_domains)]
    with connection.cursor() as cursor:
        cursor.execute(
            """WITH blanked(employee_id, id) AS (SELECT * FROM unnest(%s::bigint[], %s::bigint[])),
            outside AS (
                UPDATE contacts_contactidentity one
                SET value = NULL, domain = CASE WHEN one.domain = ANY(%s::text[]) THEN one.domain END
                FROM blanked WHERE one.employee_id = blanked.employee_id AND one.contact_id = blanked.id
                RETURNING one.contact_id, one.domain)
            UPDATE contacts_contact contact
            SET name = NULL, was_external = CASE WHEN EXISTS (
                SELECT FROM outside WHERE outside.contact_id = contact.id AND outside.domain IS NOT NULL)
                THEN contact.was_external ELSE coalesce(contact.was_external, true) END
            FROM blanked WHERE contact.employee_id = blanked.employee_id AND contact.id = blanked.id""",
            [employees, contacts, kept],
        )
        cursor.execute("DELETE FROM contacts_sighting WHERE contact_id = ANY(%s)", [contacts])
