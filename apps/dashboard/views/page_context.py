"""The context of a page: reader, campaign and instant; and the rendering of its response."""

from datetime import date, datetime, timedelta
from typing import Any
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render as render_template
from django.urls import reverse
from django.utils import timezone
from django.utils.cache import add_never_cache_headers
from django.utils.functional import cached_property
from django.utils.translation import gettext as _

from apps.accounts.approvals import waiting_for
from apps.accounts.models import Account, Deputyship
from apps.campaigns import selectors
from apps.campaigns.models import Campaign, CampaignRule
from apps.dashboard.labels import base
from apps.dashboard.views.instants import InvalidParameter, day_before, end_of_day
from apps.dashboard.views.navigation import Link, navigation_links
from apps.employees.models import Employee
from apps.reports import standings_filters, standings_report
from apps.results.models import FrozenResult
from apps.results.result_files import UnknownResult, result_of
from apps.reviews import services
from apps.standings import report_people

# The pages and files that show a past day. All others drop it: numbers of then and of now never meet on one page.
PAST_PAGES = frozenset({
    "team-home", "team", "team-csv", "company", "company-csv", "export-choose", "export-new", "own-csv",
    "chart-team", "chart-member", "chart-company",
})  # fmt: skip
# Those that compare each person with an earlier day.
COMPARED_PAGES = frozenset({
    "team-home", "team", "team-csv", "team-remind", "company", "company-csv", "company-remind", "export-new",
})  # fmt: skip
OPENED_STATES = (Campaign.State.OPEN, Campaign.State.CLOSING, Campaign.State.FROZEN)


class PageContext:
    """The reader's campaign and the instant of the page: now, or the end of a past day. Views and templates call it
    `scope`, because `context` is Django's name for what a template gets.

    `result`: the version of a frozen result on the page, by default the newest; None while there is none, and for a day
    before the cut-off. `since`: the end of the day with which the page is compared. Raises Http404 for an unknown
    campaign or version and InvalidParameter for an invalid day.
    """

    def __init__(self, request: HttpRequest) -> None:
        self.request = request
        self.user: Account = request.user  # type: ignore[assignment]  # every address here wants a sign-in
        self.employee: Employee | None = self.user.employee
        # PostgreSQL refuses a NUL in a text: without it, any slug is simply unknown.
        slug = request.GET.get("campaign", "").replace("\0", "") or None
        try:
            choice = selectors.select_campaign(self.user, slug)
        except Campaign.DoesNotExist as unknown:
            raise Http404("There is no such campaign") from unknown
        self.campaign: Campaign | None = choice.campaign
        # The campaigns in the switcher: all that have been opened.
        self.campaigns: list[Campaign] = choice.campaigns
        # The campaign's announcement that is shown now, read with the campaigns: most pages show none.
        self.announcement_id: int | None = choice.announcement_id
        # Only a chosen campaign stays in links: without a choice the default may change with time.
        self.chosen = bool(slug)
        # The clock of the database, as for everything that is stored; the web servers' clocks may differ.
        self.now: datetime = choice.now
        # The order matters: the day needs the campaign's zone, and the result depends on the day.
        end = self._end_of(request.GET.get("as_of", ""))
        page = request.resolver_match.url_name if request.resolver_match is not None else None
        self.as_of: datetime | None = end if page in PAST_PAGES else None
        self.result: FrozenResult | None = self._result(request.GET.get("result", ""))
        self.since: datetime | None = self._since(request.GET.get("since", "")) if page in COMPARED_PAGES else None

    def standings(
        self, people: report_people.People, filters: standings_filters.Filters | None = None
    ) -> standings_report.Standings:
        """The standings of people this reader may see, for this page, with review marks as far as permitted."""
        # A manager must not learn from a mark that an employee has asked HR for a review.
        show_reviews = services.may_see_reviews(self.user, people)
        return standings_report.Standings(
            self.required_campaign,
            people,
            as_of=self.as_of,
            filters=filters,
            result=self.result,
            show_reviews=show_reviews,
            since=self.since,
            now=self.now,
        )

    @property
    def required_employee(self) -> Employee:
        """The reader as an employee. Raises Http404 for an account without one."""
        if self.employee is None:
            raise Http404("Only employees have this")
        return self.employee

    @cached_property
    def deputyships(self) -> list[Deputyship]:
        """The managers for whom the reader is a deputy now; each once."""
        if self.employee is None or not self.user.is_deputy:
            return []
        deputyships = Deputyship.objects.in_force().with_team().filter(deputy=self.employee)
        return list(deputyships.select_related("manager__node"))

    @property
    def has_team(self) -> bool:
        """Whether the reader has a team to see: the own, or that of a manager the reader stands in for."""
        return self.employee is not None and (self.employee.is_manager or bool(self.deputyships))

    @property
    def required_campaign(self) -> Campaign:
        """Raises Http404 when there is none."""
        if self.campaign is None:
            raise Http404("There is no campaign")
        return self.campaign

    @cached_property
    def rule(self) -> CampaignRule:
        """The rule that was in force at the instant of the page."""
        return self.required_campaign.rule_at(self.as_of) if self.as_of else self.required_campaign.rule

    def switch_campaign(self, campaign: Campaign) -> None:
        """Show this campaign as of now: HR's pages about campaigns have it in their address, in any state."""
        self.campaign, self.as_of, self.since, self.result = campaign, None, None, campaign.newest_result
        self.chosen = self.chosen and campaign.state in OPENED_STATES
        # These are cached for the campaign before.
        for name in ("rule", "zone", "sticky_params"):
            self.__dict__.pop(name, None)

    @cached_property
    def zone(self) -> ZoneInfo:
        return (
            ZoneInfo(self.campaign.rule.time_zone) if self.campaign else ZoneInfo(timezone.get_default_timezone_name())
        )

    @property
    def zone_name(self) -> str:
        return base.city(self.zone.key)

    @property
    def instant(self) -> datetime:
        return self.as_of or self.now

    def totals_as_of(self, standings: standings_report.Standings) -> datetime:
        """The instant that a page of totals shows: that of the stored sums for a large team."""
        return standings.summary.as_of if standings.summary else self.instant

    @property
    def today(self) -> date:
        return self.now.astimezone(self.zone).date()

    @property
    def day(self) -> date | None:
        """The past day of the page, or None for now."""
        return day_before(self.as_of, self.zone) if self.as_of else None

    @property
    def since_day(self) -> date | None:
        """The day with whose end the page is compared."""
        return day_before(self.since, self.zone) if self.since else None

    @property
    def last_comparable_day(self) -> date | None:
        """The newest day that the page can be compared with; None before the campaign has one."""
        day = self.day or (self.rule.deadline if self.result else self.today)
        return day - timedelta(days=1) if self.campaign and day > self.rule.opens_on else None

    @property
    def counting(self) -> bool:
        """Whether the deadline has passed and no result exists yet: no status is final."""
        # The freeze may take some time after the deadline; files submitted before it are still being recorded.
        state = self.campaign.state if self.campaign else ""
        waits = self.result is None and state in (Campaign.State.OPEN, Campaign.State.CLOSING)
        return waits and self.instant >= self.rule.cutoff_at

    @cached_property
    def sticky_params(self) -> dict[str, str]:
        """The sticky parameters of links: the chosen campaign, the past day, and the day compared with."""
        params = {"campaign": self.campaign.slug} if self.chosen and self.campaign else {}
        if self.day:
            params["as_of"] = self.day.isoformat()
        if self.since_day:
            params["since"] = self.since_day.isoformat()
        # The newest version is the default, so a link without a version follows later corrections.
        if self.result and self.campaign and self.result != self.campaign.newest_result:
            params["result"] = str(self.result.version)
        return params

    @property
    def query_suffix(self) -> str:
        """`?campaign=…`, or nothing; without the past day, which only `url` knows where to keep."""
        params = self.params_for("")
        return f"?{urlencode(params)}" if params else ""

    @property
    def current_url(self) -> str:
        """The page to return to: this one, or the list when this is the response to a form."""
        # The address of a POST has no page to return to.
        return self.request.get_full_path() if self.request.method == "GET" else self.url("me")

    def url(self, name: str, *args: object, **query: object) -> str:
        """The address of a page, with the sticky parameters that it takes."""
        full = {**self.params_for(name), **{key: value for key, value in query.items() if value not in ("", None)}}
        # A link to the day compared with, or to one before it, has nothing to compare.
        if str(full.get("since", "")) >= str(full.get("as_of", "9")):
            del full["since"]
        return reverse(name, args=args) + (f"?{urlencode(full)}" if full else "")

    def params_for(self, name: str) -> dict[str, str]:
        """The sticky parameters for a link to this page; the days only where that page can show them."""
        shown = {"as_of": name in PAST_PAGES, "since": name in COMPARED_PAGES}
        return {key: value for key, value in self.sticky_params.items() if shown.get(key, True)}

    def _end_of(self, text: str) -> datetime | None:
        """The end of a day in the campaign's zone; None (now) for today and later."""
        if not text:
            return None
        end = end_of_day("as_of", text, self.zone)
        # A day that is not over is shown as now, so that nothing looks final before its time.
        return None if end > self.now or self.campaign is None else end

    def _since(self, text: str) -> datetime | None:
        if not text or self.campaign is None:
            return None
        since = end_of_day("since", text, self.zone)
        # A result has one instant, its cut-off.
        if since >= (self.result.cutoff_at if self.result else self.instant):
            raise InvalidParameter(_("“since” has to be a day that was over before the time of this page."))
        return since

    def _result(self, text: str) -> FrozenResult | None:
        if self.campaign is None or (self.as_of and self.as_of < self.campaign.rule.cutoff_at):
            return None
        if not text:
            return self.campaign.newest_result
        try:
            # Digits of other scripts and huge numbers become version 0, which does not exist.
            return result_of(self.campaign, int(text) if text.isascii() and text.isdigit() and len(text) < 6 else 0)
        except UnknownResult as unknown:
            raise Http404("There is no such result") from unknown

    @property
    def runs_campaigns(self) -> bool:
        return self.user.has_role("hr")

    @property
    def sees_notifications(self) -> bool:
        return self.user.has_role("hr") or self.user.has_role("operator")

    @property
    def runs_installation(self) -> bool:
        return self.user.has_role("operator")

    @property
    def reads_results(self) -> bool:
        """Whether the reader has results and the company's page: HR with its employees, an auditor without."""
        return self.user.has_role("hr") or self.user.has_role("auditor")

    @cached_property
    def approvals_waiting(self) -> int:
        """How many requests by others the reader can decide."""
        return waiting_for(self.user, self.now)

    @property
    def reader_name(self) -> str:
        return self.user.display_name or self.user.login

    @cached_property
    def links(self) -> list[Link]:
        return navigation_links(self)


def render(
    scope: PageContext, template: str, context: dict[str, Any] | None = None, status: int = 200,
    zone: ZoneInfo | None = None,
) -> HttpResponse:  # fmt: skip
    """A page, or a part of one, in the campaign's time zone or `zone`; never cached: its numbers are personal."""
    full = {"scope": scope, "now": scope.instant, **(context or {})}
    # Templates and their tags format all times in the zone in force.
    with timezone.override(zone or scope.zone):
        response = render_template(scope.request, template, full, status=status)
    add_never_cache_headers(response)
    return response
