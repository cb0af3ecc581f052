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
from apps.campaigns.models import Adjustment, Campaign
from apps.core.etags import request_has_etag
from apps.dashboard.chart_cards.chart_card import ChartCard
from apps.dashboard.chart_cards.curves import own_curve
from apps.dashboard.forms.base import QuickAddForm
from apps.dashboard.labels import rules as rule_labels
from apps.dashboard.views.page_context import PageContext, render
from apps.dashboard.views.standing.about import announcement_of
from apps.dashboard.views.standing.forecast import forecast_of, what_if, what_if_context
from apps.dashboard.views.standing.standing_card import Card, card_of, is_prorated, period_of
from apps.dashboard.views.standing.summary_lines import SummaryLine, summary_lines
from apps.notifications.models import HelpOffer
from apps.reports import adjustments, campaigns, employee_detail, own_page, standings_report
from apps.reviews import services
from apps.reviews.models import Review
from apps.standings import report_people

LATEST_CONTACTS, EXAMPLES_PER_REASON = 5, 3


@dataclass(frozen=True)
class OwnSummary:
    """The reader's standing with its curve and status changes, their contacts by reason, and what HR decided on it."""

    standing: own_page.OwnStanding
    contacts: own_page.OwnContacts
    review: Review | None
    can_request_review: bool
    adjustments: list[Any]
    corrections: list[Any]

    @property
    def has_contacts(self) -> bool:
        return bool(self.standing.row.counted or self.not_counting)

    @property
    def not_counting(self) -> int:
        """Active contacts that do not count, which can still be fixed."""
        return sum(count for reason, count in self.contacts.by_reason.items() if reason not in ("", "ended"))


def own_contacts(scope: PageContext, at: datetime | None = None) -> QuerySet[Any]:
    """The reader's contacts, each with its reason at `at` (default: the request's now), newest first."""
    contacts = employee_detail.contacts_with_reason(scope.campaign, scope.required_employee, at or scope.now)
    # By id too: contacts of one file have the same time.
    return contacts.order_by("-recorded_at", "-id")


@dataclass(frozen=True)
class OwnResult:
    """The reader's row of a frozen result, and how many contacts counted at the cut-off in the list below it."""

    row: Any
    contacts: int
    corrected: bool

    @property
    def agrees(self) -> bool:
        return bool(self.row.counted == self.contacts)


def own_result(scope: PageContext) -> OwnResult | None:
    """None while there is no result, or when the reader is not in it."""
    if scope.result is None or scope.employee is None:
        return None
    reader = report_people.OneEmployee(scope.employee)
    row = standings_report.Standings(scope.required_campaign, reader, result=scope.result).row_of(scope.employee.pk)
    if row is None:
        return None
    counts = employee_detail.reason_counts(scope.campaign, scope.employee, scope.now)
    corrections = employee_detail.corrections_of(scope.result, scope.employee)
    return OwnResult(row, counts.get("", 0), corrected=bool(corrections))


def load_summary(scope: PageContext, contacts: own_page.OwnContacts) -> OwnSummary | None:
    """None when there is no campaign, or the reader is not in its population."""
    campaign, employee = scope.campaign, scope.employee
    if campaign is None or employee is None:
        return None
    standings = standings_report.Standings(
        campaign, report_people.OneEmployee(employee), result=scope.result, show_reviews=True, now=scope.now
    )
    standing = own_page.own_standing(standings, employee)
    if standing is None:
        return None
    # Most employees have neither a review nor an adjustment, so one flag each saves two queries.
    reviews = Review.objects.filter(campaign=campaign, employee=employee).order_by("-asked_at")
    in_force: dict[int, list[Adjustment]] = {}
    if standing.has_adjustments:
        in_force = adjustments.adjustments_by_employee(campaign, [employee.pk], scope.now)
    return OwnSummary(
        standing,
        contacts,
        review=reviews.first() if standing.has_reviews else None,
        can_request_review=services.can_request_review(campaign, scope.now),
        adjustments=in_force.get(employee.pk, []),
        corrections=employee_detail.corrections_of(scope.result, employee) if scope.result else [],
    )


def load_contacts(
    scope: PageContext, at: datetime | None = None, *, latest: int = LATEST_CONTACTS, each: int = EXAMPLES_PER_REASON
) -> own_page.OwnContacts:
    """The reader's contacts at `at` (default: the request's now), and their changes since the end of yesterday."""
    return own_page.own_contacts(
        scope.campaign, scope.required_employee, at or scope.now, before=_yesterday(scope), latest=latest, each=each
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
    if "per_day" in request.GET and getattr(request, "htmx", False):
        return what_if(scope)
    return standing_page(scope, QuickAddForm(), poll_quickly="added" in request.GET)


def standing_page(
    scope: PageContext, form: QuickAddForm, *, poll_quickly: bool = False, status: int = 200
) -> HttpResponse:
    contacts = load_contacts(scope)
    own = load_summary(scope, contacts)
    context: dict[str, Any] = {"form": form, "poll_quickly": poll_quickly, **contact_groups(contacts)}
    if own:
        context |= _card_context(scope, own)
        # Without a curve there is no box for the chart: then the form is sent as a whole page, which returns with one.
        context["chart"] = _chart(scope, own, context) if own.standing.row.counted else None
        context |= what_if_context(context["forecast"], scope.request.GET)
        context["status_changes"] = own.standing.status_changes
        context["help_offers"] = _help_offers(scope) if own.standing.has_help_offers else []
    elif scope.campaign:
        context["period"] = period_of(scope)
        context["before_opening"] = not context["period"].opened and selectors.covers(scope.campaign, scope.user)
    if scope.campaign:
        if scope.campaign.state != Campaign.State.FROZEN:
            context["shown"] = announcement_of(scope, unread=True)
        changes = campaigns.recent_rule_changes(scope.campaign, scope.now)
        context["changes"] = [
            rule_labels.notice(rule, rule_draft.changed_columns(before, rule)) for before, rule in changes
        ]
        context["rule"] = rule_labels.in_words(scope.campaign.name, scope.rule)
        context["rule_version"] = rule_labels.version_of(scope.rule)
    context["can_add"] = _can_add(scope, context)
    return render(scope, "standing/my_standing.html", context, status=status)


def _help_offers(scope: PageContext) -> list[HelpOffer]:
    offers = HelpOffer.objects.open().filter(employee=scope.employee, campaign=scope.campaign)
    return list(offers.order_by("-offered_at", "-pk"))


def _can_add(scope: PageContext, context: dict[str, Any]) -> bool:
    """Whether the page has the form: not before the opening, and with a standing not after the deadline."""
    if scope.campaign and "card" in context:
        return scope.campaign.state == Campaign.State.OPEN and not context["card"].period.ended
    return not context.get("before_opening")


def _chart(scope: PageContext, own: OwnSummary, context: dict[str, Any]) -> ChartCard:
    forecast = context["forecast"]
    return own_curve(scope, context["card"], own.standing.days, forecast.ahead if forecast else ())


def _card_context(scope: PageContext, own: OwnSummary) -> dict[str, Any]:
    card = card_of(scope, own.standing.row, own.standing.days)
    forecast = forecast_of(scope, card, own.standing.days, own.standing.forecast)
    line = forecast.line() if forecast else None
    lines = summary_lines(scope, card, own.contacts.changes, own.not_counting, line)
    return {
        "card": card, "own": own, "forecast": forecast, "lines": lines, "etag": _etag(scope, own, card, lines),
        "prorated": is_prorated(scope, own.standing.row, own.adjustments),
    }  # fmt: skip


@dataclass
class ReasonGroup:
    """One reason why contacts do not count: how many have it, and the newest of them."""

    code: str
    contacts: int
    newest: list[Any]


def contact_groups(contacts: own_page.OwnContacts) -> dict[str, Any]:
    """The newest contacts, and the active ones that do not count, by reason."""
    by_reason = contacts.fixable
    ordered = [
        ReasonGroup(code, contacts.by_reason[code], by_reason[code]) for code in rules.REASONS if code in by_reason
    ]
    return {"latest": contacts.latest, "fixable": ordered}


@require_safe
def standing(request: HttpRequest) -> HttpResponse:
    """The standing card alone, for polling: 304 while nothing changed."""
    scope = PageContext(request)
    # The card needs the numbers alone; most polls end with 304.
    own = load_summary(scope, load_contacts(scope, latest=0, each=0)) if scope.employee else None
    if own is None:
        raise Http404("There is no standing")
    context = _card_context(scope, own)
    etag = context["etag"]
    if request_has_etag(request, etag):
        response: HttpResponse = HttpResponseNotModified()
        add_never_cache_headers(response)
    else:
        response = render(scope, "standing/_standing_card.html", context)
    response["ETag"] = etag
    # A 304 has no body, so the script takes the new time from here.
    response["X-As-Of"] = scope.now.astimezone(scope.zone).strftime("%H:%M")
    return response


def _etag(scope: PageContext, own: OwnSummary, card: Card, lines: list[SummaryLine]) -> str:
    """Everything on the standing card except the time of the request."""
    row = own.standing.row
    shown = (
        card.state,
        *(row.counted, row.target, row.red, row.exempt, row.stale, row.pace, card.gap),
        *(row.under_review, own.can_request_review, own.review is not None),
        # The language: after a switch the same numbers need other words.
        *(own.not_counting, scope.rule.version, get_language()),
        *lines,
        # Whether it has begun: the card then shows another target, although no row changed.
        *((adjustment.pk, adjustment.ended_at, adjustment.starts_at < scope.now) for adjustment in own.adjustments),
    )
    return f'"{hashlib.sha256(repr(shown).encode()).hexdigest()[:24]}"'
