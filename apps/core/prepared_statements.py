"""Prepared statements for the queries of every page, which differ only in the person and the instant.

Reports are SQL text with quoted values. For one person or a small team PostgreSQL plans such a text longer than it runs
it, and every new instant makes a new text. This module turns typed values, `'2026-11-03T09:00:00+00:00'::timestamptz`,
`17::bigint` and `5::numeric`, into parameters of a prepared statement. ADR 60 has the reasons and the limits.
"""

import re
from collections import OrderedDict
from hashlib import sha256
from typing import Any
from weakref import WeakKeyDictionary

from django.db import connections

# A comment and a quoted text are matched whole, so that their contents are never taken for values; only an instant
# becomes one.
TYPED_VALUE = re.compile(r"--[^\n]*|('(?:[^']|'')*')(::timestamptz)?|(?<![\w.$])(\d+)::(bigint|numeric)\b")
# Statements per connection, the most recently used: a plan takes a few hundred kilobytes of the server process.
MAX_PREPARED = 48
# By connection: a new connection knows no statement, and a closed one must not keep its entries alive.
_prepared: WeakKeyDictionary[Any, OrderedDict[str, str]] = WeakKeyDictionary()


def extract_parameters(statement: str) -> tuple[str, tuple[tuple[str, str], ...]]:
    """The statement with `$1`, `$2` ... for its typed values, and these in that order, as SQL text and type."""
    numbers: dict[tuple[str, str], int] = {}

    def replace_value(match: re.Match[str]) -> str:
        text, instant, digits, kind = match.groups()
        if digits is None and not instant:
            return match.group()
        value = (digits, kind) if digits is not None else (text, "timestamptz")
        return f"${numbers.setdefault(value, len(numbers) + 1)}"

    return TYPED_VALUE.sub(replace_value, statement), tuple(numbers)


def execute_prepared_sql(statement: str, using: str) -> str:
    """The EXECUTE statement with the same result, prepared on that connection.

    For a SELECT without psycopg2's placeholders, whose result has a similar size for all values of these types.
    """
    connection = connections[using]
    connection.ensure_connection()
    text_with_parameters, values = extract_parameters(statement)
    types = f" ({', '.join(kind for _text, kind in values)})" if values else ""
    signature = f"{types} AS {text_with_parameters}"
    prepared = _prepared.setdefault(connection.connection, OrderedDict())
    name = prepared.get(signature)
    if name is None:
        # A hash as name: a statement prepared by an earlier cursor of this connection is found again.
        name = f"hundred_{sha256(signature.encode()).hexdigest()[:16]}"
        # This only prepares the connection; the page's own query follows.
        with connection.wrap_database_errors, connection.connection.cursor() as cursor:
            cursor.execute(f"PREPARE {name}{signature}")
            prepared[signature] = name
            # Least recently used first; without a limit, each filter of a list would leave a plan in the server.
            while len(prepared) > MAX_PREPARED:
                cursor.execute(f"DEALLOCATE {prepared.popitem(last=False)[1]}")
    prepared.move_to_end(signature)
    arguments = ", ".join(f"{text}::{kind}" for text, kind in values)
    return f"EXECUTE {name}({arguments})" if arguments else f"EXECUTE {name}"
