"""`/company/`: all employees by department. HR sees the people behind every number; an auditor reads sums alone.

404 for all other readers.
"""

from collections.abc import Callable, Mapping
from functools import cache, partial
from typing import Any

from django.http import FileResponse, Http404, HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from apps.dashboard.chart_cards import company as day_by_day
from apps.dashboard.chart_cards import teams
from apps.dashboard.chart_cards.chart_card import ChartCard
from apps.dashboard.charts.groups import Changes, GroupBar
from apps.dashboard.labels import base
from apps.dashboard.labels.expected import ExpectedLine
from apps.dashboard.views.page_context import PageContext, render
from apps.dashboard.views.standing.standing_card import period_of
from apps.dashboard.views.team import expected
from apps.dashboard.views.team.comparison import NO_CHANGES, earlier_standings, group_changes, total_changes
from apps.dashboard.views.team.data_quality import data_quality_of
from apps.dashboard.views.team.list_filters import page_filters, remember_filters
from apps.dashboard.views.team.manager_actions import list_actions
from apps.dashboard.views.team.standings_list import csv_response, list_response, standings_context, tile_urls
from apps.employees.models import TreeNode
from apps.exports.models import Export
from apps.forecasts.groups_read import CompanyForecasts
from apps.reports import adjustments, group_totals, small_groups, standings_report
from apps.reviews.models import Review
from apps.standings import report_people


def hr_scope(request: HttpRequest) -> PageContext:
    """The page context of a request by HR. Raises Http404 for all others."""
    scope = PageContext(request)
    if not scope.user.has_role("hr"):
        raise Http404("Page not found")
    return scope


def company_scope(request: HttpRequest) -> PageContext:
    """The page context of a request by HR or an auditor. Raises Http404 for all others."""
    scope = PageContext(request)
    if not scope.reads_results:
        raise Http404("Page not found")
    return scope


def department_names() -> list[str]:
    """Today's departments, sorted."""
    names = TreeNode.objects.exclude(department="").order_by("department")
    return list(names.values_list("department", flat=True).distinct())


def departments_for(scope: PageContext, standings: standings_report.Standings) -> list[group_totals.Group]:
    """The departments for this reader: small ones are merged for readers who may not see single employees."""
    return (
        group_totals.departments(standings) if scope.user.has_role("hr") else group_totals.folded_departments(standings)
    )


def may_see_totals(scope: PageContext, standings: standings_report.Standings) -> bool:
    """Whether this reader may see sums of these people: small groups only with access to single employees."""
    return scope.user.has_role("hr") or standings.totals().people >= small_groups.MIN_GROUP_SIZE


@require_safe
def company(request: HttpRequest) -> HttpResponse:
    scope = company_scope(request)
    if scope.campaign is None:
        return render(scope, "no_campaign.html", {})
    if not scope.user.has_role("hr"):
        # Of a small company, two sums would tell the change of one person.
        scope.since = None
        return _summary(scope)
    filters = page_filters(scope)
    everybody = scope.standings(report_people.WholeCompany())
    standings = scope.standings(everybody.people, filters.department_only) if filters.department else everybody
    listed = standings_context(scope, standings, filters, "company")
    listed["list_actions"] = list_actions(scope, filters)
    # To choose from and to compare: never those of one department alone.
    departments = departments_for(scope, everybody)
    listed["department_names"] = _names(departments)
    if request.headers.get("HX-Target") == "list":
        return list_response(scope, filters, listed)
    totals, earlier = standings.totals(), earlier_standings(scope, standings)
    changes = group_changes(departments, earlier_standings(scope, everybody), partial(departments_for, scope))
    forecasts = cache(partial(expected.of_company, scope))
    context = {
        **listed,
        "totals": totals,
        "total_changes": total_changes(totals, earlier),
        "now": scope.totals_as_of(standings),
        "departments": departments,
        "tiles": tile_urls(scope, filters, "company"),
        "expected": _expected(scope, standings, forecasts()),
        "period": period_of(scope),
        "data_quality": data_quality_of(scope, standings, totals, "company"),
        "reviews": Review.objects.filter(campaign=scope.campaign).count_by_state(scope.now),
        "charts": [
            card() for card in company_charts(scope, standings, lambda: departments, forecasts, changes).values()
        ],
        "adjustments_waiting": adjustments.waiting_for(scope.required_campaign, scope.user).count(),
    }
    return remember_filters(scope, filters, render(scope, "company/company.html", context))


def _summary(scope: PageContext) -> HttpResponse:
    """The page for an auditor: sums without filters, and no link to any employee."""
    standings = scope.standings(report_people.WholeCompany())
    totals = standings.totals()
    context: dict[str, Any] = {
        "totals": totals,
        "now": scope.totals_as_of(standings),
        "period": period_of(scope),
        "here": scope.request.path,
        "min_group_size": small_groups.MIN_GROUP_SIZE,
        "may_see_totals": may_see_totals(scope, standings),
    }
    # A total of a few people would tell an auditor each one's number.
    if context["may_see_totals"]:
        departments = departments_for(scope, standings)
        context |= {
            "data_quality": data_quality_of(scope, standings, totals),
            "charts": [card() for card in company_charts(scope, standings, lambda: departments).values()],
        }
    return render(scope, "company/summary.html", context)


def _expected(scope: PageContext, standings: Any, forecasts: CompanyForecasts | None) -> ExpectedLine | None:
    """The line of the company, or of the department that narrows the page."""
    department, known = standings.filters.department.strip(), None
    if forecasts:
        known = forecasts.departments.get(department) if standings.filters.department else forecasts.company
    return expected.expected_line(scope, standings.totals(), known, is_made=forecasts is not None)


def _no_forecasts() -> None:
    return None


def _names(departments: list[group_totals.Group]) -> list[tuple[str, str]]:
    named = sorted((group.key, group.key) for group in departments if group.key)
    # Only when there are such employees: otherwise the filter would find nothing.
    without = [(base.NO_DEPARTMENT, _("without a department"))] if len(named) < len(departments) else []
    return [*named, *without]


def company_charts(
    scope: PageContext, standings: Any, departments: Callable[[], list[group_totals.Group]],
    forecasts: Callable[[], CompanyForecasts | None] = _no_forecasts, changes: Mapping[str, Changes] = NO_CHANGES,
) -> dict[str, Callable[[], ChartCard]]:  # fmt: skip
    """The charts of the company by the key in their addresses. Each reads its data only when it is called."""
    # An auditor reads sums and gets no link to any employee.
    hr, department = scope.user.has_role("hr"), standings.filters.department

    def url(key: str) -> str:
        return scope.url("chart-company", key, department=department)

    def people_url(**filters: str) -> str:
        return scope.url("company", **{"department": department, **filters}) + "#list" if hr else ""

    def group_list(bar: GroupBar, status: str) -> str:
        return people_url(department=bar.key or base.NO_DEPARTMENT, status=status)

    def below_target() -> ChartCard:
        rows, known = standings.under_target_by_day(), None if department else forecasts()
        fan = [(day.day, day.people) for day in known.fan] if known else []
        lists = (lambda day: people_url(status="red", **({"as_of": day.isoformat()} if day else {}))) if hr else None
        return day_by_day.below_target_by_day(scope, url("under"), rows, standings.totals(), lists, fan)

    def by_department() -> ChartCard:
        plain_bars = _department_bars(departments(), forecasts())
        bars = [bar._replace(url=group_list(bar, ""), changes=changes.get(bar.key)) for bar in plain_bars]
        return teams.group_shares(
            url("departments"), bars, key="departments", note=_departments_note(department), first=_("Department"),
            list_url=group_list,
        )  # fmt: skip

    def histogram() -> ChartCard:
        return teams.histogram_card(scope, url("histogram"), standings.histogram(), standings.totals(), [], people_url)

    def by_source() -> ChartCard:
        # Only the employee has a list of contacts; HR has the file by person and day.
        file = scope.url("export-new", Export.Kind.DAYS) if hr else ""
        return day_by_day.by_source(scope, url("sources"), standings.by_source(), file)

    return {"under": below_target, "departments": by_department, "histogram": histogram, "sources": by_source}


def _department_bars(departments: list[group_totals.Group], ahead: CompanyForecasts | None) -> list[GroupBar]:
    known = ahead.departments if ahead else {}
    return [teams.group_bar(group, _name(group), "", group.key, known.get(group.key)) for group in departments]


def _departments_note(department: str) -> str:
    note = _("Share of people at target by department, with the number of people.")
    # The chart keeps all departments where a filter narrows the rest of the page.
    return _("Whole company. %(note)s") % {"note": note} if department else note


def _name(group: group_totals.Group) -> str:
    if group.key == group_totals.OTHERS:
        return _("others")
    return group.label or _("without a department")


@require_safe
def company_csv(request: HttpRequest) -> FileResponse:
    return csv_response(hr_scope(request), report_people.WholeCompany(), "company")
