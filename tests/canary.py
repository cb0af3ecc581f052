"""A person with unique marker texts: what a dump, a log or a message must not show."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.db import connection

NAME = "Quokka Zanzibar"
EMAIL = "quokka@zanzibar-canary.example"
PHONE = "+8613912344321"
HANDLE = "zanzibar_quokka"
SPELLED = "139 1234-4321"
SIGNS = ("quokka", "zanzibar", "13912344321", "139 1234", "1391234")
TABLES = """
SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace ORDER BY relname
"""


def signs_in(text: str) -> list[str]:
    """The marker texts in a text."""
    return [sign for sign in SIGNS if sign in text.lower()]


def shown_by_tables() -> dict[str, list[str]]:
    """Every table with a marker text, read whole, with bytes decoded as possible texts."""
    with connection.cursor() as cursor:
        cursor.execute(TABLES)
        names = [name for (name,) in cursor.fetchall()]
    assert len(names) > 40
    by_table = {
        name: sorted({sign for row in _rows(name) for cell in row for sign in signs_in(cell)}) for name in names
    }
    return {name: signs for name, signs in by_table.items() if signs}


def _rows(table: str) -> Iterator[list[str]]:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT * FROM {table}")
        for row in cursor.fetchall():
            yield [text for value in row for text in _texts(value)]


def _texts(value: Any) -> list[str]:
    if isinstance(value, memoryview | bytes):
        return [bytes(value).decode(codec, "ignore") for codec in ("utf-8", "utf-16-le", "utf-16-be")]
    return [str(value)]
