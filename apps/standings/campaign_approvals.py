"""The steps of a campaign that need a second person, such as every rule change after the opening (ADR 75).

Other steps take effect at once. A change of the company's domains always waits for approval. Only the second person
sees its counts: a count that moves with a domain reveals which employee has a contact there.
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
# The kinds of approval requests that refer to an existing campaign.
CAMPAIGN_KINDS = (Kind.RULE_CHANGE, Kind.CAMPAIGN_CANCELLATION, Kind.CAMPAIGN_CLOSING)
CONCERNED = """
WITH {judgement}
SELECT count(*), count(*) FILTER (WHERE is_red(counted, target, exempt)) FROM verdict
"""
# Every stored contact counts, ended or not. Otherwise a user could end employments or contacts and then cancel alone.
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
    """The open approval requests of a campaign, the newest first."""
    found = ApprovalRequest.objects.open(now).filter(kind__in=CAMPAIGN_KINDS, subject=campaign.slug)
    return [Waiting(one, is_stale(one, now)) for one in found.order_by("-requested_at")]


def requester_of(request: ApprovalRequest) -> Actor:
    return Actor(request.requested_by_id, request.requested_by_label)


def acts_alone(by: Actor) -> bool:
    """Whether the operator needs no second person: during the first set-up, while no HR account exists."""
    return by.id is None and not hr_accounts().exists()


# -- a change of the rule ------------------------------------------------------------------------------------------


@transaction.atomic
def change_rule_or_request(
    *, campaign: Campaign, terms: RuleDraft, seen: int, reason: str, key: uuid.UUID, by: Actor
) -> CampaignRule | ApprovalRequest:
    """Change the rule at once before the opening; after it, request an approval.

    Idempotent by `key`, the form's identifier. Raises CampaignRefused as change_rule does, and ApprovalRefused.
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
    """The requested change as arguments of change_rule."""
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
    """Whether a rule change can no longer be approved, because the rule or its campaign has changed since."""
    if request.kind != Kind.RULE_CHANGE:
        return False
    try:
        versions_of_change(**_wanted(request), now=now)
    except CampaignRefused:
        return True
    return False


# -- cancelling -----------------------------------------------------------------------------------------------------


def cancel_or_request(*, campaign: Campaign, reason: str, by: Actor) -> ApprovalRequest | None:
    """Cancel a campaign at once if no contact was recorded in its period; otherwise request an approval.

    Returns the request, or None when the campaign is cancelled. Raises CampaignRefused as cancel_campaign does, and
    ApprovalRefused.
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
    """Count the employees that a campaign evaluates at `now`: `people`, `red` and `with_contacts`. Zeros are left out.

    `with_contacts` counts every employee, employed or not, who has a stored contact, ended or not, in the period of
    any version of the rule.
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
    """The refusal of a change that can no longer be made as requested."""
    return ApprovalRefused("stale", _("This can no longer be approved: %(why)s") % {"why": str(refused)})


def terms_of(payload: dict[str, Any]) -> RuleDraft:
    """Read the terms of a rule from a request's payload."""
    days = {name: date.fromisoformat(payload[name]) for name in ("opens_on", "deadline")}
    return RuleDraft(**{**payload, **days})


def payload_of(terms: RuleDraft, key: uuid.UUID) -> dict[str, Any]:
    """Return the terms of a rule and the form's key as a request's payload, with days as ISO texts."""
    days = {"opens_on": terms.opens_on.isoformat(), "deadline": terms.deadline.isoformat()}
    names = {"scope": list(terms.scope), "company_domains": list(terms.company_domains)}
    return {"terms": {**asdict(terms), **days, **names}, "key": str(key)}


def find_by_key(key: uuid.UUID) -> ApprovalRequest | None:
    """The request that an earlier submission of the same form made, or None."""
    kinds = [Kind.RULE_CHANGE, Kind.CAMPAIGN_OPENING]
    return ApprovalRequest.objects.filter(kind__in=kinds, decision=None, payload__key=str(key)).first()


def _campaign(request: ApprovalRequest) -> Campaign:
    return Campaign.objects.get(slug=request.subject)


def alarm(request: ApprovalRequest, before: list[str], after: list[str], by: Actor) -> None:
    """Write a conspicuous audit entry for a request that changes domains.

    Two campaigns with different domains reveal, by comparison, whose contact a person is.
    """
    audit("campaign.domains_requested", by=by, kind="campaign", id=request.subject, label=request.label,
          detail={"approval": str(request.pk), "added": sorted({*after} - {*before}),
                  "removed": sorted({*before} - {*after})})  # fmt: skip


def wake_workers(request: ApprovalRequest) -> None:
    enqueue_marking()


def draw_line() -> None:
    # First, before anything takes the same lock in shared mode: an upgrade of a shared lock could deadlock.
    lock_facts(exclusive=True)


CHANGES[Kind.RULE_CHANGE] = ApprovableChange(_rule_effect, _change, draw_line, wake_workers)
CHANGES[Kind.CAMPAIGN_CANCELLATION] = ApprovableChange(effect_at_campaign, _cancel, lock_facts)
