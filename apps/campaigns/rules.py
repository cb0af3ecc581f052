"""What the verdict is, as pure functions: the twin of the SQL in `querysets`, held equal to it by a test."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from apps.core.identity import in_domains

REASONS = ("ended", "outside_period", "not_external", "unconfirmed", "claimed")
PACES = ("done", "ahead", "on_pace", "behind")
# A pace within this share of the target around the straight line is "on pace": one part in PACE_PARTS.
PACE_PARTS = 20
# Without a new counted contact for so many days, somebody red has come to a standstill.
STALLED_AFTER_DAYS = 7
# A contact that ended within so many days of being recorded did not stay.
EARLY_CHURN_DAYS = 7
MICROSECOND = timedelta(microseconds=1)


@dataclass(frozen=True)
class ContactFacts:
    """What decides whether one contact counts, as far as the rule must know it."""

    recorded_at: datetime
    stored_at: datetime
    confirmed_at: datetime | None = None
    ended_at: datetime | None = None
    is_colleague: bool = False
    domains: Collection[str] = ()
    was_external: bool | None = None
    claimed_before: bool = False


@dataclass(frozen=True)
class CountingRule:
    """The part of a campaign's rule that judges a contact; `kept_until` is the freeze's K, if it has one."""

    opens_at: datetime
    cutoff_at: datetime
    company_domains: Collection[str] = ()
    exclusive: bool = False
    confirmed_only: bool = False
    kept_until: datetime | None = None


def effective_as_of(at: datetime, cutoff_at: datetime) -> datetime:
    """The instant a look at `at` judges by: nothing that happens from the cut-off on moves a verdict."""
    return min(at, cutoff_at)


def reason(contact: ContactFacts, terms: CountingRule, at: datetime) -> str:
    """Why a contact does not count in the state just before `at`, or an empty string when it counts.

    The first reason that holds is the one. A contact recorded at or after `at` is not there yet: do not ask.
    """
    at = effective_as_of(at, terms.cutoff_at)
    if contact.ended_at is not None and contact.ended_at < at:
        return "ended"
    late = terms.kept_until is not None and contact.stored_at > terms.kept_until
    if not terms.opens_at <= contact.recorded_at < terms.cutoff_at or late:
        return "outside_period"
    if not is_external(contact, terms):
        return "not_external"
    if terms.confirmed_only and (contact.confirmed_at is None or contact.confirmed_at >= at):
        return "unconfirmed"
    if terms.exclusive and contact.claimed_before:
        return "claimed"
    return ""


def is_external(contact: ContactFacts, terms: CountingRule) -> bool:
    """Whether the contact is nobody from the company: no colleague, no address in its domains or their subdomains."""
    if contact.is_colleague or contact.was_external is False:
        return False
    return not any(in_domains(domain, terms.company_domains) for domain in contact.domains)


def is_red(counted: int, target: int, exempt: bool) -> bool:
    """Under the target and not exempt. 99 of 100 is red, 100 is not."""
    return counted < target and not exempt


def remaining(counted: int, target: int) -> int:
    """How many counted contacts are missing; never negative."""
    return max(target - counted, 0)


def share(part: int, whole: int) -> float:
    """A part of a whole, 0 to 1; nothing of nothing is 0."""
    return part / whole if whole else 0.0


def elapsed(opens_at: datetime, cutoff_at: datetime, at: datetime) -> tuple[int, int]:
    """Microseconds gone since the opening, at most the whole length, and the whole length."""
    length = (cutoff_at - opens_at) // MICROSECOND
    return min(max((at - opens_at) // MICROSECOND, 0), length), length


def expected(target: int, opens_at: datetime, cutoff_at: datetime, at: datetime) -> float:
    """How many a steady pace from the opening to the cut-off would have by `at`."""
    gone, length = elapsed(opens_at, cutoff_at, at)
    return target * gone / length


def pace(counted: int, target: int, opens_at: datetime, cutoff_at: datetime, at: datetime) -> str:
    """`done` at the target; else `ahead`, `on_pace` or `behind`, 5 % of the target around the steady pace.

    Computed in whole microseconds, so that SQL says the same to the last one.
    """
    if counted >= target:
        return "done"
    gone, length = elapsed(opens_at, cutoff_at, at)
    have, steady, band = counted * length * PACE_PARTS, target * gone * PACE_PARTS, target * length
    if have >= steady + band:
        return "ahead"
    return "behind" if have < steady - band else "on_pace"


def days_left(cutoff_at: datetime, time_zone: str, at: datetime) -> int:
    """Local days until the deadline, today included; 0 once the cut-off has passed."""
    if at >= cutoff_at:
        return 0
    zone = ZoneInfo(time_zone)
    return ((cutoff_at - MICROSECOND).astimezone(zone).date() - at.astimezone(zone).date()).days + 1


def day_of(at: datetime, time_zone: str) -> date:
    """The local day of the state just before `at`: of a midnight, the day that ends with it."""
    return (at - MICROSECOND).astimezone(ZoneInfo(time_zone)).date()


def quiet_days(last: date | None, began_on: date, today: date) -> int:
    """Whole days up to `today`, it included, since the last counted contact; without one, since `began_on`, included.

    Never negative: somebody who begins tomorrow has rested for no day.
    """
    return max((today - max(last or date.min, began_on - timedelta(days=1))).days, 0)


def needed_per_day(missing: int, days: int) -> int | None:
    """How many a day, rounded up, reach the target in time; None when no day is left."""
    return -(-missing // days) if days > 0 else None


def start_of_day(day: date, time_zone: str) -> datetime:
    """The first instant of a local day, in UTC; of a day without a midnight, the instant the clock jumps."""
    return datetime.combine(day, time(), tzinfo=ZoneInfo(time_zone)).astimezone(UTC)


def period(opens_on: date, deadline: date, time_zone: str) -> tuple[datetime, datetime]:
    """The opening instant and the cut-off: the first instant after the inclusive deadline, both local days."""
    return start_of_day(opens_on, time_zone), start_of_day(deadline + timedelta(days=1), time_zone)


def end_of_day_after(at: datetime, days: int, time_zone: str) -> datetime:
    """The first instant after the local day that comes `days` calendar days after the one `at` falls on, in UTC."""
    return start_of_day(at.astimezone(ZoneInfo(time_zone)).date() + timedelta(days=days + 1), time_zone)


def pro_rata(target: int, opens_on: date, deadline: date, joined_on: date) -> int:
    """The share of a target for somebody whose first day is `joined_on`: target x days left / all days, rounded up.

    Calendar days, the first day and the deadline included; whoever was there at the opening has the whole target, and
    nobody has less than 1.
    """
    whole = (deadline - opens_on).days + 1
    left = (deadline - max(joined_on, opens_on)).days + 1
    return max(-(-target * left // whole), 1)
