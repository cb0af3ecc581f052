"""The contents of a database in comparable form: rows and a SHA-256 of every table, the verdicts of every campaign, and
the names of all constraints, triggers, indexes and functions. Every supported version of PostgreSQL gives the same
result.
"""

import hashlib
from dataclasses import dataclass
from typing import Any

from psycopg2 import sql

from apps.backups import result_digests

# The text that PostgreSQL writes must not depend on a server's configuration.
PLAIN_TEXT = """
SET LOCAL TimeZone = 'UTC'; SET LOCAL DateStyle = 'ISO, YMD'; SET LOCAL IntervalStyle = 'postgres';
SET LOCAL bytea_output = 'hex'; SET LOCAL extra_float_digits = 1; SET LOCAL search_path = 'public'
"""
OURS = "{0}.{1} = 'public'::regnamespace AND NOT EXISTS (SELECT FROM pg_depend WHERE objid = {0}.oid AND deptype = 'e')"
TABLES = f"""
SELECT relation.relname, (
    SELECT array_agg(quote_ident(attname) ORDER BY attnum) FROM pg_attribute
    WHERE attrelid = relation.oid AND attnum > 0 AND NOT attisdropped
), (
    SELECT array_agg(quote_ident(attname) || CASE WHEN attcollation = 0 THEN '' ELSE ' COLLATE "C"' END ORDER BY place)
    FROM pg_index, unnest(indkey) WITH ORDINALITY AS key(number, place), pg_attribute
    WHERE indrelid = relation.oid AND indisprimary AND attrelid = relation.oid AND attnum = number
)
FROM pg_class relation WHERE relkind = 'r' AND {OURS.format("relation", "relnamespace")}
ORDER BY relname COLLATE "C"
"""
# Not-null constraints have names since PostgreSQL 18 only.
GUARDS = f"""
SELECT format('constraint %s.%s', relname, conname) FROM pg_constraint JOIN pg_class ON pg_class.oid = conrelid
WHERE contype <> 'n' AND {OURS.format("pg_class", "relnamespace")}
UNION ALL
SELECT format('trigger %s.%s %s', relname, tgname, tgenabled) FROM pg_trigger JOIN pg_class ON pg_class.oid = tgrelid
WHERE NOT tgisinternal AND {OURS.format("pg_class", "relnamespace")}
UNION ALL
SELECT format('index %s', relname) FROM pg_class WHERE relkind = 'i' AND {OURS.format("pg_class", "relnamespace")}
UNION ALL
SELECT format('function %s %s', proname, md5(prosrc)) FROM pg_proc WHERE {OURS.format("pg_proc", "pronamespace")}
UNION ALL
SELECT format('numbers %s.%s', relname, attname) FROM pg_attribute JOIN pg_class ON pg_class.oid = attrelid
WHERE attidentity <> '' AND relkind = 'r' AND {OURS.format("pg_class", "relnamespace")}
"""
CAMPAIGNS = """
SELECT slug, state, count(employee_id), count(*) FILTER (WHERE red)
FROM campaigns_campaign campaign LEFT JOIN standings_standing ON campaign_id = campaign.id
GROUP BY slug, state ORDER BY slug COLLATE "C"
"""
# The columns that decide, as in the final result of a campaign.
STANDINGS = """
SELECT staff_no, counted, target, CASE WHEN exempt THEN 'yes' ELSE 'no' END, CASE WHEN red THEN 'yes' ELSE 'no' END
FROM standings_standing standing JOIN campaigns_campaign campaign ON campaign.id = standing.campaign_id
JOIN employees_employee employee ON employee.id = standing.employee_id
WHERE slug = {slug} ORDER BY staff_no COLLATE "C"
"""


@dataclass(frozen=True)
class Table:
    """A table of Hundred: its columns in order, and an expression that sorts its rows the same way everywhere."""

    name: str
    columns: str
    order: str


class _Digest:
    """A file for COPY that keeps only a count of lines and a SHA-256."""

    def __init__(self, *header: str) -> None:
        self.rows = 0
        self.sha256 = hashlib.sha256("".join(f"{line}\n" for line in header).encode())

    def write(self, chunk: bytes) -> None:
        self.sha256.update(chunk)
        self.rows += chunk.count(b"\n")


def tables(cursor: Any) -> list[Table]:
    """Every table of Hundred; none in an empty database."""
    cursor.execute(TABLES)
    return [
        Table(name, ", ".join(columns or ()), ", ".join(key) if key else 'one::text COLLATE "C"')
        for name, columns, key in cursor.fetchall()
    ]


def describe(cursor: Any) -> dict[str, Any]:
    """The whole contents, as the transaction of `cursor` sees them; changes the format settings of that transaction."""
    cursor.execute(PLAIN_TEXT)
    contents: dict[str, Any] = {"tables": {table.name: _table_digest(cursor, table) for table in tables(cursor)}}
    cursor.execute(GUARDS)
    contents["guards"] = sorted(name for (name,) in cursor.fetchall())
    cursor.execute("SELECT app, name FROM django_migrations ORDER BY app, name")
    contents["migrations"] = [list(row) for row in cursor.fetchall()]
    contents["campaigns"] = _campaigns(cursor)
    contents["results"] = result_digests.results_in(cursor)
    lines = "".join(f"{name},{table['rows']},{table['sha256']}\n" for name, table in sorted(contents["tables"].items()))
    contents["digest"] = hashlib.sha256(lines.encode()).hexdigest()
    return contents


def _table_digest(cursor: Any, table: Table) -> dict[str, Any]:
    digest = _Digest(table.columns)
    rows = f'SELECT {table.columns} FROM public."{table.name}" AS one ORDER BY {table.order}'
    cursor.copy_expert(f"COPY ({rows}) TO STDOUT", digest)
    return {"rows": digest.rows, "sha256": digest.sha256.hexdigest()}


def _campaigns(cursor: Any) -> list[dict[str, Any]]:
    cursor.execute(CAMPAIGNS)
    campaigns = []
    for slug, state, standings, red in cursor.fetchall():
        digest = _Digest()
        rows = STANDINGS.format(slug=sql.Literal(slug).as_string(cursor.connection))
        cursor.copy_expert(f"COPY ({rows}) TO STDOUT WITH (FORMAT csv)", digest)
        campaigns.append(
            {"campaign": slug, "state": state, "standings": standings, "red": red, "digest": digest.sha256.hexdigest()}
        )
    return campaigns


def differences(before: dict[str, Any], now: dict[str, Any]) -> list[str]:
    """The differences between two descriptions, one sentence each."""
    messages = []
    for name in sorted(before["tables"].keys() | now["tables"].keys()):
        old, new = before["tables"].get(name), now["tables"].get(name)
        if old != new:
            counts = [f"{table['rows']} rows" if table else "no table" for table in (old, new)]
            messages.append(f"{name}: {counts[0]} in the backup, {counts[1]} restored, and not the same")
    messages += [f"{name}: only in the backup" for name in sorted(set(before["guards"]) - set(now["guards"]))]
    messages += [f"{name}: not in the backup" for name in sorted(set(now["guards"]) - set(before["guards"]))]
    verdicts = {campaign["campaign"]: campaign for campaign in now["campaigns"]}
    messages += [
        f"{campaign['campaign']}: standings differ from the backup"
        for campaign in before["campaigns"]
        if verdicts.get(campaign["campaign"]) != campaign
    ]
    return messages + result_digests.differences(before, now)


def spent_numbers(cursor: Any) -> list[str]:
    """Sequences whose next number a row already uses; there must be none."""
    cursor.execute(
        "SELECT relname, attname, pg_get_serial_sequence(format('public.%I', relname), attname)"
        " FROM pg_attribute JOIN pg_class ON pg_class.oid = attrelid"
        " WHERE attidentity <> '' AND relkind = 'r' AND relnamespace = 'public'::regnamespace"
    )
    spent = []
    for table, column, sequence in cursor.fetchall():
        cursor.execute(
            f'SELECT coalesce(max("{column}") >= (SELECT last_value + is_called::int FROM {sequence}), false)'
            f' FROM public."{table}"'
        )
        if cursor.fetchone()[0]:
            spent.append(f"{table}.{column}")
    return spent
