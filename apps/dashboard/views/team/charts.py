"""The addresses of the charts: a figure as JSON with an ETag, with the same permission as its page."""

import hashlib
import json
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotModified
from django.template.loader import render_to_string
from django.utils import timezone
from django.utils.cache import add_never_cache_headers
from django.views.decorators.http import require_safe

from apps.accounts.access_log import log_record_access, log_single_result
from apps.core.etags import request_has_etag
from apps.dashboard.chart_cards import curves
from apps.dashboard.chart_cards.chart_card import ChartCard
from apps.dashboard.charts.layout import with_hover_text
from apps.dashboard.views.company.company import company_charts, company_scope, departments_for, may_see_totals
from apps.dashboard.views.page_context import PageContext
from apps.dashboard.views.standing.forecast import forecast_of
from apps.dashboard.views.standing.standing_card import standing_of
from apps.dashboard.views.team import expected
from apps.dashboard.views.team.list_filters import filters_from_url
from apps.dashboard.views.team.team import team_charts, team_forecasts, team_visible, visible
from apps.reports import group_totals
from apps.reports.standings_report import Standings
from apps.standings import report_people


def answer(scope: PageContext, card: ChartCard) -> HttpResponse:
    """The figure with its title; 304 when the reader's script has the same one already."""
    with timezone.override(scope.zone):
        content: dict[str, Any] = {
            "title": card.title,
            "summary": card.summary,
            "figure": with_hover_text(card.figure()),
        }
        if card.live:
            table = render_to_string("components/_chart_table.html", {"chart": card})
            content |= {"preview_svg": card.preview_svg, "table": table, "note": card.note, "legend": bool(card.legend)}
    body = json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode()
    etag = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
    if request_has_etag(scope.request, etag):
        response: HttpResponse = HttpResponseNotModified()
    else:
        response = HttpResponse(body, content_type="application/json; charset=utf-8")
    response["ETag"] = etag
    add_never_cache_headers(response)
    return response


def _answer_key(scope: PageContext, charts: Mapping[str, Callable[[], ChartCard]], key: str) -> HttpResponse:
    if key not in charts:
        raise Http404("There is no such chart")
    return answer(scope, charts[key]())


@require_safe
def me(request: HttpRequest) -> HttpResponse:
    scope = PageContext(request)
    card, days = standing_of(scope, scope.required_employee)
    forecast = forecast_of(scope, card, days)
    return answer(scope, curves.own_curve(scope, card, days, forecast.ahead if forecast else ()))


@require_safe
def member(request: HttpRequest, staff_no: str) -> HttpResponse:
    scope = PageContext(request)
    employee = visible(scope, staff_no)
    log_record_access(scope.user, employee, "standing")
    return answer(scope, curves.member_curve(scope, staff_no, *standing_of(scope, employee)))


@require_safe
def team(request: HttpRequest, staff_no: str, key: str) -> HttpResponse:
    scope = PageContext(request)
    employee = team_visible(scope, staff_no)
    if not employee.is_manager:
        raise Http404("There is no team")
    standings = scope.standings(report_people.Team(employee, scope.user), filters_from_url(scope).department_only)
    _log_single_person(scope, standings)
    groups = partial(group_totals.sub_teams, standings, employee)
    forecasts = partial(team_forecasts, scope, employee, standings)
    return _answer_key(scope, team_charts(scope, employee, standings, groups, forecasts), key)


def _log_single_person(scope: PageContext, standings: Standings) -> None:
    """A chart of one person shows that person's standing."""
    if standings.totals().people == 1:
        page = standings.page(sort="staff_no", after="", limit=2)
        log_single_result(scope.user, [row.employee_id for row in page.rows], "standing")


@require_safe
def company(request: HttpRequest, key: str) -> HttpResponse:
    """An auditor sees small groups merged, without links."""
    scope = company_scope(request)
    standings = scope.standings(report_people.WholeCompany())
    if not may_see_totals(scope, standings):
        raise Http404("There is no such chart")
    departments = partial(departments_for, scope, standings)
    # An auditor reads sums of all employees: a department could be one person.
    filters = filters_from_url(scope).department_only if scope.user.has_role("hr") else None
    narrowed = scope.standings(standings.people, filters) if filters and filters.department else standings
    if narrowed is not standings:
        _log_single_person(scope, narrowed)
    forecasts = partial(expected.of_company, scope)
    return _answer_key(scope, company_charts(scope, narrowed, departments, forecasts), key)
