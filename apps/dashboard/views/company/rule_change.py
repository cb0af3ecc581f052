"""Changing a campaign's rule: the form, the preview of the effect, and the new version. For HR alone."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from apps.accounts.approvals import ApprovalRefused
from apps.accounts.models import ApprovalRequest
from apps.campaigns.rule_draft import CampaignRefused
from apps.core import enqueue
from apps.dashboard.forms.campaigns import ChangeForm, ConfirmForm
from apps.dashboard.labels import campaigns, rules
from apps.dashboard.views.company.campaign import campaign_scope
from apps.dashboard.views.company.campaigns import look_of
from apps.dashboard.views.company.late_joiners import departments
from apps.dashboard.views.page_context import PageContext, render
from apps.standings import campaign_approvals, rule_changes


def _departments(scope: PageContext) -> list[str]:
    """Today's departments, and those of the rule without employees today."""
    return sorted({*departments(), *scope.rule.scope})


@require_http_methods(["GET", "HEAD", "POST"])
def change(request: HttpRequest, slug: str) -> HttpResponse:
    """The form and, when sent, the preview: nothing is changed here."""
    scope = campaign_scope(request, slug)
    if request.method != "POST":
        return _page(scope, ConfirmForm.of(scope.rule, _departments(scope)))
    form = ConfirmForm(request.POST, departments=_departments(scope))
    if not form.is_valid():
        return _page(scope, form, status=422)
    return _look(scope, form, ChangeForm())


@require_POST
def confirm(request: HttpRequest, slug: str) -> HttpResponse:
    """Make the previewed change, once."""
    scope = campaign_scope(request, slug)
    form, sent = ConfirmForm(request.POST, departments=_departments(scope)), ChangeForm(request.POST)
    if not form.is_valid():
        return _page(scope, form, status=422)
    if not sent.is_valid():
        return _look(scope, form, sent, 422)
    try:
        made = campaign_approvals.change_rule_or_request(
            campaign=scope.the_campaign, terms=form.terms(), seen=form.cleaned_data["seen"],
            reason=sent.cleaned_data["reason"], key=sent.cleaned_data["key"], by=scope.user.actor,
        )  # fmt: skip
    except ApprovalRefused as refused:
        sent.refuse(None, refused.message)
        return _look(scope, form, sent, 409)
    except CampaignRefused as refused:
        if refused.field in sent.fields:
            sent.refuse(refused.field, refused.message)
            return _look(scope, form, sent, 422)
        return _refused(scope, form, refused)
    if isinstance(made, ApprovalRequest):
        messages.success(request, _("The change of the rule waits for a second HR user."))
        return redirect(scope.url("campaign", slug))
    enqueue.enqueue_marking()
    message = _("Version %(version)s of the rule is in force. Everybody is judged by it within seconds.")
    messages.success(request, message % {"version": made.version})
    return redirect(scope.url("campaign", slug))


def _look(scope: PageContext, form: ConfirmForm, sent: ChangeForm, status: int = 200) -> HttpResponse:
    try:
        impact = rule_changes.preview_rule_change(
            campaign=scope.the_campaign, terms=form.terms(), seen=form.cleaned_data["seen"], now=scope.now
        )  # fmt: skip
    except CampaignRefused as refused:
        return _refused(scope, form, refused)
    context = {
        "look": look_of(scope, impact.new),
        "differences": rules.differences(impact.differences),
        "people": impact.people,
        # These counts would reveal whose contact a person is: only the second person sees them.
        "effect": None if impact.confidential else impact.effect,
        "confidential": impact.domains or (impact.confidential and impact.effect is not None),
        "alone": impact.alone,
        "warnings": [*campaigns.overlaps(impact.overlaps), *campaigns.claims(impact.new)],
        "sent": sent,
    }
    return _page(scope, form, status=status, **context)


def _refused(scope: PageContext, form: ConfirmForm, refused: CampaignRefused) -> HttpResponse:
    """The form with the reason; after a change in between it is based on the version now in force."""
    form.refuse(refused.field, refused.message)
    return _page(scope, form.at(_newest(scope)), status=409 if refused.conflict else 422)


def _newest(scope: PageContext) -> int:
    return int(scope.the_campaign.rules.latest("version").version)


def _page(scope: PageContext, form: ConfirmForm, status: int = 200, **more: Any) -> HttpResponse:
    campaign = scope.the_campaign
    context = {
        "form": form,
        "opened": campaign.rule.opens_at <= scope.now,
        "over": campaign.state not in ("draft", "open") or campaign.rule.cutoff_at <= scope.now,
        "version": rules.version_of(scope.rule),
        "waiting": campaign_approvals.waiting_at(campaign, scope.now),
    }
    return render(scope, "company/rule_change.html", {**context, **more}, status=status)
