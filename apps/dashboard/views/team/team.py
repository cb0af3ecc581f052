"""`/team/`: a manager's whole reporting tree in numbers. Never a contact, and never a colleague's number."""

from typing import Any

from django.http import FileResponse, Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from apps.accounts.access_log import log_record_access
from apps.core.identity import storable
from apps.dashboard.chart_cards import curves, teams
from apps.dashboard.chart_cards.chart_card import ChartCard
from apps.dashboard.charts.groups import GroupBar
from apps.dashboard.views.page_context import PageContext, fragment, render
from apps.dashboard.views.standing.standing_card import card_of, period_of
from apps.dashboard.views.team.data_quality import meter_of
from apps.dashboard.views.team.standings_list import choice_of, csv_response, listing, tile_urls
from apps.employees.models import Employee
from apps.employees.querysets import in_force_now
from apps.reports import adjustments, employee_detail, targets, team_report
from apps.standings import population

# Above this number of flips a list adds nothing to the curve.
MAX_FLIPS = 50


@require_safe
def home(request: HttpRequest) -> HttpResponse:
    """The reader's own team, else that of a manager the reader stands in for; HR without one goes to the company.

    404 for all other readers.
    """
    scope = PageContext(request)
    if scope.employee and scope.employee.is_manager:
        return redirect(scope.url("team", scope.employee.staff_no))
    if len(scope.stands_in) == 1:
        return redirect(scope.url("team", scope.stands_in[0].manager.staff_no))
    if scope.stands_in:
        return redirect(scope.url("deputies"))
    if scope.user.has_role("hr"):
        return redirect(scope.url("company"))
    raise Http404("There is no team")


def visible(scope: PageContext, staff_no: str) -> Employee:
    """The employee, when the reader may see them; else 404, the same as for an unknown number."""
    return _found(Employee.objects.visible_to(scope.user), staff_no)


def team_visible(scope: PageContext, staff_no: str) -> Employee:
    """The employee when visible, or a manager whom the reader stands in for; else 404."""
    # Readers may always see themselves.
    if scope.employee is not None and scope.employee.staff_no == staff_no:
        return scope.employee
    return _found(Employee.objects.teams_visible_to(scope.user), staff_no)


def _found(visible: Any, staff_no: str) -> Employee:
    employee: Employee | None = (
        visible.select_related("node").filter(staff_no=staff_no).first() if storable(staff_no) else None
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
        return render(scope, "no_campaign.html", {"employee": employee, **_standing_in(scope, employee)})
    # The usual reader of a team page is its manager, which saves the query.
    seen = employee.pk == scope.user.employee_id or (
        Employee.objects.visible_to(scope.user).filter(pk=employee.pk).exists()
    )
    if seen:  # a deputy does not see the manager whose team this is
        log_record_access(scope.user, employee, "standing")
    if not employee.is_manager:
        return _member(scope, employee)
    choice = choice_of(scope)
    standings = scope.standings(population.Team(employee))
    listed = listing(scope, standings, choice, "team", staff_no)
    if request.headers.get("HX-Target") == "list":
        return fragment(scope, "components/_standings_refresh.html", listed)
    groups = standings.sub_teams(employee)
    totals = standings.totals()
    context = {
        **listed,
        "employee": employee,
        "crumbs": _crumbs(scope, employee),
        "own": _own_card(scope, employee) if seen else None,
        **_standing_in(scope, employee),
        "totals": totals,
        "tiles": tile_urls(scope, choice, "team", staff_no),
        "period": period_of(scope),
        "meter": meter_of(scope, standings, totals, "team", staff_no),
        "groups": groups,
        "pictures": team_pictures(scope, employee, standings, totals, groups),
    }
    return render(scope, "team/team.html", context)


def team_pictures(
    scope: PageContext, employee: Employee, standings: Any, totals: Any, groups: list[team_report.Group]
) -> list[ChartCard]:
    """The charts of a team, each with its address; sub-teams side by side where there are any."""

    def address(key: str) -> str:
        return scope.url("chart-team", employee.staff_no, key)

    return [
        teams.spread(scope, address("histogram"), standings.histogram(), totals, groups),
        *([sub_teams(scope, address("teams"), groups)] if groups else []),
        teams.band_days(scope, address("bands"), standings.bands_by_day()),
        curves.team_curve(scope, address("curve"), standings.curve()),
    ]


def sub_teams(scope: PageContext, url: str, groups: list[Any]) -> ChartCard:

    bars = [
        GroupBar(
            label=group.label,
            url=scope.url("team", group.staff_no),
            people=group.people,
            at_target=group.at_target,
            red=group.red,
            counted=group.counted,
            median=float(group.median or 0),
        )
        for group in groups
    ]
    note = _("Share of people at the target, by direct report, with the number of people.")
    return teams.side_by_side(url, bars, key="teams", note=note, first=_("Team"))


def _own_card(scope: PageContext, employee: Employee) -> Any:
    """The manager's own standing, for those above. The reader's own stands on `/`, and a deputy may not see it."""
    if scope.employee and scope.employee.pk == employee.pk:
        return None
    return scope.standings(population.OneEmployee(employee)).one(employee.pk)


def _standing_in(scope: PageContext, employee: Employee) -> dict[str, Any]:
    """Whether this is the reader's own team, and who sees it now as a deputy."""
    own = scope.employee is not None and scope.employee.pk == employee.pk and employee.is_manager
    deputyships = in_force_now().filter(manager=employee).select_related("deputy") if own else []
    return {"own_team": own, "stand_ins": list(deputyships)}


def _member(scope: PageContext, employee: Employee) -> HttpResponse:
    standings = scope.standings(population.OneEmployee(employee))
    row, days = standings.one(employee.pk), standings.curve()
    context: dict[str, Any] = {
        "employee": employee,
        "crumbs": _crumbs(scope, employee),
        "period": period_of(scope),
        "flips": employee_detail.flips(scope.the_campaign, employee).filter(at__lt=scope.look)[:MAX_FLIPS],
        "here": scope.request.path,
    }
    if row:
        context |= {"card": card_of(scope, row, days), **_terms(scope, employee)}
        context["targets"] = targets.target_history(scope.the_campaign, employee, scope.look)
        context["picture"] = curves.member_curve(scope, employee.staff_no, context["card"], days)
    return render(scope, "team/member.html", context)


def _terms(scope: PageContext, employee: Employee) -> dict[str, Any]:
    """The adjustments of the employee. Only HR and the employee see the reason: a leave is private."""
    hr, own = scope.user.has_role("hr"), scope.user.employee_id == employee.pk
    adjustments_in_force = adjustments.terms_of(scope.the_campaign, [employee.pk], scope.look).get(employee.pk, [])
    shown = [
        adjustment for adjustment in adjustments_in_force if scope.as_of is None or adjustment.starts_at < scope.as_of
    ]
    return {"terms": shown, "told": "all" if hr or own else "", "hr": hr, "adjustable": hr and not own}


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
    for held in scope.stands_in:
        if held.manager_id == employee.pk or employee.manager_chain_below(held.manager):
            return held.manager
    return own


@require_safe
def team_csv(request: HttpRequest, staff_no: str) -> FileResponse:
    scope = PageContext(request)
    employee = team_visible(scope, staff_no)
    if not employee.is_manager:
        raise Http404("There is no team")
    return csv_response(scope, population.Team(employee), employee.staff_no)
