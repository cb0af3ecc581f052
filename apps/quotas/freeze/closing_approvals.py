"""Closing by hand what does not close by itself: the result becomes final, so a second person approves it."""

from __future__ import annotations

from django.utils.translation import gettext as _

from apps.employees.approval_workflow import ApprovalRefused, request_approval
from apps.employees.models import ApprovalRequest
from apps.ledger.services import Actor, db_now
from apps.quotas.freeze.closing import CutoffNotReached, begin_closing
from apps.quotas.models import Campaign
from apps.quotas.services.approvals import CHANGES, ApprovableChange
from apps.quotas.services.campaign_approvals import (
    acts_alone,
    draw_line,
    effect_at_campaign,
    people_judged,
    requester_of,
    stale,
)
from apps.quotas.services.ringing import enqueue_freeze

Kind = ApprovalRequest.Kind


def close_or_request(*, campaign: Campaign, by: Actor) -> ApprovalRequest | None:
    """Begin to close a campaign, or ask a second person where only a person closes it.

    A campaign that was opened before its cut-off closes by itself, so one person may begin with it after the cut-off.
    Raises NotYet before the cut-off, ApprovalRefused.
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
