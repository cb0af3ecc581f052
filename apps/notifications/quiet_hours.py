"""Quiet hours: when no notification is sent, in the recipient's time zone (ADR 80)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

from django.conf import settings

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
HOURS = re.compile(r"([01]\d|2[0-3]):([0-5]\d)-([01]\d|2[0-3]):([0-5]\d)")


@dataclass(frozen=True)
class QuietHours:
    """Quiet from `start` on until before `end`, usually over midnight, and on the `days` (0: Monday).

    Equal `start` and `end`: no hour is quiet.
    """

    start: time = time(20)
    end: time = time(8)
    days: frozenset[int] = frozenset({5, 6})

    def covers(self, local: datetime) -> bool:
        """Whether this local time is quiet."""
        at = local.time()
        if self.start <= self.end:
            return local.weekday() in self.days or self.start <= at < self.end
        return local.weekday() in self.days or at >= self.start or at < self.end

    def next_allowed(self, now: datetime, zone: ZoneInfo) -> datetime:
        """`now` if a notification may be sent now, else the first instant at which one may."""
        if not self.covers(now.astimezone(zone)):
            return now
        today = now.astimezone(zone).date()
        # A quiet period ends at `end`, or at midnight after a quiet day. Beyond a week nothing new comes.
        for days in range(9):
            for at in sorted({time(), self.end}):
                # By day and local time, not by adding hours: a day of a change to summer time has 23.
                local = datetime.combine(today + timedelta(days=days), at, tzinfo=zone)
                instant = local.astimezone(UTC)
                if instant > now and not self.covers(instant.astimezone(zone)):
                    return instant
        raise ValueError("no hour of a week is without quiet")


def configured_quiet_hours() -> QuietHours:
    """The quiet hours of the installation (QUIET_HOURS, QUIET_DAYS). Raises ValueError for others than documented."""
    start, end = time(), time()
    if settings.QUIET_HOURS:
        match = HOURS.fullmatch(settings.QUIET_HOURS)
        if match is None:
            raise ValueError(f"QUIET_HOURS is not like 20:00-08:00: {settings.QUIET_HOURS!r}")
        start, end = time(int(match[1]), int(match[2])), time(int(match[3]), int(match[4]))
    days = frozenset(DAYS.index(day.strip().lower()) for day in settings.QUIET_DAYS)
    if len(days) == len(DAYS):
        raise ValueError("QUIET_DAYS leaves no day for notifications")
    return QuietHours(start, end, days)
