"""The addresses of the charts: a figure as JSON with an ETag, with the same permission as its page."""

import hashlib
import json

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotModified
from django.template.loader import render_to_string
from django.utils import timezone
from django.utils.cache import add_never_cache_headers
from django.views.decorators.http import require_safe

from apps.accounts.access_log import log_record_access
from apps.dashboard.chart_cards import curves, teams
from apps.dashboard.chart_cards.chart_card import ChartCard
from apps.dashboard.charts.layout import with_hover_text
from apps.dashboard.views.company.company import (
    by_department,
    company_scope,
    departments_for,
    may_sum_up,
    sources,
    under,
)
from apps.dashboard.views.page_context import PageContext, request_has
from apps.dashboard.views.standing.standing_card import card_of
from apps.dashboard.views.team.team import sub_teams, team_visible, visible
from apps.reports import standings_report
from apps.standings import population


def answer(scope: PageContext, picture: ChartCard) -> HttpResponse:
    """The figure with its title; 304 when the reader's script has the same one already."""
    with timezone.override(scope.zone):
        sent = {"title": picture.title, "summary": picture.summary, "figure": with_hover_text(picture.figure())}
        if picture.live:
            table = render_to_string("components/_chart_table.html", {"picture": picture})
            sent |= {"drawing": picture.drawing, "table": table}
    body = json.dumps(sent, ensure_ascii=False, separators=(",", ":")).encode()
    etag = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
    if request_has(scope.request, etag):
        response: HttpResponse = HttpResponseNotModified()
    else:
        response = HttpResponse(body, content_type="application/json; charset=utf-8")
    response["ETag"] = etag
    add_never_cache_headers(response)
    return response


@require_safe
def me(request: HttpRequest) -> HttpResponse:
    scope = PageContext(request)
    standings = _standings(scope, population.OneEmployee(scope.the_employee))
    row = standings.one(scope.the_employee.pk)
    if row is None:
        raise Http404("There is no standing")
    days = standings.curve()
    return answer(scope, curves.own_curve(scope, card_of(scope, row, days), days))


@require_safe
def member(request: HttpRequest, staff_no: str) -> HttpResponse:
    scope = PageContext(request)
    employee = visible(scope, staff_no)
    log_record_access(scope.user, employee, "standing")
    standings = _standings(scope, population.OneEmployee(employee))
    row = standings.one(employee.pk)
    if row is None:
        raise Http404("There is no standing")
    days = standings.curve()
    return answer(scope, curves.member_curve(scope, staff_no, card_of(scope, row, days), days))


@require_safe
def team(request: HttpRequest, staff_no: str, key: str) -> HttpResponse:
    """One chart of a team; only its data is read."""
    scope = PageContext(request)
    employee = team_visible(scope, staff_no)
    if not employee.is_manager:
        raise Http404("There is no team")
    standings, url = _standings(scope, population.Team(employee)), request.path
    if key == "histogram":
        groups = standings.sub_teams(employee)
        picture = teams.spread(scope, url, standings.histogram(), standings.totals(), groups)
    elif key == "teams":
        picture = sub_teams(scope, url, standings.sub_teams(employee))
    elif key == "bands":
        picture = teams.band_days(scope, url, standings.bands_by_day())
    elif key == "curve":
        picture = curves.team_curve(scope, url, standings.curve())
    else:
        raise Http404("There is no such chart")
    return answer(scope, picture)


@require_safe
def company(request: HttpRequest, key: str) -> HttpResponse:
    """One chart of the company; only its data is read. An auditor sees small groups merged, without links."""
    scope = company_scope(request)
    standings, url = _standings(scope, population.WholeCompany()), request.path
    if not may_sum_up(scope, standings):
        raise Http404("There is no such chart")
    if key == "under":
        picture = under(scope, url, standings, standings.totals())
    elif key == "departments":
        picture = by_department(scope, url, departments_for(scope, standings))
    elif key == "histogram":
        picture = teams.spread(scope, url, standings.histogram(), standings.totals(), [])
    elif key == "sources":
        picture = sources(scope, url, standings)
    else:
        raise Http404("There is no such chart")
    return answer(scope, picture)


def _standings(
    scope: PageContext, people: population.WholeCompany | population.OneEmployee | population.Team
) -> standings_report.Standings:
    return scope.standings(people)
