"""`/company/reviews/`: HR reads and answers reviews. It sees the recorded facts of ticked contacts, never a contact."""

from functools import partial
from typing import Any

from django.contrib import messages
from django.db.models import Count, Exists, OuterRef, Q, QuerySet
from django.http import FileResponse, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from apps.accounts.access_log import log_single_result
from apps.campaigns import rules
from apps.core.audit import audit
from apps.core.errors import Refused
from apps.dashboard.forms.reviews import REASON, AnswerForm
from apps.dashboard.labels import reviews
from apps.dashboard.views.company.company import hr_scope
from apps.dashboard.views.list_pages import list_page, text_param
from apps.dashboard.views.page_context import PageContext, render
from apps.dashboard.views.standing.standing_card import card_of
from apps.dashboard.views.team.standings_list import csv_download
from apps.employees.models import Employee
from apps.exports import event_exports, export_requests
from apps.exports.models import Export
from apps.reports import employee_detail
from apps.reviews import linked_decisions, services
from apps.reviews.models import Review
from apps.standings import report_people

PAGE = 50


@require_safe
def index(request: HttpRequest) -> HttpResponse:
    """The reviews in one state, by due date, without their texts, and the number of reviews in each state."""
    scope = hr_scope(request)
    if scope.campaign is None:
        return render(scope, "no_campaign.html", {})
    state = request.GET.get("state", "")
    state = state if state in reviews.STATES else "open"
    q = text_param(request.GET, "q")
    matching = _searched(Review.objects.filter(campaign=scope.campaign), q)
    chosen = matching.in_state(state, scope.now)
    employed = Employee.objects.employed_at(scope.now).filter(pk=OuterRef("employee_id"))
    annotated = chosen.annotate(ticked=Count("contacts"), employed=Exists(employed))
    # Open reviews by urgency, closed ones by recency.
    order = ("due_at", "pk") if state in ("open", "overdue") else ("-due_at", "-pk")
    address = partial(scope.url, "company-reviews", state=state, q=q)
    page = list_page(scope, annotated.select_related("employee__node"), *order, size=PAGE, address=address)
    if q and page.is_whole:
        log_single_result(scope.user, {review.employee_id for review in page.rows}, "standing")
    context = {
        "page": page,
        "rows": [_line(scope, review) for review in page.rows],
        "chips": _chips(scope, state, q, matching.count_by_state(scope.now)),
        "state": state,
        "q": q,
    }
    return render(scope, "company/reviews.html", context)


def _searched(reviews: QuerySet[Review], q: str) -> Any:
    named = Q(employee__name__icontains=q) | Q(employee__staff_no__icontains=q) | Q(employee__email__icontains=q)
    return reviews.filter(named) if q else reviews


def _line(scope: PageContext, review: Any) -> dict[str, Any]:
    return {
        "review": review,
        "url": scope.url("company-review", review.pk),
        "day": reviews.reply_day(review, scope.zone),
        "left": reviews.reply_left(review, scope.now, scope.zone),
        "overdue": review.is_overdue(scope.now),
    }


def _chips(scope: PageContext, chosen: str, q: str, tally: dict[str, int]) -> list[dict[str, Any]]:
    return [
        {"label": label, "count": tally[state], "is_current": state == chosen,
         "url": scope.url("company-reviews", state=state, q=q)}
        for state, label in reviews.STATES.items()
    ]  # fmt: skip


def _review_or_404(scope: PageContext, review_id: int) -> Review:
    reviews_of_campaign = Review.objects.filter(campaign=scope.required_campaign).select_related("employee__node")
    return get_object_or_404(reviews_of_campaign.prefetch_related("contacts"), pk=review_id)


@require_safe
def detail(request: HttpRequest, review_id: int) -> HttpResponse:
    """One review: the standing in numbers, the recorded facts of the ticked contacts, and the answer or its form."""
    scope = hr_scope(request)
    review = _review_or_404(scope, review_id)
    return _show(scope, review, _form(review))


def _form(review: Review, data: Any = None) -> AnswerForm:
    choices: list[tuple[str, Any]] = [(REASON, _("With a reason"))]
    ways = {Review.Kind.ADJUSTMENT: _("By an adjustment"), Review.Kind.CORRECTION: _("By a correction")}
    for kind, way in ways.items():
        decisions = linked_decisions.decisions_for(kind, review.campaign, review.employee)
        choices += [(f"{kind}:{decision.id}", f"{way} · {decision.text}") for decision in decisions]
    return AnswerForm(data, choices=choices)


def _show(scope: PageContext, review: Review, form: AnswerForm, status: int = 200, unsent: str = "") -> HttpResponse:
    employee, campaign = review.employee, scope.required_campaign
    # Personal text and days: the audit trail shows which HR member has read them.
    audit("review.read", by=scope.user.actor, kind="review", id=review.pk, label=str(employee))
    standings = scope.standings(report_people.OneEmployee(employee))
    row = standings.row_of(employee.pk)
    counts = employee_detail.reason_counts(campaign, employee, standings.now)
    context = {
        **_line(scope, review),
        "form": form,
        "card": card_of(scope, row, []) if row else None,
        "reason_counts": [(code, counts[code]) for code in rules.REASONS if counts.get(code)],
        "decision": _linked_decision(review),
        "own": review.employee_id == scope.user.employee_id,
        "without_employee": scope.employee is None,
        "unsent": unsent,
    }
    return render(scope, "company/review.html", context, status=status)


def _linked_decision(review: Review) -> Any:
    kind = review.answer_kind
    decisions = linked_decisions.decisions_for(kind, review.campaign, review.employee) if kind else []
    return next((decision for decision in decisions if decision.id == review.answer_subject_id), None)


@require_POST
def answer(request: HttpRequest, review_id: int) -> HttpResponse:
    """Answer. If another HR member was faster, the page shows that answer beside the unsent text."""
    scope = hr_scope(request)
    review = _review_or_404(scope, review_id)
    form = _form(review, request.POST)
    if not form.is_valid():
        return _show(scope, review, form, 422)
    text = form.cleaned_data["text"]
    try:
        services.answer_review(
            review_id=review.pk, answerer=scope.required_employee, kind=form.kind, text=text,
            subject_id=form.subject_id, by=scope.user.actor,
        )  # fmt: skip
    except Refused as refused:
        # The typed answer must not be lost because a colleague was faster.
        if refused.code in ("answered", "withdrawn"):
            messages.warning(request, _("Not sent: %(why)s") % {"why": refused.message})
            return _show(scope, _review_or_404(scope, review_id), form, 409, unsent=text)
        form.refuse({"subject": "answer", "kind": "answer"}.get(refused.field, refused.field), refused.message)
        return _show(scope, review, form, 422)
    messages.success(request, _("Answered. The employee is notified by e-mail."))
    return redirect(scope.url("company-reviews"))


@require_safe
def reviews_csv(request: HttpRequest) -> FileResponse:
    """All reviews of the campaign with state and deadline; never an employee's text."""
    scope = hr_scope(request)
    campaign = scope.required_campaign
    reviews = event_exports.reviews_table(campaign, scope.now)
    export_request = export_requests.ExportRequest(kind=Export.Kind.REVIEWS, as_of=scope.now)
    return csv_download(scope, reviews.write, export_request, "reviews", campaign.slug)
