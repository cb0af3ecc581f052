"""Which steps of a campaign need a second person: every change of its rule once it has opened, and more (ADR 75).

Other steps are made at once. A change of the company's domains always waits, and the second person
alone sees its counts: whether a domain moves a count tells who has a contact there.
"""

from __future__ import annotations

import uuid
from dataclasses import asdict, dataclass
from datetime import date, datetime
from typing import Any

from django.db import connection, transaction
from django.utils.translation import gettext as _

from apps.accounts.approvals import ApprovalRefused, hr_accounts, request_approval
from apps.accounts.models import ApprovalRequest
from apps.campaigns.models import Campaign, CampaignRule
from apps.campaigns.population import all_employees_sql
from apps.campaigns.rule_draft import CampaignRefused, RuleDraft
from apps.core.audit import Actor, audit
from apps.core.clock import db_now
from apps.core.enqueue import enqueue_marking
from apps.core.identity import clean_text
from apps.core.locks import lock_campaign_periods, lock_facts
from apps.standings.approvable_changes import CHANGES, ApprovableChange
from apps.standings.campaign_lifecycle import LONGEST_REASON, cancel_campaign
from apps.standings.evaluation import evaluation_ctes
from apps.standings.rule_changes import change_rule, preview_rule_change, versions_of_change

Kind = ApprovalRequest.Kind
# What can wait for a second person at a campaign that exists.
CAMPAIGN_KINDS = (Kind.RULE_CHANGE, Kind.CAMPAIGN_CANCELLATION, Kind.CAMPAIGN_CLOSING)
CONCERNED = """
WITH {judgement}
SELECT count(*), count(*) FILTER (WHERE is_red(counted, target, exempt)) FROM verdict
"""
# Whoever can end employments or contacts could else cancel what has just become nobody's: every stored contact counts.
RECORDED = """
SELECT count(*) FROM employees_employee person WHERE EXISTS (SELECT FROM contacts_contact contact
    WHERE contact.employee_id = person.id AND contact.recorded_at >= %s AND contact.recorded_at < %s)
"""


@dataclass(frozen=True)
class Waiting:
    """A request that waits for a second person. `stale`: it can no longer be approved."""

    request: ApprovalRequest
    stale: bool


def waiting_at(campaign: Campaign, now: datetime) -> list[Waiting]:
    """What waits for a second person at a campaign, the newest first."""
    found = ApprovalRequest.objects.open(now).filter(kind__in=CAMPAIGN_KINDS, subject=campaign.slug)
    return [Waiting(one, is_stale(one, now)) for one in found.order_by("-requested_at")]


def requester_of(request: ApprovalRequest) -> Actor:
    return Actor(request.requested_by_id, request.requested_by_label)


def acts_alone(by: Actor) -> bool:
    """Whether the operator needs nobody: at the first set-up, while no HR account exists."""
    return by.id is None and not hr_accounts().exists()


# -- a change of the rule ------------------------------------------------------------------------------------------


@transaction.atomic
def change_rule_or_request(
    *, campaign: Campaign, terms: RuleDraft, seen: int, reason: str, key: uuid.UUID, by: Actor
) -> CampaignRule | ApprovalRequest:
    """Change the rule at once before the opening, else request an approval. The same `key` again is one change.

    Raises CampaignRefused as change_rule does, ApprovalRefused.
    """
    lock_campaign_periods()
    if known := find_by_key(key) or campaign.rules.filter(key=key).first():
        return known
    now, why = db_now(), clean_text(reason, LONGEST_REASON)
    change = preview_rule_change(campaign=campaign, terms=terms, seen=seen, now=now)
    if not why and change.old.opens_at <= now:
        raise CampaignRefused("reason", _("A change after the opening needs a reason: everybody reads it."))
    if change.alone or acts_alone(by):
        return change_rule(campaign=campaign, terms=terms, seen=seen, reason=why, key=key, by=by)
    request = request_approval(
        kind=Kind.RULE_CHANGE, subject=campaign.slug, label=campaign.name, reason=why, by=by,
        payload={**payload_of(terms, key), "seen": seen},
        effect={} if change.confidential else change.concerned,
    )  # fmt: skip
    if change.domains:
        alarm(request, change.old.company_domains, change.new.company_domains, by)
    return request


def _rule_effect(request: ApprovalRequest, now: datetime) -> dict[str, int]:
    try:
        return preview_rule_change(**_wanted(request), now=now).concerned
    except CampaignRefused as refused:
        raise stale(refused) from refused


def _wanted(request: ApprovalRequest) -> dict[str, Any]:
    """The change that was requested, as arguments."""
    terms, seen = terms_of(request.payload["terms"]), request.payload["seen"]
    return {"campaign": _campaign(request), "terms": terms, "seen": seen}


def _change(request: ApprovalRequest, by: Actor) -> None:
    try:
        change_rule(
            **_wanted(request), reason=request.reason, key=uuid.UUID(request.payload["key"]),
            by=requester_of(request), approved_by=by,
        )  # fmt: skip
    except CampaignRefused as refused:
        raise stale(refused) from refused


def is_stale(request: ApprovalRequest, now: datetime) -> bool:
    """Whether a change of a rule can no longer be approved: the rule or its campaign is another one by now."""
    if request.kind != Kind.RULE_CHANGE:
        return False
    try:
        versions_of_change(**_wanted(request), now=now)
    except CampaignRefused:
        return True
    return False


# -- cancelling -----------------------------------------------------------------------------------------------------


def cancel_or_request(*, campaign: Campaign, reason: str, by: Actor) -> ApprovalRequest | None:
    """Cancel a campaign in whose period nobody has recorded a contact, else ask a second person.

    Raises CampaignRefused as cancel_campaign does, ApprovalRefused.
    """
    why = clean_text(reason, LONGEST_REASON)
    live = campaign.state in (Campaign.State.DRAFT, Campaign.State.OPEN)
    effect = people_judged(campaign, db_now()) if why and live else {}
    if not effect.get("with_contacts") or acts_alone(by):
        cancel_campaign(campaign=campaign, reason=why, by=by)
        return None
    return request_approval(
        kind=Kind.CAMPAIGN_CANCELLATION, subject=campaign.slug, label=campaign.name, payload={}, effect=effect,
        reason=why, by=by,
    )  # fmt: skip


def people_judged(campaign: Campaign, now: datetime) -> dict[str, int]:
    """Whom a campaign judges at `now`: all, and the red ones; empty: nobody.

    `with_contacts`: everybody, employed or not, with a stored contact, ended or not, in the period of any version.
    """
    rules = campaign.versions
    opened, cut_off = min(rule.opens_at for rule in rules), max(rule.cutoff_at for rule in rules)
    if now <= opened:
        return {}
    with connection.cursor() as cursor:
        cursor.execute(CONCERNED.format(judgement=evaluation_ctes(campaign.rule, now, all_employees_sql())))
        people, red = map(int, cursor.fetchone())
        cursor.execute(RECORDED, [opened, cut_off])
        with_contacts = int(cursor.fetchone()[0])
    found = {"people": people, "with_contacts": with_contacts, "red": red}
    return {name: count for name, count in found.items() if count}


def effect_at_campaign(request: ApprovalRequest, now: datetime) -> dict[str, int]:
    return people_judged(_campaign(request), now)


def _cancel(request: ApprovalRequest, by: Actor) -> None:
    try:
        cancel_campaign(campaign=_campaign(request), reason=request.reason, by=requester_of(request), approved_by=by)
    except CampaignRefused as refused:
        raise stale(refused) from refused


# -- what they share -----------------------------------------------------------------------------------------------


def stale(refused: Exception) -> ApprovalRefused:
    """What can no longer be made as it was requested."""
    return ApprovalRefused("stale", _("This can no longer be approved: %(why)s") % {"why": str(refused)})


def terms_of(payload: dict[str, Any]) -> RuleDraft:
    """The terms of a rule, from a request's payload."""
    days = {name: date.fromisoformat(payload[name]) for name in ("opens_on", "deadline")}
    return RuleDraft(**{**payload, **days})


def payload_of(terms: RuleDraft, key: uuid.UUID) -> dict[str, Any]:
    """The terms of a rule and the key of the form, as a request's payload: days as texts."""
    days = {"opens_on": terms.opens_on.isoformat(), "deadline": terms.deadline.isoformat()}
    names = {"scope": list(terms.scope), "company_domains": list(terms.company_domains)}
    return {"terms": {**asdict(terms), **days, **names}, "key": str(key)}


def find_by_key(key: uuid.UUID) -> ApprovalRequest | None:
    """What this form requested when it was sent before."""
    kinds = [Kind.RULE_CHANGE, Kind.CAMPAIGN_OPENING]
    return ApprovalRequest.objects.filter(kind__in=kinds, decision=None, payload__key=str(key)).first()


def _campaign(request: ApprovalRequest) -> Campaign:
    return Campaign.objects.get(slug=request.subject)


def alarm(request: ApprovalRequest, before: list[str], after: list[str], by: Actor) -> None:
    """Domains that one campaign has and another has not tell whose contacts somebody is: that stands out."""
    audit("campaign.domains_requested", by=by, kind="campaign", id=request.subject, label=request.label,
          detail={"approval": str(request.pk), "added": sorted({*after} - {*before}),
                  "removed": sorted({*before} - {*after})})  # fmt: skip


def wake_workers(request: ApprovalRequest) -> None:
    enqueue_marking()


def draw_line() -> None:
    # Before anything takes the lock to share it.
    lock_facts(exclusive=True)


CHANGES[Kind.RULE_CHANGE] = ApprovableChange(_rule_effect, _change, draw_line, wake_workers)
CHANGES[Kind.CAMPAIGN_CANCELLATION] = ApprovableChange(effect_at_campaign, _cancel, lock_facts)
