"""An employee's own live contacts as files that other programs can open and that import as the same people.

A server-side cursor reads the rows and the file is sent in small pieces, so memory does not grow with the list.
"""

from __future__ import annotations

import codecs
import csv
from collections.abc import Iterable, Iterator
from datetime import datetime
from itertools import islice
from typing import Any, NamedTuple

from django.db.models import Count, Exists, Max, OuterRef, QuerySet

from apps.contacts.models import Contact, ContactIdentity
from apps.core.identity import KINDS
from apps.employees.models import Employee
from apps.fileio.csv_injection import escape_formula
from apps.fileio.names import collapse_whitespace
from apps.fileio.vcards.writer import write_card

CHUNK_ROWS = 1_000
CHUNK_BYTES = 32 * 1024


class ExportedContact(NamedTuple):
    """One contact as it is exported; `identities` as (kind, normalised value)."""

    name: str
    identities: list[tuple[str, str]]
    recorded_at: datetime
    source: str


def own_csv(employee: Employee) -> Iterator[bytes]:
    """Yield the employee's live contacts as CSV, oldest first: UTF-8 with BOM, CRLF, RFC 4180, formulas escaped.

    Columns: name; phone, phone 2 and so on, email, handle, as many as that employee's contacts need; recorded_at (ISO
    8601, UTC); source. Erased and ended contacts are left out.
    """
    last = _newest_contact_id(employee)
    widths = {kind: _max_identities(employee, kind, last) for kind in KINDS}
    yield from _chunks(_csv_lines(_live_contacts(employee, last), widths))


def own_vcards(employee: Employee) -> Iterator[bytes]:
    """Yield the employee's live contacts as vCard 4.0, oldest first. Erased and ended contacts are left out."""
    listed = _live_contacts(employee, _newest_contact_id(employee))
    yield from _chunks(write_card(contact.name, contact.identities) for contact in listed)


def _newest_contact_id(employee: Employee) -> int:
    """Return the newest contact's id.

    A contact recorded while the file is written could need more columns than the header has, so the export stops here.
    """
    return Contact.objects.of(employee).aggregate(last=Max("id"))["last"] or 0


def _stored_identities(employee: Employee) -> QuerySet[ContactIdentity]:
    """Leave out erased identities: an erasure removes the value."""
    return ContactIdentity.objects.filter(employee=employee, value__isnull=False)


def _max_identities(employee: Employee, kind: str, last: int) -> int:
    """Return the largest number of identities of a kind on one live contact.

    It is at least 1, so that every file has the column.
    """
    identities = _stored_identities(employee).filter(kind=kind, live=True, contact_id__lte=last)
    counts = identities.values("contact_id").annotate(count=Count("id"))
    return max(counts.aggregate(max=Max("count"))["max"] or 0, 1)


def _live_contacts(employee: Employee, last: int) -> Iterator[ExportedContact]:
    """Yield the contacts, oldest first.

    Plain values, because model objects that refer to each other would wait for the garbage collector.
    """
    readable = _stored_identities(employee)
    # A server-side cursor: without it the driver holds the whole list before the first row.
    contacts = (
        Contact.objects.of(employee)
        .live()
        .filter(Exists(readable.filter(contact_id=OuterRef("id"))), id__lte=last)
        .order_by("recorded_at", "id")
        .values_list("id", "name", "recorded_at", "source")
        .iterator(chunk_size=CHUNK_ROWS)
    )
    while batch := list(islice(contacts, CHUNK_ROWS)):
        identities: dict[int, list[tuple[str, str]]] = {contact_id: [] for contact_id, *_rest in batch}
        rows = readable.filter(contact_id__in=identities).order_by("id").values_list("contact_id", "kind", "value")
        for contact_id, kind, value in rows:
            identities[contact_id].append((kind, value or ""))
        for contact_id, name, recorded_at, source in batch:
            # An erasure may have run between the two queries.
            if identities[contact_id]:
                yield ExportedContact(name or "", identities[contact_id], recorded_at, source)


class _Echo:
    """A file object for csv.writer, whose `writerow` returns the result of `write` (Django: "Streaming large CSV")."""

    def write(self, line: str) -> bytes:
        return line.encode()


def _csv_lines(contacts: Iterable[ExportedContact], widths: dict[str, int]) -> Iterator[bytes]:
    writer: Any = csv.writer(_Echo())
    # The names are those that the import recognises (header_words.ini): the file can come back.
    numbered = [kind if n == 1 else f"{kind} {n}" for kind in KINDS for n in range(1, widths[kind] + 1)]
    yield codecs.BOM_UTF8 + writer.writerow(["name", *numbered, "recorded_at", "source"])
    for contact in contacts:
        cells = [contact.name]
        for kind in KINDS:
            values = [value for identity_kind, value in contact.identities if identity_kind == kind]
            cells += values + [""] * (widths[kind] - len(values))
        cells += [contact.recorded_at.isoformat(), contact.source]
        yield writer.writerow([escape_formula(collapse_whitespace(cell)) for cell in cells])


def _chunks(lines: Iterable[bytes]) -> Iterator[bytes]:
    """Join lines into pieces large enough to send."""
    piece = bytearray()
    for line in lines:
        piece += line
        if len(piece) >= CHUNK_BYTES:
            yield bytes(piece)
            piece.clear()
    if piece:
        yield bytes(piece)
