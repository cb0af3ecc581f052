"""All campaigns as HR sees them: in any state, with their headcount."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from apps.campaigns.models import Campaign, CampaignRule
from apps.campaigns.population import ALL_EMPLOYEES, population_sql
from apps.core.models import AuditEntry
from apps.core.read_replica import read_rows
from apps.core.sql import sql_literal, statement

# For this many days every employee sees that the rule has changed.
ANNOUNCED_DAYS = 14
ORDER = ("open", "closing", "draft", "frozen", "cancelled")
FROZEN = statement("reports", "campaigns", "frozen_people")


def all_campaigns() -> list[Campaign]:
    """Every campaign with its rules: running ones by the nearest cut-off, finished ones by the latest."""
    campaigns = [campaign for campaign in Campaign.objects.prefetch_related("rules") if campaign.versions]

    def order(campaign: Campaign) -> tuple[int, float, str]:
        cutoff = campaign.rule.cutoff_at.timestamp()
        unfinished = campaign.state in ("open", "closing", "draft")
        return ORDER.index(campaign.state), cutoff if unfinished else -cutoff, campaign.slug

    return sorted(campaigns, key=order)


def newest_campaign() -> Campaign | None:
    """The campaign that was opened last and is not cancelled; None without one."""
    campaigns = Campaign.objects.exclude(state=Campaign.State.CANCELLED).prefetch_related("rules")
    return next((campaign for campaign in campaigns.order_by("-created_at", "-pk") if campaign.versions), None)


def headcount_by_campaign(campaigns: Sequence[Campaign], at: datetime) -> dict[int, int]:
    """The headcount of each campaign, by id: from the result when frozen, 0 when cancelled. One query."""
    frozen = [campaign.pk for campaign in campaigns if campaign.state == Campaign.State.FROZEN]
    parts = [f"({FROZEN.format(frozen=sql_literal(frozen))})"] if frozen else []
    for campaign in campaigns:
        if campaign.state in (Campaign.State.DRAFT, Campaign.State.OPEN, Campaign.State.CLOSING):
            counted = population_sql(campaign.rule, at, ALL_EMPLOYEES)
            parts.append(f"(SELECT {campaign.pk}, count(*) FROM ({counted}) population)")
    if not parts:
        return {}
    return {campaign: int(people) for campaign, people in read_rows(" UNION ALL ".join(parts))}


def cancellation_of(campaign: Campaign) -> AuditEntry | None:
    """Who cancelled it, when and why (`detail["reason"]`)."""
    entries = AuditEntry.objects.filter(action="campaign.cancelled", subject_kind="campaign", subject_id=campaign.slug)
    return entries.order_by("at").last()


def recent_rule_changes(campaign: Campaign, at: datetime) -> list[tuple[CampaignRule, CampaignRule]]:
    """Each change of the rule in the ANNOUNCED_DAYS before `at`, with the version before it, newest first."""
    since = at - timedelta(days=ANNOUNCED_DAYS)
    # The usual case needs no query for the other versions.
    if campaign.rule.version == 1 or campaign.rule.in_force_from <= since:
        return []
    pairs = zip(campaign.versions, campaign.versions[1:], strict=False)
    return [(before, rule) for before, rule in pairs if since < rule.in_force_from][::-1]
