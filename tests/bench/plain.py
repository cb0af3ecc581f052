"""The reference of an import: the same rows, normalised and digested beforehand, stored by plain SQL.

COPY into a temporary table, then two INSERT ... SELECT, in transactions of the size of an import's. It evaluates,
locks, queues and reports nothing.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from io import StringIO
from itertools import islice
from pathlib import Path
from typing import Any

from django.db import connection, transaction

from apps.contacts.batches import MAX_ENTRIES
from apps.contacts.file_receipt import receive_file
from apps.contacts.models import Source
from apps.contacts.reading import Entry, open_contacts
from apps.core.audit import Actor
from apps.employees.models import Employee

STAGE = """
CREATE TEMP TABLE stage (
    id bigint DEFAULT nextval(pg_get_serial_sequence('contacts_contact', 'id')), employee_id bigint, name text,
    phone text, phone_digest bytea, email text, domain text, email_digest bytea
) ON COMMIT DELETE ROWS
"""
COPY = "COPY stage (employee_id, name, phone, phone_digest, email, domain, email_digest) FROM STDIN"
CONTACTS = """
INSERT INTO contacts_contact (id, employee_id, name, recorded_at, stored_at, source, submission_id)
SELECT id, employee_id, name, at, at, 'csv', %s FROM stage, (SELECT hundred_clock() AS at) AS clock
"""
IDENTITIES = """
INSERT INTO contacts_contactidentity (employee_id, contact_id, kind, value, domain, digest, live)
SELECT employee_id, id, one.kind, one.value, one.domain, one.digest, true
FROM stage, LATERAL (VALUES ('phone', phone, NULL, phone_digest), ('email', email, domain, email_digest))
    AS one(kind, value, domain, digest)
"""


def store(path: Path) -> dict[str, Any]:
    """Store the valid rows of a file; return the seconds of the SQL and the number of contacts."""
    owners = dict(Employee.objects.values_list("staff_no", "pk"))
    submission = receive_file(
        employee=None, by=Actor(None, "bench"), source=Source.CSV, file_name=path.name, sha256=b"", layout={}
    ).pk
    seconds, count = 0.0, 0
    with connection.cursor() as cursor, path.open("rb") as raw, open_contacts(raw) as file:
        cursor.execute(STAGE)
        entries = _new(file.entries)
        while batch := list(islice(entries, MAX_ENTRIES)):
            text = StringIO("".join(_line(owners[entry.staff_no], entry) for entry in batch))
            began = time.perf_counter()
            with transaction.atomic():
                cursor.copy_expert(COPY, text)
                cursor.execute(CONTACTS, [submission])
                cursor.execute(IDENTITIES)
            seconds += time.perf_counter() - began
            count += len(batch)
    return {"seconds": seconds, "created": count}


def _new(entries: Iterator[Entry]) -> Iterator[Entry]:
    """Without refused rows and repeats within a few hundred rows: the generated files have no others."""
    lately: dict[bytes, None] = {}
    for entry in entries:
        if entry.draft.refused:
            continue
        key = entry.draft.identities[0].digest
        if key not in lately:
            yield entry
        lately[key] = None
        if len(lately) > MAX_ENTRIES:
            del lately[next(iter(lately))]


def _line(owner: int, entry: Entry) -> str:
    phone, email = entry.draft.identities
    cells = (entry.draft.name, phone.value, f"\\\\x{phone.digest.hex()}", email.value, email.domain)
    return f"{owner}\t" + "\t".join(cells) + f"\t\\\\x{email.digest.hex()}\n"
