"""The steps of a campaign that need a second person, such as every rule change after the opening (ADR 75).

Other steps take effect at once. A change of the company's domains always waits for approval. Only the second person
sees its counts: a count that moves with a domain reveals which employee has a contact there.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import date, datetime
from typing import Any

from django.db import connection, transaction
from django.utils.translation import gettext as _
from psycopg2.sql import SQL

from apps.accounts.approvals import hr_accounts, request_approval
from apps.accounts.models import ApprovalRequest
from apps.campaigns.models import Campaign, CampaignRule
from apps.campaigns.population import ALL_EMPLOYEES
from apps.campaigns.rule_draft import RuleDraft
from apps.core.audit import Actor, audit
from apps.core.clock import db_now
from apps.core.errors import Refused
from apps.core.locks import lock_campaign_periods, lock_facts
from apps.core.sql import compose, statement
from apps.core.text import clean_text
from apps.standings.approvable_changes import CHANGES, ApprovableChange, lock_facts_exclusively
from apps.standings.campaign_lifecycle import MAX_REASON_CHARS, cancel_campaign
from apps.standings.evaluation import evaluation_ctes
from apps.standings.rule_changes import change_rule, preview_rule_change, require_reason, versions_of_change

Kind = ApprovalRequest.Kind
# The kinds of approval requests that refer to an existing campaign.
CAMPAIGN_KINDS = (Kind.RULE_CHANGE, Kind.CAMPAIGN_CANCELLATION, Kind.CAMPAIGN_CLOSING)
PEOPLE_AND_RED = statement("standings", "campaign_changes", "people_and_red")
PEOPLE_WITH_CONTACTS = statement("standings", "campaign_changes", "people_with_contacts")


@dataclass(frozen=True)
class OpenRequest:
    """A request that waits for a second person. `stale`: it can no longer be approved."""

    request: ApprovalRequest
    stale: bool


def open_requests(campaign: Campaign, now: datetime) -> list[OpenRequest]:
    """The open approval requests of a campaign, the newest first."""
    requests = ApprovalRequest.objects.open(now).filter(kind__in=CAMPAIGN_KINDS, subject=campaign.slug)
    return [OpenRequest(request, is_stale(request, now)) for request in requests.order_by("-requested_at")]


def requester_of(request: ApprovalRequest) -> Actor:
    return Actor(request.requested_by_id, request.requested_by_label)


def is_first_setup(by: Actor) -> bool:
    """Whether the operator needs no second person: during the first set-up, while no HR account exists."""
    return by.id is None and not hr_accounts().exists()


# -- a change of the rule ------------------------------------------------------------------------------------------


@transaction.atomic
def change_rule_or_request(
    *, campaign: Campaign, draft: RuleDraft, expected_version: int, reason: str, key: uuid.UUID, by: Actor
) -> CampaignRule | ApprovalRequest:
    """Change the rule at once before the opening; after it, request an approval.

    Idempotent by `key`, the form's identifier. Raises Refused as change_rule does.
    """
    now, reason = db_now(), clean_text(reason, MAX_REASON_CHARS)
    if existing := _find_by_key(campaign, key):
        return existing
    try:
        # Before the lock: it evaluates the company, for longer than another change of any campaign can wait.
        change = preview_rule_change(campaign=campaign, draft=draft, expected_version=expected_version, now=now)
        require_reason(reason, change.old, now)
    except Refused:
        # The same form sent twice at once: the first has changed the rule meanwhile.
        if existing := _find_by_key(campaign, key):
            return existing
        raise
    lock_campaign_periods()
    if existing := _find_by_key(campaign, key):
        return existing
    if change.needs_no_approval or is_first_setup(by):
        return change_rule(
            campaign=campaign, draft=draft, expected_version=expected_version, reason=reason, key=key, by=by,
            before_opening=not is_first_setup(by),
        )  # fmt: skip
    request = request_approval(
        kind=Kind.RULE_CHANGE, subject=campaign.slug, label=campaign.name, reason=reason, by=by,
        payload={**draft_payload(draft, key), "seen": expected_version},
        effect={} if change.reveals_contacts else change.by_effect,
    )  # fmt: skip
    if change.changes_domains:
        audit_domain_request(request, change.old.company_domains, change.new.company_domains, by)
    return request


def _find_by_key(campaign: Campaign, key: uuid.UUID) -> CampaignRule | ApprovalRequest | None:
    return find_request_by_key(key) or campaign.rules.filter(key=key).first()


def _rule_effect(request: ApprovalRequest, now: datetime) -> dict[str, int]:
    with refused_as_stale():
        return preview_rule_change(**_requested_change(request), now=now).by_effect


def _requested_change(request: ApprovalRequest) -> dict[str, Any]:
    draft, expected_version = draft_from(request.payload["terms"]), request.payload["seen"]
    return {"campaign": _campaign(request), "draft": draft, "expected_version": expected_version}


def _apply_rule_change(request: ApprovalRequest, by: Actor) -> None:
    with refused_as_stale():
        change_rule(
            **_requested_change(request), reason=request.reason, key=uuid.UUID(request.payload["key"]),
            by=requester_of(request), approved_by=by,
        )  # fmt: skip


def is_stale(request: ApprovalRequest, now: datetime) -> bool:
    """Whether a rule change can no longer be approved, because the rule or its campaign has changed since."""
    if request.kind != Kind.RULE_CHANGE:
        return False
    try:
        versions_of_change(**_requested_change(request), now=now)
    except Refused:
        return True
    return False


# -- cancelling -----------------------------------------------------------------------------------------------------


def cancel_or_request(*, campaign: Campaign, reason: str, by: Actor) -> ApprovalRequest | None:
    """Cancel a campaign at once if no contact was recorded in its period; otherwise request an approval.

    Returns the request, or None when the campaign is cancelled. Raises Refused as cancel_campaign does.
    """
    reason = clean_text(reason, MAX_REASON_CHARS)
    live = campaign.state in (Campaign.State.DRAFT, Campaign.State.OPEN)
    effect = count_evaluated(campaign, db_now()) if reason and live else {}
    if not effect.get("with_contacts") or is_first_setup(by):
        cancel_campaign(campaign=campaign, reason=reason, by=by)
        return None
    return request_approval(
        kind=Kind.CAMPAIGN_CANCELLATION, subject=campaign.slug, label=campaign.name, payload={}, effect=effect,
        reason=reason, by=by,
    )  # fmt: skip


def count_evaluated(campaign: Campaign, now: datetime) -> dict[str, int]:
    """Count the employees that a campaign evaluates at `now`: `people`, `red` and `with_contacts`. Zeros are left out.

    `with_contacts` counts every employee, employed or not, who has a stored contact, ended or not, in the period of
    any version of the rule.
    """
    rules = campaign.versions
    opened, cut_off = min(rule.opens_at for rule in rules), max(rule.cutoff_at for rule in rules)
    if now <= opened:
        return {}
    with connection.cursor() as cursor:
        evaluation = evaluation_ctes(campaign.rule, now, ALL_EMPLOYEES)
        cursor.execute(compose(PEOPLE_AND_RED, evaluation=SQL(evaluation)))
        people, red = map(int, cursor.fetchone())
        cursor.execute(PEOPLE_WITH_CONTACTS, {"opened": opened, "cut_off": cut_off})
        with_contacts = int(cursor.fetchone()[0])
    counts = {"people": people, "with_contacts": with_contacts, "red": red}
    return {name: count for name, count in counts.items() if count}


def campaign_effect(request: ApprovalRequest, now: datetime) -> dict[str, int]:
    return count_evaluated(_campaign(request), now)


def _apply_cancellation(request: ApprovalRequest, by: Actor) -> None:
    with refused_as_stale():
        cancel_campaign(campaign=_campaign(request), reason=request.reason, by=requester_of(request), approved_by=by)


# -- for all kinds of campaign requests ----------------------------------------------------------------------------


@contextmanager
def refused_as_stale(error: type[Exception] = Refused) -> Iterator[None]:
    """Turn an `error` inside the block into the refusal of a change that can no longer be approved."""
    try:
        yield
    except error as refused:
        why = _("This can no longer be approved: %(why)s") % {"why": str(refused)}
        raise Refused("stale", why, conflict=True) from refused


def draft_from(payload: dict[str, Any]) -> RuleDraft:
    days = {name: date.fromisoformat(payload[name]) for name in ("opens_on", "deadline")}
    return RuleDraft(**{**payload, **days})


def draft_payload(draft: RuleDraft, key: uuid.UUID) -> dict[str, Any]:
    """Return the draft of a rule and the form's key as a request's payload, with days as ISO texts."""
    days = {"opens_on": draft.opens_on.isoformat(), "deadline": draft.deadline.isoformat()}
    names = {"scope": list(draft.scope), "company_domains": list(draft.company_domains)}
    return {"terms": {**asdict(draft), **days, **names}, "key": str(key)}


def find_request_by_key(key: uuid.UUID) -> ApprovalRequest | None:
    """The request that an earlier submission of the same form made, or None."""
    kinds = [Kind.RULE_CHANGE, Kind.CAMPAIGN_OPENING]
    return ApprovalRequest.objects.filter(kind__in=kinds, decision=None, payload__key=str(key)).first()


def _campaign(request: ApprovalRequest) -> Campaign:
    return Campaign.objects.get(slug=request.subject)


def audit_domain_request(request: ApprovalRequest, before: list[str], after: list[str], by: Actor) -> None:
    """Write a conspicuous audit entry for a request that changes domains.

    Two campaigns with different domains reveal, by comparison, whose contact a person is.
    """
    audit("campaign.domains_requested", by=by, kind="campaign", id=request.subject, label=request.label,
          detail={"approval": str(request.pk), "added": sorted({*after} - {*before}),
                  "removed": sorted({*before} - {*after})})  # fmt: skip


CHANGES[Kind.RULE_CHANGE] = ApprovableChange(_rule_effect, _apply_rule_change, lock_facts_exclusively)
CHANGES[Kind.CAMPAIGN_CANCELLATION] = ApprovableChange(campaign_effect, _apply_cancellation, lock_facts)
