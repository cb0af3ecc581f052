"""Why a notification is not sent any more: pure functions of its facts."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from apps.notifications.facts import Facts
from apps.notifications.kinds import Audience, Stale

MAX_AGE = timedelta(days=7)
# Days before the deadline on which every recipient below the target is reminded; 1 is the last day.
REMINDER_DAYS = (7, 3, 1)


def drop_reason(facts: Facts, now: datetime) -> str:
    """The code of the reason why this notification is not sent; empty: it is sent."""
    for code, applies in (*RECIPIENT_RULES.items(), *((rule, STALE_RULES[rule]) for rule in facts.definition.stale)):
        if applies(facts, now):
            return str(code)
    return ""


def _lost_role(facts: Facts, now: datetime) -> bool:
    return facts.definition.audience is Audience.HR and not facts.is_hr


def _switched_off(facts: Facts, now: datetime) -> bool:
    return facts.definition.can_switch_off and not facts.enabled


def _superseded(facts: Facts, now: datetime) -> bool:
    """Whether another notification says the same: of a nearer day, a further milestone, today's digest, the opening."""
    if facts.kind == "turned_red":
        return facts.fell_again
    if facts.kind == "announcement":
        return facts.in_opening
    if facts.kind == "milestone_50":
        return 10 * (facts.counted or 0) >= 9 * (facts.target or 1)
    if facts.kind == "weekly":
        return facts.days_left(now) in REMINDER_DAYS
    if facts.kind in ("team_digest", "company_digest"):
        return facts.subject_key.partition(":")[2] < facts.local_day(now).isoformat()
    days = int(facts.kind.removeprefix("deadline_"))
    return any(facts.days_left(now) <= nearer for nearer in REMINDER_DAYS if nearer < days)


# For every kind, in this order.
RECIPIENT_RULES: dict[str, Callable[[Facts, datetime], bool]] = {
    # For example after a restore: what waited when the backup was made has been sent since.
    "too_old": lambda facts, now: now - facts.created_at > MAX_AGE,
    "left": lambda facts, now: not facts.employed,
    "no_access": lambda facts, now: not facts.active,
    "role_ended": _lost_role,
    "switched_off": _switched_off,
    "no_address": lambda facts, now: not facts.address,
}
STALE_RULES: dict[Stale, Callable[[Facts, datetime], bool]] = {
    Stale.OVER: lambda facts, now: facts.is_over(now),
    Stale.OUTSIDE: lambda facts, now: facts.counted is None,
    Stale.REACHED: lambda facts, now: facts.red is not True,
    Stale.NOT_REACHED: lambda facts, now: facts.red is not False,
    Stale.SUPERSEDED: _superseded,
    Stale.DECIDED: lambda facts, now: facts.decided,
    Stale.DEPUTY_OVER: lambda facts, now: bool(facts.deputy_over),
    Stale.FROZEN: lambda facts, now: facts.campaign_state == "frozen",
    Stale.NO_TEAM: lambda facts, now: not facts.has_team,
    Stale.ON_PACE: lambda facts, now: not facts.is_behind(now),
    # Withdrawn, or replaced by a version with a notification of its own.
    Stale.NOT_SHOWN: lambda facts, now: facts.subject_key != f"{facts.campaign_id}:{facts.announcement_version}",
    Stale.READ: lambda facts, now: facts.announcement_read,
}
