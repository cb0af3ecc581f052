"""The context of a page: reader, campaign and instant; and the rendering of its response."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from django.core.exceptions import BadRequest
from django.http import Http404, HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import render as render_template
from django.urls import reverse
from django.utils import timezone
from django.utils.cache import add_never_cache_headers
from django.utils.functional import cached_property
from django.utils.translation import gettext as _

from apps.accounts.models import Account, ApprovalRequest, Deputyship
from apps.campaigns import selectors
from apps.campaigns.models import Campaign, CampaignRule
from apps.dashboard.labels import base
from apps.employees.models import Employee
from apps.reports import standings_report
from apps.results.models import FrozenResult
from apps.results.result_files import UnknownResult, result_of
from apps.reviews import services
from apps.standings import population

# The earliest year of a page: arithmetic on days near the start of the calendar overflows.
FIRST_YEAR = 1970
OPENED_STATES = (Campaign.State.OPEN, Campaign.State.CLOSING, Campaign.State.FROZEN)


@dataclass(frozen=True)
class Link:
    label: str
    url: str
    icon: str
    here: bool
    count: int = 0


@dataclass(frozen=True)
class Frame:
    """The parts around a page's content: who is signed in, and the pages of this reader."""

    reader: str
    login: str
    links: list[Link]


class PageContext:
    """The reader's campaign and the instant of the page: now, or the end of a past day.

    `result`: the version of a frozen result on the page, by default the newest; None while there is none, and for a day
    before the cut-off. Raises Http404 for an unknown campaign or version and BadRequest for an invalid day.
    """

    def __init__(self, request: HttpRequest) -> None:
        self.request = request
        self.user: Account = request.user  # type: ignore[assignment]  # every address here wants a sign-in
        self.employee: Employee | None = self.user.employee
        slug = request.GET.get("campaign", "").replace("\0", "") or None
        try:
            choice = selectors.select_campaign(self.user, slug)
        except Campaign.DoesNotExist as unknown:
            raise Http404("There is no such campaign") from unknown
        self.campaign: Campaign | None = choice.campaign
        # The campaigns in the switcher: all that have been opened.
        self.campaigns: list[Campaign] = choice.campaigns
        self.chosen = bool(slug)
        self.now: datetime = choice.now
        self.as_of: datetime | None = self._end_of(request.GET.get("as_of", ""))
        self.result: FrozenResult | None = self._result(request.GET.get("result", ""))

    def standings(
        self, people: population.People, filters: standings_report.Filters | None = None
    ) -> standings_report.Standings:
        """The standings of people this reader may see, for this page, with review marks as far as permitted."""
        show_reviews = services.may_see_reviews(self.user, people)
        return standings_report.Standings(
            self.the_campaign,
            people,
            as_of=self.as_of,
            filters=filters,
            result=self.result,
            show_reviews=show_reviews,
            now=self.now,
        )

    @property
    def the_employee(self) -> Employee:
        """The reader as an employee. Raises Http404 for an account without one."""
        if self.employee is None:
            raise Http404("Only employees have this")
        return self.employee

    @cached_property
    def stands_in(self) -> list[Deputyship]:
        """The managers for whom the reader is a deputy now; each once."""
        if self.employee is None or not self.user.stands_in:
            return []
        deputyships = Deputyship.objects.in_force().with_a_team().filter(deputy=self.employee)
        return list(deputyships.select_related("manager__node"))

    @property
    def has_team(self) -> bool:
        """Whether the reader has a team to see: the own, or that of a manager the reader stands in for."""
        return self.employee is not None and (self.employee.is_manager or bool(self.stands_in))

    @property
    def the_campaign(self) -> Campaign:
        """Raises Http404 when there is none."""
        if self.campaign is None:
            raise Http404("There is no campaign")
        return self.campaign

    @cached_property
    def rule(self) -> CampaignRule:
        """The rule that was in force at the instant of the page."""
        return self.the_campaign.rule_at(self.as_of) if self.as_of else self.the_campaign.rule

    def switch_campaign(self, campaign: Campaign) -> None:
        """Show this campaign as of now: HR's pages about campaigns have it in their address, in any state."""
        self.campaign, self.as_of, self.result = campaign, None, campaign.newest_result
        self.chosen = self.chosen and campaign.state in OPENED_STATES
        for name in ("rule", "zone", "kept"):
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
    def look(self) -> datetime:
        """The instant of the page."""
        return self.as_of or self.now

    @property
    def today(self) -> date:
        return self.now.astimezone(self.zone).date()

    @property
    def day(self) -> date | None:
        """The past day of the page, or None for now."""
        return (self.as_of - timedelta(microseconds=1)).astimezone(self.zone).date() if self.as_of else None

    @property
    def counting(self) -> bool:
        """Whether the deadline has passed and no result exists yet: no status is final."""
        state = self.campaign.state if self.campaign else ""
        waits = self.result is None and state in (Campaign.State.OPEN, Campaign.State.CLOSING)
        return waits and self.look >= self.rule.cutoff_at

    @cached_property
    def kept(self) -> dict[str, str]:
        """The sticky parameters of links: the chosen campaign, and the past day."""
        kept = {"campaign": self.campaign.slug} if self.chosen and self.campaign else {}
        if self.day:
            kept["as_of"] = self.day.isoformat()
        if self.result and self.campaign and self.result != self.campaign.newest_result:
            kept["result"] = str(self.result.version)
        return kept

    @property
    def suffix(self) -> str:
        """`?campaign=…&as_of=…`, or nothing."""
        return f"?{urlencode(self.kept)}" if self.kept else ""

    @property
    def here(self) -> str:
        """The page to return to: this one, or the list when this is the response to a form."""
        return self.request.get_full_path() if self.request.method == "GET" else self.url("me")

    def url(self, name: str, *args: object, **query: object) -> str:
        """The address of a page, with the sticky parameters."""
        full = {**self.kept, **{key: value for key, value in query.items() if value not in ("", None)}}
        return reverse(name, args=args) + (f"?{urlencode(full)}" if full else "")

    def _end_of(self, text: str) -> datetime | None:
        """The end of a day in the campaign's zone; None (now) for today and later."""
        if not text:
            return None
        try:
            day = date.fromisoformat(text)
            if day.year < FIRST_YEAR:
                raise ValueError(text)
            end = datetime.combine(day + timedelta(days=1), time(), tzinfo=self.zone)
        except (ValueError, OverflowError) as unreadable:
            raise BadRequest("as_of is not a day like 2026-11-03") from unreadable
        return None if end > self.now or self.campaign is None else end

    def _result(self, text: str) -> FrozenResult | None:
        if self.campaign is None or (self.as_of and self.as_of < self.campaign.rule.cutoff_at):
            return None
        if not text:
            return self.campaign.newest_result
        try:
            return result_of(self.campaign, int(text) if text.isascii() and text.isdigit() and len(text) < 6 else 0)
        except UnknownResult as unknown:
            raise Http404("There is no such result") from unknown

    @property
    def runs_campaigns(self) -> bool:
        return self.user.has_role("hr")

    @property
    def reads_results(self) -> bool:
        return self.user.has_role("hr") or self.user.has_role("auditor")

    @property
    def reads_company(self) -> bool:
        """Whether the reader has the company's page: HR with its employees, an auditor without."""
        return self.reads_results

    @cached_property
    def approvals_waiting(self) -> int:
        """How many requests by others the reader can decide."""
        if not self.user.has_role("hr"):
            return 0
        # Without a comparison that is NULL for a request by a command.
        own = ApprovalRequest.objects.filter(requested_by_id=self.user.pk).values("pk")
        return ApprovalRequest.objects.open(self.now).exclude(pk__in=own).count()

    def frame(self) -> Frame:
        return Frame(self.user.display_name or self.user.login, self.user.login, self._links())

    def _links(self) -> list[Link]:
        pages = []
        if self.employee:
            pages.append((_("My standing"), reverse("me"), "gauge"))
            pages.append((_("Contacts"), reverse("contacts"), "contact"))
            if self.has_team:
                pages.append((_("Team"), reverse("team-home"), "users"))
        if self.reads_company:
            pages.append((_("Company"), reverse("company"), "building-2"))
        if self.approvals_waiting:
            pages.append((_("Approvals"), reverse("approvals"), "check-check"))
        if self.campaign and self.campaign.newest_result and self.reads_results:
            pages.append((_("Result"), reverse("result"), "stamp"))
        if self.user.has_role("auditor"):
            pages.append((_("Audit trail"), reverse("audit"), "scroll-text"))
        if self.employee or pages:
            pages.append((_("Exports"), reverse("exports"), "download"))
        # The navigation entry of the current page: the nearest one above it.
        below = [url for _label, url, _icon in pages if self._is_at(url)]
        here = max(below, key=len, default="")
        counts = {reverse("approvals"): self.approvals_waiting}
        return [Link(label, url, icon, url == here, counts.get(url, 0)) for label, url, icon in pages]

    def _is_at(self, url: str) -> bool:
        path = url.partition("?")[0]
        return self.request.path == path or (path != "/" and self.request.path.startswith(path))


def request_has(request: HttpRequest, etag: str) -> bool:
    """Whether If-None-Match names this ETag; compression makes it weak (W/)."""
    header = request.headers.get("If-None-Match", "")
    return etag in (tag.strip().removeprefix("W/") for tag in header.split(","))


def render(scope: PageContext, template: str, context: dict[str, Any] | None = None, status: int = 200) -> HttpResponse:
    """A page in the campaign's time zone, never cached: its numbers are personal."""
    full = {"scope": scope, "now": scope.look, "frame": scope.frame(), **(context or {})}
    with timezone.override(scope.zone):
        response = render_template(scope.request, template, full, status=status)
    add_never_cache_headers(response)
    return response


def fragment(scope: PageContext, template: str, context: dict[str, Any], status: int = 200) -> HttpResponse:
    """A part of a page: like `render`, without navigation."""
    with timezone.override(scope.zone):
        response = render_template(
            scope.request, template, {"scope": scope, "now": scope.look, **context}, status=status
        )
    add_never_cache_headers(response)
    return response


def streamed(pieces: Iterable[bytes], name: str, content_type: str) -> StreamingHttpResponse:
    """A streamed download, never cached. `name`: plain ASCII, generated by the application."""
    response = StreamingHttpResponse(pieces, content_type=content_type)
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    add_never_cache_headers(response)
    return response
