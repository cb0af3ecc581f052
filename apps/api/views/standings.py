"""`me/standing/` and `standings/`: the caller's own standing, and those of the employees below. Never a contact."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

from django.db.models import Count
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.exceptions import ErrorDetail, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from apps.accounts.access_log import log_record_access, log_single_result
from apps.accounts.models import Account, Scope
from apps.api import paging
from apps.api.openapi import example, problems
from apps.api.problems import NotFoundProblem, Problem
from apps.api.serializers.standings import (
    AsOfQuery,
    OneStandingSerializer,
    OwnStandingSerializer,
    ResultQuery,
    StandingPageSerializer,
    StandingsQuery,
)
from apps.api.views.base import ApiView
from apps.campaigns import rules
from apps.campaigns.models import Adjustment, CampaignRule
from apps.campaigns.models.adjustment import FOR_EVER
from apps.core import clock
from apps.employees.models import Employee
from apps.reports import adjustments, employee_detail, standings_columns, standings_filters, standings_report
from apps.reviews import services
from apps.standings import report_people

EXAMPLES = {name: column.example for name, column in standings_columns.COLUMNS.items()}
EXAMPLES |= {"needed_per_day": 1, "adjustments": []}
ALICE = {name: EXAMPLES[name] for name in standings_columns.IN_API}
HEADER = {"campaign": "november-2026", "as_of": "2026-11-23T04:00:00Z", "days_left": 8, "result": None}
NOT_COUNTING = {"ended": 3, "outside_period": 0, "not_external": 1, "unconfirmed": 0, "claimed": 0}


def report_header(standings: standings_report.Standings) -> dict[str, Any]:
    rule, now = standings.rule, standings.now
    days = rules.days_left(rule.cutoff_at, rule.time_zone, now)
    return {"campaign": standings.campaign.slug, "as_of": now, "days_left": days, "result": standings.result}


def standing_data(
    rows: list[standings_columns.Row], standings: standings_report.Standings, account: Account
) -> list[dict[str, Any]]:
    days = report_header(standings)["days_left"]
    by_employee = adjustments.adjustments_by_employee(
        standings.campaign, [row.employee_id for row in rows], standings.now
    )
    return [
        {**{column.source: getattr(row, column.source) for column in standings_columns.COLUMNS.values()},
         "needed_per_day": rules.needed_per_day(row.remaining, days),
         "adjustments": adjustment_data(by_employee.get(row.employee_id, []), standings.now, account)}
        for row in rows
    ]  # fmt: skip


def adjustment_data(adjusted: list[Adjustment], at: datetime, account: Account) -> list[dict[str, Any]]:
    """The adjustments of one employee at that instant. Only HR and the employee see the reason."""
    with_reason = account.has_role("hr")
    return [
        {"target": adjustment.target, "exempt": adjustment.exempt, "since": adjustment.starts_at,
         "kind": adjustment.request.kind if with_reason or adjustment.employee_id == account.employee_id else None,
         "until": None if adjustment.until == FOR_EVER else adjustment.until}
        for adjustment in adjusted if adjustment.starts_at < at
    ]  # fmt: skip


def standing_detail(standings: standings_report.Standings, employee: Employee, account: Account) -> dict[str, Any]:
    """The answer about one employee. Raises Problem when they are not in the campaign."""
    row = standings.row_of(employee.pk)
    if row is None:
        raise Problem(404, "not_in_campaign", _("This person has no standing in this campaign."))
    return {**report_header(standings), "standing": standing_data([row], standings, account)[0]}


def requested_instant(as_of: date | datetime | None, rule: CampaignRule) -> datetime | None:
    """The requested past instant: for a day, its end in the campaign's zone; None for now.

    Raises ValidationError for the future.
    """
    if as_of is None:
        return None
    now = clock.db_now()
    if isinstance(as_of, datetime):
        at = as_of
    else:
        at = rules.start_of_day(as_of + timedelta(days=1), rule.time_zone)
        if rules.start_of_day(as_of, rule.time_zone) <= now < at:
            return None
    if at > now:
        raise ValidationError({"as_of": [ErrorDetail(_("This moment has not come yet."), code="future")]})
    return at


def requested_since(query: dict[str, Any], rule: CampaignRule) -> datetime | None:
    """The instant to compare with; None without one. Raises ValidationError for one that is not over."""
    since = query.get("since")
    if since is None:
        if query.get("change"):
            raise ValidationError({"since": [ErrorDetail(_("`change` needs an instant to compare with."), "required")]})
        return None
    return since if isinstance(since, datetime) else rules.start_of_day(since + timedelta(days=1), rule.time_zone)


def require_earlier(standings: standings_report.Standings) -> None:
    """Raises ValidationError when the instant to compare with is not before that of the report."""
    if standings.since is not None and standings.since >= standings.now:
        message = _("The instant to compare with has to be before that of the report.")
        raise ValidationError({"since": [ErrorDetail(message, "not_earlier")]})


def population_for(
    account: Account, root: str | None
) -> report_people.WholeCompany | report_people.Team | report_people.OneEmployee:
    """The population of a list. Raises NotFoundProblem for employees that the account may not see."""
    if root:
        employee = Employee.objects.teams_visible_to(account).select_related("node").filter(staff_no=root).first()
        if employee is None:
            raise NotFoundProblem
        # A list of one person is that person's standing.
        if not employee.is_manager:
            log_record_access(account, employee, "standing")
    elif account.has_role("hr"):
        return report_people.WholeCompany()
    elif account.employee is None:
        raise NotFoundProblem
    else:
        employee = account.employee
    return report_people.Team(employee, account) if employee.is_manager else report_people.OneEmployee(employee)


class OwnStanding(ApiView):
    scope = Scope.OWN
    query_class = ResultQuery

    @extend_schema(
        operation_id="me_standing",
        tags=["me"],
        summary=gettext_lazy("My standing"),
        description=gettext_lazy(
            "How many contacts count, how many are missing, how long is left, red or not, and why some of your "
            "contacts do not count. 404 with `no_campaign` or `not_in_campaign` if you have no standing. Scope "
            "`own`."
        ),
        parameters=[ResultQuery],
        responses={200: OwnStandingSerializer, **problems(404)},
        examples=[example("red at 99", {**HEADER, "standing": ALICE, "not_counting": NOT_COUNTING})],
    )
    def get(self, request: Request) -> Response:
        employee, campaign = self.employee, self.campaign()
        standings = standings_report.Standings(
            campaign, report_people.OneEmployee(employee), result=self.result(campaign), show_reviews=True
        )
        answer = standing_detail(standings, employee, self.account)
        contacts = employee_detail.contacts_with_reason(campaign, employee, standings.now)
        # Without an order, which would become part of GROUP BY.
        counts = contacts.order_by().values("reason").annotate(people=Count("pk"))
        by_reason = {line["reason"]: line["people"] for line in counts}
        answer["not_counting"] = {reason: by_reason.get(reason, 0) for reason in rules.REASONS}
        return Response(OwnStandingSerializer(answer).data)


class StandingList(ApiView):
    scope = Scope.REPORTS
    query_class = StandingsQuery

    @extend_schema(
        operation_id="standings_list",
        tags=["standings"],
        summary=gettext_lazy("Standings"),
        description=gettext_lazy(
            "Everyone below a manager, direct and indirect; for HR, the whole company. A deputy gives the "
            "manager as `root`. Numbers only. A report on the past is recounted from the facts, with the "
            "reporting lines of that day. Scope `reports:read`."
        ),
        parameters=[StandingsQuery],
        responses={200: StandingPageSerializer, **problems(404)},
        examples=[example("team", {**HEADER, "since": None, "results": [ALICE], "next": None})],
    )
    def get(self, request: Request) -> Response:
        query = self.query
        people, campaign = population_for(self.account, query.get("root")), self.campaign()
        names = ("status", "change", "q", "department")
        filters = standings_filters.Filters(**{name: query.get(name, "") for name in names})
        as_of = requested_instant(query.get("as_of"), campaign.rule)
        show_reviews, result = services.may_see_reviews(self.account, people), self.result(campaign)
        standings = standings_report.Standings(
            campaign, people, as_of=as_of, filters=filters, result=result, show_reviews=show_reviews,
            since=requested_since(query, campaign.rule),
        )  # fmt: skip
        require_earlier(standings)
        after = query.get("after", "")
        page = standings.page(sort=query["sort"], after=after, limit=query["limit"])
        # A list of one person, by a filter or of a small team, is that person's standing, and is logged as such.
        # `population_for` has logged a person without a team.
        if not (isinstance(people, report_people.OneEmployee) or after or page.next):
            log_single_result(self.account, [row.employee_id for row in page.rows], "standing")
        header = {**report_header(standings), "since": standings.since}
        rows = standing_data(page.rows, standings, self.account)
        answer = {**header, "results": rows, "next": paging.next_address(request, page.next)}
        return Response(StandingPageSerializer(answer).data)


class StandingDetail(ApiView):
    scope = Scope.REPORTS
    query_class = AsOfQuery

    @extend_schema(
        operation_id="standings_retrieve",
        tags=["standings"],
        summary=gettext_lazy("One person's standing"),
        description=gettext_lazy(
            "Your own standing or that of an employee below you; for HR, of any employee. Everyone else "
            "returns 404, like an unknown staff number. Scope `reports:read`."
        ),
        parameters=[AsOfQuery, OpenApiParameter("staff_no", OpenApiTypes.STR, OpenApiParameter.PATH)],
        responses={200: OneStandingSerializer, **problems(404)},
        examples=[example("red at 99", {**HEADER, "standing": ALICE})],
    )
    def get(self, request: Request, staff_no: str) -> Response:
        # PostgreSQL takes no NUL in a text.
        if "\0" in staff_no:
            raise NotFoundProblem
        employee = Employee.objects.visible_to(self.account).select_related("node").filter(staff_no=staff_no).first()
        if employee is None:
            raise NotFoundProblem
        log_record_access(self.account, employee, "standing")
        campaign = self.campaign()
        as_of = requested_instant(self.query.get("as_of"), campaign.rule)
        person = report_people.OneEmployee(employee)
        show_reviews, result = services.may_see_reviews(self.account, person), self.result(campaign)
        standings = standings_report.Standings(campaign, person, as_of=as_of, result=result, show_reviews=show_reviews)
        return Response(OneStandingSerializer(standing_detail(standings, employee, self.account)).data)
