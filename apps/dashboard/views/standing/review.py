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

from apps.dashboard.forms.reviews import ReviewForm, numbers
from apps.dashboard.labels import reviews as labels_reviews
from apps.dashboard.views.contacts.contact_list import QUERY_LIMIT, searched
from apps.dashboard.views.page_context import PageContext, render
from apps.dashboard.views.standing.my_standing import own_contacts
from apps.reviews import linked_decisions, services
from apps.reviews.models import Review
from apps.standings import population

MAX_REVIEWS = 20
PAGE = 20
LAST_PAGE = 10_000


@dataclass(frozen=True)
class Asked:
    """One of the reader's reviews: the ticked contacts with their recorded facts, the answer, the deadline."""

    review: Any
    ticked: list[tuple[Any, Any]]
    act: Any
    day: str
    left: str
    overdue: bool


@require_safe
def index(request: HttpRequest) -> HttpResponse:
    """All reviews in this campaign with their state, newest first."""
    scope = PageContext(request)
    asked = _asked(scope) if scope.campaign else []
    context = {"asked": asked, "can_ask": can_ask_now(scope) and not (asked and asked[0].review.closed_at is None)}
    return render(scope, "standing/review.html", context)


def _asked(scope: PageContext) -> list[Asked]:
    employee, campaign = scope.the_employee, scope.the_campaign
    newest = Review.objects.filter(employee=employee, campaign=campaign).order_by("-asked_at", "-id")
    reviews = list(newest.prefetch_related("contacts")[:MAX_REVIEWS])
    ids = [tick.contact_id for review in reviews for tick in review.contacts.all()]
    own = {contact.pk: contact for contact in own_contacts(scope).filter(pk__in=ids)}
    acts = {
        (kind, act.id): act
        for kind in Review.Kind.values
        for act in linked_decisions.decisions_for(kind, campaign, employee)
    }
    return [
        Asked(
            review=review,
            ticked=[(tick, own.get(tick.contact_id)) for tick in review.contacts.all()],
            act=acts.get((review.answer_kind or "", review.answer_subject_id or 0)),
            day=labels_reviews.reply_day(review, scope.zone),
            left=labels_reviews.reply_left(review, scope.now, scope.zone),
            overdue=review.is_overdue(scope.now),
        )
        for review in reviews
    ]


def can_ask_now(scope: PageContext) -> bool:
    """Whether the campaign accepts reviews; the service checks the reader's standing."""
    return scope.campaign is not None and services.can_ask(scope.campaign, scope.now)


@require_http_methods(["GET", "HEAD", "POST"])
def ask(request: HttpRequest) -> HttpResponse:
    """The form and its submission. A refused form comes back filled, ticks included."""
    scope = PageContext(request)
    employee = scope.the_employee
    if request.method != "POST":
        if Review.objects.filter(campaign=scope.campaign, employee=employee, closed_at=None).exists():
            return redirect(scope.url("review"))
        return _form(scope, ReviewForm(), numbers(request.GET.getlist("contact")))
    form, ticked = ReviewForm(request.POST), numbers(request.POST.getlist("contact"))
    if form.is_valid():
        try:
            services.ask_review(
                campaign=scope.the_campaign, employee=employee, text=form.cleaned_data["text"], contacts=ticked,
                key=form.cleaned_data["key"], by=scope.user.actor,
            )  # fmt: skip
        except services.ReviewRefused as refused:
            form.refuse(refused.field, refused.message)
        else:
            messages.success(request, _("HR has your question. You see here when it is answered."))
            return redirect(scope.url("review"))
    return _form(scope, form.refused(), ticked, status=422)


@require_POST
def choose(request: HttpRequest) -> HttpResponse:
    """The form again with another search or page of contacts; text and ticks stay."""
    scope = PageContext(request)
    typed = {name: request.POST.get(name, "") for name in ReviewForm.base_fields}
    form = ReviewForm(initial={name: text for name, text in typed.items() if text})
    return _form(scope, form, numbers(request.POST.getlist("contact")))


def _form(scope: PageContext, form: ReviewForm, ticked: set[int], status: int = 200) -> HttpResponse:
    context: dict[str, Any] = {"form": form, "can_ask": can_ask_now(scope), "reply_days": settings.REVIEW_REPLY_DAYS}
    if context["can_ask"]:
        context["row"] = scope.standings(population.OneEmployee(scope.the_employee)).one(scope.the_employee.pk)
        context |= _offered(scope, ticked)
    return render(scope, "standing/review_request.html", context, status=status)


def _offered(scope: PageContext, ticked: set[int]) -> dict[str, Any]:
    """The ticked contacts, and one page of the others: not counting first, then ended, then the rest.

    By page number, not by keyset: the order depends on reasons that are evaluated for all of them at every request.
    """
    form_data = scope.request.POST
    q, number = form_data.get("q", "").strip().replace("\0", "")[:QUERY_LIMIT], form_data.get("page", "")
    page = max(1, min(int(number), LAST_PAGE)) if number.isascii() and number.isdigit() and len(number) < 9 else 1
    own = own_contacts(scope)
    counts, ended = When(reason="", then=Value(2)), When(reason="ended", then=Value(1))
    rank = Case(counts, ended, default=Value(0), output_field=IntegerField())
    others = own.exclude(pk__in=ticked)
    others = searched(scope.the_employee, others, q) if q else others
    begin = (page - 1) * PAGE
    rows = list(others.alias(rank=rank).order_by("rank", "-recorded_at", "-id")[begin : begin + PAGE + 1])
    return {
        "chosen": own.filter(pk__in=ticked),
        "others": rows[:PAGE],
        "q": q,
        "next": page + 1 if len(rows) > PAGE else 0,
        "previous": page - 1,
        "until": services.ask_until(scope.the_campaign),
    }


@require_POST
def withdraw(request: HttpRequest, review_id: int) -> HttpResponse:
    """Withdraw the review. If HR has answered it already, the page says so."""
    scope = PageContext(request)
    try:
        services.withdraw_review(review_id=review_id, employee=scope.the_employee, by=scope.user.actor)
    except Review.DoesNotExist as unknown:
        raise Http404("There is no such review") from unknown
    except services.ReviewRefused as refused:
        messages.warning(request, refused.message)
    else:
        messages.info(request, _("Your question is withdrawn."))
    return redirect(scope.url("review"))
