"""`/company/approvals/`: changes of large effect that wait for a second person. For HR alone."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from apps.accounts.approvals import ApprovalRefused, refuse_request, withdraw_request
from apps.accounts.models import ApprovalRequest
from apps.core import enqueue
from apps.core.closed_periods import BackdatingBlocked
from apps.dashboard.forms.adjustments import RefuseForm
from apps.dashboard.labels import approval_details, approvals
from apps.dashboard.views.company.company import hr_scope
from apps.dashboard.views.page_context import PageContext, render
from apps.roster.email_changes import ON_ONE_ROSTER, roles_of, waiting_changes
from apps.standings.approvable_changes import approve_request, effect_digest, effect_of_request

PAGE = 50
MAX_ROWS = 2_000


@require_safe
def index(request: HttpRequest) -> HttpResponse:
    """All requests: waiting ones first, then newest."""
    scope = hr_scope(request)
    waiting = ApprovalRequest.objects.open(scope.now).order_by("-requested_at", "pk")
    decided = ApprovalRequest.objects.exclude(pk__in=waiting.values("pk")).order_by("-requested_at", "pk")
    page = Paginator(decided, PAGE).get_page(request.GET.get("page"))
    context = {
        "waiting": [approval_line(scope, approval) for approval in waiting] if page.number == 1 else [],
        "decided": [approval_line(scope, approval) for approval in page],
        "page": page,
    }
    return render(scope, "company/approvals.html", context)


@require_safe
def detail(request: HttpRequest, request_id: uuid.UUID) -> HttpResponse:
    """One request with its effect, and the steps available to the reader."""
    scope = hr_scope(request)
    return _show(scope, _found(request_id))


@require_POST
def approve(request: HttpRequest, request_id: uuid.UUID) -> HttpResponse:
    """The second person approves what this page showed."""

    def act(scope: PageContext) -> str:
        approve_request(request_id=request_id, seen=request.POST.get("seen", ""), by=scope.user.actor)
        return _("Approved. The change is made.")

    return _act(request, request_id, act)


@require_POST
def refuse(request: HttpRequest, request_id: uuid.UUID) -> HttpResponse:
    form = RefuseForm(request.POST)

    def act(scope: PageContext) -> str:
        refuse_request(request_id=request_id, note=form.cleaned_data["note"], by=scope.user.actor)
        return _("Refused. Nothing was changed.")

    return _act(request, request_id, act, form)


@require_POST
def withdraw(request: HttpRequest, request_id: uuid.UUID) -> HttpResponse:
    def act(scope: PageContext) -> str:
        withdraw_request(request_id=request_id, by=scope.user.actor)
        return _("Withdrawn. Nothing was changed.")

    return _act(request, request_id, act)


def _found(request_id: uuid.UUID) -> ApprovalRequest:
    try:
        return ApprovalRequest.objects.get(pk=request_id)
    except ApprovalRequest.DoesNotExist as unknown:
        raise Http404("There is no such request") from unknown


def approval_line(scope: PageContext, approval: ApprovalRequest) -> dict[str, Any]:
    """A request in the list, with the effect as it was requested."""
    mine = approval.requested_by_id == scope.user.pk
    return {
        "it": approval, "words": approvals.kind_of(approval), "state": approvals.state_of(approval, scope.now),
        "effect": approvals.effect_lines(approvals.counted_before(approval, mine=mine)),
        "url": scope.url("approval", approval.pk), "mine": mine,
    }  # fmt: skip


def _show(
    scope: PageContext, approval: ApprovalRequest, status: int = 200, form: RefuseForm | None = None, refused: str = ""
) -> HttpResponse:
    line = approval_line(scope, approval)
    waits = line["state"].code == "waiting"
    # The requester sees the counts of the request: some later numbers are for the second person alone (ADR 63).
    effect, stale = approvals.counted_before(approval, mine=line["mine"]), ""
    if waits and not line["mine"]:
        try:
            effect = effect_of_request(approval, scope.now)
        except ApprovalRefused as refusal:
            stale = refusal.message
    page = line["words"].page
    view, arguments = page(approval) if page else ("", ())
    context = {
        "line": line, "it": approval, "waits": waits, "effect": approvals.effect_lines(effect), "stale": stale,
        "seen": effect_digest(effect), "form": form or RefuseForm(), "refused": refused,
        "subject": scope.url(view, *arguments) if view else "", "changes": _changes(approval),
        "kept": approval.kind in ON_ONE_ROSTER,
        "details": approval_details.details_of(approval, decides=waits and not line["mine"]),
    }  # fmt: skip
    return render(scope, "company/approval.html", context, status=status)


def _changes(approval: ApprovalRequest) -> dict[str, Any] | None:
    """The rows of a request for new addresses, holders of roles first."""
    if approval.kind != ApprovalRequest.Kind.EMAIL_CHANGE:
        return None
    changes = waiting_changes(approval)
    rows = [
        {
            "name": change.employee.name, "staff_no": change.employee.staff_no, "old": change.old_email,
            "new": change.new_email, "roles": [role.get_role_display() for role in roles_of(change.employee)],
        }
        for change in changes[:MAX_ROWS]
    ]  # fmt: skip
    return {"rows": rows, "more": len(changes) - len(rows)}


def _act(
    request: HttpRequest, request_id: uuid.UUID, act: Callable[[PageContext], str], form: RefuseForm | None = None
) -> HttpResponse:
    """Run one step: afterwards the request with a message; after a refusal, the same page with the reason."""
    scope = hr_scope(request)
    approval = _found(request_id)
    if form is not None and not form.is_valid():
        return _show(scope, approval, 422, form)
    try:
        message = act(scope)
    except ApprovalRefused as refused:
        return _show(scope, _found(request_id), 409, form, refused.message)
    except BackdatingBlocked:
        busy = _("A campaign is being frozen, so its past cannot change now. Try again in a minute.")
        return _show(scope, _found(request_id), 409, form, busy)
    enqueue.enqueue_marking()
    messages.success(request, message)
    return redirect(scope.url("approval", approval.pk))
