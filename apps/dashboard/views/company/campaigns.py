"""`/company/campaigns/`: all campaigns, and opening one after a preview of its rule. For HR alone."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from apps.accounts.approvals import ApprovalRefused
from apps.accounts.models import ApprovalRequest
from apps.campaigns.models import Campaign, CampaignRule
from apps.campaigns.rule_draft import CampaignRefused
from apps.core import enqueue
from apps.dashboard.forms.campaigns import CampaignForm, OpenForm
from apps.dashboard.labels import campaigns, rules
from apps.dashboard.views.company.company import hr_scope
from apps.dashboard.views.company.late_joiners import departments
from apps.dashboard.views.page_context import PageContext, render
from apps.dashboard.views.standing.standing_card import elsewhere
from apps.reports import campaigns as reports_campaigns
from apps.standings import campaign_lifecycle, opening_approvals
from apps.standings.campaign_lifecycle import OpeningPreview


@dataclass(frozen=True)
class Line:
    """One campaign in the list. `people`: its headcount; None when it was cancelled."""

    campaign: Campaign
    people: int | None

    @property
    def state(self) -> campaigns.State:
        return campaigns.State(self.campaign.state)

    @property
    def opens(self) -> str:
        return rules.first_day(self.campaign.rule)

    @property
    def cut_off(self) -> str:
        return rules.cut_off(self.campaign.rule)


@require_safe
def index(request: HttpRequest) -> HttpResponse:
    """All campaigns: running ones first, then finished ones."""
    scope = hr_scope(request)
    campaigns = reports_campaigns.all_campaigns()
    people = reports_campaigns.people_by_campaign(campaigns, scope.now)
    lines = [Line(campaign, people.get(campaign.pk)) for campaign in campaigns]
    context = {"lines": lines, "waiting": opening_approvals.waiting_openings(scope.now)}
    return render(scope, "company/campaigns.html", context)


@dataclass(frozen=True)
class Look:
    """The preview of a rule in words, with its cut-off in the campaign's zone and in the reader's."""

    rule: CampaignRule
    text: str
    cut_off: str
    elsewhere: str


def look_of(scope: PageContext, rule: CampaignRule) -> Look:
    zone = ZoneInfo(rule.time_zone)
    there = elsewhere(rule.cutoff_at - timedelta(minutes=1), zone, scope.employee)
    return Look(rule, rules.in_words(rule.campaign.name, rule), rules.cut_off(rule), there)


@require_http_methods(["GET", "HEAD", "POST"])
def new(request: HttpRequest) -> HttpResponse:
    """The form and, when sent, the preview: nothing is opened here."""
    scope = hr_scope(request)
    if request.method != "POST":
        return _page(scope, CampaignForm.empty(departments()))
    form = CampaignForm(request.POST, departments=departments())
    if form.is_valid():
        try:
            look = campaign_lifecycle.preview_opening(name=form.cleaned_data["name"], terms=form.terms(), now=scope.now)
        except CampaignRefused as refused:
            form.refuse(refused.field, refused.message)
        else:
            return _page(scope, form, look)
    return _page(scope, form, status=422)


@require_POST
def confirm(request: HttpRequest) -> HttpResponse:
    """Open the previewed campaign, once."""
    scope = hr_scope(request)
    form, sent = CampaignForm(request.POST, departments=departments()), OpenForm(request.POST)
    if form.is_valid() and sent.is_valid():
        try:
            opened = opening_approvals.open_or_request(
                name=form.cleaned_data["name"], terms=form.terms(), key=sent.cleaned_data["key"], by=scope.user.actor
            )
        except CampaignRefused as refused:
            form.refuse(refused.field, refused.message)
        except ApprovalRefused as refused:
            form.refuse(None, refused.message)
        else:
            if isinstance(opened, ApprovalRequest):
                waits = _("The opening of %(name)s waits for a second HR user.")
                messages.success(request, waits % {"name": opened.label})
                return redirect(scope.url("campaigns"))
            enqueue.enqueue_marking()
            messages.success(request, _("%(name)s is open.") % {"name": opened.name})
            return redirect(scope.url("campaign", opened.slug))
    return _page(scope, form, status=422)


def _page(
    scope: PageContext, form: CampaignForm, look: OpeningPreview | None = None, status: int = 200
) -> HttpResponse:
    context: dict[str, Any] = {"form": form}
    if look:
        context |= {
            "look": look_of(scope, look.rule), "people": look.people, "warnings": campaigns.warnings(look),
            "sent": OpenForm(), "late": look.backdated,
            "alone": opening_approvals.opens_alone(look.rule, scope.user.actor, scope.now),
        }  # fmt: skip
    return render(scope, "company/campaign_new.html", context, status=status)
