"""The rule in plain Python, for one contact or one employee: tests compare the production SQL with it.

`reason` is that of apps/standings/evaluation.py, `quiet_days` that of apps/standings/base_query.py, and `pro_rata`
that of apps/campaigns/adjustments/late_joiners.py.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from apps.campaigns import rules
from apps.core.email_domains import in_domains


@dataclass(frozen=True)
class ContactFacts:
    """The facts that decide whether one contact counts."""

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
    """The part of a campaign's rule that applies to a contact; `snapshot_at` is the freeze's instant, if it has one."""

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
    """Whether the contact is outside the company: no colleague, no address in its domains or their subdomains."""
    if contact.is_colleague or contact.was_external is False:
        return False
    return not any(in_domains(domain, terms.company_domains) for domain in contact.domains)


def quiet_days(last: date | None, began_on: date, today: date) -> int:
    """Whole days since the last counted contact, `today` included; without one, since `began_on`, included.

    Never negative: an employee who begins tomorrow has 0 days.
    """
    return max((today - max(last or date.min, began_on - timedelta(days=1))).days, 0)


def pro_rata(target: int, opens_on: date, deadline: date, joined_on: date) -> int:
    """The target of an employee whose first day is `joined_on`: target x days left / all days, rounded up.

    Calendar days, the first day and the deadline included. An employee who was there at the opening has the whole
    target. The result is at least 1.
    """
    whole = (deadline - opens_on).days + 1
    left = (deadline - max(joined_on, opens_on)).days + 1
    return max(-(-target * left // whole), 1)
