"""Statements whose plan a connection keeps: the ones that every page asks, of another person and at another instant.

Reports are SQL text with quoted values in it. To plan such a text takes PostgreSQL longer than to answer it for one
person or a small team, and a text with another instant in it is another statement. Here the values that say their type
right behind them, `'2026-11-03T09:00:00+00:00'::timestamptz`, `17::bigint` and `5::numeric`, become parameters of a
prepared statement. ADR 60 has the reasons and the limits.
"""

from __future__ import annotations

import re
from collections import OrderedDict
from hashlib import sha256
from typing import Any
from weakref import WeakKeyDictionary

from django.db import connections

# A quoted text is read whole, so that nothing within it is taken for a value; only an instant's becomes one.
VALUE = re.compile(r"('(?:[^']|'')*')(::timestamptz)?|(?<![\w.$])(\d+)::(bigint|numeric)\b")
# A connection keeps so many, the ones used last: a plan takes a few hundred kilobytes of its server process.
KEPT = 48
_kept: WeakKeyDictionary[Any, OrderedDict[str, str]] = WeakKeyDictionary()


def parameters(statement: str) -> tuple[str, tuple[tuple[str, str], ...]]:
    """The statement with `$1`, `$2` ... for its typed values, and these in that order, as SQL text and type."""
    found: dict[tuple[str, str], int] = {}

    def place(match: re.Match[str]) -> str:
        text, instant, digits, kind = match.groups()
        if text is not None and not instant:
            return text
        value = (digits, kind) if digits is not None else (text, "timestamptz")
        return f"${found.setdefault(value, len(found) + 1)}"

    return VALUE.sub(place, statement), tuple(found)


def execution(statement: str, using: str) -> str:
    """The statement to send over that connection instead: the same rows, by a plan that is kept.

    For a SELECT without psycopg2's placeholders. What is asked must be as large with any values of these types.
    """
    connection = connections[using]
    connection.ensure_connection()
    skeleton, values = parameters(statement)
    types = f" ({', '.join(kind for _text, kind in values)})" if values else ""
    meaning = f"{types} AS {skeleton}"
    kept = _kept.setdefault(connection.connection, OrderedDict())
    name = kept.get(meaning)
    if name is None:
        name = f"kept_{sha256(meaning.encode()).hexdigest()[:16]}"
        # The connection is made ready; what the page asks comes after.
        with connection.wrap_database_errors, connection.connection.cursor() as cursor:
            cursor.execute(f"PREPARE {name}{meaning}")
            kept[meaning] = name
            while len(kept) > KEPT:
                cursor.execute(f"DEALLOCATE {kept.popitem(last=False)[1]}")
    kept.move_to_end(meaning)
    given = ", ".join(f"{text}::{kind}" for text, kind in values)
    return f"EXECUTE {name}({given})" if given else f"EXECUTE {name}"
