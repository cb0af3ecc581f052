"""Which campaigns one person may open, and the others, which wait for a second person (ADR 75)."""

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
    """Campaigns that wait to be opened, the newest first."""
    found = ApprovalRequest.objects.open(now).filter(kind=Kind.CAMPAIGN_OPENING).order_by("-requested_at")
    return [Waiting(one, False) for one in found]


def opens_alone(rule: CampaignRule, by: Actor, now: datetime) -> bool:
    """Whether one person may open a campaign with this rule: it says nothing new of anybody's contacts.

    Its domains are the company's, or those of a running campaign, and no campaign has days in common with it. And its
    cut-off lies ahead, unless the operator opens it or nothing is recorded yet: of past days one person could open
    hundreds, which every page and evaluation then reads until two people close each.
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
    """Open a campaign at once, or ask a second person (opens_alone). The same `key` again is the same campaign.

    Raises CampaignRefused as open_campaign does, ApprovalRefused.
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
    """Whom it covers, and whose count its domains make another one than the company's would."""
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
