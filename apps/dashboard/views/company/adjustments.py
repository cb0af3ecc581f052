"""`/company/adjustments/`: what HR requested, granted and ended, and the form for one employee. For HR alone."""

from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from apps.accounts.access_log import note_found
from apps.campaigns.adjustments import requests
from apps.campaigns.models import Adjustment, AdjustmentRequest
from apps.campaigns.rules import effective_as_of
from apps.dashboard.forms.adjustments import TARGET, AskForm
from apps.dashboard.labels import adjustments
from apps.dashboard.views.company.company import hr_scope
from apps.dashboard.views.page_context import PageContext, render
from apps.employees.models import Employee
from apps.reports import adjustments as reports_adjustments

PAGE = 50


@dataclass(frozen=True)
class Line:
    """One request in a list: `only` is its adjustment, or the one it ends, when it is about one employee."""

    request: AdjustmentRequest
    only: Adjustment | None
    url: str

    @property
    def state(self) -> adjustments.State:
        return adjustments.state_of(self.request)

    @property
    def from_file(self) -> bool:
        """Whether a file states target and period of each of many employees."""
        many = self.request.ends or self.request
        return many.from_file

    @property
    def subject(self) -> str:
        return adjustments.subject(self.request)


def look(scope: PageContext) -> Any:
    """The instant for "in force"."""
    return effective_as_of(scope.now, scope.rule.cutoff_at)


def lines(scope: PageContext, requests: list[AdjustmentRequest]) -> list[Line]:
    """Requests with their adjustments; one query."""
    keys = {(request.ends_id or request.pk, request.employee_id) for request in requests if request.employee_id}
    rows = Adjustment.objects.filter(
        request__in={request for request, _person in keys}, employee__in={person for _request, person in keys}
    )
    adjustments = {(row.request_id, row.employee_id): row for row in rows}
    return [
        Line(
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
    asked, before = request.GET.get("show", ""), request.GET.get("before", "")
    waiting = reports_adjustments.waiting_for(campaign, account).count()
    shown = asked if asked in reports_adjustments.FILTERS else ("mine" if waiting else "all")
    q = request.GET.get("q", "").replace("\0", "").strip()[:200]
    behind = int(before) if before.isascii() and before.isdigit() and len(before) < 19 else None
    page = reports_adjustments.requests_of(
        campaign, account, shown=shown, q=q, now=look(scope), before=behind, limit=PAGE
    )  # fmt: skip
    if q and behind is None and not page.next:
        note_found(
            account, {request_row.employee_id for request_row in page.requests if request_row.employee_id}, "adjustment"
        )
    chips = [
        {"label": label, "url": scope.url("adjustments", show=code, q=q), "here": code == shown}
        for code, label in adjustments.FILTERS.items()
    ]
    context = {
        "lines": lines(scope, page.requests),
        "chips": chips,
        "waiting": waiting,
        "shown": shown,
        "q": q,
        "next": scope.url("adjustments", show=shown, q=q, before=page.next) if page.next else "",
        "first": scope.url("adjustments", show=shown, q=q) if behind else "",
    }
    return render(scope, "company/adjustments.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
def ask(request: HttpRequest) -> HttpResponse:
    """The form for one employee, and its submission."""
    scope = hr_scope(request)
    if scope.campaign is None:
        return render(scope, "no_campaign.html", {})
    if request.method != "POST":
        return _form(scope, AskForm(initial={"person": request.GET.get("employee", "").replace("\0", "")}))
    form, status = AskForm(request.POST), 422
    employee = _person(form) if form.is_valid() else None
    if employee is not None:
        try:
            made = _ask(scope, form.cleaned_data, employee)
        except requests.AdjustmentRefused as refused:
            form.refuse(refused.field or None, refused.message)
            status = 409 if refused.conflict else 422
        else:
            messages.success(request, _("Asked for. It counts when somebody else from HR has granted it."))
            return redirect(scope.url("adjustment", made.pk))
    return _form(scope, form, status)


def _form(scope: PageContext, form: AskForm, status: int = 200) -> HttpResponse:
    return render(scope, "company/adjustment_request.html", {"form": form}, status=status)


def _person(form: AskForm) -> Employee | None:
    """The employee in the form, by number or address; HR may see all."""
    employee: Employee | None = Employee.objects.named(form.cleaned_data["person"])
    if employee is None:
        form.refuse("person", _("Nobody on the roster has this staff number or e-mail address."))
    return employee


def _ask(scope: PageContext, typed: dict[str, Any], employee: Employee) -> AdjustmentRequest:
    starts_at, ends_at = requests.adjustment_period(scope.rule, typed["starts_on"], typed["ends_on"])
    return requests.request_adjustment(
        campaign=scope.the_campaign,
        employee=employee,
        kind=typed["kind"],
        kind_text=typed["kind_text"],
        reason=typed["reason"],
        target=typed["target"] if typed["what"] == TARGET else None,
        exempt=None if typed["what"] == TARGET else True,
        starts_at=starts_at,
        ends_at=ends_at,
        key=typed["key"],
        by=scope.user.actor,
    )
