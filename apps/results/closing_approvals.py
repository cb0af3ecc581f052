"""Manual closing of a campaign. The result becomes final, so a second person approves it."""

from __future__ import annotations

from django.utils.translation import gettext as _

from apps.accounts.approvals import request_approval
from apps.accounts.models import ApprovalRequest
from apps.campaigns.models import Campaign
from apps.core.audit import Actor
from apps.core.clock import db_now
from apps.core.enqueue import enqueue_freeze
from apps.core.errors import Refused
from apps.results.close_submissions import CutoffNotReached, begin_closing
from apps.standings.approvable_changes import CHANGES, ApprovableChange, lock_facts_exclusively
from apps.standings.campaign_approvals import (
    campaign_effect,
    count_evaluated,
    is_first_setup,
    refused_as_stale,
    requester_of,
)

Kind = ApprovalRequest.Kind


def close_or_request(*, campaign: Campaign, by: Actor) -> ApprovalRequest | None:
    """Begin to close a campaign, or request approval where only a person closes it.

    A campaign that was opened before its cut-off closes by itself, so after the cut-off one person may begin it. Raises
    CutoffNotReached before the cut-off, Refused.
    """
    now = db_now()
    # Before the cut-off nothing is requested: begin_closing refuses.
    waits = campaign.backdated and campaign.state == Campaign.State.OPEN and campaign.rule.cutoff_at <= now
    if not waits or is_first_setup(by):
        begin_closing(campaign, by)
        return None
    return request_approval(
        kind=Kind.CAMPAIGN_CLOSING, subject=campaign.slug, label=campaign.name, payload={},
        effect=count_evaluated(campaign, now), by=by,
    )  # fmt: skip


def _apply_closing(request: ApprovalRequest, by: Actor) -> None:
    campaign = Campaign.objects.get(slug=request.subject)
    if campaign.state != Campaign.State.OPEN:
        raise Refused("stale", _("This campaign is being closed or is already over."), conflict=True)
    with refused_as_stale(CutoffNotReached):
        begin_closing(campaign, requester_of(request), approved_by=by)


def _wake_freeze(request: ApprovalRequest) -> None:
    enqueue_freeze()


CHANGES[Kind.CAMPAIGN_CLOSING] = ApprovableChange(campaign_effect, _apply_closing, lock_facts_exclusively, _wake_freeze)
