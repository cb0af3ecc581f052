"""Changing a campaign's rule: the form, the preview of the effect, and the new version. For HR alone."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from apps.accounts.models import ApprovalRequest
from apps.campaigns.models import CampaignRule
from apps.dashboard.forms.campaigns import ChangeForm, ConfirmForm
from apps.dashboard.labels import campaigns, rules
from apps.dashboard.views.company.campaign import campaign_scope
from apps.dashboard.views.company.campaigns import rule_preview
from apps.dashboard.views.company.company import department_names
from apps.dashboard.views.page_context import PageContext, render
from apps.standings import campaign_approvals, rule_changes


def _departments(scope: PageContext) -> list[str]:
    """Today's departments, and those of the rule without employees today."""
    return sorted({*department_names(), *scope.rule.scope})


@require_http_methods(["GET", "HEAD", "POST"])
def change(request: HttpRequest, slug: str) -> HttpResponse:
    """The form and, when sent, the preview: nothing is changed here."""
    scope = campaign_scope(request, slug)
    if request.method != "POST":
        return _page(scope, ConfirmForm.from_rule(scope.rule, _departments(scope)))
    form = ConfirmForm(request.POST, departments=_departments(scope))
    if not form.is_valid():
        return _page(scope, form, status=422)
    return _preview(scope, form, ChangeForm())


@require_POST
def confirm(request: HttpRequest, slug: str) -> HttpResponse:
    """Make the previewed change, once."""
    scope = campaign_scope(request, slug)
    # Two forms in one request: the rule as hidden fields, and the reason with its key.
    form, sent = ConfirmForm(request.POST, departments=_departments(scope)), ChangeForm(request.POST)
    if not form.is_valid():
        return _page(scope, form, status=422)
    if not sent.is_valid():
        return _preview(scope, form, sent, 422)
    outcome: CampaignRule | ApprovalRequest | None = None
    with sent.showing_refusals():
        outcome = campaign_approvals.change_rule_or_request(
            campaign=scope.required_campaign, draft=form.draft(), expected_version=form.cleaned_data["seen"],
            reason=sent.cleaned_data["reason"], key=sent.cleaned_data["key"], by=scope.user.actor,
        )  # fmt: skip
    if outcome is None:
        # A refusal of the rule itself is raised by the preview too, which then returns to the form of the rule.
        return _preview(scope, form, sent, sent.error_status)
    if isinstance(outcome, ApprovalRequest):
        messages.success(request, _("The change of the rule is waiting for a second HR user."))
        return redirect(scope.url("campaign", slug))
    message = _("Version %(version)s of the rule is in force. All standings are updated within seconds.")
    messages.success(request, message % {"version": outcome.version})
    return redirect(scope.url("campaign", slug))


def _preview(scope: PageContext, form: ConfirmForm, sent: ChangeForm, status: int = 200) -> HttpResponse:
    impact = None
    with form.showing_refusals():
        impact = rule_changes.preview_rule_change(
            campaign=scope.required_campaign,
            draft=form.draft(),
            expected_version=form.cleaned_data["seen"],
            now=scope.now,
        )
    if impact is None:
        # After a change in between, the form is based on the version now in force.
        newest = scope.required_campaign.rules.latest("version")
        return _page(scope, form.based_on(newest.version), status=form.error_status)
    context = {
        "preview": rule_preview(scope, impact.new),
        "differences": rules.differences(impact.differences),
        "people": impact.people,
        # These counts would reveal whose contact a person is: only the second person sees them.
        "effect": None if impact.reveals_contacts else impact.effect,
        "confidential": impact.changes_domains or (impact.reveals_contacts and impact.effect is not None),
        "needs_approval": not impact.needs_no_approval,
        "warnings": [*campaigns.overlaps(impact.overlaps), *campaigns.claims(impact.new)],
        "sent": sent,
    }
    return _page(scope, form, status=status, **context)


def _page(scope: PageContext, form: ConfirmForm, status: int = 200, **more: Any) -> HttpResponse:
    campaign = scope.required_campaign
    context = {
        "form": form,
        "opened": campaign.rule.opens_at <= scope.now,
        "over": campaign.state not in ("draft", "open") or campaign.rule.cutoff_at <= scope.now,
        "version": rules.version_of(scope.rule),
        "pending_approvals": campaign_approvals.open_requests(campaign, scope.now),
    }
    return render(scope, "company/rule_change.html", {**context, **more}, status=status)
