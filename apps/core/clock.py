"""The database's clock, which dates every fact."""

from datetime import datetime

from apps.core.sql import fetch_all


def db_now() -> datetime:
    """The database's current time. Services that date a fact call it after they take the facts lock."""
    [[now]] = fetch_all("SELECT hundred_clock()")
    return now
