"""`/`: the reader's own standing, and the part of it that polls."""

import hashlib
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotModified
from django.utils.cache import add_never_cache_headers
from django.utils.translation import get_language
from django.views.decorators.http import require_safe

from apps.campaigns import rule_draft, rules, selectors
from apps.campaigns.models import Campaign
from apps.dashboard.chart_cards.curves import own_curve
from apps.dashboard.forms.base import QuickAddForm
from apps.dashboard.labels import rules as rule_labels
from apps.dashboard.views.page_context import PageContext, fragment, render, request_has
from apps.dashboard.views.standing.standing_card import Card, card_of, period_of
from apps.dashboard.views.standing.summary_lines import Line, readout
from apps.reports import adjustments, campaigns, employee_detail, own_page, standings_report
from apps.reviews import services
from apps.reviews.models import Review
from apps.standings import population

LATEST, EXAMPLES = 5, 3


@dataclass(frozen=True)
class OwnSummary:
    """The reader's numbers: the verdict's row, its curve, active contacts by reason, adjustments.

    `changes`: what happened to contacts since the end of yesterday; None once nothing can change.
    """

    row: Any
    days: list[Any]
    flips: list[Any]
    by_reason: dict[str, int]
    asked: Any
    can_ask: bool
    terms: list[Any]
    moved: list[employee_detail.ReasonChange] | None
    corrections: list[Any]

    @property
    def begun(self) -> bool:
        """Whether the reader has any contact that has not ended."""
        return bool(self.row.counted or self.not_counting)

    @property
    def not_counting(self) -> int:
        """Active contacts that do not count, which can still be fixed."""
        return sum(count for reason, count in self.by_reason.items() if reason not in ("", "ended"))


def own_contacts(scope: PageContext, at: datetime | None = None) -> QuerySet[Any]:
    """The reader's contacts, each with its reason at `at` (default: the request's now), newest first."""
    contacts = employee_detail.contacts_with_reason(scope.campaign, scope.the_employee, at or scope.now)
    return contacts.order_by("-recorded_at", "-id")


def counts_by_reason(scope: PageContext) -> dict[str, int]:
    return employee_detail.reason_counts(scope.campaign, scope.the_employee, scope.now)


@dataclass(frozen=True)
class Final:
    """The reader's row of a frozen result, and how many contacts counted at the cut-off in the list below it."""

    row: Any
    contacts: int
    corrected: bool

    @property
    def agrees(self) -> bool:
        return bool(self.row.counted == self.contacts)


def final_line(scope: PageContext) -> Final | None:
    """None while there is no result, or when the reader is not in it."""
    if scope.result is None or scope.employee is None:
        return None
    row = standings_report.Standings(
        scope.the_campaign, population.OneEmployee(scope.employee), result=scope.result
    ).one(scope.employee.pk)
    if row is None:
        return None
    fixed = employee_detail.corrections_of(scope.result, scope.employee)
    return Final(row, counts_by_reason(scope).get("", 0), corrected=bool(fixed))


def load_summary(scope: PageContext, contacts: own_page.OwnContacts) -> OwnSummary | None:
    """None when there is no campaign, or the reader is not in its population."""
    campaign, employee = scope.campaign, scope.employee
    if campaign is None or employee is None:
        return None
    standings = standings_report.Standings(
        campaign, population.OneEmployee(employee), result=scope.result, show_reviews=True, now=scope.now
    )
    standing_data = own_page.own_standing(standings, employee)
    if standing_data is None:
        return None
    # Most employees have neither, so one flag saves two queries.
    reviews = Review.objects.filter(campaign=campaign, employee=employee).order_by("-asked_at")
    asked = reviews.first() if standing_data.asked else None
    terms = (
        adjustments.terms_of(campaign, [employee.pk], scope.now).get(employee.pk, []) if standing_data.adjusted else []
    )
    fixed = employee_detail.corrections_of(scope.result, employee) if scope.result else []
    can_ask = services.can_ask(campaign, scope.now)
    return OwnSummary(
        standing_data.row,
        standing_data.days,
        standing_data.flips,
        contacts.by_reason,
        asked,
        can_ask,
        terms,
        contacts.changes,
        fixed,
    )


def load_contacts(
    scope: PageContext, at: datetime | None = None, *, latest: int = LATEST, each: int = EXAMPLES
) -> own_page.OwnContacts:
    """The reader's contacts at `at` (default: the request's now), and their changes since the end of yesterday."""
    return own_page.own_contacts(
        scope.campaign, scope.the_employee, at or scope.now, before=_yesterday(scope), latest=latest, each=each
    )


def _yesterday(scope: PageContext) -> datetime | None:
    """Its end in the campaign's zone; None once nothing can change."""
    if scope.campaign is None or scope.campaign.state != Campaign.State.OPEN:
        return None
    rule = scope.rule
    return rules.start_of_day(scope.today, rule.time_zone) if rule.opens_at <= scope.now < rule.cutoff_at else None


@require_safe
def me(request: HttpRequest) -> HttpResponse:
    """The home page: counted contacts, contacts and time left, red or not, the next step."""
    scope = PageContext(request)
    if scope.employee is None:
        return render(scope, "standing/no_employee.html")
    return page(scope, QuickAddForm(), hurry="added" in request.GET)


def page(scope: PageContext, form: QuickAddForm, *, hurry: bool = False, status: int = 200) -> HttpResponse:
    contacts = load_contacts(scope)
    own = load_summary(scope, contacts)
    context: dict[str, Any] = {"form": form, "hurry": hurry, **lists(contacts)}
    if own:
        context |= _shown(scope, own)
        # Without a curve there is no box for the chart: then the form is sent as a whole page, which returns with one.
        context["picture"] = own_curve(scope, context["card"], own.days) if own.row.counted else None
        context["flips"] = own.flips
    elif scope.campaign:
        context["period"] = period_of(scope)
        context["waiting"] = not context["period"].opened and selectors.covers(scope.campaign, scope.user)
    if scope.campaign:
        changes = campaigns.fresh_changes(scope.campaign, scope.now)
        context["changes"] = [rule_labels.notice(rule, rule_draft.changed(before, rule)) for before, rule in changes]
        context["rule"] = rule_labels.in_words(scope.campaign.name, scope.rule)
        context["rule_version"] = rule_labels.version_of(scope.rule)
    return render(scope, "standing/my_standing.html", context, status=status)


def _shown(scope: PageContext, own: OwnSummary) -> dict[str, Any]:
    """Context of the standing card."""
    card = card_of(scope, own.row, own.days)
    lines = readout(scope, card, own.moved, own.not_counting)
    return {"card": card, "own": own, "lines": lines, "etag": _etag(scope, own, card, lines)}


@dataclass
class Reason:
    """One reason why contacts do not count: how many have it, and the newest of them."""

    code: str
    contacts: int
    newest: list[Any]


def lists(contacts: own_page.OwnContacts) -> dict[str, Any]:
    """The newest contacts, and the active ones that do not count, by reason."""
    by_reason = contacts.fixable
    ordered = [Reason(code, contacts.by_reason[code], by_reason[code]) for code in rules.REASONS if code in by_reason]
    return {"latest": contacts.latest, "mendable": ordered}


@require_safe
def standing(request: HttpRequest) -> HttpResponse:
    """The standing card alone, for polling: 304 while nothing changed."""
    scope = PageContext(request)
    own = load_summary(scope, load_contacts(scope, latest=0, each=0)) if scope.employee else None
    if own is None:
        raise Http404("There is no standing")
    shown = _shown(scope, own)
    etag = shown["etag"]
    if request_has(request, etag):
        response: HttpResponse = HttpResponseNotModified()
        add_never_cache_headers(response)
    else:
        response = fragment(scope, "standing/_standing_card.html", shown)
    response["ETag"] = etag
    response["X-As-Of"] = scope.now.astimezone(scope.zone).strftime("%H:%M")
    return response


def _etag(scope: PageContext, own: OwnSummary, card: Card, lines: list[Line]) -> str:
    """Everything on the standing card except the time of the request."""
    row = own.row
    shown = (
        card.state,
        *(row.counted, row.target, row.red, row.exempt, row.stale, row.pace, card.gap),
        *(row.under_review, own.can_ask, own.asked is not None),
        *(own.not_counting, scope.rule.version, get_language()),
        *lines,
        *((term.pk, term.ended_at, term.starts_at < scope.now) for term in own.terms),
    )
    return f'"{hashlib.sha256(repr(shown).encode()).hexdigest()[:24]}"'
