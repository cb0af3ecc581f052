"""`/company/approvals/`: changes of large effect that wait for a second person.

For HR; operators have the requests about accounts, for which both prove again who they are.
"""

import uuid
from collections.abc import Callable
from functools import partial
from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from apps.accounts.approvals import is_author, own_request_text, refuse_request, withdraw_request
from apps.accounts.models import ApprovalRequest
from apps.core.closed_periods import BackdatingBlocked
from apps.core.errors import Refused
from apps.dashboard.forms.accounts import ProofForm
from apps.dashboard.forms.adjustments import RefuseForm
from apps.dashboard.labels import approval_details, approvals
from apps.dashboard.operators import decider_page
from apps.dashboard.views.operator.proof import is_proven, proof_context, proof_form
from apps.dashboard.views.page_context import PageContext, render
from apps.roster.email_changes import VERSION_BOUND_KINDS, roles_of, waiting_changes
from apps.standings.approvable_changes import approve_request, effect_digest, effect_of_request

PAGE = 50
MAX_ROWS = 2_000


@require_safe
@decider_page
def index(request: HttpRequest) -> HttpResponse:
    """All requests: waiting ones first, then newest."""
    scope = PageContext(request)
    visible = ApprovalRequest.objects.visible_to(scope.user)
    waiting = visible.open(scope.now).order_by("-requested_at", "pk")
    waiting_page = Paginator(waiting, PAGE).get_page(request.GET.get("waiting"))
    decided = visible.exclude(pk__in=waiting.values("pk")).order_by("-requested_at", "pk")
    page = Paginator(decided, PAGE).get_page(request.GET.get("page"))
    context = {
        "waiting": [approval_line(scope, approval) for approval in waiting_page] if page.number == 1 else [],
        "waiting_page": waiting_page,
        "decided": [approval_line(scope, approval) for approval in page],
        "page": page,
    }
    return render(scope, "company/approvals.html", context)


@require_safe
@decider_page
def detail(request: HttpRequest, request_id: uuid.UUID) -> HttpResponse:
    scope = PageContext(request)
    return _show(scope, _request(scope, request_id))


def _request(scope: PageContext, request_id: uuid.UUID) -> ApprovalRequest:
    return get_object_or_404(ApprovalRequest.objects.visible_to(scope.user), pk=request_id)


@require_POST
@decider_page
def approve(request: HttpRequest, request_id: uuid.UUID) -> HttpResponse:
    """The second person approves what this page showed."""
    # `seen`, here and in the other forms: the version or digest that the page showed. The service refuses any but the
    # current one, so that the reader never confirms what they have not seen (optimistic locking).
    step = partial(approve_request, request_id=request_id, expected_digest=request.POST.get("seen", ""))
    scope = PageContext(request)
    approval = _request(scope, request_id)
    if approval.kind in ApprovalRequest.ACCOUNT_KINDS:
        proof = proof_form(scope, request.POST)
        if not is_proven(scope, proof):
            return _show(scope, approval, 422, proof=proof)
    return _run(request, request_id, step, _("Approved. The change is made."))


@require_POST
@decider_page
def refuse(request: HttpRequest, request_id: uuid.UUID) -> HttpResponse:
    form = RefuseForm(request.POST)
    if not form.is_valid():
        scope = PageContext(request)
        return _show(scope, _request(scope, request_id), 422, form)
    step = partial(refuse_request, request_id=request_id, note=form.cleaned_data["note"])
    return _run(request, request_id, step, _("Refused. Nothing was changed."), form)


@require_POST
@decider_page
def withdraw(request: HttpRequest, request_id: uuid.UUID) -> HttpResponse:
    step = partial(withdraw_request, request_id=request_id)
    return _run(request, request_id, step, _("Withdrawn. Nothing was changed."))


def approval_line(scope: PageContext, approval: ApprovalRequest) -> dict[str, Any]:
    """A request in the list, with the effect as it was requested."""
    is_own = is_author(approval, scope.user)
    return {
        "approval": approval, "kind": approvals.kind_of(approval), "state": approvals.state_of(approval, scope.now),
        "effect": approvals.effect_lines(approvals.counted_before(approval, own=is_own)),
        "url": scope.url("approval", approval.pk), "is_own": is_own,
        "may_withdraw": approval.requested_by_id == scope.user.pk,
    }  # fmt: skip


def _show(
    scope: PageContext, approval: ApprovalRequest, status: int = 200, form: RefuseForm | None = None,
    refused: str = "", proof: ProofForm | None = None,
) -> HttpResponse:  # fmt: skip
    line = approval_line(scope, approval)
    waits = line["state"].code == "waiting"
    # The requester sees the counts of the request: some later numbers are for the second person alone (ADR 63).
    effect, stale = approvals.counted_before(approval, own=line["is_own"]), ""
    if waits and not line["is_own"]:
        try:
            effect = effect_of_request(approval, scope.now)
        except Refused as refusal:
            stale = refusal.message
    page = line["kind"].page
    view, arguments = page(approval) if page else ("", ())
    context = {
        "line": line, "approval": approval, "waits": waits, "effect": approvals.effect_lines(effect), "stale": stale,
        "seen": effect_digest(effect), "form": form or RefuseForm(), "refused": refused,
        "subject": scope.url(view, *arguments) if view else "", "changes": _changes(approval),
        "own_text": own_request_text(approval.kind), "counts_from_request": approval.kind in VERSION_BOUND_KINDS,
        "details": approval_details.details_of(approval, decides=waits and not line["is_own"]),
    }  # fmt: skip
    if approval.kind in ApprovalRequest.ACCOUNT_KINDS:
        context["proof"] = proof_context(scope, proof or proof_form(scope))
        context["form"] = (form or RefuseForm()).for_operators()
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


def _run(
    request: HttpRequest, request_id: uuid.UUID, step: Callable[..., object], text: str, form: RefuseForm | None = None
) -> HttpResponse:
    """Run one step: afterwards the request with a message; after a refusal, the same page with the reason."""
    scope = PageContext(request)
    _request(scope, request_id)
    try:
        step(by=scope.user.actor)
    except Refused as error:
        refused = error.message
    except BackdatingBlocked:
        refused = _("A campaign is being frozen, so its past cannot change now. Try again in a minute.")
    else:
        messages.success(request, text)
        return redirect(scope.url("approval", request_id))
    # Read again: another HR user may have decided it meanwhile, and the page says so.
    return _show(scope, _request(scope, request_id), 409, form, refused)
