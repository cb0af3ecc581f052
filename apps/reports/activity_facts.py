"""What no verdict says, asked of the facts of a campaign's period up to an instant: what ended soon, what was refused.

Of a frozen campaign the instant is its cut-off, and where facts may have moved since, the reasons are the result's.
"""

from __future__ import annotations

from datetime import datetime

from apps.campaigns import rules
from apps.campaigns.models import CampaignRule
from apps.contacts.models import Source
from apps.core.sql import sql_literal
from apps.results.models import FrozenResult


def ended_soon_sql(rule: CampaignRule, at: datetime, result: FrozenResult | None) -> str:
    """FROM and WHERE of the rows `contact` of the period that ended before `at`, within SOON_DAYS of being recorded."""
    kept = ""
    if result is not None and result.reasons_kept:
        kept = f"""AND EXISTS (
            SELECT 1 FROM results_frozenreason kept WHERE kept.campaign_id = {rule.campaign_id}
              AND kept.employee_id = contact.employee_id AND kept.contact_id = contact.id AND kept.reason = 'ended')"""
    until = f"AND contact.stored_at <= {sql_literal(rule.campaign.kept_until)}" if rule.campaign.kept_until else ""
    return f"""FROM contacts_contact contact
        WHERE contact.ended_at >= {sql_literal(rule.opens_at)} AND contact.ended_at < {sql_literal(at)}
          AND contact.recorded_at >= {sql_literal(rule.opens_at)}
          AND contact.ended_at <= contact.recorded_at + interval '{rules.EARLY_CHURN_DAYS} days' {until} {kept}"""


def handed_in_sql(rule: CampaignRule, at: datetime) -> str:
    """FROM and WHERE of the rows `handed`: what people handed in in the period before `at`, with its counters.

    The feed is in none of it: every night it tells again what it told before.
    """
    return f"""FROM contacts_submission handed WHERE handed.source <> {sql_literal(str(Source.FEED.value))}
          AND handed.received_at >= {sql_literal(rule.opens_at)} AND handed.received_at < {sql_literal(at)}"""
