"""`/company/reviews/`: HR reads and answers reviews. It sees the recorded facts of ticked contacts, never a contact."""

from typing import Any

from django.contrib import messages
from django.db.models import Count, Exists, OuterRef, Q, QuerySet
from django.http import FileResponse, Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.text import Truncator
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from apps.accounts.access_log import note_found
from apps.campaigns import rules
from apps.core.audit import audit
from apps.dashboard.forms.reviews import REASON, AnswerForm
from apps.dashboard.labels import reviews
from apps.dashboard.views.company.company import hr_scope
from apps.dashboard.views.contacts.contact_list import QUERY_LIMIT
from apps.dashboard.views.page_context import PageContext, render
from apps.dashboard.views.standing.standing_card import card_of
from apps.dashboard.views.team.standings_list import csv_download
from apps.employees.models import Employee
from apps.exports import build_export, event_exports
from apps.exports.models import Export
from apps.reports import employee_detail
from apps.reviews import linked_decisions, services
from apps.reviews.models import Review
from apps.standings import population

PAGE = 50
SAYS = 100


@require_safe
def index(request: HttpRequest) -> HttpResponse:
    """The reviews in one state, by due date; every state with its number."""
    scope = hr_scope(request)
    if scope.campaign is None:
        return render(scope, "no_campaign.html", {})
    state = request.GET.get("state", "")
    state = state if state in reviews.STATES else "open"
    q = request.GET.get("q", "").strip().replace("\0", "")[:QUERY_LIMIT]
    matching = _searched(Review.objects.filter(campaign=scope.campaign), q)
    after = request.GET.get("after", "")
    chosen = _behind(scope, matching.in_state(state, scope.now).by_due(state), state, after)
    employed = Employee.objects.employed_at(scope.now).filter(pk=OuterRef("employee_id"))
    annotated = chosen.annotate(ticked=Count("contacts"), employed=Exists(employed))
    rows = list(annotated.select_related("employee__node")[: PAGE + 1])
    if q and not after and len(rows) <= PAGE:
        note_found(scope.user, {review.employee_id for review in rows}, "standing")
    context = {
        "rows": [_line(scope, review) for review in rows[:PAGE]],
        "chips": _chips(scope, state, q, matching.tally(scope.now)),
        "state": state,
        "q": q,
        "next": scope.url("company-reviews", state=state, q=q, after=rows[PAGE - 1].pk) if len(rows) > PAGE else "",
        "first": scope.url("company-reviews", state=state, q=q) if after else "",
    }
    return render(scope, "company/reviews.html", context)


def _searched(reviews: QuerySet[Review], q: str) -> Any:
    return reviews.filter(Q(employee__name__icontains=q) | Q(employee__staff_no__icontains=q)) if q else reviews


def _behind(scope: PageContext, reviews: Any, state: str, after: str) -> Any:
    """The rows after one of this campaign's reviews; 404 for another number."""
    if not after:
        return reviews
    try:
        last = Review.objects.get(pk=int(after), campaign=scope.the_campaign)
    except (ValueError, OverflowError, Review.DoesNotExist) as unknown:
        raise Http404("There is no such page") from unknown
    if state in ("open", "overdue"):
        return reviews.filter(Q(due_at__gt=last.due_at) | Q(due_at=last.due_at, pk__gt=last.pk))
    return reviews.filter(Q(due_at__lt=last.due_at) | Q(due_at=last.due_at, pk__lt=last.pk))


def _line(scope: PageContext, review: Any) -> dict[str, Any]:
    return {
        "review": review,
        "url": scope.url("company-review", review.pk),
        "day": reviews.reply_day(review, scope.zone),
        "left": reviews.reply_left(review, scope.now, scope.zone),
        "overdue": review.is_overdue(scope.now),
        "says": Truncator(review.text).chars(SAYS),
    }


def _chips(scope: PageContext, chosen: str, q: str, tally: dict[str, int]) -> list[dict[str, Any]]:
    return [
        {"label": label, "count": tally[state], "here": state == chosen,
         "url": scope.url("company-reviews", state=state, q=q)}
        for state, label in reviews.STATES.items()
    ]  # fmt: skip


def _one(scope: PageContext, review_id: int) -> Review:
    """A review of the page's campaign; 404 for any other."""
    reviews_of_campaign = Review.objects.filter(campaign=scope.the_campaign).select_related("employee__node")
    review = reviews_of_campaign.prefetch_related("contacts").filter(pk=review_id).first()
    if review is None:
        raise Http404("There is no such review")
    return review


@require_safe
def detail(request: HttpRequest, review_id: int) -> HttpResponse:
    """One review: the standing in numbers, the recorded facts of the ticked contacts, and the answer or its form."""
    scope = hr_scope(request)
    review = _one(scope, review_id)
    # Personal text and days: the audit trail shows which HR member has read them.
    audit("review.read", by=scope.user.actor, kind="review", id=review.pk, label=str(review.employee))
    return _show(scope, review, _form(review))


def _form(review: Review, data: Any = None) -> AnswerForm:
    """The available kinds of answers to this review."""
    choices: list[tuple[str, Any]] = [(REASON, _("With a reason"))]
    ways = {Review.Kind.ADJUSTMENT: _("By an adjustment"), Review.Kind.CORRECTION: _("By a correction")}
    for kind, way in ways.items():
        acts = linked_decisions.decisions_for(kind, review.campaign, review.employee)
        choices += [(f"{kind}:{act.id}", f"{way} · {act.says}") for act in acts]
    return AnswerForm(data, choices=choices)


def _show(scope: PageContext, review: Review, form: AnswerForm, status: int = 200, unsent: str = "") -> HttpResponse:
    employee, campaign = review.employee, scope.the_campaign
    standings = scope.standings(population.OneEmployee(employee))
    row = standings.one(employee.pk)
    counts = employee_detail.reason_counts(campaign, employee, standings.now)
    context = {
        **_line(scope, review),
        "form": form,
        "card": card_of(scope, row, []) if row else None,
        "counts": [(code, counts[code]) for code in rules.REASONS if counts.get(code)],
        "act": _act(review),
        "own": review.employee_id == scope.user.employee_id,
        "nobody": scope.employee is None,
        "unsent": unsent,
    }
    return render(scope, "company/review.html", context, status=status)


def _act(review: Review) -> Any:
    """The decision that the answer links to."""
    acts = (
        linked_decisions.decisions_for(review.answer_kind, review.campaign, review.employee)
        if review.answer_kind
        else []
    )
    return next((act for act in acts if act.id == review.answer_subject_id), None)


@require_POST
def answer(request: HttpRequest, review_id: int) -> HttpResponse:
    """Answer. If another HR member was faster, the page shows that answer beside the unsent text."""
    scope = hr_scope(request)
    review = _one(scope, review_id)
    form = _form(review, request.POST)
    if not form.is_valid():
        return _show(scope, review, form, 422)
    text = form.cleaned_data["text"]
    try:
        services.answer_review(
            review_id=review.pk, answerer=scope.the_employee, kind=form.kind, text=text, subject_id=form.subject_id,
            by=scope.user.actor,
        )  # fmt: skip
    except services.ReviewRefused as refused:
        if refused.code in ("answered", "withdrawn"):
            messages.warning(request, _("Not sent: %(why)s") % {"why": refused.message})
            return _show(scope, _one(scope, review_id), form, 409, unsent=text)
        form.refuse({"subject": "answer", "kind": "answer"}.get(refused.field, refused.field), refused.message)
        return _show(scope, review, form, 422)
    messages.success(request, _("Answered. The person is told by mail that there is an answer."))
    return redirect(scope.url("company-reviews"))


@require_safe
def reviews_csv(request: HttpRequest) -> FileResponse:
    """All reviews of the campaign with state and deadline; never an employee's text."""
    scope = hr_scope(request)
    campaign = scope.the_campaign

    def write(piece: Any) -> None:
        event_exports.write_reviews(campaign, scope.now, piece)

    wish = build_export.ExportRequest(kind=Export.Kind.REVIEWS, as_of=scope.now)
    return csv_download(scope, write, wish, "reviews", campaign.slug)
