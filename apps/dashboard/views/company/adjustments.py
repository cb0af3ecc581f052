"""`/company/adjustments/`: what HR requested, granted and ended, and the form for one employee. For HR alone."""

from dataclasses import dataclass
from functools import partial
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from apps.accounts.access_log import log_single_result
from apps.campaigns.adjustments import requests
from apps.campaigns.models import Adjustment, AdjustmentRequest
from apps.campaigns.rules import effective_as_of
from apps.dashboard.forms.adjustments import TARGET, AskForm
from apps.dashboard.labels import adjustments, base
from apps.dashboard.views.company.company import hr_scope
from apps.dashboard.views.list_pages import list_page, text_param
from apps.dashboard.views.page_context import PageContext, render
from apps.dashboard.views.people import named_employee
from apps.employees.models import Employee
from apps.reports import adjustments as reports_adjustments

PAGE = 50


@dataclass(frozen=True)
class RequestRow:
    """One request in a list: `only` is its adjustment, or the one it ends, when it is about one employee."""

    request: AdjustmentRequest
    only: Adjustment | None
    url: str

    @property
    def state(self) -> base.Badge:
        return adjustments.state_of(self.request)

    @property
    def from_file(self) -> bool:
        """Whether a file states target and period of each of many employees."""
        original = self.request.ends or self.request
        return original.from_file

    @property
    def subject(self) -> str:
        return adjustments.subject(self.request)


def effective_instant(scope: PageContext) -> Any:
    """The instant for "in force"."""
    return effective_as_of(scope.now, scope.rule.cutoff_at)


def request_rows(scope: PageContext, requests: list[AdjustmentRequest]) -> list[RequestRow]:
    """Requests with their adjustments; one query."""
    # A request to end an adjustment shows the adjustment that it would end.
    keys = {(request.ends_id or request.pk, request.employee_id) for request in requests if request.employee_id}
    rows = Adjustment.objects.filter(
        request__in={request for request, _person in keys}, employee__in={person for _request, person in keys}
    )
    adjustments = {(row.request_id, row.employee_id): row for row in rows}
    return [
        RequestRow(
            request,
            adjustments.get((request.ends_id or request.pk, request.employee_id or 0)),
            scope.url("adjustment", request.pk),
        )
        for request in requests
    ]


@require_safe
def index(request: HttpRequest) -> HttpResponse:
    """The list: requests that wait for the reader first."""
    scope = hr_scope(request)
    if scope.campaign is None:
        return render(scope, "no_campaign.html", {})
    campaign, account = scope.campaign, scope.user
    chosen = request.GET.get("show", "")
    waiting = reports_adjustments.waiting_for(campaign, account).count()
    # What waits for the reader comes first, unless nothing does.
    shown = chosen if chosen in reports_adjustments.FILTERS else ("mine" if waiting else "all")
    q = text_param(request.GET, "q")
    requests = reports_adjustments.requests_of(campaign, account, shown=shown, q=q, now=effective_instant(scope))
    page = list_page(scope, requests, "-pk", size=PAGE, address=partial(scope.url, "adjustments", show=shown, q=q))
    if q and page.is_whole:
        log_single_result(account, {row.employee_id for row in page.rows if row.employee_id}, "adjustment")
    chips = [
        {"label": label, "url": scope.url("adjustments", show=code, q=q), "is_current": code == shown}
        for code, label in adjustments.FILTERS.items()
    ]
    context = {
        "page": page,
        "lines": request_rows(scope, page.rows),
        "chips": chips,
        "waiting_count": waiting,
        "shown": shown,
        "q": q,
    }
    return render(scope, "company/adjustments.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
def ask(request: HttpRequest) -> HttpResponse:
    scope = hr_scope(request)
    if scope.campaign is None:
        return render(scope, "no_campaign.html", {})
    if request.method != "POST":
        return _form(scope, AskForm(initial={"person": text_param(request.GET, "employee")}))
    form = AskForm(request.POST)
    employee = named_employee(scope, form, "person") if form.is_valid() else None
    if employee is not None:
        with form.showing_refusals():
            adjustment_request = _ask(scope, form.cleaned_data, employee)
            messages.success(request, _("Requested. It applies after another HR user has approved it."))
            return redirect(scope.url("adjustment", adjustment_request.pk))
    return _form(scope, form, form.error_status)


def _form(scope: PageContext, form: AskForm, status: int = 200) -> HttpResponse:
    return render(scope, "company/adjustment_request.html", {"form": form}, status=status)


def _ask(scope: PageContext, typed: dict[str, Any], employee: Employee) -> AdjustmentRequest:
    starts_at, ends_at = requests.adjustment_period(scope.rule, typed["starts_on"], typed["ends_on"])
    return requests.request_adjustment(
        campaign=scope.required_campaign,
        employee=employee,
        target=typed["target"],
        exempt=None if typed["what"] == TARGET else True,
        starts_at=starts_at,
        ends_at=ends_at,
        by=scope.user.actor,
        **{name: typed[name] for name in ("kind", "kind_text", "reason", "key")},
    )
