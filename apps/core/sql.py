"""Values as SQL text."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from django.db import connection
from psycopg2 import sql

if TYPE_CHECKING:
    pass


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
