"""When the demo campaign runs, and when in it people record their contacts."""

from __future__ import annotations

from bisect import bisect
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import lru_cache
from itertools import accumulate
from random import Random
from zoneinfo import ZoneInfo

from apps.campaigns.rules import MICROSECOND, start_of_day

ZONE = "Asia/Shanghai"
SECOND = 1_000_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR
# A campaign that opened less long ago has no curve to show.
LEAST_DAYS_GONE = 14
LEAST_DAYS_LEFT = 10
EARLY_DAYS = 21
# How likely a contact is recorded on a Monday ... Sunday, and in each hour of the day.
WEEKDAYS = (1.15, 1.05, 1.0, 1.0, 0.85, 0.22, 0.16)
HOURS = (0, 0, 0, 0, 0, 0, 0.05, 0.3, 1, 2.2, 2.8, 2.2, 1.1, 1.3, 2.1, 2.4, 2.1, 1.6, 0.9, 0.7, 0.8, 0.6, 0.3, 0.1)
HOURS_SUM = tuple(accumulate(HOURS))
EPOCH = datetime.fromisoformat("1970-01-01T00:00:00+00:00")


@dataclass(frozen=True)
class Calendar:
    """The demo campaign's days, and the instant at which the demo stands still."""

    name: str
    opens_on: date
    deadline: date
    now: datetime

    @property
    def opens_at(self) -> datetime:
        """The campaign's opening instant."""
        return start_of_day(self.opens_on, ZONE)

    @property
    def today(self) -> date:
        """The campaign's local day of `now`."""
        return self.now.astimezone(ZoneInfo(ZONE)).date()

    def part(self, share: float) -> date:
        """The day at which this share of the time from the opening to today is gone."""
        return self.opens_on + timedelta(days=int((self.today - self.opens_on).days * share))


def calendar(now: datetime) -> Calendar:
    """A campaign that is running at `now`, in Asia/Shanghai, and ends with a month.

    From 21 October to 30 November it is that year's November campaign; else about two thirds of one are gone.
    """
    today = now.astimezone(ZoneInfo(ZONE)).date()
    opens_on, deadline = date(today.year, 10, 21), date(today.year, 11, 30)
    if opens_on <= today <= deadline:
        opens_on = min(opens_on, today - timedelta(days=LEAST_DAYS_GONE))
    else:
        deadline = _end_of_month(today + timedelta(days=LEAST_DAYS_LEFT))
        opens_on = today - 2 * (deadline - today)
    return Calendar(f"{deadline:%B %Y}", opens_on, deadline, now)


def _end_of_month(day: date) -> date:
    return (day.replace(day=1) + timedelta(days=32)).replace(day=1) - timedelta(days=1)


def microseconds(at: datetime) -> int:
    """An instant as whole microseconds since 1970, in which the demo computes."""
    return (at - EPOCH) // MICROSECOND


def instant(value: int) -> datetime:
    """The instant of microseconds since 1970."""
    return EPOCH + timedelta(microseconds=value)


def stamp(value: int) -> str:
    """That instant as PostgreSQL reads it; twice as quick as by way of a datetime, for the writer's hot loop."""
    return f"{_minute(value // MINUTE)}{value % MINUTE / SECOND:09.6f}+00"


@lru_cache(maxsize=200_000)
def _minute(number: int) -> str:
    return f"{instant(number * MINUTE):%Y-%m-%d %H:%M:}"


class Curve:
    """Draws instants of one habit: `growth` > 0 records more towards now, < 0 more in the beginning."""

    def __init__(self, calendar: Calendar, growth: float) -> None:
        days = (calendar.today - calendar.opens_on).days + 1
        opened, self.now = microseconds(calendar.opens_at), microseconds(calendar.now)
        weights = []
        for place in range(days):
            day = calendar.opens_on + timedelta(days=place)
            gone = (place + 1) / days
            slow_start = min(1.0, 0.25 + place / 7)
            # Of today, only what has passed of it.
            hours = min((self.now - opened - place * DAY) // HOUR, 24)
            passed = sum(HOURS[:hours]) / HOURS_SUM[-1]
            weights.append(WEEKDAYS[day.weekday()] * slow_start * gone**growth * passed)
        self.opened = opened
        self.until: Sequence[float] = list(accumulate(weights))

    def draw(self, rng: Random, start: int, end: int, shift: int) -> int:
        """An instant in [start, end), of people whose day begins `shift` microseconds after Shanghai's."""
        first = max((start - self.opened) // DAY, 0)
        last = min((end - 1 - self.opened) // DAY, len(self.until) - 1)
        below = self.until[first - 1] if first else 0.0
        place = bisect(self.until, below + rng.random() * (self.until[last] - below), first, last)
        hour = bisect(HOURS_SUM, rng.random() * HOURS_SUM[-1], 0, 23)
        at = self.opened + place * DAY + shift + hour * HOUR + int(rng.random() * HOUR)
        if start <= at < end:
            return at
        # A day cut short: any moment of it, or of the whole period, that lies within.
        low, high = max(start, self.opened + place * DAY), min(end, self.opened + (place + 1) * DAY)
        return low + int(rng.random() * (high - low)) if low < high else start + int(rng.random() * (end - start))
