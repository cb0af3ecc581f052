"""An employee's own live contacts as files that other programs can open and that import as the same people.

A server-side cursor reads the rows and the file is sent in small pieces, so memory does not grow with the list.
"""

from __future__ import annotations

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
from apps.fileio.names import one_line
from apps.fileio.vcards.writer import write_card

BYTE_ORDER_MARK = "\ufeff".encode()
CHUNK = 1_000
PIECE = 32 * 1024


class Person(NamedTuple):
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
    last = _last(employee)
    widths = {kind: _most(employee, kind, last) for kind in KINDS}
    yield from _pieces(_csv_lines(_listed(employee, last), widths))


def own_vcards(employee: Employee) -> Iterator[bytes]:
    """Yield the employee's live contacts as vCard 4.0, oldest first. Erased and ended contacts are left out."""
    listed = _listed(employee, _last(employee))
    yield from _pieces(write_card(contact.name, contact.identities) for contact in listed)


def _last(employee: Employee) -> int:
    """Return the newest contact's id.

    A contact recorded while the file is written could need more columns than the header has, so the export stops here.
    """
    return Contact.objects.of(employee).aggregate(last=Max("id"))["last"] or 0


def _readable(employee: Employee) -> QuerySet[ContactIdentity]:
    """Leave out erased identities: an erasure removes the value."""
    return ContactIdentity.objects.filter(employee=employee, value__isnull=False)


def _most(employee: Employee, kind: str, last: int) -> int:
    """Return the largest number of identities of a kind on one live contact.

    It is at least 1, so that every file has the column.
    """
    held = _readable(employee).filter(kind=kind, live=True, contact_id__lte=last)
    most = held.values("contact_id").annotate(held=Count("id")).aggregate(most=Max("held"))["most"]
    return max(most or 0, 1)


def _listed(employee: Employee, last: int) -> Iterator[Person]:
    """Yield the contacts, oldest first.

    Plain values, because model objects that refer to each other would wait for the garbage collector.
    """
    readable = _readable(employee)
    contacts = (
        Contact.objects.of(employee)
        .live()
        .filter(Exists(readable.filter(contact_id=OuterRef("id"))), id__lte=last)
        .order_by("recorded_at", "id")
        .values_list("id", "name", "recorded_at", "source")
        .iterator(chunk_size=CHUNK)
    )
    while batch := list(islice(contacts, CHUNK)):
        held: dict[int, list[tuple[str, str]]] = {contact_id: [] for contact_id, *_rest in batch}
        identities = readable.filter(contact_id__in=held).order_by("id").values_list("contact_id", "kind", "value")
        for contact_id, kind, value in identities:
            held[contact_id].append((kind, value or ""))
        for contact_id, name, recorded_at, source in batch:
            # An erasure may have run between the two queries.
            if held[contact_id]:
                yield Person(name or "", held[contact_id], recorded_at, source)


class _Lines:
    """A file object for csv.writer: its `writerow` returns the result of `write`."""

    def write(self, line: str) -> bytes:
        return line.encode()


def _csv_lines(contacts: Iterable[Person], widths: dict[str, int]) -> Iterator[bytes]:
    writer: Any = csv.writer(_Lines())
    numbered = [kind if n == 1 else f"{kind} {n}" for kind in KINDS for n in range(1, widths[kind] + 1)]
    yield BYTE_ORDER_MARK + writer.writerow(["name", *numbered, "recorded_at", "source"])
    for contact in contacts:
        cells = [contact.name]
        for kind in KINDS:
            values = [value for held, value in contact.identities if held == kind]
            cells += values + [""] * (widths[kind] - len(values))
        cells += [contact.recorded_at.isoformat(), contact.source]
        yield writer.writerow([escape_formula(one_line(cell)) for cell in cells])


def _pieces(lines: Iterable[bytes]) -> Iterator[bytes]:
    """Join lines into pieces large enough to send."""
    piece = bytearray()
    for line in lines:
        piece += line
        if len(piece) >= PIECE:
            yield bytes(piece)
            piece.clear()
    if piece:
        yield bytes(piece)
