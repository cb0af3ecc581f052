"""Open a campaign, or request an approval for openings that need a second person (ADR 75)."""

from __future__ import annotations

import uuid
from copy import copy
from dataclasses import fields
from datetime import datetime
from typing import Any

from django.db import transaction

from apps.accounts.approvals import request_approval
from apps.accounts.models import ApprovalRequest
from apps.campaigns.models import Campaign, CampaignRule
from apps.campaigns.rule_draft import CampaignRefused, RuleDraft, company_domains
from apps.contacts.models import Contact
from apps.core.audit import Actor
from apps.core.clock import db_now
from apps.core.locks import lock_campaign_periods
from apps.standings.approvable_changes import CHANGES, ApprovableChange
from apps.standings.campaign_approvals import (
    Waiting,
    acts_alone,
    alarm,
    draw_line,
    find_by_key,
    payload_of,
    requester_of,
    stale,
    terms_of,
    wake_workers,
)
from apps.standings.campaign_lifecycle import campaigns_beside, open_campaign, people_in, preview_opening
from apps.standings.rule_changes import effect_of

Kind = ApprovalRequest.Kind


def waiting_openings(now: datetime) -> list[Waiting]:
    """The requested openings that wait for approval, the newest first."""
    found = ApprovalRequest.objects.open(now).filter(kind=Kind.CAMPAIGN_OPENING).order_by("-requested_at")
    return [Waiting(one, False) for one in found]


def opens_alone(rule: CampaignRule, by: Actor, now: datetime) -> bool:
    """Whether one person may open a campaign with this rule: it reveals nothing new about any employee's contacts.

    Its domains are the company's or those of a running campaign, and no campaign has days in common with it. Its
    cut-off is in the future, unless the operator opens it or no contact exists yet. Otherwise one person could open
    hundreds of past campaigns. Every page and evaluation would read them until two people close each.
    """
    if rule.cutoff_at <= now and by.id is not None and Contact.objects.exists():
        return False
    running = Campaign.objects.running().prefetch_related("rules")
    usual = [company_domains(), *(one.rule.company_domains for one in running if one.versions)]
    return rule.company_domains in usual and not campaigns_beside(rule)


@transaction.atomic
def open_or_request(
    *, name: str, terms: RuleDraft, slug: str = "", key: uuid.UUID, by: Actor
) -> Campaign | ApprovalRequest:
    """Open a campaign at once, or request an approval (see opens_alone). Idempotent by `key`.

    Raises CampaignRefused as open_campaign does, and ApprovalRefused.
    """
    lock_campaign_periods()
    known = find_by_key(key) or Campaign.objects.filter(rules__key=key, rules__version=1).first()
    if known:
        return known
    now = db_now()
    rule = preview_opening(name=name, terms=terms, now=now).rule
    if opens_alone(rule, by, now) or acts_alone(by):
        return open_campaign(name=name, slug=slug, key=key, by=by, **_arguments(terms))
    request = request_approval(
        kind=Kind.CAMPAIGN_OPENING, subject=rule.campaign.name, label=rule.campaign.name, effect={}, by=by,
        payload={**payload_of(terms, key), "slug": slug},
    )  # fmt: skip
    alarm(request, company_domains(), rule.company_domains, by)
    return request


def _opening_effect(request: ApprovalRequest, now: datetime) -> dict[str, int]:
    """Count the people it covers, and those whose count differs from the one with the company's domains."""
    terms = terms_of(request.payload["terms"])
    rule = terms.rule(Campaign(pk=0, name=request.subject), 1)
    found = {"people": people_in(rule, now)}
    usual: CampaignRule = copy(rule)
    usual.company_domains = company_domains()
    if rule.company_domains != usual.company_domains and rule.opens_at < now:
        found["recounted"] = effect_of(usual, rule, now).recounted
    return {name: count for name, count in found.items() if count}


def _open(request: ApprovalRequest, by: Actor) -> None:
    terms, key = terms_of(request.payload["terms"]), uuid.UUID(request.payload["key"])
    try:
        open_campaign(
            name=request.subject, slug=request.payload["slug"], key=key, by=requester_of(request), approved_by=by,
            **_arguments(terms),
        )  # fmt: skip
    except CampaignRefused as refused:
        raise stale(refused) from refused


def _arguments(terms: RuleDraft) -> dict[str, Any]:
    return {field.name: getattr(terms, field.name) for field in fields(terms)}


CHANGES[Kind.CAMPAIGN_OPENING] = ApprovableChange(_opening_effect, _open, draw_line, wake_workers)
