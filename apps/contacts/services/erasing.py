"""Forgetting somebody outside who asks for it: who they are goes, wherever it stands, and every count stays (ADR 53).

First their identities are objected to and that is committed, so that nobody records them anew; then whoever was
writing is waited for; then what stands is blanked. Done again it finds what is left, and harms nothing.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import connection, transaction
from django.db.models import BooleanField, Q, QuerySet
from django.db.models.expressions import RawSQL
from django.utils.translation import gettext as _

from apps.contacts.models import Contact, ContactIdentity, Erasure, Objection, Submission
from apps.contacts.reading import AUTO, CSV, open_contacts
from apps.contacts.recording import sentence
from apps.contacts.services.submitting import finish_submission, lock_employees
from apps.contacts.traces import Traces
from apps.employees.models import Account
from apps.ledger.files import append, opened, read_file
from apps.ledger.models import StoredFile
from apps.ledger.rules import Identity, InvalidIdentity, clean_text
from apps.ledger.services import Actor, audit, clock, hold_facts, identity, outwait_writers
from apps.ledger.tables import UnreadableFile

# Somebody's contacts by these digests, with what they corrected and what corrected them.
FOUND = """
WITH RECURSIVE asked AS (
    SELECT kind, decode(hex, 'hex') AS digest FROM unnest(%s::text[], %s::text[]) AS sent(kind, hex)),
found AS (
    SELECT one.employee_id, one.contact_id AS id FROM contacts_contactidentity one JOIN asked USING (kind, digest)
    UNION
    SELECT linked.employee_id, linked.id FROM found JOIN LATERAL (
        SELECT newer.employee_id, newer.id FROM contacts_contact newer WHERE newer.replaces_id = found.id
        UNION ALL
        SELECT older.employee_id, older.id FROM contacts_contact me
        JOIN contacts_contact older ON older.id = me.replaces_id WHERE me.id = found.id) linked ON true)
SELECT employee_id, id FROM found ORDER BY employee_id, id
"""
# What of a submission somebody may stand in, whatever its columns are called elsewhere.
SHOWS = "({})".format(
    " OR ".join(
        f"normalize(coalesce(contacts_submission.{column}, ''), NFKC) ~* %s"
        for column in ("report::text", "payload::text", "file_name", "key")
    )
)
# Seconds in which whoever writes while somebody is forgotten has to be done.
PATIENCE = 60.0
LIKELY = ("utf-8", "utf-16-le", "utf-16-be", "gb18030")


class ErasureRefused(ValueError):
    """It cannot be done now, or not so: a stable `code`, a sentence, and the field it belongs to."""

    def __init__(self, code: str, message: str, field: str = ""):
        super().__init__(message)
        self.code, self.message, self.field = code, message, field


@dataclass
class Found:
    """How much there is of somebody, and nothing about whose it is. `busy`: files that are being recorded now."""

    contacts: int = 0
    erased: int = 0
    files: int = 0
    reports: int = 0
    busy: int = 0


@dataclass(frozen=True)
class Forgetting:
    """Whom to forget. `company_domains` stay with an identity, as the company's own; files of `spared` hold nobody."""

    identities: tuple[Identity, ...]
    company_domains: frozenset[str] = frozenset()
    spared: tuple[Any, ...] = ()

    @property
    def keys(self) -> frozenset[tuple[str, bytes]]:
        return frozenset(one.key for one in self.identities)

    @property
    def traces(self) -> Traces:
        """By what was asked alone."""
        return Traces(tuple((one.kind, one.value) for one in self.identities))


@dataclass(frozen=True)
class _Known:
    """What is there of somebody: (employee, contact), and how they may stand in texts.

    By their names only with those who recorded them: elsewhere somebody else may be called so.
    """

    contacts: list[tuple[int, int]]
    anywhere: Traces
    at_home: Traces
    employees: frozenset[int]
    accounts: frozenset[int]

    @classmethod
    def of(cls, whom: Forgetting) -> _Known:
        found = _contacts(whom)
        ids, employees = [contact for _, contact in found], frozenset(employee for employee, _ in found)
        held = ContactIdentity.objects.filter(contact_id__in=ids, value__isnull=False)
        told = [*whom.traces.identities, *((kind, value or "") for kind, value in held.values_list("kind", "value"))]
        names = Contact.objects.filter(pk__in=ids).exclude(name=None).values_list("name", flat=True)
        identities = tuple(dict.fromkeys(told))
        accounts = Account.objects.filter(employee_id__in=employees).values_list("pk", flat=True)
        return cls(
            found, Traces(identities), Traces(identities, tuple(sorted({name for name in names if name}))), employees,
            frozenset(accounts),
        )  # fmt: skip

    def traces_in(self, *, owner: int | None = None, employee: int | None = None) -> Traces:
        """How they may stand in what belongs to this account or employee."""
        home = owner in self.accounts or employee in self.employees
        return self.at_home if home else self.anywhere


def identities_of(told: Iterable[tuple[str, str]]) -> tuple[Identity, ...]:
    """The identities somebody gave, as (kind, text). Raises ErasureRefused, which never repeats them."""
    found: dict[Identity, None] = {}
    for kind, raw in told:
        if not raw.strip():
            continue
        try:
            found[identity(kind, raw)] = None
        except InvalidIdentity as error:
            raise ErasureRefused("invalid_identity", sentence(error), kind) from None
    if not found:
        raise ErasureRefused("invalid_identity", _("A phone, an e-mail or a handle is needed."), "phone")
    return tuple(found)


def look_for(whom: Forgetting) -> Found:
    """How much there is to forget. Changes nothing."""
    return _look(whom, _Known.of(whom))


def _look(whom: Forgetting, known: _Known) -> Found:
    ids = [contact for _employee, contact in known.contacts]
    found = Found(contacts=len(ids), reports=len(_handed_in_with(known)))
    found.erased = Contact.objects.filter(pk__in=ids, name=None).count()
    for _stored, submission in _files_with(whom, known):
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
    reason, known = clean_text(reason, 2_000), _Known.of(whom)
    if not reason:
        raise ErasureRefused("reason", _("Say how the request came and how it was checked."), "reason")
    if known.at_home.stand_in([reason]):
        raise ErasureRefused("reason", _("The reason is kept: it must not say who it is about."), "reason")
    if _look(whom, known).busy:
        raise ErasureRefused("busy", _("A file with this person is just being recorded. Try again in a minute."))
    erasure = _object(whom, reason, by)
    if not outwait_writers(PATIENCE):
        raise ErasureRefused("busy", _("Somebody is still writing contacts. Try again in a minute."))
    for submission in _handed_in_with(known):
        if submission.state == Submission.State.RECEIVED and submission.payload is not None:
            finish_submission(submission.pk)
    # Learned before anything is blanked: afterwards nobody knows the names any more.
    known = _Known.of(whom)
    found = Found(files=_clear_files(whom, known))
    with transaction.atomic():
        found.contacts = _blank(whom)
        found.reports = _blank_reports(known)
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


def _contacts(whom: Forgetting) -> list[tuple[int, int]]:
    """(employee, contact) of everybody's contacts that are this person, ended and corrected ones too."""
    keys = sorted(whom.keys)
    with connection.cursor() as cursor:
        cursor.execute(FOUND, [[kind for kind, _digest in keys], [digest.hex() for _kind, digest in keys]])
        return cursor.fetchall()


def _blank(whom: Forgetting) -> int:
    """Blank names and values, in the caller's transaction; returns how many contacts had any."""
    hold_facts()
    lock_employees(employee for employee, _contact in _contacts(whom))
    # Again, now that nobody corrects one of them.
    found = _contacts(whom)
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


# -- what was handed in --------------------------------------------------------------------------------------------


def _handed_in_with(known: _Known) -> list[Submission]:
    """Submissions whose report, drafts, file's name or key show somebody."""
    return [*_showing(known.anywhere), *_showing(known.at_home, employee_id__in=known.employees)]


def _showing(traces: Traces, **where: Any) -> QuerySet[Submission]:
    shows = RawSQL(SHOWS, [traces.pattern] * 4, output_field=BooleanField())  # noqa: S611 # nosec B611 # ours
    return Submission.objects.filter(shows, **where)


def _blank_reports(known: _Known) -> int:
    found = {one.pk: one for one in _handed_in_with(known)}
    for one in found.values():
        traces = known.traces_in(employee=one.employee_id)
        one.report, one.file_name = traces.blanked(one.report), traces.blanked(one.file_name)
        if traces.stand_in([one.key or ""]):
            # Sent once more it is a new submission, and refused person by person.
            one.key = f"erased:{one.pk}"
        one.save(update_fields=["report", "file_name", "key"])
    return len(found)


def _files_with(whom: Forgetting, known: _Known) -> Iterator[tuple[StoredFile, Submission | None]]:
    """Kept files that show somebody, each with the submission it was handed in by."""
    for stored in StoredFile.objects.exclude(pk__in=whom.spared).order_by("pk").iterator(chunk_size=100):
        handed_in = Submission.objects.filter(file=stored).first()
        if _shows(stored, handed_in.layout if handed_in else {}, whom, _traces_in(stored, known)):
            yield stored, handed_in


def _traces_in(stored: StoredFile, known: _Known) -> Traces:
    """A file is at home with whoever sent it, and with whose contacts it brought."""
    brought = Submission.objects.filter(Q(file=stored) | Q(rejects=stored)).first()
    return known.traces_in(owner=stored.owner_id, employee=brought.employee_id if brought else None)


def _shows(stored: StoredFile, layout: dict[str, Any], whom: Forgetting, traces: Traces) -> bool:
    if traces.stand_in([stored.name]):
        return True
    roles = layout.get("roles") if layout.get("format") == CSV else None
    with opened(stored) as raw:
        try:
            with open_contacts(
                raw, format=layout.get("format", AUTO), encoding=layout.get("encoding", ""), roles=roles
            ) as file:
                return traces.stand_in(file.header) or any(
                    whom.keys & {one.key for one in entry.checked.identities} or traces.stand_in(entry.cells)
                    for entry in file.entries
                )
        except UnreadableFile:
            raw.seek(0)
            content = raw.read()
    # Nobody knows how it is read: as each of the likely texts.
    return traces.stand_in(content.decode(codec, "ignore") for codec in LIKELY)


def _clear_files(whom: Forgetting, known: _Known) -> int:
    """Take somebody out of rejected lines, and delete whatever other file shows them; returns how many there were."""
    cleared = 0
    for stored, _handed_in in list(_files_with(whom, known)):
        with transaction.atomic():
            kept = StoredFile.objects.select_for_update().filter(pk=stored.pk).first()
            if kept is None:
                continue
            if Submission.objects.filter(rejects=kept).exists():
                _blank_lines(kept, _traces_in(kept, known))
            else:
                kept.delete()
            cleared += 1
    return cleared


def _blank_lines(stored: StoredFile, traces: Traces) -> None:
    """Rejected lines without somebody's: of those the line's number and the code stay."""
    text = b"".join(read_file(stored)).decode("utf-8-sig")
    header, *rows = csv.reader(io.StringIO(text))
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow("" if traces.stand_in([cell]) else cell for cell in header)
    for row in rows:
        # keep_rejects puts line, code and reason behind the cells.
        blank = [*[""] * (len(row) - 3), *row[-3:-1], ""]
        writer.writerow(blank if traces.stand_in(row) else row)
    stored.storedchunk_set.all().delete()
    stored.size = 0
    append(stored, b"\xef\xbb\xbf" + out.getvalue().encode())
