"""`/company/adjustments/by-rule/`: pro-rata targets for all who joined late, previewed as a list before the request."""

from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from apps.campaigns.adjustments import bulk_recheck, bulk_targets, late_joiners
from apps.campaigns.adjustments import requests as requests
from apps.campaigns.adjustments.bulk_targets import BulkTarget, BulkTargets
from apps.campaigns.models import AdjustmentRequest
from apps.dashboard.forms.adjustments import ReasonForm, RuleForm
from apps.dashboard.views.company.company import hr_scope
from apps.dashboard.views.page_context import PageContext, render
from apps.employees.models import TreeNode

PAGE = 200


@dataclass(frozen=True)
class Many:
    """A list of many employees, one page at a time, and the excluded ones."""

    found: BulkTargets
    rows: list[BulkTarget]
    first: int
    earlier: str
    later: str

    @property
    def last(self) -> int:
        return self.first + len(self.rows) - 1


def many(scope: PageContext, targets: BulkTargets, name: str, *args: object, **query: object) -> Many:
    """The page of the list that the address names."""
    text = scope.request.GET.get("page", "")
    number = int(text) if text.isascii() and text.isdigit() and len(text) < 7 else 1
    number = min(max(number, 1), max(-(-len(targets.listed) // PAGE), 1))
    rows = targets.listed[(number - 1) * PAGE : number * PAGE]

    def link(to: int) -> str:
        return scope.url(name, *args, **query, page=to) + "#people"

    return Many(
        targets,
        rows,
        (number - 1) * PAGE + 1,
        link(number - 1) if number > 1 else "",
        link(number + 1) if number * PAGE < len(targets.listed) else "",
    )


def of_request(scope: PageContext, asked: AdjustmentRequest) -> Many:
    """The employees of a bulk request: by current facts while it waits, as granted afterwards."""
    rule = asked.campaign.rule
    if asked.waiting:
        targets = bulk_recheck.recheck(asked, rule, scope.now, scope.user.employee_id)
    else:
        targets = bulk_targets.asked_for(asked, rule)
    return many(scope, targets, "adjustment", asked.pk)


@require_http_methods(["GET", "HEAD", "POST"])
def by_rule(request: HttpRequest) -> HttpResponse:
    """The rule, its list, and the request for exactly the previewed list."""
    scope = hr_scope(request)
    if scope.campaign is None:
        return render(scope, "no_campaign.html", {})
    typed = request.POST if request.method == "POST" else request.GET
    if request.method != "POST" and "joined_after" not in typed:
        return _page(scope, RuleForm(initial={"joined_after": scope.rule.opens_on}, departments=departments()))
    rule, reason = RuleForm(typed, departments=departments()), ReasonForm(request.POST or None)
    if not rule.is_valid():
        return _page(scope, rule, status=422 if request.method == "POST" else 200)
    if request.method != "POST":
        return _preview(scope, rule, ReasonForm())
    if not reason.is_valid():
        return _preview(scope, rule, reason, 422)
    try:
        made = late_joiners.request_prorated_targets(
            campaign=scope.campaign, **rule.cleaned_data, **reason.cleaned_data, seen=request.POST.get("seen", ""),
            by=scope.user.actor,
        )  # fmt: skip
    except requests.AdjustmentRefused as refused:
        messages.warning(request, refused.message)
        return _preview(scope, rule, reason, 409 if refused.conflict else 422)
    messages.success(request, _("Asked for. It counts when somebody else from HR has granted it."))
    return redirect(scope.url("adjustment", made.pk))


def departments() -> list[str]:
    """The departments with employees today."""
    names = TreeNode.objects.exclude(department="").order_by("department")
    return list(names.values_list("department", flat=True).distinct())


def _preview(scope: PageContext, rule: RuleForm, reason: ReasonForm, status: int = 200) -> HttpResponse:
    values = rule.cleaned_data
    try:
        preview = late_joiners.preview_rule(scope.rule, scope.now, **values, besides_employee=scope.user.employee_id)
    except requests.AdjustmentRefused as refused:
        rule.refuse(refused.field, refused.message)
        return _page(scope, rule, status=max(status, 422))
    listed = many(scope, preview, "adjustments-by-rule", **values)
    return _page(scope, rule, status=status, many=listed, reason=reason)


def _page(scope: PageContext, rule: RuleForm, status: int = 200, **more: Any) -> HttpResponse:
    return render(scope, "company/late_joiners.html", {"form": rule, **more}, status=status)
