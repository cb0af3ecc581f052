"""Open a campaign, or request an approval for openings that need a second person (ADR 75)."""

from __future__ import annotations

import uuid
from copy import copy
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Q

from apps.accounts.approvals import request_approval
from apps.accounts.models import ApprovalRequest
from apps.campaigns.models import Campaign, CampaignRule
from apps.campaigns.rule_draft import RuleDraft, company_domains
from apps.contacts.models import Contact
from apps.core.audit import Actor
from apps.core.clock import db_now
from apps.core.locks import lock_campaign_periods
from apps.standings.approvable_changes import CHANGES, ApprovableChange, lock_facts_exclusively
from apps.standings.campaign_approvals import (
    OpenRequest,
    audit_domain_request,
    draft_from,
    draft_payload,
    find_request_by_key,
    is_first_setup,
    refused_as_stale,
    requester_of,
)
from apps.standings.campaign_lifecycle import (
    campaigns_with_common_days,
    count_population,
    open_campaign,
    opened_by,
    preview_opening,
)
from apps.standings.rule_changes import compare_rules

Kind = ApprovalRequest.Kind
State = Campaign.State
# From this number of unfinished or new campaigns on, HR opens another with a second person.
MAX_CAMPAIGNS = 5
NEW_FOR = timedelta(days=7)


def open_opening_requests(now: datetime) -> list[OpenRequest]:
    """The requested openings that wait for approval, the newest first."""
    requests = ApprovalRequest.objects.open(now).filter(kind=Kind.CAMPAIGN_OPENING).order_by("-requested_at")
    return [OpenRequest(request, False) for request in requests]


def may_open_alone(rule: CampaignRule, by: Actor, now: datetime) -> bool:
    """Whether one person may open a campaign with this rule: it reveals nothing new about any employee's contacts.

    Its domains are the company's or those of a running campaign, and no campaign has days in common with it. Its
    cut-off is in the future, unless no contact exists yet, no contact was recorded on its past days, and fewer than
    MAX_CAMPAIGNS are unfinished or new. The operator is bound by none of the last three. Otherwise one person could
    move counts, by a roster load while no campaign has these days, or could open thousands, which every page and
    evaluation reads.
    """
    recorded = Contact.objects.all()
    if rule.cutoff_at > now:
        recorded = recorded.filter(recorded_at__gte=rule.opens_at, recorded_at__lt=now)
    if by.id is not None and (recorded.exists() or _many_campaigns(now)):
        return False
    running = Campaign.objects.running().prefetch_related("rules")
    usual = [company_domains(), *(campaign.rule.company_domains for campaign in running if campaign.versions)]
    return rule.company_domains in usual and not campaigns_with_common_days(rule)


def _many_campaigns(now: datetime) -> bool:
    unfinished = Q(state__in=(State.DRAFT, State.OPEN, State.CLOSING))
    return Campaign.objects.filter(unfinished | Q(created_at__gt=now - NEW_FOR)).count() >= MAX_CAMPAIGNS


@transaction.atomic
def open_or_request(
    *, name: str, draft: RuleDraft, slug: str = "", key: uuid.UUID, by: Actor
) -> Campaign | ApprovalRequest:
    """Open a campaign at once, or request an approval (see may_open_alone). Idempotent by `key`.

    Raises Refused as open_campaign does.
    """
    lock_campaign_periods()
    if existing := find_request_by_key(key) or opened_by(key):
        return existing
    now = db_now()
    rule = preview_opening(name=name, draft=draft, now=now).rule
    if may_open_alone(rule, by, now) or is_first_setup(by):
        return open_campaign(name=name, draft=draft, slug=slug, key=key, by=by)
    request = request_approval(
        kind=Kind.CAMPAIGN_OPENING, subject=rule.campaign.name, label=rule.campaign.name, effect={}, by=by,
        payload={**draft_payload(draft, key), "slug": slug},
    )  # fmt: skip
    audit_domain_request(request, company_domains(), rule.company_domains, by)
    return request


def _opening_effect(request: ApprovalRequest, now: datetime) -> dict[str, int]:
    """Count the people it covers, and those whose count differs from the one with the company's domains."""
    draft = draft_from(request.payload["terms"])
    rule = draft.rule(Campaign(pk=0, name=request.subject), 1)
    counts = {"people": count_population(rule, now)}
    usual: CampaignRule = copy(rule)
    usual.company_domains = company_domains()
    if rule.company_domains != usual.company_domains and rule.opens_at < now:
        counts["recounted"] = compare_rules(usual, rule, now).recounted
    return {name: count for name, count in counts.items() if count}


def _apply_opening(request: ApprovalRequest, by: Actor) -> None:
    payload = request.payload
    with refused_as_stale():
        open_campaign(
            name=request.subject, draft=draft_from(payload["terms"]), slug=payload["slug"],
            key=uuid.UUID(payload["key"]), by=requester_of(request), approved_by=by,
        )  # fmt: skip


CHANGES[Kind.CAMPAIGN_OPENING] = ApprovableChange(_opening_effect, _apply_opening, lock_facts_exclusively)
