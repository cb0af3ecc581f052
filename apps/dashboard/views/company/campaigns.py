"""`/company/campaigns/`: all campaigns, and opening one after a preview of its rule. For HR alone."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from apps.accounts.models import ApprovalRequest
from apps.campaigns.models import Announcement, Campaign, CampaignRule
from apps.core.time_zones import company_zone
from apps.dashboard.forms.campaigns import CampaignForm, OpenForm
from apps.dashboard.labels import base, campaigns, rules
from apps.dashboard.views.company.company import department_names, hr_scope
from apps.dashboard.views.list_pages import text_param
from apps.dashboard.views.page_context import PageContext, render
from apps.dashboard.views.standing.standing_card import in_reader_zone
from apps.reports import campaigns as reports_campaigns
from apps.standings import campaign_lifecycle, opening_approvals
from apps.standings.campaign_lifecycle import OpeningPreview


@dataclass(frozen=True)
class CampaignRow:
    """One campaign in the list. `people`: its headcount; None when it was cancelled."""

    campaign: Campaign
    people: int | None

    @property
    def state(self) -> base.Badge:
        return campaigns.state_of(self.campaign)

    @property
    def opens(self) -> str:
        return base.long_date(self.campaign.rule.opens_on)

    @property
    def cut_off(self) -> str:
        return rules.cut_off(self.campaign.rule)


@require_safe
def index(request: HttpRequest) -> HttpResponse:
    """All campaigns: running ones first, then finished ones."""
    scope = hr_scope(request)
    campaigns = reports_campaigns.all_campaigns()
    people = reports_campaigns.headcount_by_campaign(campaigns, scope.now)
    rows = [CampaignRow(campaign, people.get(campaign.pk)) for campaign in campaigns]
    announcements = Announcement.objects.waiting().filter(campaign__state__in=["draft", "open"])
    context = {
        "rows": rows,
        "pending_approvals": opening_approvals.open_opening_requests(scope.now),
        "announcements": announcements.select_related("campaign").order_by("requested_at"),
    }
    return render(scope, "company/campaigns.html", context)


@dataclass(frozen=True)
class RulePreview:
    """The preview of a rule in words, with its cut-off in the campaign's zone and in the reader's."""

    rule: CampaignRule
    text: str
    cut_off: str
    in_reader_zone: str


def rule_preview(scope: PageContext, rule: CampaignRule) -> RulePreview:
    zone = ZoneInfo(rule.time_zone)
    there = in_reader_zone(rule.cutoff_at - timedelta(minutes=1), zone, scope.employee)
    return RulePreview(rule, rules.in_words(rule.campaign.name, rule), rules.cut_off(rule), there)


@require_http_methods(["GET", "HEAD", "POST"])
def new(request: HttpRequest) -> HttpResponse:
    """The form and, when sent, the preview: nothing is opened here."""
    scope = hr_scope(request)
    if request.method != "POST":
        if like := text_param(request.GET, "like"):
            return _duplicate(scope, like)
        newest = reports_campaigns.newest_campaign()
        zone = newest.rule.time_zone if newest else company_zone()
        return _page(scope, CampaignForm.with_defaults(department_names(), zone))
    form = CampaignForm(request.POST, departments=department_names())
    if form.is_valid():
        with form.showing_refusals():
            name = form.cleaned_data["name"]
            opening = campaign_lifecycle.preview_opening(name=name, draft=form.draft(), now=scope.now)
            return _page(scope, form, opening)
    return _page(scope, form, status=422)


def _duplicate(scope: PageContext, slug: str) -> HttpResponse:
    """The form with the rule of an earlier campaign in any state."""
    original = get_object_or_404(Campaign.objects.prefetch_related("rules"), slug=slug)
    if not original.versions:
        raise Http404("The campaign has no rule yet")
    names = department_names()
    form = CampaignForm.duplicate_of(original.rule, names)
    missing = [name for name in original.rule.scope if name not in names]
    return _page(scope, form, original=original, missing=missing)


@require_POST
def confirm(request: HttpRequest) -> HttpResponse:
    """Open the previewed campaign, once."""
    scope = hr_scope(request)
    form, sent = CampaignForm(request.POST, departments=department_names()), OpenForm(request.POST)
    if form.is_valid() and sent.is_valid():
        with form.showing_refusals():
            opened = opening_approvals.open_or_request(
                name=form.cleaned_data["name"], draft=form.draft(), key=sent.cleaned_data["key"], by=scope.user.actor
            )
            if isinstance(opened, ApprovalRequest):
                message = _("The opening of %(name)s is waiting for a second HR user.")
                messages.success(request, message % {"name": opened.label})
                return redirect(scope.url("campaigns"))
            messages.success(request, _("%(name)s is open.") % {"name": opened.name})
            return redirect(scope.url("campaign", opened.slug))
    return _page(scope, form, status=422)


def _page(
    scope: PageContext, form: CampaignForm, opening: OpeningPreview | None = None, status: int = 200, **more: Any
) -> HttpResponse:
    context: dict[str, Any] = {"form": form, **more}
    if opening:
        context |= {
            "preview": rule_preview(scope, opening.rule), "people": opening.people,
            "warnings": campaigns.warnings(opening, reports_campaigns.newest_campaign()),
            "sent": OpenForm(), "late": opening.backdated,
            "needs_approval": not opening_approvals.may_open_alone(opening.rule, scope.user.actor, scope.now),
        }  # fmt: skip
    return render(scope, "company/campaign_new.html", context, status=status)
