"""The clock of the database, which dates every fact."""

from __future__ import annotations

from datetime import datetime

from django.db import connection


def db_now() -> datetime:
    """The database's time now. Services that date a fact call it after they hold the facts lock."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT hundred_clock()")
        return cursor.fetchone()[0]
