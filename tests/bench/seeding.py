"""Facts written by SQL without the services: the same initial data for every benchmark."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from tests.bench.database import Database

# Campaigns and employees last: the others point at them.
FILLED = (
    "contacts_contact", "contacts_contactidentity", "contacts_submission", "core_outbox", "core_storedfile",
    "core_storedchunk", "results_frozenreason", "results_frozenorgposition",
    "results_frozenstanding", "results_frozenresult", "campaigns_campaign", "employees_employee",
)  # fmt: skip
# Its comment names the generated company and is deleted on any change.
MARKED = "employees_employee"
# The days over which contacts were recorded; one in so many has ended, and one in so many is a colleague.
DAYS, ENDED, COLLEAGUES = 19, 97, 199
DEPARTMENTS = 40
# The triggers that refuse TRUNCATE (bit 32 of the type) refuse it for empty tables too.
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
PLACED = f"""
INSERT INTO employees_placement (employee_id, department, manager_id, starts_at, ends_at)
SELECT person.id, 'Department ' || person.n % {DEPARTMENTS}, boss.id, '-infinity', 'infinity'
FROM (SELECT id, row_number() OVER (ORDER BY id) AS n FROM employees_employee) AS person
LEFT JOIN (SELECT id, row_number() OVER (ORDER BY id) AS n FROM employees_employee) AS boss
    ON person.n > 1 AND boss.n = (person.n - 2) / 11 + 1
"""
# The first contact of every employee, then the second, over DAYS days up to yesterday: rows of one employee are apart,
# as after a year. A few have ended.
CONTACTS = f"""
INSERT INTO contacts_contact (employee_id, name, recorded_at, stored_at, source, ended_at, end_reason)
SELECT people.ids[1 + n %% cardinality(people.ids)], 'Known ' || n, one.at, one.at,
    CASE WHEN n %% 3 = 0 THEN 'csv' ELSE 'page' END, one.ended_at, CASE WHEN one.ended_at IS NOT NULL THEN 'removed' END
FROM (SELECT array_agg(id ORDER BY id) AS ids FROM employees_employee) AS people,
    (SELECT hundred_clock() - interval '1 day' AS last, interval '{DAYS} days' / %(contacts)s AS apart) AS time,
    generate_series(1, %(contacts)s) AS n,
    LATERAL (SELECT time.last - time.apart * (%(contacts)s - n) AS at,
        CASE WHEN n %% {ENDED} = 0 THEN time.last END AS ended_at) AS one
ORDER BY n
"""
# The same with at most two hundred contacts per employee and none for some, recorded over the last weeks.
SPREAD_CONTACTS = """
INSERT INTO contacts_contact (employee_id, name, recorded_at, stored_at, source)
SELECT people.ids[1 + floor(cardinality(people.ids) * sqrt(n * 982451653 %% %(contacts)s / %(contacts)s::float8))::int],
       'Known ' || n, at.moment, at.moment, 'page'
FROM (SELECT array_agg(id ORDER BY id) AS ids FROM employees_employee) AS people,
     generate_series(1, %(contacts)s::bigint) AS n,
     LATERAL (SELECT hundred_clock() - interval '1 hour' - interval '18 days' * (1 - n / %(contacts)s::float8)
              AS moment) AS at ORDER BY n
"""
# Each level of the tree is larger than the one above by the factor that gives the wanted depth.
PLACED_DEEP = f"""
INSERT INTO employees_placement (employee_id, department, manager_id, starts_at, ends_at)
SELECT person.id, 'Department ' || person.n %% {DEPARTMENTS}, boss.id, '-infinity', 'infinity'
FROM (SELECT id, row_number() OVER (ORDER BY id) - 1 AS n FROM employees_employee) AS person
JOIN unnest(%(firsts)s::bigint[], %(sizes)s::bigint[], %(above)s::bigint[], %(sizes_above)s::bigint[])
    AS level(first, size, above, size_above) ON person.n >= level.first AND person.n < level.first + level.size
LEFT JOIN (SELECT id, row_number() OVER (ORDER BY id) - 1 AS n FROM employees_employee) AS boss
    ON boss.n = level.above + (person.n - level.first) * level.size_above / level.size
"""
# The objects that are dropped before many inserts and created again afterwards, constraints with an index first.
REMADE = """
SELECT format('ALTER TABLE %%s DROP CONSTRAINT %%I', conrelid::regclass, conname),
       format('ALTER TABLE %%s ADD CONSTRAINT %%I %%s', conrelid::regclass, conname, pg_get_constraintdef(oid)),
       CASE contype WHEN 'f' THEN 1 ELSE 2 END AS step
FROM pg_constraint WHERE contype IN ('f', 'u') AND conrelid::regclass::text = ANY(%(tables)s)
UNION ALL
SELECT format('DROP INDEX %%s', indexrelid::regclass), pg_get_indexdef(indexrelid), 2 FROM pg_index
WHERE indrelid::regclass::text = ANY(%(tables)s) AND NOT EXISTS (SELECT FROM pg_constraint WHERE conindid = indexrelid)
ORDER BY step
"""
# Digests only need a realistic distribution.
OWN_IDENTITIES = """
INSERT INTO employees_employeeidentity (employee_id, kind, value, digest, live)
SELECT id, one.kind, one.value, sha256(one.value::bytea), true FROM employees_employee, LATERAL (VALUES
    ('phone', '+86101' || lpad(id::text, 8, '0')), ('email', email)) AS one(kind, value) ORDER BY id
"""
# The phone of a few is a colleague's. Nothing that is imported shares an identity with these.
IDENTITIES = f"""
INSERT INTO contacts_contactidentity (employee_id, contact_id, kind, value, domain, digest, live)
SELECT employee_id, contact.id, one.kind, one.value, one.domain, sha256(one.value::bytea), live
FROM (SELECT array_agg(id ORDER BY id) AS ids FROM employees_employee) AS people, contacts_contact AS contact,
LATERAL (VALUES
    ('phone', CASE WHEN contact.id % {COLLEAGUES} = 0
        THEN '+86101' || lpad(people.ids[1 + (contact.id / {COLLEAGUES}) % cardinality(people.ids)]::text, 8, '0')
        ELSE '+86100' || lpad(contact.id::text, 8, '0') END, NULL),
    ('email', 'known' || contact.id || '@d' || contact.id % 200 || '.example', 'd' || contact.id % 200 || '.example')
) AS one(kind, value, domain) ORDER BY contact.id
"""


def start_anew(database: Database, *, employees: int, contacts: int, spread: bool = False) -> None:
    """Delete the generated employees and generate them again, with fresh statistics and a flushed log.

    Every employee has as many contacts, of some weeks; with `spread` from none to twice as many.
    """
    database.refuse_foreign()
    with database.as_owner() as cursor:
        _empty(cursor)
        cursor.execute("BEGIN")
        cursor.execute("SELECT set_config('hundred.facts', 'held', true)")
        cursor.execute(EMPLOYEES, [employees])
        cursor.execute(OWN_IDENTITIES)
        with _without_indexes(cursor, ["contacts_contact", "contacts_contactidentity"]):
            if spread:
                cursor.execute(SPREAD_CONTACTS, {"contacts": contacts})
            else:
                cursor.execute(CONTACTS, {"contacts": contacts})
            cursor.execute(IDENTITIES)
        cursor.execute("COMMIT")
        settle(cursor, (*FILLED, "employees_employeeidentity"))


def start_company(database: Database, *, employees: int, contacts: int, depth: int | None = None) -> None:
    """The same with all employed and under a manager; `process company` creates tree, campaign and verdicts.

    With `depth` the tree has so many levels below its head, and contacts are spread.
    """
    start_anew(database, employees=employees, contacts=contacts, spread=depth is not None)
    with database.as_owner() as cursor:
        cursor.execute(EMPLOYED)
        if depth is None:
            cursor.execute(PLACED)
        else:
            sizes = levels(employees, depth)
            firsts = [sum(sizes[:level]) for level in range(len(sizes))]
            above, sizes_above = [-1, *firsts[:-1]], [0, *sizes[:-1]]
            cursor.execute(PLACED_DEEP, {"firsts": firsts, "sizes": sizes, "above": above, "sizes_above": sizes_above})
        settle(cursor, ("employees_employment", "employees_placement"))


def levels(people: int, depth: int) -> list[int]:
    """The number of employees on each level of a tree with one head and `depth` levels below, growing by a constant
    factor.
    """
    low, high = 1.0, float(people)
    while high - low > 1e-9:
        times = (low + high) / 2
        low, high = (times, high) if sum(times**level for level in range(depth + 1)) < people else (low, times)
    sizes = [round(low**level) for level in range(depth)]
    return [*sizes, people - sum(sizes)]


@contextmanager
def _without_indexes(cursor: Any, tables: list[str]) -> Iterator[None]:
    """Within a transaction: drop the indexes and triggers, and create them again at the end."""
    cursor.execute(REMADE, {"tables": tables})
    remade = cursor.fetchall()
    for drop, _make, _step in remade:
        cursor.execute(drop)
    yield
    cursor.execute("SET LOCAL maintenance_work_mem = '512MB'")
    for _drop, make, _step in reversed(remade):
        cursor.execute(make)


def settle(cursor: Any, tables: Iterable[str]) -> None:
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
    cursor.execute(f"COMMENT ON TABLE {MARKED} IS NULL")
    cursor.execute("COMMIT")


def stored(database: Database) -> tuple[int, int]:
    """How many contacts and identities there are."""
    contacts = database.one("SELECT count(*) FROM contacts_contact")
    return contacts, database.one("SELECT count(*) FROM contacts_contactidentity")
