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
from apps.campaigns.models import AdjustmentRequest
from apps.core import enqueue
from apps.dashboard.forms.adjustments import ReasonForm, RefuseForm
from apps.dashboard.forms.base import RefusableForm
from apps.dashboard.labels import base
from apps.dashboard.views.company.adjustments import lines, look
from apps.dashboard.views.company.company import hr_scope
from apps.dashboard.views.company.late_joiners import of_request
from apps.dashboard.views.page_context import PageContext, render
from apps.employees.models import Employee
from apps.reports import adjustments, standings_report
from apps.standings import population


def _found(request: HttpRequest, request_id: int) -> tuple[PageContext, AdjustmentRequest]:
    """The page context and the request. Raises Http404 for all but HR, and for requests of another campaign."""
    scope = hr_scope(request)
    try:
        return scope, adjustments.one_request(request_id, look(scope) if scope.campaign else scope.now)
    except AdjustmentRequest.DoesNotExist as unknown:
        raise Http404("There is no such request") from unknown


@require_safe
def adjustment(request: HttpRequest, request_id: int) -> HttpResponse:
    """One request in full, with the steps available to the reader."""
    scope, asked = _found(request, request_id)
    if asked.campaign != scope.campaign:
        # A bookmarked link names no campaign: show the request's own.
        return redirect(f"{request.path}?campaign={asked.campaign.slug}")
    return _show(scope, asked)


def _show(scope: PageContext, asked: AdjustmentRequest, status: int = 200, **forms: RefusableForm) -> HttpResponse:
    [line] = lines(scope, [asked])
    person = _person(scope, asked)
    if person:
        log_record_access(scope.user, person, "adjustment")
    context: dict[str, Any] = {
        "line": line,
        "asked": asked,
        "steps": _steps(scope, asked),
        "person": person,
        "refuse": forms.get("refuse") or RefuseForm(),
        "end": forms.get("end") or ReasonForm(),
        "endings": lines(scope, adjustments.endings_of(asked, look(scope))),
        "original": scope.url("adjustment", asked.ends_id) if asked.ends_id else "",
    }
    if asked.employee:
        others = adjustments.terms_of(asked.campaign, [asked.employee.pk], scope.now).get(asked.employee.pk, [])
        context["others"] = [one for one in others if one.request_id != (asked.ends_id or asked.pk)]
        standings = standings_report.Standings(asked.campaign, population.OneEmployee(asked.employee))
        context["row"] = standings.one(asked.employee.pk)
    elif asked.for_many:
        context["many"] = of_request(scope, asked)
    return render(scope, "company/adjustment.html", context, status=status)


def _person(scope: PageContext, asked: AdjustmentRequest) -> Employee | None:
    """The employee whose adjustment would end: the request's only one, or the one that the address names."""
    named = scope.request.GET.get("person", "") or scope.request.POST.get("person", "")
    if asked.employee or not named or "\0" in named:
        return asked.employee
    return Employee.objects.filter(staff_no=named, adjustment__request=asked).first()


def _steps(scope: PageContext, asked: AdjustmentRequest) -> dict[str, bool]:
    """The steps available to the reader. The services check again under their locks."""
    own = asked.employee_id is not None and asked.employee_id == scope.user.employee_id
    mine = asked.asked_by_id == scope.user.pk
    over = asked.campaign.state not in ("draft", "open")
    over = over or (asked.campaign.rule.cutoff_at <= scope.now and not asked.campaign.backdated)
    return {
        "own": own,
        "mine": mine,
        "over": over,
        "grant": asked.waiting and not own and not mine and not over,
        "refuse": asked.waiting and not own and not mine,
        "withdraw": asked.waiting and mine,
        "end": bool(asked.decision == "granted" and not asked.ends_id and asked.lasting) and not own and not over,  # type: ignore[attr-defined]
    }


def _act(
    request: HttpRequest, request_id: int, act: Callable[[PageContext, AdjustmentRequest], str], **forms: RefusableForm
) -> HttpResponse:
    """Run one step: afterwards the request with a message; after a refusal, the same page with the reason."""
    scope, asked = _found(request, request_id)
    if any(not form.is_valid() for form in forms.values()):
        return _show(scope, asked, 422, **forms)
    try:
        said = act(scope, asked)
    except requests.AdjustmentRefused as refused:
        messages.warning(request, refused.message)
        return _show(scope, adjustments.one_request(asked.pk, look(scope)), 409 if refused.conflict else 422, **forms)
    enqueue.enqueue_marking()
    messages.success(request, said)
    return redirect(scope.url("adjustment", asked.pk))


@require_POST
def grant(request: HttpRequest, request_id: int) -> HttpResponse:
    """The second person approves; for many, exactly the list on the page."""

    def act(scope: PageContext, asked: AdjustmentRequest) -> str:
        people = approve.grant_adjustment(
            request_id=asked.pk, seen=request.POST.get("seen", ""), by=scope.user.actor
        )  # fmt: skip
        said = ngettext("Granted, for %(count)s person.", "Granted, for %(count)s people.", people)
        return said % {"count": base.number(people)}

    return _act(request, request_id, act)


@require_POST
def refuse(request: HttpRequest, request_id: int) -> HttpResponse:
    form = RefuseForm(request.POST)

    def act(scope: PageContext, asked: AdjustmentRequest) -> str:
        approve.refuse_adjustment(request_id=asked.pk, note=form.cleaned_data["note"], by=scope.user.actor)
        return _("Refused.")

    return _act(request, request_id, act, refuse=form)


@require_POST
def withdraw(request: HttpRequest, request_id: int) -> HttpResponse:
    def act(scope: PageContext, asked: AdjustmentRequest) -> str:
        approve.withdraw_adjustment(request_id=asked.pk, by=scope.user.actor)
        return _("Withdrawn.")

    return _act(request, request_id, act)


@require_POST
def end(request: HttpRequest, request_id: int) -> HttpResponse:
    """Request its end: a new request, which another HR member grants."""
    form = ReasonForm(request.POST)

    def act(scope: PageContext, asked: AdjustmentRequest) -> str:
        requests.request_revocation(
            request=asked, employee=_person(scope, asked), reason=form.cleaned_data["reason"],
            key=form.cleaned_data["key"], by=scope.user.actor,
        )  # fmt: skip
        return _("Its end is asked for. It ends when somebody else from HR has granted that.")

    return _act(request, request_id, act, end=form)
