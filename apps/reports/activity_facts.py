"""Facts of a campaign's period that no verdict holds: contacts that ended early, and what was submitted and refused.

For a frozen campaign, `at` is its cut-off. Where facts may have changed since, the reasons stored with the result
apply.
"""

from __future__ import annotations

from datetime import datetime

from apps.campaigns import rules
from apps.campaigns.models import CampaignRule
from apps.contacts.models import Source
from apps.core.sql import sql_literal
from apps.results.models import FrozenResult


def churned_early_sql(rule: CampaignRule, at: datetime, result: FrozenResult | None) -> str:
    """FROM and WHERE of the `contact` rows of the period that ended before `at`, within EARLY_CHURN_DAYS of being
    recorded.
    """
    kept = ""
    if result is not None and result.reasons_kept:
        kept = f"""AND EXISTS (
            SELECT 1 FROM results_frozenreason kept WHERE kept.campaign_id = {rule.campaign_id}
              AND kept.employee_id = contact.employee_id AND kept.contact_id = contact.id AND kept.reason = 'ended')"""
    until = f"AND contact.stored_at <= {sql_literal(rule.campaign.snapshot_at)}" if rule.campaign.snapshot_at else ""
    return f"""FROM contacts_contact contact
        WHERE contact.ended_at >= {sql_literal(rule.opens_at)} AND contact.ended_at < {sql_literal(at)}
          AND contact.recorded_at >= {sql_literal(rule.opens_at)}
          AND contact.ended_at <= contact.recorded_at + interval '{rules.EARLY_CHURN_DAYS} days' {until} {kept}"""


def submissions_sql(rule: CampaignRule, at: datetime) -> str:
    """FROM and WHERE of the `submission` rows that employees submitted in the period before `at`, with their counters.

    The feed is left out: every night it sends again what it sent before.
    """
    return f"""FROM contacts_submission submission WHERE submission.source <> {sql_literal(str(Source.FEED.value))}
          AND submission.received_at >= {sql_literal(rule.opens_at)} AND submission.received_at < {sql_literal(at)}"""
