"""`/review/`: the reader's questions about the own standing. Only here do ticked contacts have their names."""

from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.db.models import Case, IntegerField, Value, When
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from apps.core.errors import Refused
from apps.dashboard.forms.reviews import ReviewForm, numbers
from apps.dashboard.labels import reviews as labels_reviews
from apps.dashboard.views.contacts.contact_list import searched
from apps.dashboard.views.list_pages import text_param
from apps.dashboard.views.page_context import PageContext, render
from apps.dashboard.views.standing.my_standing import own_contacts
from apps.reviews import linked_decisions, services
from apps.reviews.models import Review
from apps.standings import report_people

MAX_REVIEWS = 20
PAGE = 20
LAST_PAGE = 10_000


@dataclass(frozen=True)
class OwnReview:
    """One of the reader's reviews: the ticked contacts with their recorded facts, the answer, the deadline."""

    review: Any
    ticked: list[tuple[Any, Any]]
    decision: Any
    day: str
    left: str
    overdue: bool


@require_safe
def index(request: HttpRequest) -> HttpResponse:
    scope = PageContext(request)
    reviews = _own_reviews(scope) if scope.campaign else []
    context = {
        "reviews": reviews,
        "can_request_review": can_ask_now(scope) and not (reviews and reviews[0].review.closed_at is None),
    }
    return render(scope, "standing/review.html", context)


def _own_reviews(scope: PageContext) -> list[OwnReview]:
    employee, campaign = scope.required_employee, scope.required_campaign
    newest = Review.objects.filter(employee=employee, campaign=campaign).order_by("-asked_at", "-id")
    reviews = list(newest.prefetch_related("contacts")[:MAX_REVIEWS])
    ids = [tick.contact_id for review in reviews for tick in review.contacts.all()]
    own = {contact.pk: contact for contact in own_contacts(scope).filter(pk__in=ids)}
    decisions = {
        (kind, decision.id): decision
        for kind in Review.Kind.values
        for decision in linked_decisions.decisions_for(kind, campaign, employee)
    }
    return [
        OwnReview(
            review=review,
            ticked=[(tick, own.get(tick.contact_id)) for tick in review.contacts.all()],
            decision=decisions.get((review.answer_kind or "", review.answer_subject_id or 0)),
            day=labels_reviews.reply_day(review, scope.zone),
            left=labels_reviews.reply_left(review, scope.now, scope.zone),
            overdue=review.is_overdue(scope.now),
        )
        for review in reviews
    ]


def can_ask_now(scope: PageContext) -> bool:
    """Whether the campaign accepts reviews; the service checks the reader's standing."""
    return scope.campaign is not None and services.can_request_review(scope.campaign, scope.now)


@require_http_methods(["GET", "HEAD", "POST"])
def ask(request: HttpRequest) -> HttpResponse:
    """The form and its submission. A refused form comes back filled, ticks included."""
    scope = PageContext(request)
    employee = scope.required_employee
    if request.method != "POST":
        if Review.objects.filter(campaign=scope.campaign, employee=employee, closed_at=None).exists():
            return redirect(scope.url("review"))
        return _form(scope, ReviewForm(), numbers(request.GET.getlist("contact")))
    form, ticked = ReviewForm(request.POST), numbers(request.POST.getlist("contact"))
    if form.is_valid():
        with form.showing_refusals():
            services.request_review(
                campaign=scope.required_campaign, employee=employee, contacts=ticked, by=scope.user.actor,
                **form.cleaned_data,
            )  # fmt: skip
            messages.success(request, _("HR has received your request. The answer will appear on this page."))
            return redirect(scope.url("review"))
    return _form(scope, form.with_new_key(), ticked, status=422)


@require_POST
def choose(request: HttpRequest) -> HttpResponse:
    """The form again with another search or page of contacts; text and ticks stay."""
    scope = PageContext(request)
    typed = {name: request.POST.get(name, "") for name in ReviewForm.base_fields}
    # As initial values, not as data: a search must not show errors of a form that was not sent.
    form = ReviewForm(initial={name: text for name, text in typed.items() if text})
    return _form(scope, form, numbers(request.POST.getlist("contact")))


def _form(scope: PageContext, form: ReviewForm, ticked: set[int], status: int = 200) -> HttpResponse:
    context: dict[str, Any] = {
        "form": form,
        "can_request_review": can_ask_now(scope),
        "reply_days": settings.REVIEW_REPLY_DAYS,
    }
    if context["can_request_review"]:
        context["row"] = scope.standings(report_people.OneEmployee(scope.required_employee)).row_of(
            scope.required_employee.pk
        )
        context |= _offered(scope, ticked)
    return render(scope, "standing/review_request.html", context, status=status)


def _offered(scope: PageContext, ticked: set[int]) -> dict[str, Any]:
    """The ticked contacts, and one page of the others: not counting first. Ended ones only where the form wants them.

    By page number, not by keyset: the order depends on reasons that are evaluated for all of them at every request.
    """
    form_data = scope.request.POST
    q, number = text_param(form_data, "q"), form_data.get("page", "")
    page = max(1, min(int(number), LAST_PAGE)) if number.isascii() and number.isdigit() and len(number) < 9 else 1
    own, with_ended = own_contacts(scope), "ended" in form_data
    counts, ended = When(reason="", then=Value(2)), When(reason="ended", then=Value(1))
    rank = Case(counts, ended, default=Value(0), output_field=IntegerField())
    unticked = own.exclude(pk__in=ticked)
    unticked = unticked if with_ended else unticked.exclude(reason="ended")
    unticked = searched(scope.required_employee, unticked, q) if q else unticked
    begin = (page - 1) * PAGE
    rows = list(unticked.alias(rank=rank).order_by("rank", "-recorded_at", "-id")[begin : begin + PAGE + 1])
    return {
        "ticked": own.filter(pk__in=ticked),
        "unticked": rows[:PAGE],
        "q": q,
        "with_ended": with_ended,
        "has_ended": with_ended or own.filter(reason="ended").exists(),
        "next": page + 1 if len(rows) > PAGE else 0,
        "previous": page - 1,
        "until": services.requests_until(scope.required_campaign),
    }


@require_POST
def withdraw(request: HttpRequest, review_id: int) -> HttpResponse:
    """Withdraw the review. If HR has answered it already, the page says so."""
    scope = PageContext(request)
    try:
        services.withdraw_review(review_id=review_id, employee=scope.required_employee, by=scope.user.actor)
    except Review.DoesNotExist as unknown:
        raise Http404("There is no such review") from unknown
    except Refused as refused:
        messages.warning(request, refused.message)
    else:
        messages.info(request, _("Your request is withdrawn."))
    return redirect(scope.url("review"))
