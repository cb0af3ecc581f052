"""Bulk insert of contacts by COPY, in any number. The caller has validated them."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Sequence
from datetime import datetime
from io import StringIO

import psycopg2
from django.db import connection

from apps.contacts.drafts import ExistingContact, NormalisedDraft

NULL = "\\N"
# COPY, because binding a list of values costs more than storing it.
STORE_CONTACTS = """
COPY contacts_contact (id, employee_id, name, recorded_at, stored_at, confirmed_at, ended_at, end_reason, source,
                       submission_id) FROM STDIN
"""
STORE_IDENTITIES = """
COPY contacts_contactidentity (employee_id, contact_id, kind, value, domain, digest, live) FROM STDIN
"""


def reserve_ids(count: int) -> Iterator[int]:
    """Reserve `count` contact ids from the sequence, when the caller requests the first one."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT nextval('contacts_contact_id_seq') FROM generate_series(1, %s)", [count])
        ids = cursor.fetchall()
    yield from (number for (number,) in ids)


def store(
    new: Sequence[tuple[int, NormalisedDraft, ExistingContact]], now: datetime, source: str, submission_id: uuid.UUID
) -> None:
    """Store new contacts, given as (employee id, draft, contact)."""
    contacts, identities = StringIO(), StringIO()
    stored, origin = now.isoformat(), f"{source}\t{submission_id}"
    # Nearly all contacts of a batch have the same times, so their text is built once.
    ends: dict[tuple, str] = {}
    for owner, one, contact in new:
        times = contact[1:]
        if (end := ends.get(times)) is None:
            end = ends[times] = f"{_times(contact, stored)}\t{origin}\n"
        contacts.write(f"{contact.contact_id}\t{owner}\t{_text(one.name)}\t{end}")
        live = "t" if contact.ended_at is None else "f"
        for held in one.identities:
            value = f"{_text(held.value)}\t{_text(held.domain) or NULL}\t\\\\x{held.digest.hex()}\t{live}"
            identities.write(f"{owner}\t{contact.contact_id}\t{held.kind}\t{value}\n")
    if new:
        _copy(STORE_CONTACTS, contacts)
        _copy(STORE_IDENTITIES, identities)


def _times(contact: ExistingContact, stored: str) -> str:
    ended = "withdrawn" if contact.ended_at else NULL
    return "\t".join([
        contact.recorded_at.isoformat(), stored, _instant(contact.confirmed_at), _instant(contact.ended_at), ended
    ])  # fmt: skip


def _copy(statement: str, rows: StringIO) -> None:
    """COPY rows in.

    On an error, the database's detail is dropped: it quotes the failed line, which contains a person's name.
    """
    rows.seek(0)
    with connection.cursor() as cursor, connection.wrap_database_errors:
        try:
            cursor.copy_expert(statement, rows)
        except psycopg2.Error as error:
            said = error.diag.message_primary or "the database did not take the contacts"
            raise type(error)(said) from None


def _instant(at: datetime | None) -> str:
    return at.isoformat() if at else NULL


def _text(text: str) -> str:
    """Escape a cell for COPY's text format; cleaned text has no tab and no line break."""
    return text.replace("\\", "\\\\") if "\\" in text else text
