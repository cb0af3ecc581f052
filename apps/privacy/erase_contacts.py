"""Erase a person outside the company on request: identifying data is removed, all counts stay (ADR 53).

The erasure has three steps. First an objection to their identities is committed, so that no employee records them
again. Then the erasure waits for running writers. Then it blanks the stored data. It is idempotent: a second run erases
what is left.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from django.db import transaction
from django.utils.translation import gettext as _

from apps.contacts.models import Contact, ContactIdentity, Erasure, Submission, SuppressedIdentity
from apps.contacts.services.submissions import finish_submission, lock_employees
from apps.core.audit import Actor, audit
from apps.core.clock import db_now
from apps.core.email_domains import in_domains
from apps.core.errors import Refused
from apps.core.locks import lock_facts, wait_for_writers
from apps.core.sql import execute, statement
from apps.core.text import clean_text
from apps.privacy.erase_submissions import (
    blank_reports,
    busy,
    clear_files,
    files_that_mention,
    is_being_recorded,
    submissions_that_mention,
)
from apps.privacy.erasure_subject import ErasureTarget, MatchedRecords, contacts_of, contacts_that_mention
from apps.privacy.pii_patterns import PiiPattern

# Seconds to wait for running writers during an erasure.
TIMEOUT_SECONDS = 60.0
BLANK_CONTACTS = statement("privacy", "erasure", "blank_contacts")
# Replaces texts that mentioned an erased person.
# Not empty: a review or a file name must not be empty, and readers see that something stood there.
ERASED_TEXT = "[…]"


@dataclass
class ErasurePreview:
    """How much data there is about a person, without revealing whose contact they are.

    `employees`: how many employees have them as a contact. `names`: other contacts whose names mention them. `busy`:
    files that are being recorded. `files`: with all unread uploads. Both are 0 where files were not searched.
    """

    employees: int = 0
    contacts: int = 0
    names: int = 0
    erased: int = 0
    files: int = 0
    reports: int = 0
    busy: int = 0


def preview_erasure(target: ErasureTarget, *, search_files: bool) -> ErasurePreview:
    """Return how much data there is to erase. Changes nothing."""
    records = MatchedRecords.of(target)
    ids = [contact for _employee, contact in records.contacts]
    files = list(files_that_mention(target, records)) if search_files else []
    busy = Submission.objects.filter(file__in=files, state=Submission.State.RECEIVED).count()
    return ErasurePreview(
        employees=len(records.at_employees),
        contacts=len(ids),
        names=len(contacts_that_mention(records)),
        erased=Contact.objects.filter(pk__in=ids, name=None).count(),
        files=len(files) - busy,
        reports=len(submissions_that_mention(records)),
        busy=busy,
    )


def check_reason(reason: str, pattern: PiiPattern) -> str:
    """Return the reason of an erasure, cleaned. Raises Refused when it is empty or identifies the person."""
    reason = clean_text(reason, 2_000)
    if not reason:
        raise Refused("reason", _("Describe how the request was received and verified."), "reason")
    if pattern.matches([reason]):
        raise Refused("reason", _("The reason is stored, so it must not name the person."), "reason")
    return reason


def store_objection(target: ErasureTarget, *, reason: str, by: Actor, approved_by: Actor | None = None) -> Erasure:
    """Step one of an erasure: store the objection. After its commit, no employee can record the person.

    Raises Refused. Changes nothing but the objection.
    """
    reason = check_reason(reason, MatchedRecords.of(target).distinctive)
    return _store_objection(target, reason, by, approved_by)


def refuse_while_recorded(target: ErasureTarget) -> None:
    """Raise Refused while a submitted file with this person is recorded: deleting it would lose its other people."""
    if is_being_recorded(target, MatchedRecords.of(target)):
        raise busy()


def finish_contact_erasure(target: ErasureTarget, *, erasure: Erasure, by: Actor) -> ErasurePreview:
    """Step two, after the commit of the objection; may be repeated after a crash.

    Raises Refused while a writer is busy.
    """
    if not wait_for_writers(TIMEOUT_SECONDS):
        raise Refused("busy", _("Contacts are still being recorded. Try again in a minute."))
    refuse_while_recorded(target)
    # Record pending drafts first: the objection then refuses the person, and the report can be blanked below.
    for submission in submissions_that_mention(MatchedRecords.of(target)):
        if submission.state == Submission.State.RECEIVED and submission.payload is not None:
            finish_submission(submission.pk)
    # Read the names and the files before blanking: a run after a crash would no longer know what to search for.
    records = MatchedRecords.of(target)
    erased = ErasurePreview(files=clear_files(target, records), employees=len(records.at_employees))
    with transaction.atomic():
        erased.contacts, erased.names = _blank(target, records)
        erased.reports = blank_reports(records)
        # The entry has no counts: many users read the audit trail, and a count would reveal that the person is a
        # contact.
        audit("erasure.done", by=by, kind="erasure", id=erasure.pk)
    return erased


def _store_objection(target: ErasureTarget, reason: str, by: Actor, approved_by: Actor | None) -> Erasure:
    second = approved_by.label if approved_by else ""
    with transaction.atomic():
        lock_facts()
        erasure = Erasure.objects.create(
            erased_at=db_now(), actor_id=by.id, actor_label=by.label, approved_by_label=second, reason=reason
        )
        SuppressedIdentity.objects.bulk_create(
            [SuppressedIdentity(erasure=erasure, kind=kind, digest=digest) for kind, digest in sorted(target.keys)],
            ignore_conflicts=True,
        )
        detail = {"identities": len(target.keys), **({"approved_by": second} if second else {})}
        audit("erasure.asked", by=by, kind="erasure", id=erasure.pk, detail=detail)
    return erasure


def _blank(target: ErasureTarget, records: MatchedRecords) -> tuple[int, int]:
    """Blank names and values, in the caller's transaction.

    Returns how many contacts were the person, and how many other contacts' names mentioned them.
    """
    lock_facts()
    mentions = contacts_that_mention(records)
    lock_employees(employee for employee, _contact in [*contacts_of(target), *mentions])
    # Query again under the lock, because a correction may have run before it.
    contacts = contacts_of(target)
    blank_contacts(contacts, target.company_domains)
    Contact.objects.filter(pk__in=[contact for _employee, contact in mentions], name__isnull=False).update(
        name=ERASED_TEXT
    )
    return len(contacts), len(mentions)


def blank_contacts(contacts: Sequence[tuple[int, int]], company_domains: Collection[str]) -> None:
    """Blank these contacts, given as (employee, contact). The caller holds the facts lock and the employees' row locks.

    No status changes: the digests stay, and so does a domain that any campaign lists as a company domain, or a
    subdomain of one. All other domains are removed. `was_external` then keeps the fact that the domain was external,
    whatever a later rule lists.
    """
    # PostgreSQL takes two arrays of one length, as `unnest` reads them side by side.
    employees, ids = [employee for employee, _ in contacts], [contact for _, contact in contacts]
    identities = ContactIdentity.objects.filter(employee__in=employees, contact__in=ids, domain__isnull=False)
    domains = identities.order_by("domain").values_list("domain", flat=True).distinct()
    kept_domains = [domain for domain in domains if domain and in_domains(domain, company_domains)]
    execute(BLANK_CONTACTS, {"employees": employees, "contacts": ids, "domains": kept_domains})
    execute("DELETE FROM contacts_sighting WHERE contact_id = ANY(%s)", [ids])
