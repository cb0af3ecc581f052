"""The source of each kind of export, and who may request it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from apps.accounts.models import Role
from apps.exports import event_exports, standings_export
from apps.exports.csv_columns import Table
from apps.exports.models import Export
from apps.reports.standings_report import Filters, Standings
from apps.results import handover
from apps.standings.population import OneEmployee, People, Team, WholeCompany

Kind = Export.Kind


@dataclass(frozen=True)
class ExportKind:
    """The options of a kind: `filtered` like the list of a page, also for a team; otherwise the whole company, for HR
    alone.

    `sorted`: in the order of a page. `since`: lists changes from an instant on. `frozen`: of a result alone, and
    signed. `always`: columns that cannot be left out.
    """

    table: Callable[[Export], Table]
    filtered: bool = False
    sorted: bool = False
    since: bool = False
    frozen: bool = False
    always: tuple[str, ...] = ()


def people_of(export: Export) -> People:
    """The population of an export."""
    if export.root is None:
        return WholeCompany()
    return OneEmployee(export.root) if export.alone else Team(export.root)


def standings_of(export: Export) -> Standings:
    """The standings of an export: evaluated from the facts as of its instant, or those of a frozen result.

    As on the pages, review marks are shown to HR, and to employees for their own standing.
    """
    filters = {name: export.filters.get(name, "") for name in ("status", "q", "department")}
    result = None
    if export.result_version:
        result = export.campaign.results.get(version=export.result_version)
    of_hr = Role.objects.filter(account_id=export.asked_by_id, role=Role.Kind.HR)
    show_reviews = export.root is None or export.alone or of_hr.exists()
    return Standings(
        export.campaign, people_of(export), as_of=export.as_of, filters=Filters(**filters), result=result,
        show_reviews=show_reviews, reviews_at=export.as_of,
    )  # fmt: skip


def _standings(export: Export) -> Table:
    return standings_export.standings_table(standings_of(export), export.filters.get("sort") or "staff_no")


def _teams(export: Export) -> Table:
    return standings_export.teams_table(standings_of(export), export.root_id)


def _roster_changes(export: Export) -> Table:
    return event_exports.roster_changes_table(
        export.campaign, export.since or export.campaign.rule.opens_at, export.as_of
    )


KINDS: dict[str, ExportKind] = {
    Kind.STANDINGS: ExportKind(_standings, filtered=True, sorted=True),
    Kind.DAYS: ExportKind(lambda export: standings_export.days_table(standings_of(export)), filtered=True),
    Kind.TEAMS: ExportKind(_teams, filtered=True),
    Kind.FLIPS: ExportKind(lambda export: event_exports.flips_table(standings_of(export)), filtered=True),
    Kind.ADJUSTMENTS: ExportKind(lambda export: event_exports.adjustments_table(export.campaign, export.as_of)),
    Kind.REVIEWS: ExportKind(lambda export: event_exports.reviews_table(export.campaign, export.as_of)),
    Kind.LEAVERS: ExportKind(lambda export: event_exports.leavers_table(export.campaign, export.as_of)),
    Kind.ROSTER_CHANGES: ExportKind(_roster_changes, since=True),
    Kind.HANDOVER: ExportKind(
        lambda export: standings_export.handover_table(standings_of(export)), frozen=True, always=handover.COLUMNS
    ),
}


def table_of(export: Export) -> Table:
    """The table of the export, with the selected columns."""
    kind = KINDS[export.kind]
    return kind.table(export).only([*export.columns, *kind.always] if export.columns else [])


def narrowed_sql(export: Export) -> str:
    """SELECT of (employee_id): the people whom the filters of an export select; "" for an export without filters."""
    if not KINDS[export.kind].filtered:
        return ""
    standings = standings_of(export)
    found = f"{standings.sources} SELECT employee_id FROM listed WHERE {standings.where}"
    return found if standings.narrowed else ""


def columns_of(export: Export) -> dict[str, str]:
    """All columns of an export's kind in order, each with its type: text, number, day or instant."""
    return {name: cell.kind for name, cell in KINDS[export.kind].table(export).columns.items()}
