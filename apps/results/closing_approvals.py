"""Manual closing of a campaign. The result becomes final, so a second person approves it."""

from __future__ import annotations

from django.utils.translation import gettext as _

from apps.accounts.approvals import ApprovalRefused, request_approval
from apps.accounts.models import ApprovalRequest
from apps.campaigns.models import Campaign
from apps.core.audit import Actor
from apps.core.clock import db_now
from apps.core.enqueue import enqueue_freeze
from apps.results.close_submissions import CutoffNotReached, begin_closing
from apps.standings.approvable_changes import CHANGES, ApprovableChange
from apps.standings.campaign_approvals import (
    acts_alone,
    draw_line,
    effect_at_campaign,
    people_judged,
    requester_of,
    stale,
)

Kind = ApprovalRequest.Kind


def close_or_request(*, campaign: Campaign, by: Actor) -> ApprovalRequest | None:
    """Begin to close a campaign, or request approval where only a person closes it.

    A campaign that was opened before its cut-off closes by itself, so after the cut-off one person may begin it. Raises
    CutoffNotReached before the cut-off, ApprovalRefused.
    """
    now = db_now()
    waits = campaign.backdated and campaign.state == Campaign.State.OPEN and campaign.rule.cutoff_at <= now
    if not waits or acts_alone(by):
        begin_closing(campaign, by)
        return None
    return request_approval(
        kind=Kind.CAMPAIGN_CLOSING, subject=campaign.slug, label=campaign.name, payload={},
        effect=people_judged(campaign, now), by=by,
    )  # fmt: skip


def _close(request: ApprovalRequest, by: Actor) -> None:
    campaign = Campaign.objects.get(slug=request.subject)
    if campaign.state != Campaign.State.OPEN:
        raise ApprovalRefused("stale", _("This campaign is being closed or is over already."))
    try:
        begin_closing(campaign, requester_of(request), approved_by=by)
    except CutoffNotReached as early:
        raise stale(early) from early


def _ring(request: ApprovalRequest) -> None:
    enqueue_freeze()


CHANGES[Kind.CAMPAIGN_CLOSING] = ApprovableChange(effect_at_campaign, _close, draw_line, _ring)
