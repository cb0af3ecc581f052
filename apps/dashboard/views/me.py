"""`/`: the reader's own standing, and the part of it that follows the number."""

import hashlib
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotModified
from django.utils.cache import add_never_cache_headers
from django.utils.translation import get_language
from django.views.decorators.http import require_safe

from apps.dashboard.forms import QuickAddForm
from apps.dashboard.views.cards import Card, card_of, period_of
from apps.dashboard.views.pictures.curves import own_curve
from apps.dashboard.views.scope import Scope, fragment, render
from apps.quotas import reports, services
from apps.quotas.models import Review

LATEST = 5


@dataclass(frozen=True)
class Own:
    """The reader's numbers: the verdict's row, its curve, how many live contacts have which reason, adjustments."""

    standings: Any
    row: Any
    days: list[Any]
    by_reason: dict[str, int]
    asked: Any
    can_ask: bool
    terms: list[Any]

    @property
    def not_counting(self) -> int:
        """Live contacts that do not count: the ones that can still be mended."""
        return sum(count for reason, count in self.by_reason.items() if reason not in ("", "ended"))


def own_contacts(scope: Scope, at: datetime | None = None) -> QuerySet[Any]:
    """The reader's contacts, each with its reason at `at` (default: the request's now), newest first."""
    found = reports.contacts_with_reason(scope.campaign, scope.the_employee, at or scope.now)
    return found.order_by("-recorded_at", "-id")


def counts_by_reason(scope: Scope) -> dict[str, int]:
    return reports.reason_counts(scope.campaign, scope.the_employee, scope.now)


def own_numbers(scope: Scope) -> Own | None:
    """None when there is no campaign, or the reader is not in its population."""
    if scope.campaign is None or scope.employee is None:
        return None
    standings = reports.Standings(scope.campaign, reports.Only(scope.employee), result=scope.result, reviews=True)
    row = standings.one(scope.employee.pk)
    if row is None:
        return None
    asked = Review.objects.filter(campaign=scope.campaign, employee=scope.employee).order_by("-asked_at").first()
    can_ask = services.can_ask(scope.campaign, scope.now)
    terms = reports.terms_of(scope.campaign, [scope.employee.pk], scope.now).get(scope.employee.pk, [])
    return Own(standings, row, standings.curve(), counts_by_reason(scope), asked, can_ask, terms)


@require_safe
def me(request: HttpRequest) -> HttpResponse:
    """The first screen: how many, how many left, how long left, red or not, what next."""
    scope = Scope(request)
    if scope.employee is None:
        return render(scope, "dashboard/nobody.html")
    return page(scope, QuickAddForm(), hurry="added" in request.GET)


def page(scope: Scope, form: QuickAddForm, *, hurry: bool = False, status: int = 200) -> HttpResponse:
    own = own_numbers(scope)
    context: dict[str, Any] = {"form": form, "hurry": hurry, **lists(scope)}
    if own:
        card = card_of(scope, own.row, own.days)
        context |= {"card": card, "own": own, "etag": _etag(scope, own, card)}
        context["picture"] = own_curve(scope, card, own.days)
    elif scope.campaign:
        context["period"] = period_of(scope)
    return render(scope, "dashboard/me.html", context, status=status)


def lists(scope: Scope, at: datetime | None = None) -> dict[str, Any]:
    """The newest contacts, and the newest of those that do not count though they live."""
    found = own_contacts(scope, at)
    return {"latest": found[:LATEST], "mendable": found.exclude(reason__in=["", "ended"])[:LATEST]}


@require_safe
def standing(request: HttpRequest) -> HttpResponse:
    """The number alone, for the page that follows it: 304 while nothing moved (decision 42)."""
    scope = Scope(request)
    own = own_numbers(scope)
    if own is None:
        raise Http404("There is no standing")
    card = card_of(scope, own.row, own.days)
    etag = _etag(scope, own, card)
    if request.headers.get("If-None-Match") == etag:
        response: HttpResponse = HttpResponseNotModified()
        add_never_cache_headers(response)
    else:
        response = fragment(scope, "dashboard/_standing.html", {"card": card, "own": own, "etag": etag})
    response["ETag"] = etag
    response["X-As-Of"] = scope.now.astimezone(scope.zone).strftime("%H:%M")
    return response


def _etag(scope: Scope, own: Own, card: Card) -> str:
    """Everything the number's card shows but the time of the look."""
    row = own.row
    shown = (
        *(row.counted, row.target, row.red, row.exempt, row.stale, row.pace, card.gap, card.needed),
        *(row.under_review, own.can_ask, own.asked is not None),
        *(card.period.days_left, card.last_week, own.not_counting, scope.rule.version, get_language()),
        *((one.pk, one.ended_at, one.starts_at < scope.now) for one in own.terms),
    )
    return f'"{hashlib.sha256(repr(shown).encode()).hexdigest()[:24]}"'
