"""The filters of the list on team and company pages: from the address, as chips, and remembered by the browser."""

from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from urllib.parse import urlencode

from django.conf import settings
from django.http import HttpResponse, QueryDict
from django.utils.encoding import escape_uri_path
from django.utils.translation import gettext as _

from apps.campaigns import rules
from apps.dashboard.labels import base
from apps.dashboard.views.list_pages import text_param
from apps.dashboard.views.page_context import PageContext
from apps.dashboard.views.page_sizes import remember_size
from apps.reports import standings_filters

# Never the search: a cookie with a person's name would outlive the visit.
REMEMBERED = ("status", "department", "sort")
COOKIE, REMEMBERED_SECONDS = "list-filters", 30 * 24 * 3600
# The value of `status` that says explicitly that the list has no filter.
NO_FILTER = "all"


@dataclass(frozen=True)
class StandingFilters:
    """Filters and order of a list, as in the address; unknown values mean the default, `default_sort` for the order."""

    status: str
    q: str
    department: str
    counted: str
    change: str
    sort: str
    default_sort: str = "help"

    @property
    def for_report(self) -> standings_filters.Filters:
        return standings_filters.Filters(self.status, self.q, self.department, self.counted, self.change)

    @property
    def query(self) -> dict[str, str]:
        # The default stays out of addresses.
        return asdict(self.for_report) | {"sort": "" if self.sort == self.default_sort else self.sort}

    @property
    def department_only(self) -> standings_filters.Filters:
        """The filters of totals and charts: the department, never a status or a search."""
        return standings_filters.Filters(department=self.department)

    @property
    def department_label(self) -> str:
        return _("without a department") if self.department == base.NO_DEPARTMENT else self.department

    @property
    def narrowed(self) -> bool:
        """Whether the filters exclude any employee."""
        return bool(self.status or self.q or self.department or self.counted or self.change)

    @property
    def folded_count(self) -> int:
        """How many filters are in force among those behind the button *Filters* of a phone."""
        return sum(map(bool, (self.status, self.department, self.change)))


def filters_from_url(scope: PageContext) -> StandingFilters:
    return _filters(scope, scope.request.GET)


def page_filters(scope: PageContext) -> StandingFilters:
    """The filters in the address; without any there, those that this reader chose last on this page."""
    params = scope.request.GET
    if any(name in params for name in (*REMEMBERED, "q", "counted", "change", "after")):
        return _filters(scope, params)
    cookie = scope.request.get_signed_cookie(COOKIE, default="", salt=_salt(scope))
    return _filters(scope, QueryDict(cookie))


def remember_filters(scope: PageContext, filters: StandingFilters, response: HttpResponse) -> HttpResponse:
    """Keep the filters in a cookie of this page, and the rows per page. A GET stores nothing on the server."""
    kept = {name: value for name, value in filters.query.items() if name in REMEMBERED and value}
    path = escape_uri_path(scope.request.path)
    if kept:
        response.set_signed_cookie(
            COOKIE, urlencode(kept), salt=_salt(scope), max_age=REMEMBERED_SECONDS, path=path, httponly=True,
            secure=settings.SESSION_COOKIE_SECURE, samesite="Lax",
        )  # fmt: skip
    elif COOKIE in scope.request.COOKIES:
        response.delete_cookie(COOKIE, path=path, samesite="Lax")
    return remember_size(scope, response)


def chips(filters: StandingFilters, address: Callable[..., str]) -> list[tuple[str, str]]:
    """Each filter in force as (label, the address without it). `address(**query)`: the address of the list."""
    labels = {
        "status": str(base.STATUSES[filters.status]) if filters.status else "",
        "change": str(base.CHANGES[filters.change]) if filters.change else "",
        "department": filters.department_label,
        "counted": _("%(range)s counted contacts") % {"range": filters.counted} if filters.counted else "",
        "q": _("Search: %(text)s") % {"text": filters.q} if filters.q else "",
    }
    return [(label, address(**_without(filters, name))) for name, label in labels.items() if label]


def _without(filters: StandingFilters, name: str) -> dict[str, str]:
    query = replace(filters, **{name: ""}).query
    # Without any filter the address would restore the remembered ones.
    return query if any(query.values()) else {"status": NO_FILTER}


def _filters(scope: PageContext, params: QueryDict) -> StandingFilters:
    status, sort, counted, change = (params.get(name, "") for name in ("status", "sort", "counted", "change"))
    default = default_sort(scope)
    return StandingFilters(
        status=status if status in base.statuses(scope.user.has_role("hr")) else "",
        q=text_param(params, "q"),
        department=params.get("department", "").replace("\0", ""),
        # Without a day to compare with, no employee would match.
        change=change if scope.since and change in base.CHANGES else "",
        counted=counted if standings_filters.read_counted_range(counted) else "",
        sort=sort if sort in base.SORTS else default,
        default_sort=default,
    )


def default_sort(scope: PageContext) -> str:
    """On the last day those with few to go come first: they can still be helped. Before it, those with most to go."""
    rule = scope.rule
    last_day = rules.days_left(rule.cutoff_at, rule.time_zone, scope.now) == 1 and scope.now >= rule.opens_at
    return "reach" if last_day and scope.as_of is None else "help"


def _salt(scope: PageContext) -> str:
    # Of this reader and this page: what another person chose in the same browser is not restored.
    return f"{COOKIE} of {scope.user.pk} at {scope.request.path}"
