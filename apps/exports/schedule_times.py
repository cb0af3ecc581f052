"""When a file of a schedule is due: at an hour of local days. Pure functions; zone and clock are arguments."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

# More than a week on both sides of a day holds the weekly hours before and after every instant of it.
SEARCHED_DAYS = range(-8, 9)


@dataclass(frozen=True)
class Timing:
    """`weekday`: 0 is Monday; None: every day."""

    hour: int
    weekday: int | None
    zone: ZoneInfo


@dataclass(frozen=True, order=True)
class Period:
    """An instant at which a file is due, and the local day that names it.

    Where the clock skips the hour, it is later by what is skipped; of an hour that comes twice, it is the first.
    """

    at: datetime
    day: date


def last_period(timing: Timing, now: datetime) -> Period:
    """The newest period that has begun at `now`."""
    return max(period for period in _periods_around(timing, now) if period.at <= now)


def next_period(timing: Timing, now: datetime) -> Period:
    """The first period that begins after `now`."""
    return min(period for period in _periods_around(timing, now) if period.at > now)


def _periods_around(timing: Timing, now: datetime) -> Iterator[Period]:
    today = now.astimezone(timing.zone).date()
    for days in SEARCHED_DAYS:
        day = today + timedelta(days=days)
        if timing.weekday in (None, day.weekday()):
            # By day and local time, not by adding hours: a day of a clock change has 23 or 25.
            local = datetime.combine(day, time(timing.hour), tzinfo=timing.zone)
            yield Period(local.astimezone(UTC), day)


def end_of_day(day: date, zone: ZoneInfo) -> datetime:
    """The first instant after a local day."""
    return datetime.combine(day + timedelta(days=1), time(), tzinfo=zone).astimezone(UTC)
