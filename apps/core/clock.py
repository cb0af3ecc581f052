"""The database's clock, which dates every fact."""

from __future__ import annotations

from datetime import datetime

from django.db import connection


def db_now() -> datetime:
    """The database's current time. Services that date a fact call it after they take the facts lock."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT hundred_clock()")
        return cursor.fetchone()[0]
