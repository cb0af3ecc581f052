"""The requested draft of a campaign's rule, and their validation."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from django.conf import settings
from django.utils.translation import gettext as _

from apps.campaigns import rules
from apps.campaigns.models import Campaign, CampaignRule
from apps.campaigns.rules import FIRST_DAY, LAST_DAY
from apps.core.email_domains import normalise_domain
from apps.core.errors import Refused
from apps.core.text import clean_text
from apps.core.time_zones import is_time_zone

MAX_TARGET = 1_000_000  # the largest target
MAX_DAYS = 5_000  # the longest campaign: its pages draw every day
MAX_NAMES = 1_000  # departments, or domains
# Coarse on purpose: it keeps addresses, URLs and lists out, and leaves the rules for host names to the mail servers.
DOMAIN = re.compile(r"[^\s@/\\,;:]{1,253}")


def company_domains() -> list[str]:
    """Return the domains of the company's own addresses, which a new campaign copies."""
    return sorted({normalise_domain(domain) for domain in settings.COMPANY_EMAIL_DOMAINS})


@dataclass(frozen=True)
class RuleDraft:
    """The requested rule. `deadline` is the last day, inclusive, in `time_zone`; without `scope`: the whole company."""

    target: int
    opens_on: date
    deadline: date
    time_zone: str
    exclusive: bool = False
    confirmed_only: bool = False
    scope: Sequence[str] = ()
    company_domains: Sequence[str] = field(default_factory=company_domains)
    prorate_joiners: bool = False

    def rule(self, campaign: Campaign, version: int) -> CampaignRule:
        """Return the rule version for this draft, not stored yet. Raises Refused."""
        _validate(self)
        try:
            opens_at, cutoff_at = rules.period(self.opens_on, self.deadline, self.time_zone)
        # A deadline of 9999-12-31 has no day after it.
        except OverflowError as error:
            raise Refused("invalid", _("These dates are not valid."), "deadline") from error
        return CampaignRule(
            campaign=campaign, version=version, target=self.target, time_zone=self.time_zone, opens_on=self.opens_on,
            deadline=self.deadline, opens_at=opens_at, cutoff_at=cutoff_at, exclusive=self.exclusive,
            # Sorted and without repetition, so that the same choice in another order is no change of the rule.
            confirmed_only=self.confirmed_only, scope=sorted({clean_text(name) for name in self.scope}),
            company_domains=sorted({normalise_domain(domain) for domain in self.company_domains}),
            prorate_joiners=self.prorate_joiners,
        )  # fmt: skip


# The columns that define a rule; the instants follow from the days and the time zone.
RULE_COLUMNS = (
    "target",
    "opens_on",
    "deadline",
    "time_zone",
    "exclusive",
    "confirmed_only",
    "scope",
    "company_domains",
    "prorate_joiners",
)


def changed_columns(old: CampaignRule, new: CampaignRule) -> dict[str, tuple[Any, Any]]:
    """Return the columns in which two versions differ, each with its old and new value."""
    pairs = {name: (getattr(old, name), getattr(new, name)) for name in RULE_COLUMNS}
    return {name: pair for name, pair in pairs.items() if pair[0] != pair[1]}


def _validate(draft: RuleDraft) -> None:
    if not 1 <= draft.target <= MAX_TARGET:
        raise Refused("invalid", _("Enter a target from 1 to 1,000,000."), "target")
    if draft.deadline < draft.opens_on:
        raise Refused("invalid", _("The deadline is before the opening."), "deadline")
    if not is_time_zone(draft.time_zone):
        raise Refused("invalid", _("This is not a time zone such as Asia/Shanghai."), "time_zone")
    if (draft.deadline - draft.opens_on).days >= MAX_DAYS:
        raise Refused("invalid", _("A campaign can have at most %(days)s days.") % {"days": MAX_DAYS}, "deadline")
    if draft.opens_on < FIRST_DAY or draft.deadline > LAST_DAY:
        raise Refused("invalid", _("Enter days from %(first)s to %(last)s.") % {
            "first": FIRST_DAY.isoformat(), "last": LAST_DAY.isoformat()
        }, "deadline" if draft.deadline > LAST_DAY else "opens_on")  # fmt: skip
    if len(draft.scope) > MAX_NAMES or any(not clean_text(name) for name in draft.scope):
        raise Refused("invalid", _("Choose departments from the list."), "scope")
    if len(draft.company_domains) > MAX_NAMES:
        raise Refused("invalid", _("There are too many domains. Remove some."), "company_domains")
    for domain in draft.company_domains:
        if not DOMAIN.fullmatch(normalise_domain(domain)):
            raise Refused("invalid", _("%(domain)s is not a domain such as example.com.") % {
                "domain": clean_text(domain)[:60]
            }, "company_domains")  # fmt: skip
