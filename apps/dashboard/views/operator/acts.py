"""`/operator/accounts/<id>/<act>/`: one change of an account: what it does, and the proof of who does it."""

from collections.abc import Callable
from functools import partial
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.views.decorators.http import require_http_methods

from apps.accounts import account_changes, operator_acts
from apps.accounts.models import Role
from apps.dashboard.labels import accounts as labels
from apps.dashboard.operators import operator_page
from apps.dashboard.views.operator.accounts import account_page
from apps.dashboard.views.operator.proof import is_proven, proof_context, proof_form
from apps.dashboard.views.page_context import PageContext, render
from apps.employees.models import Employee

# Acts that wait for a second person, and have a reason for that person.
REQUESTS: dict[str, Callable[..., Any]] = {
    "request-reset": account_changes.request_factor_reset,
    "unlink": account_changes.request_unbinding,
    **{f"grant-{role}": partial(account_changes.request_role, role=role) for role in Role.Kind.values},
}
# Acts whose result is a code that only this response shows.
CODES: dict[str, Callable[..., str]] = {
    "create-code": operator_acts.create_code,
    "reset-factors": operator_acts.reset_factors,
}
IMMEDIATE: dict[str, Callable[..., Any]] = {
    "end-access": operator_acts.end_person_access,
    "send-link": operator_acts.send_link,
    **{f"revoke-{role}": partial(operator_acts.revoke_role, role=role) for role in Role.Kind.values},
}
ACTS = {**REQUESTS, **CODES, **IMMEDIATE}


@require_http_methods(["GET", "HEAD", "POST"])
@operator_page
def act(request: HttpRequest, employee_id: int, act: str) -> HttpResponse:
    scope = PageContext(request)
    employee = get_object_or_404(Employee.objects.with_accounts_managed_by(scope.user), pk=employee_id)
    if act not in ACTS:
        raise Http404("There is no such act")
    asks_reason = act in REQUESTS
    form = proof_form(scope, request.POST if request.method == "POST" else None, asks_reason=asks_reason)
    if request.method == "POST" and is_proven(scope, form):
        with form.showing_refusals():
            given = {"reason": form.cleaned_data["reason"]} if asks_reason else {}
            result = ACTS[act](employee=employee, by=scope.user.actor, **given)
            if act in CODES:
                # No redirect: the code is stored as a digest, so the next page could not show it.
                return account_page(scope, employee, code=result)
            messages.success(request, str(labels.ACTS[act].done))
            return redirect(scope.url("operator-account", employee.pk))
    status = form.error_status if request.method == "POST" else 200
    context = {
        "employee": employee, "act": labels.ACTS[act], "second_person": labels.SECOND_PERSON if asks_reason else "",
        "proof": proof_context(scope, form),
    }  # fmt: skip
    return render(scope, "operator/act.html", context, status=status)
