"""The available time zones, cached: Python searches its folders on every call."""

from datetime import date, datetime, time, timedelta
from functools import cache, lru_cache
from importlib.resources import files
from zoneinfo import ZoneInfo, available_timezones

from django.conf import settings

from apps.core.sql import fetch_all


@cache
def time_zones() -> frozenset[str]:
    """The names of all zones that Python knows, such as Asia/Shanghai."""
    return frozenset(available_timezones())


@cache
def current_zones() -> tuple[str, ...]:
    """UTC and the zones of places under their current names, sorted: the list from which a person chooses."""
    # The others are former names (Asia/Calcutta), and offsets: nearly every reader takes Etc/GMT+8, which is
    # eight hours behind GMT, for the opposite.
    table = files("tzdata").joinpath("zoneinfo", "zone.tab").read_text(encoding="utf-8")
    names = {line.split("\t")[2] for line in table.splitlines() if line and not line.startswith("#")}
    return ("UTC", *sorted(names & time_zones()))


def is_time_zone(name: str) -> bool:
    """Whether Python and PostgreSQL both know this zone: otherwise they count days differently or not at all."""
    if name not in time_zones():
        return False
    try:
        _require_server_zone(name)
    except LookupError:
        return False
    return True


@cache
def _require_server_zone(name: str) -> None:
    """Raises LookupError, which is not cached: a server may learn a zone but never forgets one."""
    if not fetch_all("SELECT 1 FROM pg_timezone_names WHERE name = %s", [name]):
        raise LookupError(name)


# A file of 50,000 employees names few different days.
@lru_cache(maxsize=4096)
def midnight(day: date, days: int = 0) -> datetime:
    """The first instant of the day, or of the day `days` later, in the company's zone."""
    return datetime.combine(day + timedelta(days=days), time(), tzinfo=ZoneInfo(company_zone()))


def company_zone() -> str:
    """The zone in which the dates of a roster become instants."""
    return settings.TIME_ZONE


def zone_of(name: str | None) -> ZoneInfo:
    """A person's zone by its name in the roster; the company's for an empty or unknown one."""
    return ZoneInfo(name if name and name in time_zones() else company_zone())
