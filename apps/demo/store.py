"""Writes the demo's company, as a roster, and its contacts, by COPY.

This is the only place that writes facts without the services. It does what they would do: the digests of identities,
their `live` and `domain`, and `stored_at`.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable, Sequence
from itertools import islice
from typing import Any

from django.conf import settings
from django.db import connection

from apps.core.audit import Actor
from apps.core.identity import digest
from apps.demo.company import Company
from apps.demo.contacts import Draft, Recorder
from apps.demo.names import OFFICES
from apps.employees.models import Employee
from apps.fileio.csv_reader import Table
from apps.roster.loading import load_roster
from apps.roster.parser import read_roster

# Contacts in memory at once.
BATCH = 10_000
# progress(done, total)
Progress = Callable[[int, int], None]


def write_company(company: Company, by: Actor) -> None:
    """Load the company before its moves as one roster, and the moves as a second one."""
    people = company.people
    rows: list[list[Any]] = []
    moves: list[list[Any]] = []
    for person in people:
        place = [person.department, "" if person.manager is None else people[person.manager].staff_no]
        before, employee = place, [person.staff_no, person.name, person.email]
        if person.earlier_manager is not None:
            before = [people[person.earlier_manager].department, people[person.earlier_manager].staff_no]
            moves.append([*employee, *place, company.moved_on])
        zone = OFFICES[person.office][1]
        rows.append([*employee, *before, person.phone, zone, person.hired_on, person.left_on])
    columns = ["staff_no", "name", "email", "department", "manager_staff_no"]
    roster = [[*columns, "phone", "time_zone", "started_on", "left_on"], *rows]
    for file in (roster, [[*columns, "effective_on"], *moves]):
        load_roster(roster=read_roster(Table(_csv(file))), by=by, file_name="demo.csv")


def write_contacts(recorder: Recorder, progress: Progress) -> int:
    """Write the contacts with their identities; returns how many. Calls `progress(done, total)`."""
    # The roster has assigned the ids.
    ids = dict(Employee.objects.values_list("staff_no", "pk"))
    employees = [ids[person.staff_no] for person in recorder.company.people]
    contacts, done, total = recorder.contacts(), 0, sum(recorder.counts)
    progress(done, total)
    # Batches bound the memory: five million contacts would take gigabytes.
    while batch := [(employees[index], draft) for index, draft in islice(contacts, BATCH)]:
        write_batch(batch)
        done += len(batch)
        progress(done, total)
    return total


def write_batch(batch: list[tuple[int, Draft]]) -> None:
    """Write contacts given as (employee's id, draft)."""
    key, contacts, identities = settings.IDENTITY_KEY, [], []
    with connection.cursor() as cursor:
        cursor.execute("SELECT nextval('contacts_contact_id_seq') FROM generate_series(1, %s) ORDER BY 1", [len(batch)])
        for (contact,), (employee, draft) in zip(cursor.fetchall(), batch, strict=True):
            contacts.append((contact, employee, *draft[1:]))
            for kind, value in draft.identities:
                # Only an address has a domain; an empty cell is NULL.
                domain, hexadecimal = value.partition("@")[2], digest(key, kind, value).hex()
                identities.append((employee, contact, kind, value, domain, rf"\x{hexadecimal}", draft.ended_at is None))
        columns = f"id, employee_id, {', '.join(Draft._fields[1:])}"
        cursor.copy_expert(f"COPY contacts_contact ({columns}) FROM STDIN (FORMAT csv)", _csv(contacts))
        columns = "employee_id, contact_id, kind, value, domain, digest, live"
        cursor.copy_expert(f"COPY contacts_contactidentity ({columns}) FROM STDIN (FORMAT csv)", _csv(identities))


def _csv(rows: Iterable[Sequence[Any]]) -> io.StringIO:
    text = io.StringIO()
    csv.writer(text).writerows(rows)
    text.seek(0)
    return text
