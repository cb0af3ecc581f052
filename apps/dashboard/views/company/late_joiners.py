"""`/company/adjustments/by-rule/`: pro-rata targets for all who joined late, previewed as a list before the request."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from apps.campaigns.adjustments import late_joiners
from apps.core.errors import Refused
from apps.dashboard.forms.adjustments import ReasonForm, RuleForm
from apps.dashboard.views.company.company import department_names, hr_scope
from apps.dashboard.views.company.target_pages import target_page
from apps.dashboard.views.page_context import PageContext, render


@require_http_methods(["GET", "HEAD", "POST"])
def by_rule(request: HttpRequest) -> HttpResponse:
    scope = hr_scope(request)
    if scope.campaign is None:
        return render(scope, "no_campaign.html", {})
    # The preview has an address, so that a colleague can open the same list.
    typed = request.POST if request.method == "POST" else request.GET
    if request.method != "POST" and "joined_after" not in typed:
        return _page(scope, RuleForm(initial={"joined_after": scope.rule.opens_on}, departments=department_names()))
    rule, reason = RuleForm(typed, departments=department_names()), ReasonForm(request.POST or None)
    if not rule.is_valid():
        return _page(scope, rule, status=422 if request.method == "POST" else 200)
    if request.method != "POST":
        return _preview(scope, rule, ReasonForm())
    if not reason.is_valid():
        return _preview(scope, rule, reason, 422)
    try:
        adjustment = late_joiners.request_prorated_targets(
            campaign=scope.campaign, **rule.cleaned_data, **reason.cleaned_data,
            expected_digest=request.POST.get("seen", ""), by=scope.user.actor,
        )  # fmt: skip
    except Refused as refused:
        messages.warning(request, refused.message)
        return _preview(scope, rule, reason, 409 if refused.conflict else 422)
    messages.success(request, _("Requested. It applies after another HR user has approved it."))
    return redirect(scope.url("adjustment", adjustment.pk))


def _preview(scope: PageContext, rule: RuleForm, reason: ReasonForm, status: int = 200) -> HttpResponse:
    values = rule.cleaned_data
    try:
        preview = late_joiners.preview_rule(scope.rule, scope.now, **values, acting_employee_id=scope.user.employee_id)
    except Refused as refused:
        rule.refuse(refused.field, refused.message)
        return _page(scope, rule, status=max(status, 422))
    listed = target_page(scope, preview, "adjustments-by-rule", **values)
    return _page(scope, rule, status=status, bulk=listed, reason=reason)


def _page(scope: PageContext, rule: RuleForm, status: int = 200, **more: Any) -> HttpResponse:
    return render(scope, "company/late_joiners.html", {"form": rule, **more}, status=status)
