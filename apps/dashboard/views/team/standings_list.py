"""The list of standings on team and company pages: filters, sorting, pages, and the same rows as a CSV."""

import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import IO, Any
from urllib.parse import unquote

from django.http import FileResponse, HttpResponse
from django.urls import reverse
from django.utils.cache import add_never_cache_headers
from django.utils.text import slugify

from apps.accounts.access_log import log_single_result
from apps.campaigns import rules
from apps.core.cursors import InvalidCursor
from apps.core.read_replica import with_fallback
from apps.dashboard.labels import base
from apps.dashboard.views.list_pages import ListPage, position
from apps.dashboard.views.page_context import PageContext, render
from apps.dashboard.views.page_sizes import page_size, size_links, size_query
from apps.dashboard.views.team.list_filters import (
    NO_FILTER,
    StandingFilters,
    chips,
    filters_from_url,
    remember_filters,
)
from apps.exports import export_requests, standings_export
from apps.exports.models import Export, filter_words
from apps.reports import standings_columns, standings_report
from apps.reports.totals import Totals
from apps.standings import report_people

MAX_BYTES_IN_MEMORY = 1_000_000
CSV = "text/csv; charset=utf-8"


@dataclass(frozen=True)
class StandingRow:
    row: Any
    per_day: int | None
    pace: base.Text
    url: str


def standings_context(
    scope: PageContext, standings: standings_report.Standings, filters: StandingFilters, name: str, *args: object
) -> dict[str, Any]:
    """Context of the list: one page of rows and its addresses. `name` and `args` are the page's address.

    `standings`: those that the page's totals show.
    """
    if filters.for_report != standings.filters:
        standings = scope.standings(standings.people, filters.for_report)

    def address(**query: str) -> str:
        return scope.url(name, *args, **{**filters.query, **size_query(scope), **query}) + "#list"

    def unlimited(**query: str) -> str:
        return scope.url(name, *args, **query) + "#list"

    page = _requested_page(scope, standings, filters)
    # A list of one person, by a search or of a small team, shows that person's record: the access log has an entry.
    if page.first == 1 and not page.next:
        log_single_result(scope.user, [row.employee_id for row in page.rows], "standing")
    query = {**filters.query, "sort": filters.sort}
    return {
        "people": _standing_rows(scope, page),
        "filters": filters,
        "page": _list_page(scope, page, totals := standings.totals(), address),
        "statuses": base.statuses(scope.user.has_role("hr")).items(),
        "changes": base.CHANGES.items() if scope.since else (),
        "sorts": base.SORTS.items(),
        "columns": _column_headers(scope, filters, name, *args),
        "plain_columns": standings_columns.ON_PAGE,
        "csv": scope.url(f"{name}-csv", *args, **query),
        "export": "" if filters.counted else _new_export_url(scope, args, query),
        "here": reverse(name, args=args),
        "action": scope.url(name, *args, status=NO_FILTER),
        "totals_of_list": totals,
        "narrowed": filters.narrowed,
        "chips": chips(filters, unlimited),
        "usual_target": standings.rule.target,
    }


def _new_export_url(scope: PageContext, args: tuple[object, ...], query: dict[str, str]) -> str:
    """The form of a file of the list. It has no filter by the number of contacts: its file would hold other people."""
    return scope.url("export-new", Export.Kind.STANDINGS, team=args[0] if args else "", **query)


def _standing_rows(scope: PageContext, page: standings_report.Page) -> list[StandingRow]:
    left = rules.days_left(scope.rule.cutoff_at, scope.rule.time_zone, scope.instant)
    return [
        StandingRow(
            row,
            rules.needed_per_day(row.remaining, left),
            base.pace_label(row.pace, left),
            scope.url("team", row.staff_no),
        )
        for row in page.rows
    ]


def list_response(scope: PageContext, filters: StandingFilters, listed: dict[str, Any]) -> HttpResponse:
    """The list alone for htmx; another department changes totals and charts too, and so leads to the whole page."""
    if unquote(scope.request.headers.get("X-Shown-Department", "")) != filters.department:
        response = HttpResponse(headers={"HX-Redirect": scope.request.get_full_path() + "#list"})
    else:
        response = render(scope, "components/_standings_refresh.html", listed)
    return remember_filters(scope, filters, response)


def _requested_page(
    scope: PageContext, standings: standings_report.Standings, filters: StandingFilters
) -> standings_report.Page:
    """The page of the list that the address asks for; the first one for an unknown cursor."""
    try:
        return standings.page(sort=filters.sort, after=scope.request.GET.get("after", ""), limit=page_size(scope))
    except InvalidCursor:
        return standings.page(sort=filters.sort, limit=page_size(scope))


def _list_page(
    scope: PageContext, page: standings_report.Page, totals: Totals, address: Callable[..., str]
) -> ListPage:
    return ListPage(
        page.rows,
        next=address(after=page.next) if page.next else "",
        first=address() if page.first > 1 else "",
        previous=(
            (address(after=page.previous) if page.first > page_size(scope) + 1 else address()) if page.first > 1 else ""
        ),
        position=position(page.first, len(page.rows), totals.people),
        sizes=size_links(scope, totals.people, address),
    )


# The order behind a column's header, and the word for screen readers; a second order is the reverse.
ORDERS: dict[str, dict[str, str]] = {
    "name": {"name": "ascending"},
    "counted": {"counted": "ascending", "-counted": "descending"},
    "to_go": {"help": "descending", "reach": "ascending"},
    "per_day": {"remaining_per_day": "descending"},
    "quiet": {"quiet": "descending"},
}


@dataclass(frozen=True)
class ColumnHeader:
    url: str
    sorted: str


def _column_headers(scope: PageContext, filters: StandingFilters, name: str, *args: object) -> dict[str, ColumnHeader]:
    def head(orders: dict[str, str]) -> ColumnHeader:
        sort = next((code for code in orders if code != filters.sort), filters.sort)
        url = scope.url(name, *args, **{**filters.query, "sort": sort}) + "#list"
        return ColumnHeader(url, orders.get(filters.sort, ""))

    return {column: head(orders) for column, orders in ORDERS.items()}


def tile_urls(scope: PageContext, filters: StandingFilters, name: str, *args: object) -> dict[str, str]:
    """The address of the list behind every total."""

    def link(**query: str) -> str:
        return scope.url(name, *args, department=filters.department, **query) + "#list"

    by_status = {code: link(status=code) for code in base.STATUSES if code}
    return {**by_status, "all": link(status=NO_FILTER)}


def csv_response(scope: PageContext, people: Any, label: str) -> FileResponse:
    """The standings CSV with the address's filters, in its order, else by staff number.

    An error half-way gives an error page, never a partial file.
    """
    filters = filters_from_url(scope)
    standings = scope.standings(people, filters.for_report)
    # HEAD too: the length of the file tells whether the filters match one person.
    if filters.narrowed:
        log_single_result(
            scope.user, [row.employee_id for row in standings.page(sort="staff_no", limit=2).rows], "standing"
        )
    final = standings.result
    sort = filters.sort if "sort" in scope.request.GET else "staff_no"
    export_request = export_requests.ExportRequest(
        kind=Export.Kind.STANDINGS, root=getattr(people, "employee", None),
        single_person=isinstance(people, report_people.OneEmployee),
        filters={**filters.query, "sort": sort}, as_of=standings.now, since=standings.since,
        result_version=final.version if final else None,
    )  # fmt: skip
    parts = ["standings", scope.required_campaign.slug, slugify(label), *filter_words(filters.query)]
    name = _file_name(*parts, f"result-{final.version}") if final else _dated_name(scope, *parts)
    return standings_file(standings, name, partial(save_manifest, scope, export_request), sort=sort)


def standings_file(
    standings: standings_report.Standings, name: str, manifest_of: Callable[[IO[bytes]], str], *, sort: str = "staff_no"
) -> FileResponse:
    """The standings as a CSV download, like `buffered_download`, from a replica where one is up to date."""
    file = _file()

    def write(using: str) -> None:
        # The replica may fail half-way: the primary writes the whole file again.
        file.seek(0)
        file.truncate()
        standings_export.write_standings(standings, file.write, using, sort=sort)

    with_fallback(write)
    return _attachment(file, name, CSV, manifest_of)


def csv_download(
    scope: PageContext,
    write_to: Callable[[Callable[[bytes], object]], None],
    export_request: export_requests.ExportRequest,
    *parts: str,
) -> FileResponse:
    """A CSV download, written completely before it is sent, its manifest saved; `parts` and the day make its name."""
    return buffered_download(write_to, _dated_name(scope, *parts), CSV, partial(save_manifest, scope, export_request))


def _dated_name(scope: PageContext, *parts: str) -> str:
    return _file_name(*parts, (scope.day or scope.today).isoformat())


def _file_name(*parts: str) -> str:
    return "-".join(filter(None, parts)) + ".csv"


def save_manifest(scope: PageContext, export_request: export_requests.ExportRequest, file: IO[bytes]) -> str:
    """Save the manifest of a file that is sent now; returns its address. HEAD requests are not logged."""
    if scope.request.method != "GET":
        return ""
    record = export_requests.record_direct_download(
        campaign=scope.required_campaign, request=export_request, file=file, by=scope.user.actor
    )
    return reverse("export-manifest", args=[record.pk])


def buffered_download(
    write_to: Callable[[Callable[[bytes], object]], object],
    name: str,
    content_type: str,
    manifest_of: Callable[[IO[bytes]], str] | None = None,
) -> FileResponse:
    """A download, written completely before the first byte is sent; above a megabyte it is buffered on disk.

    `manifest_of` receives the file and returns the address of its manifest.
    """
    file = _file()
    write_to(file.write)
    return _attachment(file, name, content_type, manifest_of)


def _file() -> IO[bytes]:
    return tempfile.SpooledTemporaryFile(max_size=MAX_BYTES_IN_MEMORY)  # the response closes it


def _attachment(
    file: IO[bytes], name: str, content_type: str, manifest_of: Callable[[IO[bytes]], str] | None
) -> FileResponse:
    file.seek(0)
    manifest = manifest_of(file) if manifest_of else ""
    response = FileResponse(file, as_attachment=True, filename=name, content_type=content_type)
    if manifest:
        # RFC 8288: a script finds the manifest of the bytes it has just received.
        response["Link"] = f'<{manifest}>; rel="describedby"'
    add_never_cache_headers(response)
    return response
