"""The contents of a database in comparable form: rows and a SHA-256 of every table, the standings of every campaign,
and the names of all constraints, triggers, indexes and functions. Every supported version of PostgreSQL gives the same
result.
"""

import hashlib
from dataclasses import dataclass
from typing import Any

from psycopg2 import sql

from apps.backups import result_digests
from apps.core.sql import statement

TEXT_FORMAT = statement("backups", "manifest", "format")
TABLES = statement("backups", "manifest", "tables")
GUARDS = statement("backups", "manifest", "guards")
CAMPAIGNS = statement("backups", "manifest", "campaigns")
STANDINGS = sql.SQL(statement("backups", "manifest", "standings"))
ROWS = sql.SQL(statement("backups", "manifest", "rows"))
SEQUENCES = statement("backups", "manifest", "sequences")
NEXT_NUMBER_USED = sql.SQL(statement("backups", "manifest", "next_number_used"))


@dataclass(frozen=True)
class Table:
    """A table of Hundred: its columns in order, and an expression that sorts its rows the same way everywhere."""

    name: str
    columns: str
    order: str


class _DigestFile:
    """A file for COPY that keeps only a count of lines and a SHA-256."""

    def __init__(self, *header: str) -> None:
        self.rows = 0
        self.sha256 = hashlib.sha256("".join(f"{line}\n" for line in header).encode())

    def write(self, chunk: bytes) -> None:
        self.sha256.update(chunk)
        # COPY escapes line breaks in values, so each remaining one ends a row.
        self.rows += chunk.count(b"\n")


def tables(cursor: Any) -> list[Table]:
    """Every table of Hundred; none in an empty database."""
    cursor.execute(TABLES)
    return [
        Table(name, ", ".join(columns or ()), ", ".join(key) if key else 'table_row::text COLLATE "C"')
        for name, columns, key in cursor.fetchall()
    ]


def describe(cursor: Any) -> dict[str, Any]:
    """The whole contents, as the transaction of `cursor` sees them; changes the format settings of that transaction."""
    # Before the first COPY: the digests are of texts, and these settings decide how values become text.
    cursor.execute(TEXT_FORMAT)
    contents: dict[str, Any] = {"tables": {table.name: _table_digest(cursor, table) for table in tables(cursor)}}
    cursor.execute(GUARDS)
    contents["guards"] = sorted(name for (name,) in cursor.fetchall())
    cursor.execute("SELECT app, name FROM django_migrations ORDER BY app, name")
    contents["migrations"] = [list(row) for row in cursor.fetchall()]
    contents["campaigns"] = _campaigns(cursor)
    contents["results"] = result_digests.describe_results(cursor)
    lines = "".join(f"{name},{table['rows']},{table['sha256']}\n" for name, table in sorted(contents["tables"].items()))
    contents["digest"] = hashlib.sha256(lines.encode()).hexdigest()
    return contents


def _table_digest(cursor: Any, table: Table) -> dict[str, Any]:
    digest = _DigestFile(table.columns)
    rows = ROWS.format(
        table=sql.Identifier("public", table.name), columns=sql.SQL(table.columns), sort_key=sql.SQL(table.order)
    )
    cursor.copy_expert(rows, digest)
    return {"rows": digest.rows, "sha256": digest.sha256.hexdigest()}


def _campaigns(cursor: Any) -> list[dict[str, Any]]:
    cursor.execute(CAMPAIGNS)
    campaigns = []
    for slug, state, standings, red in cursor.fetchall():
        digest = _DigestFile()
        cursor.copy_expert(STANDINGS.format(slug=sql.Literal(slug)), digest)
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
    restored_campaigns = {campaign["campaign"]: campaign for campaign in now["campaigns"]}
    messages += [
        f"{campaign['campaign']}: standings differ from the backup"
        for campaign in before["campaigns"]
        if restored_campaigns.get(campaign["campaign"]) != campaign
    ]
    return messages + result_digests.differences(before, now)


def exhausted_sequences(cursor: Any) -> list[str]:
    """Sequences whose next number a row already uses; there must be none."""
    cursor.execute(SEQUENCES)
    exhausted = []
    for table, column, sequence in cursor.fetchall():
        # The sequence's name comes quoted.
        query = NEXT_NUMBER_USED.format(
            table=sql.Identifier("public", table), column_name=sql.Identifier(column), sequence=sql.SQL(sequence)
        )
        cursor.execute(query)
        if cursor.fetchone()[0]:
            exhausted.append(f"{table}.{column}")
    return exhausted
