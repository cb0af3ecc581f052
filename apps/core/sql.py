"""Statements in `.sql` files, and values as SQL text."""

import re
from collections.abc import Iterable
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

from django.db import connection
from psycopg2 import sql

APPS = Path(__file__).resolve().parent.parent
SECTION = re.compile(r"^-- name: (\w+)\n", re.MULTILINE)
COMMENT = re.compile(r"^ *--.*\n", re.MULTILINE)


def statement(app: str, file: str, name: str) -> str:
    """The statement under the line `-- name: <name>` of `apps/<app>/queries/<file>.sql`.

    Values are psycopg2's named parameters, `%(now)s`; a literal percent sign is written twice. A part that differs from
    call to call is a `{placeholder}` for `compose`. A whole statement ends with a semicolon, which is left out. Raises
    KeyError for an unknown name: modules read their statements when they are imported.
    """
    return _sections(APPS / app / "queries" / f"{file}.sql")[name]


@cache
def _sections(path: Path) -> dict[str, str]:
    _heading, *parts = SECTION.split(path.read_text(encoding="utf-8"))
    # Without comments: their quotes, braces and percent signs would be taken for values and placeholders.
    texts = (COMMENT.sub("", text).strip().removesuffix(";") for text in parts[1::2])
    return dict(zip(parts[::2], texts, strict=True))


def fetch_all(query: str | sql.Composed, parameters: Any = None) -> list[Any]:
    """All rows that a statement returns on the default connection."""
    with connection.cursor() as cursor:
        cursor.execute(query, parameters)
        return cursor.fetchall()


def fetch_named(query: str | sql.Composed, parameters: Any = None) -> list[dict[str, Any]]:
    """All rows that a statement returns on the default connection, by the names of its columns."""
    with connection.cursor() as cursor:
        cursor.execute(query, parameters)
        names = [column.name for column in cursor.description]
        return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def execute(query: str | sql.Composed, parameters: Any = None) -> int:
    """Run a statement on the default connection; returns the number of rows that it wrote."""
    with connection.cursor() as cursor:
        cursor.execute(query, parameters)
        return int(cursor.rowcount)


def compose(text: str, **parts: Any) -> str:
    """The statement with its `{placeholders}` filled: `psycopg2.sql` objects as they are, other values as literals."""
    # Not psycopg2's own format: it parses the text anew for each request, a tenth of the time of an employee's page.
    return text.format(**{name: _as_sql(part) for name, part in parts.items()})


def _as_sql(part: Any) -> str:
    return part.as_string(connection.connection) if isinstance(part, sql.Composable) else sql_literal(part)


def named_row(cursor: Any) -> dict[str, Any]:
    """The next row of a cursor by column name, for a dataclass with these fields. The statement must return a row."""
    return dict(zip((column.name for column in cursor.description), cursor.fetchone(), strict=True))


def sql_literal(value: Any) -> str:
    """A value as quoted SQL text: numbers, booleans, text, instants, bytes and lists of them."""
    connection.ensure_connection()
    quoted = sql.Literal(value).as_string(connection.connection)
    # psycopg2 writes no type, and prepared_statements recognises a value by its type.
    if isinstance(value, datetime):
        return f"{quoted}::timestamptz"
    if isinstance(value, list):
        # PostgreSQL cannot guess the type of an empty array.
        kind = "bigint" if value and isinstance(value[0], int) else "text"
        return f"{quoted}::{kind}[]"
    return quoted


def domain_prefixes(domains: Iterable[str]) -> list[str]:
    """What the reversed form of each domain and of its subdomains begins with: `reverse('.' || domain)`.

    A domain that a shorter one covers is left out.
    """
    prefixes: list[str] = []
    # Sorted, a domain follows the shorter one that covers it.
    for prefix in sorted(f"{domain[::-1]}." for domain in domains):
        if not prefixes or not prefix.startswith(prefixes[-1]):
            prefixes.append(prefix)
    return prefixes


def in_domains_sql(column: str, prefixes: Iterable[str]) -> str:
    """The condition that the domain in `column` has one of these `domain_prefixes`, which an index finds.

    False for none. `apps.core.email_domains.in_domains` says the same in Python.
    """
    conditions = [f"""reverse('.' || {column}) COLLATE "C" ^@ {sql_literal(prefix)}""" for prefix in prefixes]
    return f"({' OR '.join(conditions)})" if conditions else "false"
