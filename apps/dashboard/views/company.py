"""`/company/`: HR's page, everybody by department. For anybody else it does not exist."""

from typing import Any

from django.http import FileResponse, Http404, HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from apps.dashboard.charts.groups import GroupBar
from apps.dashboard.views.cards import period_of
from apps.dashboard.views.people import choice_of, csv_response, listing, tile_urls
from apps.dashboard.views.pictures import company as day_by_day
from apps.dashboard.views.pictures import teams
from apps.dashboard.views.pictures.picture import Picture
from apps.dashboard.views.scope import Scope, fragment, render
from apps.quotas import reports
from apps.quotas.models import Review


def hr_scope(request: HttpRequest) -> Scope:
    """The scope of a request by HR. Raises Http404 for everybody else."""
    scope = Scope(request)
    if not scope.user.has_role("hr"):
        raise Http404("There is no such page")
    return scope


@require_safe
def company(request: HttpRequest) -> HttpResponse:
    """Everybody: totals, departments side by side, the way to the deadline, and the list."""
    scope = hr_scope(request)
    if scope.campaign is None:
        return render(scope, "dashboard/team_waiting.html", {})
    choice = choice_of(scope)
    listed = listing(scope, reports.Everyone(), choice, "company")
    standings = scope.standings(reports.Everyone())
    departments = standings.departments()
    listed["department_names"] = sorted(group.key for group in departments if group.key)
    if request.headers.get("HX-Target") == "list":
        return fragment(scope, "dashboard/_people_again.html", listed)
    totals = standings.totals() if choice.narrowed else listed["found"]
    context = {
        **listed,
        "totals": totals,
        "departments": departments,
        "tiles": tile_urls(scope, choice, "company"),
        "period": period_of(scope),
        "reviews": Review.objects.filter(campaign=scope.campaign).tally(scope.now),
        "pictures": company_pictures(scope, standings, totals, departments),
        "waiting": reports.waiting_for(scope.the_campaign, scope.user).count(),
    }
    return render(scope, "dashboard/company.html", context)


def company_pictures(scope: Scope, standings: Any, totals: Any, departments: list[Any]) -> list[Picture]:
    """The four pictures of the company, each with the address of its chart."""

    def address(key: str) -> str:
        return scope.url("chart-company", key)

    return [
        day_by_day.under_by_day(scope, address("under"), standings.under_target_by_day(), totals),
        by_department(scope, address("departments"), departments),
        teams.spread(scope, address("histogram"), standings.histogram(), totals, []),
        day_by_day.by_source(scope, address("sources"), standings.by_source()),
    ]


def by_department(scope: Scope, url: str, found: list[Any]) -> Picture:
    bars = [
        GroupBar(
            label=group.label or _("without a department"),
            url=scope.url("company", department=group.key) + "#list" if group.key else "",
            people=group.people,
            at_target=group.at_target,
            red=group.red,
            counted=group.counted,
            median=float(group.median or 0),
        )
        for group in found
    ]
    note = _("Share of people at the target, by department, with the number of people.")
    return teams.side_by_side(url, bars, key="departments", note=note, first=_("Department"))


@require_safe
def company_csv(request: HttpRequest) -> FileResponse:
    return csv_response(hr_scope(request), reports.Everyone(), "company")
