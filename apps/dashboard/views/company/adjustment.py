"""One adjustment request: its content, and the steps: grant, refuse, withdraw, request its end."""

from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST, require_safe

from apps.accounts.access_log import log_record_access
from apps.campaigns.adjustments import approve, requests
from apps.campaigns.models import Adjustment, AdjustmentRequest
from apps.core.errors import Refused
from apps.dashboard.forms.adjustments import ReasonForm, RefuseForm
from apps.dashboard.forms.base import RefusableForm
from apps.dashboard.labels import base
from apps.dashboard.views.company.adjustments import effective_instant, request_rows
from apps.dashboard.views.company.company import hr_scope
from apps.dashboard.views.company.target_pages import targets_of_end, targets_of_request
from apps.dashboard.views.page_context import PageContext, render
from apps.employees.models import Employee
from apps.reports import adjustment_effects, adjustments, standings_report
from apps.reports.adjustment_effects import StandingEffect
from apps.standings import report_people


def _request_or_404(request: HttpRequest, request_id: int) -> tuple[PageContext, AdjustmentRequest]:
    """The page context and the request. Raises Http404 for all but HR, and for requests of another campaign."""
    scope = hr_scope(request)
    try:
        return scope, adjustments.one_request(request_id, effective_instant(scope) if scope.campaign else scope.now)
    except AdjustmentRequest.DoesNotExist as unknown:
        raise Http404("There is no such request") from unknown


@require_safe
def adjustment(request: HttpRequest, request_id: int) -> HttpResponse:
    scope, adjustment = _request_or_404(request, request_id)
    if adjustment.campaign != scope.campaign:
        # A bookmarked link names no campaign: show the request's own.
        return redirect(f"{request.path}?campaign={adjustment.campaign.slug}")
    return _show(scope, adjustment)


def _show(scope: PageContext, adjustment: AdjustmentRequest, status: int = 200, **forms: RefusableForm) -> HttpResponse:
    [row] = request_rows(scope, [adjustment])
    person = _person(scope, adjustment)
    if person:
        log_record_access(scope.user, person, "adjustment")
    context: dict[str, Any] = {
        "line": row,
        "adjustment": adjustment,
        "steps": _steps(scope, adjustment),
        "person": person,
        "refuse": forms.get("refuse") or RefuseForm(),
        "end": forms.get("end") or ReasonForm(),
        "endings": request_rows(scope, adjustments.revocations_of(adjustment, effective_instant(scope))),
        "original": scope.url("adjustment", adjustment.ends_id) if adjustment.ends_id else "",
    }
    if employee := adjustment.employee:
        terms = adjustments.adjustments_by_employee(adjustment.campaign, [employee.pk], scope.now).get(employee.pk, [])
        context["other_terms"] = [term for term in terms if term.request_id != (adjustment.ends_id or adjustment.pk)]
        standings = standings_report.Standings(adjustment.campaign, report_people.OneEmployee(employee))
        context["row"] = standings.row_of(employee.pk)
        if adjustment.waiting and row.only:
            context["effect"] = _effect(scope, adjustment, row.only)
    elif adjustment.for_many:
        context["bulk"] = targets_of_request(scope, adjustment, may_end=context["steps"]["end"])
    elif adjustment.ends_id:
        context["bulk"] = targets_of_end(scope, adjustment)
    return render(scope, "company/adjustment.html", context, status=status)


def _effect(scope: PageContext, adjustment: AdjustmentRequest, terms: Adjustment) -> StandingEffect | None:
    """What granting a request about one employee does to the standing; None for an employee without one."""
    if adjustment.ends_id:
        ended = [terms.employee_id]
        effects = adjustment_effects.effects_of_end(adjustment.campaign, adjustment.ends_id, ended, scope.now)
    else:
        effects = adjustment_effects.effects_of_grant(adjustment.campaign, [terms], scope.now)
    return effects.get(terms.employee_id)


def _person(scope: PageContext, adjustment: AdjustmentRequest) -> Employee | None:
    """The employee whose adjustment would end: the request's only one, or the one that the address names."""
    named = scope.request.GET.get("person", "") or scope.request.POST.get("person", "")
    if adjustment.employee or not named or "\0" in named:
        return adjustment.employee
    return Employee.objects.filter(staff_no=named, adjustment__request=adjustment).first()


def _steps(scope: PageContext, adjustment: AdjustmentRequest) -> dict[str, bool]:
    """The steps available to the reader. The services check again under their locks."""
    own = adjustment.employee_id is not None and adjustment.employee_id == scope.user.employee_id
    is_own_request = adjustment.asked_by_id == scope.user.pk
    campaign = adjustment.campaign
    over = campaign.state not in ("draft", "open")
    # A backdated campaign stays open after its cut-off until HR closes it.
    over = over or (campaign.rule.cutoff_at <= scope.now and not campaign.backdated)
    lasting = adjustment.decision == "granted" and not adjustment.ends_id and adjustment.lasting  # type: ignore[attr-defined]
    return {
        "own": own,
        "is_own_request": is_own_request,
        "over": over,
        "grant": adjustment.waiting and not own and not is_own_request and not over,
        "end": bool(lasting) and not own and not over,
    }


def _run(
    request: HttpRequest,
    request_id: int,
    step: Callable[[PageContext, AdjustmentRequest], str],
    **forms: RefusableForm,
) -> HttpResponse:
    """Run one step: afterwards the request with a message; after a refusal, the same page with the reason."""
    scope, adjustment = _request_or_404(request, request_id)
    if any(not form.is_valid() for form in forms.values()):
        return _show(scope, adjustment, 422, **forms)
    try:
        message = step(scope, adjustment)
    except Refused as refused:
        messages.warning(request, refused.message)
        # Read again: another HR user may have decided it meanwhile.
        current = adjustments.one_request(adjustment.pk, effective_instant(scope))
        return _show(scope, current, 409 if refused.conflict else 422, **forms)
    messages.success(request, message)
    return redirect(scope.url("adjustment", adjustment.pk))


@require_POST
def grant(request: HttpRequest, request_id: int) -> HttpResponse:
    """The second person approves; for many, exactly the list on the page."""

    def step(scope: PageContext, adjustment: AdjustmentRequest) -> str:
        seen = request.POST.get("seen", "")
        people = approve.grant_adjustment(request_id=adjustment.pk, expected_digest=seen, by=scope.user.actor)
        message = ngettext("Approved for %(count)s person.", "Approved for %(count)s people.", people)
        return message % {"count": base.number(people)}

    return _run(request, request_id, step)


@require_POST
def refuse(request: HttpRequest, request_id: int) -> HttpResponse:
    form = RefuseForm(request.POST)

    def step(scope: PageContext, adjustment: AdjustmentRequest) -> str:
        approve.refuse_adjustment(request_id=adjustment.pk, note=form.cleaned_data["note"], by=scope.user.actor)
        return _("Refused.")

    return _run(request, request_id, step, refuse=form)


@require_POST
def withdraw(request: HttpRequest, request_id: int) -> HttpResponse:
    def step(scope: PageContext, adjustment: AdjustmentRequest) -> str:
        approve.withdraw_adjustment(request_id=adjustment.pk, by=scope.user.actor)
        return _("Withdrawn.")

    return _run(request, request_id, step)


@require_POST
def end(request: HttpRequest, request_id: int) -> HttpResponse:
    """Request its end: a new request, which another HR member grants."""
    form = ReasonForm(request.POST)

    def step(scope: PageContext, adjustment: AdjustmentRequest) -> str:
        requests.request_revocation(
            request=adjustment, employee=_person(scope, adjustment), **form.cleaned_data, by=scope.user.actor
        )
        return _("End requested. The adjustment ends when another HR user approves.")

    return _run(request, request_id, step, end=form)
