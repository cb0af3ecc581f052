"""Facts of a campaign's period that no verdict holds: contacts that ended early, and what was submitted and refused.

For a frozen campaign, `at` is its cut-off. Where facts may have changed since, the reasons stored with the result
apply.
"""

from __future__ import annotations

from datetime import datetime

from apps.campaigns import rules
from apps.campaigns.models import CampaignRule
from apps.contacts.models import Source
from apps.core.sql import sql_literal, statement
from apps.results.models import FrozenResult

CHURNED_EARLY = statement("reports", "activity_facts", "churned_early")
ENDED_IN_RESULT = statement("reports", "activity_facts", "ended_in_result")
SUBMISSIONS = statement("reports", "activity_facts", "submissions")


def churned_early_sql(rule: CampaignRule, at: datetime, result: FrozenResult | None) -> str:
    """FROM and WHERE of the `contact` rows of the period that ended before `at`, within EARLY_CHURN_DAYS of being
    recorded.
    """
    ended_in_result = "true"
    if result is not None and result.reasons_kept:
        ended_in_result = ENDED_IN_RESULT.format(campaign=rule.campaign_id)
    # Contacts stored after the snapshot are not part of the result.
    snapshot_at = rule.campaign.snapshot_at
    return CHURNED_EARLY.format(
        opens_at=sql_literal(rule.opens_at),
        at=sql_literal(at),
        days=rules.EARLY_CHURN_DAYS,
        stored=f"contact.stored_at <= {sql_literal(snapshot_at)}" if snapshot_at else "true",
        ended_in_result=ended_in_result,
    )


def submissions_sql(rule: CampaignRule, at: datetime) -> str:
    """FROM and WHERE of the `submission` rows that employees submitted in the period before `at`, with their counters.

    The feed is left out: every night it sends again what it sent before.
    """
    return SUBMISSIONS.format(
        feed=sql_literal(str(Source.FEED.value)), opens_at=sql_literal(rule.opens_at), at=sql_literal(at)
    )
