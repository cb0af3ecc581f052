"""The only place that writes facts without the services: by COPY, in the transactions of `seeding`, for the demo alone.

It does what the services would do: identities' digests, their `live`, `stored_at`, the org tree.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import connection

from apps.core.identity import digest
from apps.demo.calendar import stamp
from apps.demo.company import Company
from apps.demo.contacts import Draft
from apps.employees.org_tree import rebuild_tree

NULL = "\\N"
IDENTITY = ("employee_id", "contact_id", "kind", "value", "domain", "digest", "live")
STAGE = """
CREATE TEMP TABLE demo_identity (
    employee_id bigint, contact_id bigint, kind text, value text, domain text, digest bytea, live bool) ON COMMIT DROP
"""
UNSTAGE = f"""
SET LOCAL work_mem = '128MB';
INSERT INTO contacts_contactidentity ({", ".join(IDENTITY)})
SELECT {", ".join(IDENTITY)} FROM demo_identity ORDER BY kind, digest;
DROP TABLE demo_identity;
"""
ESCAPES = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"})


class Copy:
    """Rows for one table, sent by `send` in PostgreSQL's text format."""

    def __init__(self, table: str, *columns: str) -> None:
        self.command = f"COPY {table} ({', '.join(columns)}) FROM STDIN"
        self.lines: list[str] = []

    def add(self, *cells: Any) -> None:
        """Add one row; None is NULL, bytes are a bytea."""
        self.lines.append("\t".join(map(copied, cells)))

    def send(self) -> None:
        """Write the rows in one statement."""
        if self.lines:
            with connection.cursor() as cursor:
                cursor.copy_expert(self.command, io.StringIO("\n".join(self.lines) + "\n"))


def copied(cell: Any) -> str:
    """A cell in the text format of COPY."""
    if cell is None:
        return NULL
    if isinstance(cell, bytes):
        return "\\\\x" + cell.hex()
    return str(cell).translate(ESCAPES)


def new_ids(table: str, count: int) -> list[int]:
    """`count` ids from the table's own sequence, ascending."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT nextval(pg_get_serial_sequence(%s, 'id')) FROM generate_series(1, %s) ORDER BY 1", [table, count]
        )
        return [one for (one,) in cursor.fetchall()]


def write_company(company: Company, at: datetime) -> None:
    """Write employees, their identities, employments and placements as known since `at`, and rebuild the tree."""
    people = company.people
    # Ids in the order of staff numbers, as the roster import assigns them.
    order = sorted(range(len(people)), key=lambda place: people[place].staff_no)
    ids = dict(zip(order, new_ids("employees_employee", len(people)), strict=True))
    employees = Copy("employees_employee", "id", "staff_no", "name", "email", "phone", "time_zone", "created_at")
    identities = Copy("employees_employeeidentity", "employee_id", "kind", "value", "digest", "live", "started_at")
    employments = Copy("employees_employment", "employee_id", "starts_at", "ends_at")
    places = Copy("employees_placement", "employee_id", "department", "manager_id", "starts_at", "ends_at")
    for place in order:
        person, own = people[place], ids[place]
        employees.add(own, person.staff_no, person.name, person.email, person.phone, person.time_zone, at)
        for kind, value in (("email", person.email), ("phone", person.phone)):
            if value:
                identities.add(own, kind, value, digest(settings.IDENTITY_KEY, kind, value), "t", at)
        employments.add(own, person.hired_at, person.left_at or "infinity")
        manager = None if person.manager is None else ids[person.manager]
        if person.earlier_manager is None:
            places.add(own, person.department, manager, "-infinity", "infinity")
        else:
            places.add(own, person.earlier_department, ids[person.earlier_manager], "-infinity", company.moved_at)
            places.add(own, person.department, manager, company.moved_at, "infinity")
    for rows in (employees, identities, employments, places):
        rows.send()
    rebuild_tree(at)


class ContactWriter:
    """Writes contacts in batches and, when its block ends, their identities, inside the caller's transaction.

    Identities wait in a temporary table and are inserted in the order of their digests, the only index without a
    natural order: otherwise nearly every row would log a full page of that index.
    """

    def __enter__(self) -> ContactWriter:
        with connection.cursor() as cursor:
            cursor.execute(STAGE)
        return self

    def __exit__(self, failed: object, *_: object) -> None:
        if failed is None:
            with connection.cursor() as cursor:
                cursor.execute(UNSTAGE)

    def write(self, recorded: Iterable[tuple[int, Sequence[Draft]]]) -> int:
        """Write contacts given as (employee's id, drafts); returns how many."""
        batch = [(employee, draft) for employee, drafts in recorded for draft in drafts]
        contacts = Copy(
            "contacts_contact", "id", "employee_id", "name", "recorded_at", "stored_at", "confirmed_at", "ended_at",
            "end_reason", "source",
        )  # fmt: skip
        identities = Copy("demo_identity", *IDENTITY)
        key = settings.IDENTITY_KEY
        # The inner loop: the demo's own values need no escaping.
        for own, (employee, draft) in zip(new_ids("contacts_contact", len(batch)), batch, strict=True):
            contacts.lines.append(
                f"{own}\t{employee}\t{draft.name}\t{stamp(draft.recorded_at)}\t{stamp(draft.stored_at)}"
                f"\t{_moment(draft.confirmed_at)}\t{_moment(draft.ended_at)}\t{draft.end_reason or NULL}"
                f"\t{draft.source}"
            )
            live = "t" if draft.ended_at is None else "f"
            for kind, value in draft.identities:
                domain = value.rpartition("@")[2] if kind == "email" else NULL
                identities.lines.append(
                    f"{employee}\t{own}\t{kind}\t{value}\t{domain}\t\\\\x{digest(key, kind, value).hex()}\t{live}"
                )
        contacts.send()
        identities.send()
        return len(batch)


def _moment(value: int | None) -> str:
    return NULL if value is None else stamp(value)
