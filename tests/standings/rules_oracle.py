"""The rule again in plain Python, for one contact or one employee: tests hold the SQL that runs equal to it.

`reason` is that of apps/standings/evaluation.py, `quiet_days` that of apps/standings/base_query.py, and `pro_rata`
that of apps/campaigns/adjustments/late_joiners.py.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from apps.campaigns import rules
from apps.core.identity import in_domains


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
    """The part of a campaign's rule that judges a contact; `snapshot_at` is the freeze's K, if it has one."""

    opens_at: datetime
    cutoff_at: datetime
    company_domains: Collection[str] = ()
    exclusive: bool = False
    confirmed_only: bool = False
    snapshot_at: datetime | None = None


def reason(contact: ContactFacts, terms: CountingRule, at: datetime) -> str:
    """Why a contact does not count in the state just before `at`, or an empty string when it counts.

    The first reason that holds is the one. A contact recorded at or after `at` is not there yet: do not ask.
    """
    at = rules.effective_as_of(at, terms.cutoff_at)
    if contact.ended_at is not None and contact.ended_at < at:
        return "ended"
    late = terms.snapshot_at is not None and contact.stored_at > terms.snapshot_at
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


def quiet_days(last: date | None, began_on: date, today: date) -> int:
    """Whole days up to `today`, it included, since the last counted contact; without one, since `began_on`, included.

    Never negative: somebody who begins tomorrow has rested for no day.
    """
    return max((today - max(last or date.min, began_on - timedelta(days=1))).days, 0)


def pro_rata(target: int, opens_on: date, deadline: date, joined_on: date) -> int:
    """The share of a target for somebody whose first day is `joined_on`: target x days left / all days, rounded up.

    Calendar days, the first day and the deadline included; whoever was there at the opening has the whole target, and
    nobody has less than 1.
    """
    whole = (deadline - opens_on).days + 1
    left = (deadline - max(joined_on, opens_on)).days + 1
    return max(-(-target * left // whole), 1)
