"""Bulk insert of contacts by COPY, in any number. The caller has validated them."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Sequence
from datetime import datetime
from io import StringIO

import psycopg2
from django.db import connection

from apps.contacts.drafts import ContactTimes, NormalisedDraft

# COPY's text format: tabs between cells, \N for NULL, and a backslash escapes.
NULL = "\\N"
# COPY, because binding a list of values costs more than storing it.
COPY_CONTACTS = """
COPY contacts_contact (id, employee_id, name, recorded_at, stored_at, confirmed_at, ended_at, end_reason, source,
                       submission_id) FROM STDIN
"""
COPY_IDENTITIES = """
COPY contacts_contactidentity (employee_id, contact_id, kind, value, domain, digest, live) FROM STDIN
"""


def reserve_ids(count: int) -> Iterator[int]:
    """Reserve `count` contact ids from the sequence, when the caller requests the first one."""
    # Before the insert, because COPY returns no ids and the identities need those of their contacts.
    with connection.cursor() as cursor:
        cursor.execute("SELECT nextval('contacts_contact_id_seq') FROM generate_series(1, %s)", [count])
        ids = cursor.fetchall()
    yield from (number for (number,) in ids)


def insert_contacts(
    new: Sequence[tuple[int, NormalisedDraft, ContactTimes]], now: datetime, source: str, submission_id: uuid.UUID
) -> None:
    """Store new contacts, given as (employee id, draft, contact)."""
    contacts, identities = StringIO(), StringIO()
    # The columns behind the name. Nearly all contacts of a batch have the same times, so their text is built once.
    row_ends: dict[tuple, str] = {}
    for employee_id, draft, contact in new:
        times = contact[1:]
        if (row_end := row_ends.get(times)) is None:
            instants = (contact.recorded_at, now, contact.confirmed_at, contact.ended_at)
            cells = [at.isoformat() if at else NULL for at in instants]
            # Only a feed brings contacts that have ended already, and what it reports is that the person left.
            end_reason = "withdrawn" if contact.ended_at else NULL
            row_end = row_ends[times] = "\t".join([*cells, end_reason, source, str(submission_id)]) + "\n"
        contacts.write(f"{contact.contact_id}\t{employee_id}\t{_text(draft.name)}\t{row_end}")
        live = "t" if contact.ended_at is None else "f"
        for identity in draft.identities:
            # Two backslashes before the x: COPY reads them as one, and bytea's hex format begins with \x.
            value = f"{_text(identity.value)}\t{_text(identity.domain) or NULL}\t\\\\x{identity.digest.hex()}\t{live}"
            identities.write(f"{employee_id}\t{contact.contact_id}\t{identity.kind}\t{value}\n")
    if new:
        _copy(COPY_CONTACTS, contacts)
        _copy(COPY_IDENTITIES, identities)


def _copy(statement: str, rows: StringIO) -> None:
    """COPY rows in.

    On an error, the database's detail is dropped: it quotes the failed line, which contains a person's name.
    """
    rows.seek(0)
    with connection.cursor() as cursor, connection.wrap_database_errors:
        try:
            cursor.copy_expert(statement, rows)
        except psycopg2.Error as error:
            message = error.diag.message_primary or "the database did not take the contacts"
            raise type(error)(message) from None


def _text(text: str) -> str:
    """Escape a cell for COPY's text format; cleaned text has no tab and no line break."""
    return text.replace("\\", "\\\\") if "\\" in text else text
