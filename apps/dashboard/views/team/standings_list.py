"""The list of standings on team and company pages: filters, sorting, pages, and the same rows as a CSV."""

import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import IO, Any

from django.http import FileResponse
from django.urls import reverse
from django.utils.cache import add_never_cache_headers
from django.utils.text import slugify

from apps.accounts.access_log import note_found
from apps.campaigns import rules
from apps.core.read_replica import with_fallback
from apps.dashboard.labels import base
from apps.dashboard.views.page_context import PageContext
from apps.exports import build_export, standings_export
from apps.exports.models import Export
from apps.reports import standings_report
from apps.standings import population

PAGE = 50
LARGEST_IN_MEMORY = 1_000_000
CSV = "text/csv; charset=utf-8"


@dataclass(frozen=True)
class StandingFilters:
    """Filters and order of a list, as in the address; unknown values mean the default."""

    status: str
    q: str
    department: str
    sort: str

    @property
    def filters(self) -> standings_report.Filters:
        return standings_report.Filters(status=self.status, q=self.q, department=self.department)

    @property
    def query(self) -> dict[str, str]:
        return {
            "status": self.status,
            "q": self.q,
            "department": self.department,
            "sort": "" if self.sort == "help" else self.sort,
        }

    @property
    def narrowed(self) -> bool:
        """Whether the filters exclude any employee."""
        return bool(self.status or self.q or self.department)


def choice_of(scope: PageContext) -> StandingFilters:
    asked = scope.request.GET
    status, sort = asked.get("status", ""), asked.get("sort", "")
    statuses = base.statuses(scope.user.has_role("hr"))
    return StandingFilters(
        status=status if status in statuses else "",
        q=asked.get("q", "").strip().replace("\0", "")[:200],
        department=asked.get("department", "").replace("\0", ""),
        sort=sort if sort in base.SORTS else "help",
    )


@dataclass(frozen=True)
class StandingRow:
    """One row of the list, with the contacts needed per day."""

    row: Any
    per_day: int | None
    url: str


def listing(
    scope: PageContext, everybody: standings_report.Standings, choice: StandingFilters, name: str, *args: object
) -> dict[str, Any]:
    """Context of the list: one page of rows and its addresses. `name` and `args` are the page's address.

    `everybody`: the standings before filtering.
    """
    standings = scope.standings(everybody.people, choice.filters) if choice.narrowed else everybody
    after = scope.request.GET.get("after", "")
    page = standings.page(sort=choice.sort, after=after, limit=PAGE)
    if choice.narrowed and not after and not page.next:
        note_found(scope.user, [row.employee_id for row in page.rows], "standing")
    left = rules.days_left(scope.rule.cutoff_at, scope.rule.time_zone, scope.look)
    return {
        "people": [
            StandingRow(row, rules.needed_per_day(row.remaining, left), scope.url("team", row.staff_no))
            for row in page.rows
        ],
        "choice": choice,
        "next": scope.url(name, *args, **choice.query, after=page.next) + "#list" if page.next else "",
        "first": scope.url(name, *args, **choice.query) + "#list" if after else "",
        "statuses": base.statuses(scope.user.has_role("hr")).items(),
        "sorts": base.SORTS.items(),
        "columns": _columns(scope, choice, name, *args),
        "csv": scope.url(f"{name}-csv", *args, **{**choice.query, "sort": choice.sort}),
        "export": scope.url(
            "export-new", Export.Kind.STANDINGS, team=args[0] if args else "", **{**choice.query, "sort": choice.sort}
        ),
        "here": reverse(name, args=args),
        "action": scope.url(name, *args),
        "path": reverse(name, args=args),
        "found": standings.totals(),
        "narrowed": choice.narrowed,
        "usual": standings.rule.target,
    }


# The order behind a column's header, and the word for screen readers; a second order is the reverse.
ORDERS: dict[str, dict[str, str]] = {
    "name": {"name": "ascending"},
    "counted": {"counted": "ascending", "-counted": "descending"},
    "to_go": {"help": "descending"},
    "per_day": {"remaining_per_day": "descending"},
    "quiet": {"quiet": "descending"},
}


@dataclass(frozen=True)
class Column:
    """The header of a column: its sort link, and its current sort order, if any."""

    url: str
    sorted: str


def _columns(scope: PageContext, choice: StandingFilters, name: str, *args: object) -> dict[str, Column]:
    def head(orders: dict[str, str]) -> Column:
        sort = next((code for code in orders if code != choice.sort), choice.sort)
        url = scope.url(name, *args, **{**choice.query, "sort": sort}) + "#list"
        return Column(url, orders.get(choice.sort, ""))

    return {column: head(orders) for column, orders in ORDERS.items()}


def tile_urls(scope: PageContext, choice: StandingFilters, name: str, *args: object) -> dict[str, str]:
    """The address of the list behind every total."""

    def link(**query: str) -> str:
        return scope.url(name, *args, department=choice.department, **query) + "#list"

    by_status = {code: link(status=code) for code in base.STATUSES if code}
    return {**by_status, "all": link()}


def csv_response(scope: PageContext, people: Any, label: str) -> FileResponse:
    """The standings CSV with the address's filters, in its order, else by staff number.

    An error half-way gives an error page, never a partial file.
    """
    choice = choice_of(scope)
    standings = scope.standings(people, choice.filters)
    if choice.narrowed and scope.request.method == "GET":
        note_found(scope.user, [row.employee_id for row in standings.page(sort="staff_no", limit=2).rows], "standing")
    final = standings.result
    sort = choice.sort if "sort" in scope.request.GET else "staff_no"
    wish = build_export.ExportRequest(
        kind=Export.Kind.STANDINGS, root=getattr(people, "employee", None),
        alone=isinstance(people, population.OneEmployee),
        filters={**choice.query, "sort": sort}, as_of=standings.now, result_version=final.version if final else None,
    )  # fmt: skip
    parts = ["standings", scope.the_campaign.slug, slugify(label), slugify(choice.status)]
    name = _named(*parts, f"result-{final.version}") if final else _dated(scope, *parts)
    return standings_file(standings, name, partial(save_manifest, scope, wish), sort=sort)


def standings_file(
    standings: standings_report.Standings, name: str, note: Callable[[IO[bytes]], str], *, sort: str = "staff_no"
) -> FileResponse:
    """The standings as a CSV download, like `buffered_download`, from a replica where one is up to date."""
    file = _file()

    def write(using: str) -> None:
        file.seek(0)
        file.truncate()
        standings_export.write_standings(standings, file.write, using, sort=sort)

    with_fallback(write)
    return _attachment(file, name, CSV, note)


def csv_download(
    scope: PageContext,
    write_to: Callable[[Callable[[bytes], object]], None],
    wish: build_export.ExportRequest,
    *parts: str,
) -> FileResponse:
    """A CSV download, written completely before it is sent, its manifest saved; `parts` and the day make its name."""
    return buffered_download(write_to, _dated(scope, *parts), CSV, partial(save_manifest, scope, wish))


def _dated(scope: PageContext, *parts: str) -> str:
    return _named(*parts, (scope.day or scope.today).isoformat())


def _named(*parts: str) -> str:
    return "-".join(filter(None, parts)) + ".csv"


def save_manifest(scope: PageContext, wish: build_export.ExportRequest, file: IO[bytes]) -> str:
    """Save the manifest of a file that is sent now; returns its address. HEAD requests are not logged."""
    if scope.request.method != "GET":
        return ""
    sent = build_export.record_direct_download(campaign=scope.the_campaign, wish=wish, file=file, by=scope.user.actor)
    return reverse("export-manifest", args=[sent.pk])


def buffered_download(
    write_to: Callable[[Callable[[bytes], object]], object],
    name: str,
    content_type: str,
    note: Callable[[IO[bytes]], str] | None = None,
) -> FileResponse:
    """A download, written completely before the first byte is sent; above a megabyte it is buffered on disk.

    `note` receives the file and returns the address of its manifest.
    """
    file = _file()
    write_to(file.write)
    return _attachment(file, name, content_type, note)


def _file() -> IO[bytes]:
    return tempfile.SpooledTemporaryFile(max_size=LARGEST_IN_MEMORY)  # the response closes it


def _attachment(file: IO[bytes], name: str, content_type: str, note: Callable[[IO[bytes]], str] | None) -> FileResponse:
    file.seek(0)
    manifest = note(file) if note else ""
    response = FileResponse(file, as_attachment=True, filename=name, content_type=content_type)
    if manifest:
        response["Link"] = f'<{manifest}>; rel="describedby"'
    add_never_cache_headers(response)
    return response
