"""`/team/`: a manager's whole reporting tree in numbers. Never a contact, and never a colleague's number."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from django.http import FileResponse, Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from apps.accounts.access_log import log_record_access
from apps.core.text import is_storable
from apps.dashboard.chart_cards import curves, teams
from apps.dashboard.chart_cards.chart_card import ChartCard
from apps.dashboard.charts.groups import Changes
from apps.dashboard.labels.expected import ExpectedLine
from apps.dashboard.views.page_context import PageContext, render
from apps.dashboard.views.standing.standing_card import card_of, is_prorated, period_of
from apps.dashboard.views.team import expected
from apps.dashboard.views.team.comparison import NO_CHANGES, earlier_standings, group_changes, total_changes
from apps.dashboard.views.team.data_quality import data_quality_of
from apps.dashboard.views.team.list_filters import page_filters, remember_filters
from apps.dashboard.views.team.manager_actions import help_panel, list_actions
from apps.dashboard.views.team.standings_list import csv_response, list_response, standings_context, tile_urls
from apps.employees.models import Employee
from apps.employees.querysets import _current_deputyships
from apps.forecasts.groups_read import Expected
from apps.reports import adjustments, employee_detail, group_totals, targets
from apps.standings import report_people

# Above this number of flips a list adds nothing to the curve.
MAX_STATUS_CHANGES = 50


@require_safe
def home(request: HttpRequest) -> HttpResponse:
    """The reader's own team, else that of a manager the reader stands in for; HR without one goes to the company.

    404 for all other readers.
    """
    scope = PageContext(request)
    if scope.employee and scope.employee.is_manager:
        return redirect(scope.url("team", scope.employee.staff_no))
    if len(scope.deputyships) == 1:
        return redirect(scope.url("team", scope.deputyships[0].manager.staff_no))
    if scope.deputyships:
        return redirect(scope.url("deputies"))
    if scope.user.has_role("hr"):
        return redirect(scope.url("company"))
    raise Http404("There is no team")


def visible(scope: PageContext, staff_no: str) -> Employee:
    """The employee, when the reader may see them; else 404, the same as for an unknown number."""
    return _employee_or_404(Employee.objects.visible_to(scope.user), staff_no)


def team_visible(scope: PageContext, staff_no: str) -> Employee:
    """The employee when visible, or a manager whom the reader stands in for; else 404."""
    # Readers may always see themselves.
    if scope.employee is not None and scope.employee.staff_no == staff_no:
        return scope.employee
    return _employee_or_404(Employee.objects.teams_visible_to(scope.user), staff_no)


def _employee_or_404(visible: Any, staff_no: str) -> Employee:
    employee: Employee | None = (
        visible.select_related("node").filter(staff_no=staff_no).first() if is_storable(staff_no) else None
    )
    if employee is None:
        raise Http404("There is no such employee")
    return employee


@require_safe
def team(request: HttpRequest, staff_no: str) -> HttpResponse:
    """A team with everyone below; for an employee without a team, the person's standing."""
    scope = PageContext(request)
    employee = team_visible(scope, staff_no)
    if scope.campaign is None:
        return render(scope, "no_campaign.html", {"employee": employee, **_deputy_context(scope, employee)})
    may_see_manager = _may_see(scope, employee)
    # A deputy sees the team, but not the standing of the manager whose team it is.
    if may_see_manager:
        log_record_access(scope.user, employee, "standing")
    if not employee.is_manager:
        return _member(scope, employee)
    filters = page_filters(scope)
    standings = scope.standings(report_people.Team(employee, scope.user), filters.department_only)
    listed = standings_context(scope, standings, filters, "team", staff_no)
    listed["list_actions"] = list_actions(scope, filters, employee)
    # htmx replaces the list alone: totals and charts follow none of its filters but the department.
    if request.headers.get("HX-Target") == "list":
        return list_response(scope, filters, listed)
    own = _own_card(scope, employee) if may_see_manager else None
    context = {
        **listed,
        "employee": employee,
        "crumbs": _crumbs(scope, employee),
        "own": own,
        "help": help_panel(scope, employee, own),
        **_deputy_context(scope, employee),
        "tiles": tile_urls(scope, filters, "team", staff_no),
        "period": period_of(scope),
        **_totals_context(scope, employee, standings),
    }
    return remember_filters(scope, filters, render(scope, "team/team.html", context))


def _may_see(scope: PageContext, employee: Employee) -> bool:
    # The usual reader of a team page is its manager, which saves the query.
    return employee.pk == scope.user.employee_id or (
        Employee.objects.visible_to(scope.user).filter(pk=employee.pk).exists()
    )


def _totals_context(scope: PageContext, employee: Employee, standings: Any) -> dict[str, Any]:
    groups = group_totals.sub_teams(standings, employee)
    totals, earlier = standings.totals(), earlier_standings(scope, standings)
    forecasts = team_forecasts(scope, employee, standings, groups)
    changes = group_changes(groups, earlier, partial(group_totals.sub_teams, root=employee))
    charts = team_charts(scope, employee, standings, lambda: groups, lambda _groups: forecasts, changes)
    return {
        "totals": totals,
        "total_changes": total_changes(totals, earlier),
        "expected": _expected(scope, employee, standings, forecasts),
        "now": scope.totals_as_of(standings),
        "data_quality": data_quality_of(scope, standings, totals, "team", employee.staff_no),
        "groups": groups,
        # Without sub-teams there is nothing to compare.
        "charts": [card() for key, card in charts.items() if groups or key != "teams"],
    }


TeamForecasts = dict[int, Expected] | None


def team_forecasts(
    scope: PageContext, employee: Employee, standings: Any, groups: list[group_totals.Group]
) -> TeamForecasts:
    """The forecasts of the team and its sub-teams; of a department within a team there is none."""
    if standings.filters.department:
        return None
    return expected.of_teams(scope, [employee.pk, *(int(group.key) for group in groups)])


def _expected(scope: PageContext, employee: Employee, standings: Any, forecasts: TeamForecasts) -> ExpectedLine | None:
    # HR reads departments instead, and a part of a team has no forecast.
    if scope.user.has_role("hr") or standings.filters.department:
        return None
    known = (forecasts or {}).get(employee.pk)
    return expected.expected_line(scope, standings.totals(), known, is_made=forecasts is not None)


def team_charts(
    scope: PageContext,
    employee: Employee,
    standings: Any,
    groups: Callable[[], list[group_totals.Group]],
    forecasts: Callable[[list[group_totals.Group]], TeamForecasts],
    changes: Mapping[str, Changes] = NO_CHANGES,
) -> dict[str, Callable[[], ChartCard]]:
    """The charts of a team by the key in their addresses. Each reads its data only when it is called."""

    department = standings.filters.department

    def url(key: str) -> str:
        return scope.url("chart-team", employee.staff_no, key, department=department)

    def people_url(**filters: str) -> str:
        return scope.url("team", employee.staff_no, department=department, **filters) + "#list"

    def histogram() -> ChartCard:
        return teams.histogram_card(
            scope, url("histogram"), standings.histogram(), standings.totals(), groups(), people_url
        )

    def sub_teams() -> ChartCard:
        known = forecasts(shown := groups()) or {}
        bars = [
            teams.group_bar(
                group, group.label, scope.url("team", group.staff_no), expected=known.get(int(group.key))
            )._replace(changes=changes.get(group.key))
            for group in shown
        ]
        note = _("Share of people at target by direct report, with the number of people.")
        return teams.group_shares(url("teams"), bars, key="teams", note=note, first=_("Team"))

    return {
        "histogram": histogram,
        "teams": sub_teams,
        "bands": lambda: teams.band_days(scope, url("bands"), standings.bands_by_day(), people_url),
        "curve": lambda: curves.team_curve(scope, url("curve"), standings.curve(), standings.totals().targets),
    }


def _own_card(scope: PageContext, employee: Employee) -> Any:
    """The manager's own standing, for those above. The reader's own stands on `/`, and a deputy may not see it."""
    if scope.employee and scope.employee.pk == employee.pk:
        return None
    return scope.standings(report_people.OneEmployee(employee)).row_of(employee.pk)


def _deputy_context(scope: PageContext, employee: Employee) -> dict[str, Any]:
    """Whether this is the reader's own team, and who sees it now as a deputy."""
    own = scope.employee is not None and scope.employee.pk == employee.pk and employee.is_manager
    deputyships = _current_deputyships().filter(manager=employee).select_related("deputy") if own else []
    return {"own_team": own, "current_deputies": list(deputyships)}


def _member(scope: PageContext, employee: Employee) -> HttpResponse:
    standings = scope.standings(report_people.OneEmployee(employee))
    row, days = standings.row_of(employee.pk), standings.curve()
    flips = employee_detail.status_changes(scope.required_campaign, employee)
    context: dict[str, Any] = {
        "employee": employee,
        "crumbs": _crumbs(scope, employee),
        "period": period_of(scope),
        "status_changes": flips.filter(at__lt=scope.instant)[:MAX_STATUS_CHANGES],
        "here": scope.request.path,
        "help": help_panel(scope, employee, row),
    }
    if row:
        context |= {"card": card_of(scope, row, days), **_terms(scope, employee)}
        context["prorated"] = is_prorated(scope, row, context["terms"])
        context["targets"] = targets.target_history(scope.required_campaign, employee, scope.instant)
        context["chart"] = curves.member_curve(scope, employee.staff_no, context["card"], days)
    return render(scope, "team/member.html", context)


def _terms(scope: PageContext, employee: Employee) -> dict[str, Any]:
    """The adjustments of the employee. Only HR and the employee see the reason: a leave is private."""
    hr, own = scope.user.has_role("hr"), scope.user.employee_id == employee.pk
    adjustments_in_force = adjustments.adjustments_by_employee(
        scope.required_campaign, [employee.pk], scope.instant
    ).get(employee.pk, [])
    shown = [
        adjustment for adjustment in adjustments_in_force if scope.as_of is None or adjustment.starts_at < scope.as_of
    ]
    return {"terms": shown, "with_reason": hr or own, "hr": hr, "adjustable": hr and not own}


def _crumbs(scope: PageContext, employee: Employee) -> list[tuple[str, str]]:
    """The path from the top of the reader's view to the employee: (name, address), the last without one."""
    root = _root(scope, employee)
    steps: list[tuple[str, str]] = []
    if scope.user.has_role("hr"):
        steps.append((_("Company"), scope.url("company")))
    elif root and root.pk != employee.pk:
        steps.append((root.name, scope.url("team", root.staff_no)))
    if root and root.pk != employee.pk:
        chain = employee.manager_chain_below(root)
        steps += [(person.name, scope.url("team", person.staff_no)) for person in chain[:-1]]
    return [*steps, (employee.name, "")]


def _root(scope: PageContext, employee: Employee) -> Employee | None:
    """The first manager in the breadcrumbs: the reader, or a manager the reader is a deputy for."""
    own = scope.employee
    if own is None or own.pk == employee.pk or employee.manager_chain_below(own):
        return own
    # A deputy of two managers sees the path from the one whose team this is.
    for deputyship in scope.deputyships:
        if deputyship.manager_id == employee.pk or employee.manager_chain_below(deputyship.manager):
            return deputyship.manager
    return own


@require_safe
def team_csv(request: HttpRequest, staff_no: str) -> FileResponse:
    scope = PageContext(request)
    employee = team_visible(scope, staff_no)
    if not employee.is_manager:
        raise Http404("There is no team")
    return csv_response(scope, report_people.Team(employee, scope.user), employee.staff_no)
