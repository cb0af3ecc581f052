"""The available time zones, cached: Python searches its folders on every call."""

from datetime import date, datetime, time, timedelta
from functools import cache, lru_cache
from zoneinfo import ZoneInfo, available_timezones

from django.conf import settings
from django.db import connection


@cache
def time_zones() -> frozenset[str]:
    """The names of all zones that Python knows, such as Asia/Shanghai."""
    return frozenset(available_timezones())


def is_time_zone(name: str) -> bool:
    """Whether Python and PostgreSQL both know this zone: otherwise they count days differently or not at all."""
    if name not in time_zones():
        return False
    try:
        _have(name)
    except LookupError:
        return False
    return True


@cache
def _have(name: str) -> None:
    """Raises LookupError, which is not cached: a server may learn a zone but never forgets one."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT EXISTS (SELECT 1 FROM pg_timezone_names WHERE name = %s)", [name])
        if not cursor.fetchone()[0]:
            raise LookupError(name)


@lru_cache(maxsize=4096)
def midnight(day: date, days: int = 0) -> datetime:
    """The first instant of the day, or of the day `days` later, in the company's zone."""
    return datetime.combine(day + timedelta(days=days), time(), tzinfo=ZoneInfo(company_zone()))


def company_zone() -> str:
    """The zone in which the dates of a roster become instants."""
    return settings.TIME_ZONE
