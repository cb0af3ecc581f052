"""One campaign for HR: its rule in every version, and the steps of its state: change, cancel, close."""

from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from apps.campaigns import rule_draft
from apps.campaigns.models import Campaign, CampaignRule
from apps.core import enqueue
from apps.core.errors import Refused
from apps.dashboard.forms.campaigns import CancelForm
from apps.dashboard.labels import campaigns, rules
from apps.dashboard.views.company.campaigns import rule_preview
from apps.dashboard.views.company.company import hr_scope
from apps.dashboard.views.page_context import OPENED_STATES, PageContext, render
from apps.reports import campaigns as reports_campaigns
from apps.results import close_submissions
from apps.results.closing_approvals import close_or_request
from apps.standings import campaign_approvals, campaign_lifecycle


def campaign_scope(request: HttpRequest, slug: str) -> PageContext:
    """The page context for HR and one campaign, in any state. Raises Http404 for all but HR, and for an unknown one."""
    scope = hr_scope(request)
    campaign = get_object_or_404(Campaign.objects.prefetch_related("rules"), slug=slug)
    if not campaign.versions:
        raise Http404("The campaign has no rule yet")
    scope.switch_campaign(campaign)
    return scope


@dataclass(frozen=True)
class Version:
    """One version of a rule: author, approver, start, reason, and the differences to the one before."""

    rule: CampaignRule
    who: str
    differences: list[rules.Difference]


def versions_of(campaign: Campaign) -> list[Version]:
    """Newest first."""
    # Each version with the one before it; the first has none.
    pairs = zip([None, *campaign.versions], campaign.versions, strict=False)
    versions = [
        Version(
            rule, rule.changed_by_label or campaign.created_by_label,
            rules.differences(rule_draft.changed_columns(before, rule)) if before else [],
        )
        for before, rule in pairs
    ]  # fmt: skip
    return versions[::-1]


@require_safe
def campaign(request: HttpRequest, slug: str) -> HttpResponse:
    return _show(campaign_scope(request, slug))


def _show(scope: PageContext, status: int = 200, cancel: CancelForm | None = None) -> HttpResponse:
    campaign = scope.required_campaign
    passed = campaign.rule.cutoff_at <= scope.now
    is_open = campaign.state == Campaign.State.OPEN
    context: dict[str, Any] = {
        "state": campaigns.state_of(campaign),
        "preview": rule_preview(scope, campaign.rule),
        "version": rules.version_of(campaign.rule),
        "versions": versions_of(campaign),
        "people": reports_campaigns.headcount_by_campaign([campaign], scope.now).get(campaign.pk),
        "overlaps": campaigns.overlaps(campaign_lifecycle.overlapping(campaign.rule)) if is_open and not passed else [],
        "shown": campaign.state in OPENED_STATES,
        "steps": {
            "change": campaign.state in ("draft", "open") and not passed,
            "cancel": campaign.state in ("draft", "open"),
            "close": is_open and passed,
        },
        "closes_automatically": not campaign.backdated,
        "cancel": cancel or CancelForm(),
        "pending_approvals": campaign_approvals.open_requests(campaign, scope.now),
        "unfinished": close_submissions.unfinished(campaign).count() if campaign.state == Campaign.State.CLOSING else 0,
        "cancelled": reports_campaigns.cancellation_of(campaign)
        if campaign.state == Campaign.State.CANCELLED
        else None,
    }
    return render(scope, "company/campaign.html", context, status=status)


@require_POST
def cancel(request: HttpRequest, slug: str) -> HttpResponse:
    scope, form = campaign_scope(request, slug), CancelForm(request.POST)
    if not form.is_valid():
        return _show(scope, 422, form)
    with form.showing_refusals():
        waits = campaign_approvals.cancel_or_request(
            campaign=scope.required_campaign, reason=form.cleaned_data["reason"], by=scope.user.actor
        )
        message = _("The cancellation is waiting for a second HR user.") if waits else _("%(name)s is cancelled.")
        messages.success(request, message % {"name": scope.required_campaign.name})
        return redirect(scope.url("campaign", slug))
    return _show(scope, form.error_status, form)


@require_POST
def close(request: HttpRequest, slug: str) -> HttpResponse:
    """Begin to close it by hand; a worker continues, and the page follows."""
    scope = campaign_scope(request, slug)
    campaign = scope.required_campaign
    try:
        waits = close_or_request(campaign=campaign, by=scope.user.actor)
    except Refused as refused:
        messages.warning(request, refused.message)
        return _show(scope, 409)
    except close_submissions.CutoffNotReached:
        # The message is formatted here, outside of `render`, which sets the zone for templates.
        with timezone.override(ZoneInfo(campaign.rule.time_zone)):
            messages.warning(request, _("It runs until %(cut_off)s.") % {"cut_off": rules.cut_off(campaign.rule)})
        return _show(scope, 409)
    if waits:
        messages.success(request, _("The closing is waiting for a second HR user."))
    enqueue.enqueue_freeze()
    return redirect(scope.url("campaign", slug))
