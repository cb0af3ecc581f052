"""`/company/`: all employees by department. HR sees the people behind every number; an auditor reads sums alone.

404 for all other readers.
"""

from datetime import date
from typing import Any

from django.http import FileResponse, Http404, HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from apps.dashboard.chart_cards import company as day_by_day
from apps.dashboard.chart_cards import teams
from apps.dashboard.chart_cards.chart_card import ChartCard
from apps.dashboard.charts.groups import GroupBar
from apps.dashboard.labels import base
from apps.dashboard.views.page_context import PageContext, fragment, render
from apps.dashboard.views.standing.standing_card import period_of
from apps.dashboard.views.team.data_quality import meter_of
from apps.dashboard.views.team.standings_list import choice_of, csv_response, listing, tile_urls
from apps.exports.models import Export
from apps.reports import adjustments, small_groups, standings_report, team_report
from apps.reviews.models import Review
from apps.standings import population


def hr_scope(request: HttpRequest) -> PageContext:
    """The page context of a request by HR. Raises Http404 for all others."""
    scope = PageContext(request)
    if not scope.user.has_role("hr"):
        raise Http404("There is no such page")
    return scope


def company_scope(request: HttpRequest) -> PageContext:
    """The page context of a request by HR or an auditor. Raises Http404 for all others."""
    scope = PageContext(request)
    if not scope.reads_company:
        raise Http404("There is no such page")
    return scope


def departments_for(scope: PageContext, standings: standings_report.Standings) -> list[team_report.Group]:
    """The departments for this reader: small ones are merged for readers who may not see single employees."""
    return standings.departments() if scope.user.has_role("hr") else standings.folded_departments()


def may_sum_up(scope: PageContext, standings: standings_report.Standings) -> bool:
    """Whether this reader may see sums of these people: small groups only with access to single employees."""
    return scope.user.has_role("hr") or standings.totals().people >= small_groups.MIN_GROUP_SIZE


@require_safe
def company(request: HttpRequest) -> HttpResponse:
    """The whole company: totals, departments side by side, the curve to the deadline, and the list."""
    scope = company_scope(request)
    if scope.campaign is None:
        return render(scope, "no_campaign.html", {})
    if not scope.user.has_role("hr"):
        return _summary(scope)
    choice = choice_of(scope)
    standings = scope.standings(population.WholeCompany())
    listed = listing(scope, standings, choice, "company")
    departments = departments_for(scope, standings)
    listed["department_names"] = _names(departments)
    if request.headers.get("HX-Target") == "list":
        return fragment(scope, "components/_standings_refresh.html", listed)
    totals = standings.totals()
    context = {
        **listed,
        "totals": totals,
        "departments": departments,
        "tiles": tile_urls(scope, choice, "company"),
        "period": period_of(scope),
        "meter": meter_of(scope, standings, totals, "company"),
        "reviews": Review.objects.filter(campaign=scope.campaign).tally(scope.now),
        "pictures": company_pictures(scope, standings, totals, departments),
        "waiting": adjustments.waiting_for(scope.the_campaign, scope.user).count(),
    }
    return render(scope, "company/company.html", context)


def _summary(scope: PageContext) -> HttpResponse:
    """The page for an auditor: sums without filters, and no link to any employee."""
    standings = scope.standings(population.WholeCompany())
    totals = standings.totals()
    context: dict[str, Any] = {
        "totals": totals,
        "period": period_of(scope),
        "here": scope.request.path,
        "fewest": small_groups.MIN_GROUP_SIZE,
        "enough": totals.people >= small_groups.MIN_GROUP_SIZE,
    }
    if context["enough"]:
        departments = departments_for(scope, standings)
        context |= {
            "meter": meter_of(scope, standings, totals),
            "pictures": company_pictures(scope, standings, totals, departments),
        }
    return render(scope, "company/summary.html", context)


def _names(departments: list[team_report.Group]) -> list[tuple[str, str]]:
    """The filter values of the list, as (value, label)."""
    named = sorted((group.key, group.key) for group in departments if group.key)
    without = [(base.NO_DEPARTMENT, _("without a department"))] if len(named) < len(departments) else []
    return [*named, *without]


def company_pictures(scope: PageContext, standings: Any, totals: Any, departments: list[Any]) -> list[ChartCard]:
    """The four charts of the company, each with its address."""

    def address(key: str) -> str:
        return scope.url("chart-company", key)

    return [
        under(scope, address("under"), standings, totals),
        by_department(scope, address("departments"), departments),
        teams.spread(scope, address("histogram"), standings.histogram(), totals, []),
        sources(scope, address("sources"), standings),
    ]


def under(scope: PageContext, url: str, standings: Any, totals: Any) -> ChartCard:
    """People under the target by day; for HR each day links to the list as of its end."""

    def listed(day: date | None) -> str:
        then = {} if day is None else {"as_of": day.isoformat()}
        return scope.url("company", status="red", **then) + "#list"

    hr = scope.user.has_role("hr")
    return day_by_day.under_by_day(scope, url, standings.under_target_by_day(), totals, listed if hr else None)


def sources(scope: PageContext, url: str, standings: Any) -> ChartCard:
    """Contacts by day and source; only the employee has a list of contacts, HR has the file by person and day."""
    file = scope.url("export-new", Export.Kind.DAYS) if scope.user.has_role("hr") else ""
    return day_by_day.by_source(scope, url, standings.by_source(), file)


def by_department(scope: PageContext, url: str, departments: list[Any]) -> ChartCard:
    """Departments side by side; for HR every number links to its employees."""
    hr = scope.user.has_role("hr")

    def listed(bar: GroupBar, status: str) -> str:
        return scope.url("company", department=bar.key or base.NO_DEPARTMENT, status=status) + "#list" if hr else ""

    bars = [
        GroupBar(
            label=_name(group),
            url="",
            people=group.people,
            at_target=group.at_target,
            red=group.red,
            counted=group.counted,
            median=float(group.median or 0),
            key=group.key,
        )
        for group in departments
    ]
    bars = [bar._replace(url=listed(bar, "")) for bar in bars]
    note = _("Share of people at the target, by department, with the number of people.")
    return teams.side_by_side(url, bars, key="departments", note=note, first=_("Department"), listed=listed)


def _name(group: team_report.Group) -> str:
    if group.key == team_report.OTHERS:
        return _("others")
    return group.label or _("without a department")


@require_safe
def company_csv(request: HttpRequest) -> FileResponse:
    return csv_response(hr_scope(request), population.WholeCompany(), "company")
