"""A company large enough to show a missing index in the plan: facts by SQL, verdicts by the evaluation."""

from __future__ import annotations

from datetime import timedelta

from django.db import connection

from apps.contacts.drafts import Draft
from apps.contacts.models import ContactIdentity, Source
from apps.contacts.normalisation import normalise_draft
from apps.contacts.services.submissions import receive, record_contacts
from apps.core.clock import db_now
from apps.employees.models import Employee
from tests import people
from tests.bench import seeding, standings
from tests.bench.database import Database

# Each employee recorded one contact on each of EACH days. The manager BOSS is on the fourth level of six.
PEOPLE, EACH = 10_000, 10
# Eleven people to a manager: 2 to 12 are below the first, 13 to 133 below these.
BOSS, BELOW = 20, 132

CONTACTS = """
INSERT INTO contacts_contact (employee_id, name, recorded_at, stored_at, source)
SELECT people.ids[1 + n %% %(people)s], 'Known ' || n, at.noon - n / %(people)s * interval '1 day', at.noon, 'page'
FROM (SELECT array_agg(id ORDER BY id) AS ids FROM employees_employee) AS people,
     (SELECT hundred_clock() - interval '1 hour' AS noon) AS at, generate_series(0, %(people)s * %(each)s - 1) AS n
ORDER BY n
"""
# The other rows that a year of use produces.
LEFT = """
INSERT INTO employees_employeeidentity (employee_id, kind, value, digest, live, started_at)
SELECT id, 'email', email, sha256(email::bytea), true, '2020-01-01' FROM employees_employee;
INSERT INTO contacts_submission (id, employee_id, source, state, received_at, done_at, actor_label, report, layout,
        done, attempts, file_name)
SELECT gen_random_uuid(), id, 'page', 'done', at.noon - n * interval '1 day', at.noon, 'x', '{}', '{}', 0, 0, ''
FROM employees_employee, generate_series(1, 3) AS n, (SELECT hundred_clock() AS noon) AS at;
INSERT INTO core_auditentry (at, actor_label, action, subject_kind, subject_id, subject_label, detail)
SELECT '2026-01-01'::timestamptz + n * interval '1 minute', 'x', 'role.granted', 'employee', n::text, 'x', '{}'
FROM generate_series(1, 60000) AS n;
INSERT INTO core_rowchange (at, transaction, origin, table_name, operation, rows, keys, before, after)
SELECT '2026-01-01'::timestamptz + n * interval '1 minute', 'x:' || n, 'page', 'x', 'insert', 1, '[]', '[]', '[]'
FROM generate_series(1, 60000) AS n;
INSERT INTO standings_standingchange (campaign_id, employee_id, at, red, counted, target, exempt, cause)
SELECT campaign_id, employee_id, verdict_changed_at - n * interval '1 hour', n % 2 = 0, counted, target, false, 'mark'
FROM standings_standing, generate_series(1, 3) AS n;
"""
# The rows are consistent, so constraints are not checked one by one, and no employee is queued for them.
UNCHECKED = "SET session_replication_role = 'replica'"
NOTES = "INSERT INTO core_outbox (employee_id) SELECT id FROM employees_employee LIMIT %s"


def fill(database: Database) -> None:
    """Fill an empty database; no evaluation is pending afterwards."""
    with database.as_owner() as cursor:
        cursor.execute(UNCHECKED)
        cursor.execute(seeding.EMPLOYEES, [PEOPLE])
        cursor.execute(seeding.EMPLOYED)
        cursor.execute(seeding.PLACED)
        cursor.execute(CONTACTS, {"people": PEOPLE, "each": EACH})
        cursor.execute(seeding.IDENTITIES)
        # Not the verdicts' tables: statistics of empty tables would give the first evaluation a bad plan.
        cursor.execute("ANALYZE employees_employee, employees_employment, employees_placement")
        cursor.execute("ANALYZE contacts_contact, contacts_contactidentity")
    standings.make_company()
    with database.as_owner() as cursor:
        cursor.execute(UNCHECKED)
        cursor.execute(LEFT)
        cursor.execute("VACUUM ANALYZE")


def person(number: int) -> Employee:
    """The employee with this number, from 1 on, with the place in the tree."""
    return Employee.objects.select_related("node").get(staff_no=f"BENCH-{number:06}")


def note(count: int) -> None:
    """Queue `count` employees for evaluation."""
    with connection.cursor() as cursor:
        cursor.execute(NOTES, [count])


def identities_of(employee: Employee, count: int) -> list[tuple[str, bytes]]:
    found = ContactIdentity.objects.filter(employee=employee).order_by("pk").values_list("kind", "digest")[:count]
    return [(kind, bytes(digest)) for kind, digest in found]


def feed(employee: Employee) -> None:
    """Record a new person from a line of the operator's feed."""
    at = db_now() - timedelta(days=2)
    draft = Draft("Guest", (("email", "fed@outside.example.org"),), recorded_at=at)
    submission = receive(employee=employee, drafts=[], source=Source.FEED, by=people.TESTER)
    record_contacts(drafts=[(employee.pk, normalise_draft(draft))], submission=submission, trust_times=True)
