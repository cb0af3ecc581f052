"""The period of the demo campaign, and when its employees record their contacts."""

from __future__ import annotations

from bisect import bisect
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import accumulate
from random import Random
from zoneinfo import ZoneInfo

from apps.campaigns.rules import MICROSECOND, start_of_day

ZONE = "Asia/Shanghai"
HOUR = timedelta(hours=1)
# A campaign that opened later than this has no curve to show.
MIN_DAYS_GONE = 14
MIN_DAYS_LEFT = 10
# The weights of recording a contact by weekday, Monday to Sunday, and by hour of the day.
WEEKDAYS = (1.15, 1.05, 1.0, 1.0, 0.85, 0.22, 0.16)
HOURS = (0, 0, 0, 0, 0, 0, 0.05, 0.3, 1, 2.2, 2.8, 2.2, 1.1, 1.3, 2.1, 2.4, 2.1, 1.6, 0.9, 0.7, 0.8, 0.6, 0.3, 0.1)
SLOW_START_DAYS = 7


@dataclass(frozen=True)
class Calendar:
    """The demo campaign's days, and the demo's current instant."""

    name: str
    opens_on: date
    deadline: date
    now: datetime

    @property
    def opens_at(self) -> datetime:
        return start_of_day(self.opens_on, ZONE)

    @property
    def days_gone(self) -> int:
        return (_day_of(self.now) - self.opens_on).days


def calendar(now: datetime) -> Calendar:
    """A campaign that is open at `now`, in Asia/Shanghai, and ends with a month.

    From 21 October to 30 November it is that year's November campaign; otherwise about two thirds of it have passed.
    """
    today = _day_of(now)
    opens_on, deadline = date(today.year, 10, 21), date(today.year, 11, 30)
    if opens_on <= today <= deadline:
        opens_on = min(opens_on, today - timedelta(days=MIN_DAYS_GONE))
    else:
        # The first day of the next month, less one.
        deadline = (today + timedelta(days=MIN_DAYS_LEFT)).replace(day=1) + timedelta(days=32)
        deadline = deadline.replace(day=1) - timedelta(days=1)
        opens_on = today - 2 * (deadline - today)
    return Calendar(f"{deadline:%B %Y}", opens_on, deadline, now)


def _day_of(at: datetime) -> date:
    return at.astimezone(ZoneInfo(ZONE)).date()


class Curve:
    """Draws instants of one habit: `growth` > 0 records more towards now, < 0 more at the beginning."""

    def __init__(self, calendar: Calendar, growth: float) -> None:
        self.opens_at = calendar.opens_at
        hours = (calendar.now - self.opens_at) // HOUR
        weights = []
        for hour in range(hours):
            day, hour_of_day = divmod(hour, 24)
            weekday = (calendar.opens_on.weekday() + day) % 7
            slow_start = min(1.0, 0.25 + day / SLOW_START_DAYS)
            weights.append(WEEKDAYS[weekday] * HOURS[hour_of_day] * slow_start * ((hour + 1) / hours) ** growth)
        # The weight of all hours before each hour.
        self.before = list(accumulate(weights, initial=0.0))

    def draw(self, rng: Random, start: datetime, end: datetime) -> datetime:
        """An instant in [start, end), a part of the time from the opening to now."""
        first, last = (start - self.opens_at) // HOUR, (end - self.opens_at) // HOUR
        weight = self.before[first] + rng.random() * (self.before[last] - self.before[first])
        hour = bisect(self.before, weight, first, last) - 1
        at = self.opens_at + timedelta(hours=hour, seconds=rng.random() * 3600)
        # The first and the last hour may be partial.
        return min(max(at, start), end - MICROSECOND)
