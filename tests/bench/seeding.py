"""Facts written by SQL, past the services: what a benchmark finds when it begins, always the same."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from tests.bench.database import Database

# Campaigns and employees last: the others point at them.
FILLED = (
    "contacts_contact", "contacts_contactidentity", "contacts_submission", "ledger_outbox", "ledger_storedfile",
    "ledger_storedchunk", "quotas_campaign", "employees_employee",
)  # fmt: skip
# What refuses TRUNCATE (bit 32 of a trigger's type) does so for empty tables too.
GUARDS = """
SELECT tgrelid::regclass::text, quote_ident(tgname) FROM pg_trigger WHERE NOT tgisinternal AND tgtype::int & 32 <> 0
"""
EMPLOYEES = """
INSERT INTO employees_employee (staff_no, name, email, phone, time_zone)
SELECT 'BENCH-' || lpad(n::text, greatest(length(n::text), 6), '0'), 'Bench ' || n, n || '@bench.invalid', '', ''
FROM generate_series(1, %s) AS n
"""
# Eleven people to a manager; the first has none.
EMPLOYED = """
INSERT INTO employees_employment (employee_id, starts_at, ends_at) SELECT id, '-infinity', 'infinity'
FROM employees_employee
"""
PLACED = """
INSERT INTO employees_placement (employee_id, department, manager_id, starts_at, ends_at)
SELECT person.id, 'Department ' || person.n % 40, boss.id, '-infinity', 'infinity'
FROM (SELECT id, row_number() OVER (ORDER BY id) AS n FROM employees_employee) AS person
LEFT JOIN (SELECT id, row_number() OVER (ORDER BY id) AS n FROM employees_employee) AS boss
    ON person.n > 1 AND boss.n = (person.n - 2) / 11 + 1
"""
# Everybody's first contact, then everybody's second: rows of one employee lie apart, as those of a year do.
CONTACTS = """
INSERT INTO contacts_contact (employee_id, name, recorded_at, stored_at, source)
SELECT people.ids[1 + n %% cardinality(people.ids)], 'Known ' || n, at.noon, at.noon, 'page'
FROM (SELECT array_agg(id ORDER BY id) AS ids FROM employees_employee) AS people,
     (SELECT hundred_clock() - interval '1 day' AS noon) AS at, generate_series(1, %s) AS n ORDER BY n
"""
# Digests need only be spread as real ones are: nothing that is imported shares one with these.
IDENTITIES = """
INSERT INTO contacts_contactidentity (employee_id, contact_id, kind, value, domain, digest, live)
SELECT employee_id, id, one.kind, one.value, one.domain, sha256(one.value::bytea), true
FROM contacts_contact, LATERAL (VALUES
    ('phone', '+86100' || lpad(id::text, 8, '0'), NULL),
    ('email', 'known' || id || '@d' || id % 200 || '.example', 'd' || id % 200 || '.example')
) AS one(kind, value, domain) ORDER BY id
"""


def start_anew(database: Database, *, employees: int, contacts: int) -> None:
    """Empty the database of our own people and fill it again; statistics are fresh and the log is written."""
    database.refuse_foreign()
    with database.as_owner() as cursor:
        _empty(cursor)
        cursor.execute(EMPLOYEES, [employees])
        cursor.execute(CONTACTS, [contacts])
        cursor.execute(IDENTITIES)
        _settle(cursor, FILLED)


def start_company(database: Database, *, employees: int, contacts: int) -> None:
    """The same with everybody employed and under a manager; `process company` makes tree, campaign and verdicts."""
    start_anew(database, employees=employees, contacts=contacts)
    with database.as_owner() as cursor:
        cursor.execute(EMPLOYED)
        cursor.execute(PLACED)
        _settle(cursor, ("employees_employment", "employees_placement"))


def _settle(cursor: Any, tables: Iterable[str]) -> None:
    """Fresh statistics, and a written log."""
    for table in tables:
        cursor.execute(f"VACUUM ANALYZE {table}")
    cursor.execute("SELECT rolsuper FROM pg_roles WHERE rolname = current_user")
    if cursor.fetchone() == (True,):
        cursor.execute("CHECKPOINT")


def _empty(cursor: Any) -> None:
    """Empty the tables, and with them what points at their rows; the guards against that are back with the commit."""
    cursor.execute("BEGIN")
    cursor.execute(GUARDS)
    guards = cursor.fetchall()
    for table, name in guards:
        cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER {name}")
    cursor.execute(f"TRUNCATE {', '.join(FILLED)} RESTART IDENTITY CASCADE")
    for table, name in guards:
        cursor.execute(f"ALTER TABLE {table} ENABLE TRIGGER {name}")
    cursor.execute("COMMIT")


def stored(database: Database) -> tuple[int, int]:
    """How many contacts and identities there are."""
    contacts = database.one("SELECT count(*) FROM contacts_contact")
    return contacts, database.one("SELECT count(*) FROM contacts_contactidentity")
