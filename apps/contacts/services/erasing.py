"""Forgetting somebody outside who asks for it: who they are goes, wherever it stands, and every count stays (ADR 53).

First their identities are objected to and that is committed, so that nobody records them anew; then whoever was
writing is waited for; then what stands is blanked. Done again it finds what is left, and harms nothing.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from django.db import connection, transaction
from django.utils.translation import gettext as _

from apps.contacts.models import Contact, Erasure, Objection, Submission
from apps.contacts.services.handed_in import blank_reports, clear_files, files_with, handed_in_with
from apps.contacts.services.submitting import finish_submission, lock_employees
from apps.contacts.services.whom import ErasureRefused, Forgetting, Known, contacts_of
from apps.ledger.rules import clean_text
from apps.ledger.services import Actor, audit, clock, hold_facts, outwait_writers

# Seconds in which whoever writes while somebody is forgotten has to be done.
PATIENCE = 60.0


@dataclass
class Found:
    """How much there is of somebody, and nothing about whose it is. `busy`: files that are being recorded now."""

    contacts: int = 0
    erased: int = 0
    files: int = 0
    reports: int = 0
    busy: int = 0


def look_for(whom: Forgetting) -> Found:
    """How much there is to forget. Changes nothing."""
    return _look(whom, Known.of(whom))


def _look(whom: Forgetting, known: Known) -> Found:
    ids = [contact for _employee, contact in known.contacts]
    found = Found(contacts=len(ids), reports=len(handed_in_with(known)))
    found.erased = Contact.objects.filter(pk__in=ids, name=None).count()
    for _stored, submission in files_with(whom, known):
        if submission is not None and submission.state == Submission.State.RECEIVED:
            found.busy += 1
        else:
            found.files += 1
    return found


def erase(whom: Forgetting, *, reason: str, by: Actor) -> tuple[Erasure, Found]:
    """Forget somebody; returns what was found. Counts, reasons and results stay.

    Raises ErasureRefused: then nothing was changed, or, when a writer was not done in time, nothing but that nobody
    records them any more.
    """
    reason, known = clean_text(reason, 2_000), Known.of(whom)
    if not reason:
        raise ErasureRefused("reason", _("Say how the request came and how it was checked."), "reason")
    if known.at_home.stand_in([reason]):
        raise ErasureRefused("reason", _("The reason is kept: it must not say who it is about."), "reason")
    if _look(whom, known).busy:
        raise ErasureRefused("busy", _("A file with this person is just being recorded. Try again in a minute."))
    erasure = _object(whom, reason, by)
    if not outwait_writers(PATIENCE):
        raise ErasureRefused("busy", _("Somebody is still writing contacts. Try again in a minute."))
    for submission in handed_in_with(known):
        if submission.state == Submission.State.RECEIVED and submission.payload is not None:
            finish_submission(submission.pk)
    # Learned before anything is blanked: afterwards nobody knows the names any more.
    known = Known.of(whom)
    found = Found(files=clear_files(whom, known))
    with transaction.atomic():
        found.contacts = _blank(whom)
        found.reports = blank_reports(known)
        audit(
            "erasure.done", by=by, kind="erasure", id=erasure.pk,
            detail={"contacts": found.contacts, "files": found.files, "reports": found.reports},
        )  # fmt: skip
    return erasure, found


def _object(whom: Forgetting, reason: str, by: Actor) -> Erasure:
    with transaction.atomic():
        hold_facts()
        erasure = Erasure.objects.create(erased_at=clock(), actor_id=by.id, actor_label=by.label, reason=reason)
        Objection.objects.bulk_create(
            [Objection(erasure=erasure, kind=kind, digest=digest) for kind, digest in sorted(whom.keys)],
            ignore_conflicts=True,
        )
        audit("erasure.asked", by=by, kind="erasure", id=erasure.pk, detail={"identities": len(whom.keys)})
    return erasure


def _blank(whom: Forgetting) -> int:
    """Blank names and values, in the caller's transaction; returns how many contacts had any."""
    hold_facts()
    lock_employees(employee for employee, _contact in contacts_of(whom))
    # Again, now that nobody corrects one of them.
    found = contacts_of(whom)
    blank_contacts(found, whom.company_domains)
    return len(found)


def blank_contacts(found: Sequence[tuple[int, int]], company_domains: Collection[str]) -> None:
    """Blank these contacts, as (employee, contact); the caller holds facts and the employees' rows.

    No verdict moves: the digests stay, and so does a domain that any campaign has as the company's. Every other one
    goes, and `was_external` says that it was no company's, whatever a later rule lists.
    """
    employees, contacts = [one for one, _ in found], [one for _, one in found]
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
            [employees, contacts, sorted(company_domains)],
        )
        cursor.execute("DELETE FROM contacts_sighting WHERE contact_id = ANY(%s)", [contacts])
