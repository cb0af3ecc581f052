"""The requested terms of a campaign's rule, and their validation."""

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
from apps.core.identity import clean_text, normalise_domain
from apps.core.time_zones import is_time_zone

MOST = 1_000_000  # the largest target
MAX_DAYS = 5_000  # the longest campaign: its pages draw every day
MOST_NAMES = 1_000  # departments, or domains
DOMAIN = re.compile(r"[^\s@/\\,;:]{1,253}")


class CampaignRefused(ValueError):
    """A campaign, or a change of it, was refused: the field and a message.

    `conflict`: the input is valid, but the campaign's state does not allow it.
    """

    def __init__(self, field: str, message: str, *, conflict: bool = False):
        super().__init__(message)
        self.field, self.message, self.conflict = field, message, conflict


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

    def rule(self, campaign: Campaign, version: int) -> CampaignRule:
        """Return the rule version for these terms, not stored yet. Raises CampaignRefused."""
        _refuse_bad(self)
        try:
            opens_at, cutoff_at = rules.period(self.opens_on, self.deadline, self.time_zone)
        except OverflowError as error:
            raise CampaignRefused("deadline", _("No calendar has these days.")) from error
        return CampaignRule(
            campaign=campaign, version=version, target=self.target, time_zone=self.time_zone, opens_on=self.opens_on,
            deadline=self.deadline, opens_at=opens_at, cutoff_at=cutoff_at, exclusive=self.exclusive,
            confirmed_only=self.confirmed_only, scope=sorted({clean_text(name) for name in self.scope}),
            company_domains=sorted({normalise_domain(domain) for domain in self.company_domains}),
        )  # fmt: skip


# The columns that define a rule; the instants follow from the days and the time zone.
COLUMNS = ("target", "opens_on", "deadline", "time_zone", "exclusive", "confirmed_only", "scope", "company_domains")


def changed(old: CampaignRule, new: CampaignRule) -> dict[str, tuple[Any, Any]]:
    """Return the columns in which two versions differ, each with its old and new value."""
    pairs = {name: (getattr(old, name), getattr(new, name)) for name in COLUMNS}
    return {name: pair for name, pair in pairs.items() if pair[0] != pair[1]}


def _refuse_bad(terms: RuleDraft) -> None:
    if not 1 <= terms.target <= MOST:
        raise CampaignRefused("target", _("The target must be a number from 1 to 1,000,000."))
    if terms.deadline < terms.opens_on:
        raise CampaignRefused("deadline", _("The deadline lies before the opening."))
    if not is_time_zone(terms.time_zone):
        raise CampaignRefused("time_zone", _("This is no time zone such as Asia/Shanghai."))
    if (terms.deadline - terms.opens_on).days >= MAX_DAYS:
        raise CampaignRefused("deadline", _("A campaign has at most %(days)s days.") % {"days": MAX_DAYS})
    if len(terms.scope) > MOST_NAMES or any(not clean_text(name) for name in terms.scope):
        raise CampaignRefused("scope", _("Choose departments from the list."))
    if len(terms.company_domains) > MOST_NAMES:
        raise CampaignRefused("company_domains", _("These are too many domains."))
    for domain in terms.company_domains:
        if not DOMAIN.fullmatch(normalise_domain(domain)):
            raise CampaignRefused("company_domains", _("%(domain)s is no domain such as example.com.") % {
                "domain": clean_text(domain)[:60]
            })  # fmt: skip
