"""Values as SQL text."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django.db import connection
from psycopg2 import sql


def sql_literal(value: Any) -> str:
    """A value as quoted SQL text: numbers, booleans, text, instants, bytes and lists of them."""
    connection.ensure_connection()
    quoted = sql.Literal(value).as_string(connection.connection)
    if isinstance(value, datetime):
        return f"{quoted}::timestamptz"
    if isinstance(value, list):
        kind = "bigint" if value and isinstance(value[0], int) else "text"
        return f"{quoted}::{kind}[]"
    return quoted


def in_domains_sql(column: str, domains: Iterable[str]) -> str:
    """The condition that the domain in `column` is one of these or a subdomain of one; false for none.

    `apps.core.identity.in_domains` says the same in Python.
    """
    # The reversed domain and a dot begin with a listed one's: one condition, which an index answers.
    wanted = {f"{domain[::-1]}." for domain in domains}
    # A domain that a shorter one covers is left out, because each domain costs a comparison per row.
    least = [one for one in sorted(wanted) if not any(one != other and one.startswith(other) for other in wanted)]
    found = [f"""reverse('.' || {column}) COLLATE "C" ^@ {sql_literal(one)}""" for one in least]
    return f"({' OR '.join(found)})" if found else "false"
