"""The period of the demo campaign, and when its employees record their contacts."""

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
# A campaign that opened later than this has no curve to show.
LEAST_DAYS_GONE = 14
LEAST_DAYS_LEFT = 10
EARLY_DAYS = 21
# The weights of recording a contact by weekday, Monday to Sunday, and by hour of the day.
WEEKDAYS = (1.15, 1.05, 1.0, 1.0, 0.85, 0.22, 0.16)
HOURS = (0, 0, 0, 0, 0, 0, 0.05, 0.3, 1, 2.2, 2.8, 2.2, 1.1, 1.3, 2.1, 2.4, 2.1, 1.6, 0.9, 0.7, 0.8, 0.6, 0.3, 0.1)
HOURS_SUM = tuple(accumulate(HOURS))
EPOCH = datetime.fromisoformat("1970-01-01T00:00:00+00:00")


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
    def today(self) -> date:
        """The local day of `now`."""
        return self.now.astimezone(ZoneInfo(ZONE)).date()

    def part(self, share: float) -> date:
        """The day at which this share of the time from the opening to today has passed."""
        return self.opens_on + timedelta(days=int((self.today - self.opens_on).days * share))


def calendar(now: datetime) -> Calendar:
    """A campaign that is open at `now`, in Asia/Shanghai, and ends with a month.

    From 21 October to 30 November it is that year's November campaign; otherwise about two thirds of it have passed.
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
    """An instant as whole microseconds since 1970, the unit of the demo's calculations."""
    return (at - EPOCH) // MICROSECOND


def instant(value: int) -> datetime:
    """The instant of microseconds since 1970."""
    return EPOCH + timedelta(microseconds=value)


def stamp(value: int) -> str:
    """The instant in PostgreSQL's input format; twice as fast as a datetime, for the writer's inner loop."""
    return f"{_minute(value // MINUTE)}{value % MINUTE / SECOND:09.6f}+00"


@lru_cache(maxsize=200_000)
def _minute(number: int) -> str:
    return f"{instant(number * MINUTE):%Y-%m-%d %H:%M:}"


class Curve:
    """Draws instants of one habit: `growth` > 0 records more towards now, < 0 more at the beginning."""

    def __init__(self, calendar: Calendar, growth: float) -> None:
        days = (calendar.today - calendar.opens_on).days + 1
        opened, self.now = microseconds(calendar.opens_at), microseconds(calendar.now)
        weights = []
        for place in range(days):
            day = calendar.opens_on + timedelta(days=place)
            elapsed = (place + 1) / days
            slow_start = min(1.0, 0.25 + place / 7)
            # Of today, only the time that has passed.
            hours = min((self.now - opened - place * DAY) // HOUR, 24)
            passed = sum(HOURS[:hours]) / HOURS_SUM[-1]
            weights.append(WEEKDAYS[day.weekday()] * slow_start * elapsed**growth * passed)
        self.opened = opened
        self.until: Sequence[float] = list(accumulate(weights))

    def draw(self, rng: Random, start: int, end: int, shift: int) -> int:
        """An instant in [start, end) for employees whose day begins `shift` microseconds after Shanghai's."""
        first = max((start - self.opened) // DAY, 0)
        last = min((end - 1 - self.opened) // DAY, len(self.until) - 1)
        below = self.until[first - 1] if first else 0.0
        place = bisect(self.until, below + rng.random() * (self.until[last] - below), first, last)
        hour = bisect(HOURS_SUM, rng.random() * HOURS_SUM[-1], 0, 23)
        at = self.opened + place * DAY + shift + hour * HOUR + int(rng.random() * HOUR)
        if start <= at < end:
            return at
        # For a partial day: any instant of it, or of the whole period, within the limits.
        low, high = max(start, self.opened + place * DAY), min(end, self.opened + (place + 1) * DAY)
        return low + int(rng.random() * (high - low)) if low < high else start + int(rng.random() * (end - start))
