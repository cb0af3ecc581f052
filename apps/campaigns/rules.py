"""Figures and instants of a campaign's rule, as pure functions of a report's row or a campaign's dates.

The SQL function in `sql/is_red.sql` decides red. `is_red` repeats the rule for totals in reports; tests hold the two
equal.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

# The days of campaigns: arithmetic near either end of the calendar overflows, and would stop every retention.
FIRST_DAY, LAST_DAY = date(2000, 1, 1), date(2999, 12, 31)
# In the order in which they apply; a contact has the first one that does.
REASONS = ("ended", "outside_period", "not_external", "unconfirmed", "claimed")
PACES = ("done", "ahead", "on_pace", "behind")
# A pace within this fraction of the target around the straight line is "on pace": one part in PACE_PARTS.
# Twenty parts are 5 %: a few contacts either way, so that a single day does not change the word.
PACE_PARTS = 20
# A red employee without a new counted contact for this many days counts as stalled.
STALLED_AFTER_DAYS = 7
# A contact that ended within this many days of being recorded counts as early churn.
EARLY_CHURN_DAYS = 7
# The finest step of a PostgreSQL timestamp: "just before" an instant is one of these earlier.
MICROSECOND = timedelta(microseconds=1)


def effective_as_of(at: datetime, cutoff_at: datetime) -> datetime:
    """Return the effective instant of a query at `at`: events at or after the cut-off do not change a status."""
    return min(at, cutoff_at)


def is_red(counted: int, target: int, exempt: bool) -> bool:
    """Return whether the count is under the target and the employee is not exempt. 99 of 100 is red, 100 is not."""
    return counted < target and not exempt


def remaining(counted: int, target: int) -> int:
    """Return how many counted contacts are missing; never negative."""
    return max(target - counted, 0)


def prorated_target(target: int, opens_on: date, deadline: date, first_day: date) -> int:
    """Return the target of an employee who joins on `first_day`: by the days that are left, rounded up, at least 1."""
    days = (deadline - opens_on).days + 1
    left = min((deadline - first_day).days + 1, days)
    return max(-(-target * left // days), 1)


def share(part: int, whole: int) -> float:
    """Return a part of a whole, from 0 to 1; 0 when the whole is 0."""
    return part / whole if whole else 0.0


def elapsed(opens_at: datetime, cutoff_at: datetime, at: datetime) -> tuple[int, int]:
    """Return the microseconds since the opening, at most the whole period, and the length of the period."""
    length = (cutoff_at - opens_at) // MICROSECOND
    return min(max((at - opens_at) // MICROSECOND, 0), length), length


def expected(target: int, opens_at: datetime, cutoff_at: datetime, at: datetime) -> float:
    """Return the count that a steady pace from the opening to the cut-off would have reached by `at`."""
    gone, length = elapsed(opens_at, cutoff_at, at)
    return target * gone / length


def pace(counted: int, target: int, opens_at: datetime, cutoff_at: datetime, at: datetime) -> str:
    """Return `done` at the target; else `ahead`, `on_pace` or `behind`, with 5 % of the target around the steady pace.

    Computed in whole microseconds, so that SQL and Python always agree.
    """
    if counted >= target:
        return "done"
    gone, length = elapsed(opens_at, cutoff_at, at)
    have, steady, band = counted * length * PACE_PARTS, target * gone * PACE_PARTS, target * length
    if have >= steady + band:
        return "ahead"
    return "behind" if have < steady - band else "on_pace"


def days_left(cutoff_at: datetime, time_zone: str, at: datetime) -> int:
    """Return the local days until the deadline, today included; 0 once the cut-off has passed."""
    if at >= cutoff_at:
        return 0
    zone = ZoneInfo(time_zone)
    # The cut-off itself is the first instant of the day after the deadline.
    return ((cutoff_at - MICROSECOND).astimezone(zone).date() - at.astimezone(zone).date()).days + 1


def day_of(at: datetime, time_zone: str) -> date:
    """Return the local day of the state just before `at`; for a midnight, the day that ends with it."""
    return (at - MICROSECOND).astimezone(ZoneInfo(time_zone)).date()


def needed_per_day(missing: int, days: int) -> int | None:
    """Return how many contacts a day, rounded up, reach the target in time; None when no day is left."""
    # Rounded up without floats: 1 contact in 3 days still needs 1 a day.
    return -(-missing // days) if days > 0 else None


def start_of_day(day: date, time_zone: str) -> datetime:
    """Return the first instant of a local day, in UTC.

    For a day without a midnight, this is the instant of the clock change.
    """
    # Not by adding 24 hours: a day with a clock change has 23 or 25.
    return datetime.combine(day, time(), tzinfo=ZoneInfo(time_zone)).astimezone(UTC)


def period(opens_on: date, deadline: date, time_zone: str) -> tuple[datetime, datetime]:
    """Return the opening instant and the cut-off: the first instant after the inclusive deadline.

    Both days are local.
    """
    return start_of_day(opens_on, time_zone), start_of_day(deadline + timedelta(days=1), time_zone)


def end_of_day_after(at: datetime, days: int, time_zone: str) -> datetime:
    """Return the first instant, in UTC, after the local day that is `days` calendar days after the day of `at`."""
    # Calendar days: a working-day calendar would differ between the sites of a company (ADR 29).
    return start_of_day(at.astimezone(ZoneInfo(time_zone)).date() + timedelta(days=days + 1), time_zone)
