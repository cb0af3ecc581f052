"""One campaign of HR's: its rule in every version, and the steps that fit its state: change, cancel, close."""

from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from apps.dashboard import campaign_words, rule_words
from apps.dashboard.campaign_forms import CancelForm
from apps.dashboard.views.campaigns import look_of
from apps.dashboard.views.company import hr_scope
from apps.dashboard.views.scope import SHOWN, PageContext, render
from apps.employees.approval_workflow import ApprovalRefused
from apps.quotas import reports, services
from apps.quotas.freeze import closing
from apps.quotas.freeze.closing_approvals import close_or_request
from apps.quotas.models import Campaign, CampaignRule
from apps.quotas.services import campaign_approvals


def campaign_scope(request: HttpRequest, slug: str) -> PageContext:
    """The scope of HR's look at one campaign, in any state. Raises Http404 for all but HR, and for none."""
    scope = hr_scope(request)
    found = Campaign.objects.filter(slug=slug).prefetch_related("rules").first()
    if found is None or not found.versions:
        raise Http404("There is no such campaign")
    scope.turn_to(found)
    return scope


@dataclass(frozen=True)
class Version:
    """One version of a rule: whose, who approved it, since when, why, and what differed from the one before."""

    rule: CampaignRule
    who: str
    differences: list[rule_words.Difference]


def versions_of(campaign: Campaign) -> list[Version]:
    """The newest first."""
    pairs = zip([None, *campaign.versions], campaign.versions, strict=False)
    found = [
        Version(
            rule, rule.changed_by_label or campaign.created_by_label,
            rule_words.differences(services.changed(before, rule)) if before else [],
        )
        for before, rule in pairs
    ]  # fmt: skip
    return found[::-1]


@require_safe
def campaign(request: HttpRequest, slug: str) -> HttpResponse:
    """Its state, its rule, everybody who is in it, and what can be done."""
    return _show(campaign_scope(request, slug))


def _show(scope: PageContext, status: int = 200, cancel: CancelForm | None = None) -> HttpResponse:
    found = scope.the_campaign
    passed = found.rule.cutoff_at <= scope.now
    is_open = found.state == Campaign.State.OPEN
    context: dict[str, Any] = {
        "state": campaign_words.State(found.state),
        "look": look_of(scope, found.rule),
        "version": rule_words.version_of(found.rule),
        "versions": versions_of(found),
        "people": reports.people_by_campaign([found], scope.now).get(found.pk),
        "overlaps": campaign_words.overlaps(services.overlapping(found.rule)) if is_open and not passed else [],
        "shown": found.state in SHOWN,
        "steps": {
            "change": found.state in ("draft", "open") and not passed,
            "cancel": found.state in ("draft", "open"),
            "close": is_open and passed,
        },
        "by_itself": not found.backdated,
        "cancel": cancel or CancelForm(),
        "waiting": campaign_approvals.waiting_at(found, scope.now),
        "unfinished": closing.unfinished(found).count() if found.state == Campaign.State.CLOSING else 0,
        "cancelled": reports.cancellation_of(found) if found.state == Campaign.State.CANCELLED else None,
    }
    return render(scope, "dashboard/campaign.html", context, status=status)


@require_POST
def cancel(request: HttpRequest, slug: str) -> HttpResponse:
    """Take it back for good, with a reason."""
    scope, form = campaign_scope(request, slug), CancelForm(request.POST)
    if not form.is_valid():
        return _show(scope, 422, form)
    try:
        waits = campaign_approvals.cancel_or_request(
            campaign=scope.the_campaign, reason=form.cleaned_data["reason"], by=scope.user.actor
        )
    except services.CampaignRefused as refused:
        form.refuse(refused.field, refused.message)
        return _show(scope, 409 if refused.conflict else 422, form)
    except ApprovalRefused as refused:
        form.refuse(None, refused.message)
        return _show(scope, 409, form)
    said = _("The cancellation waits for a second HR user.") if waits else _("%(name)s is cancelled.")
    messages.success(request, said % {"name": scope.the_campaign.name})
    return redirect(scope.url("campaign", slug))


@require_POST
def close(request: HttpRequest, slug: str) -> HttpResponse:
    """Begin to close it by hand; a worker goes on, and the page follows."""
    scope = campaign_scope(request, slug)
    found = scope.the_campaign
    try:
        waits = close_or_request(campaign=found, by=scope.user.actor)
    except ApprovalRefused as refused:
        messages.warning(request, refused.message)
        return _show(scope, 409)
    except closing.CutoffNotReached:
        with timezone.override(ZoneInfo(found.rule.time_zone)):
            messages.warning(request, _("It runs until %(cut_off)s.") % {"cut_off": rule_words.cut_off(found.rule)})
        return _show(scope, 409)
    if waits:
        messages.success(request, _("The closing waits for a second HR user."))
    services.enqueue_freeze()
    return redirect(scope.url("campaign", slug))
