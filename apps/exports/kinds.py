"""The source of each kind of export, and who may request it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from apps.accounts.models import Account, Role
from apps.exports import event_exports, standings_export
from apps.exports.csv_columns import Table
from apps.exports.models import Export
from apps.reports.standings_filters import Filters
from apps.reports.standings_report import Standings
from apps.results.verification import COVERED, FORM, HANDOVER
from apps.standings.report_people import OneEmployee, People, Team, WholeCompany

Kind = Export.Kind


@dataclass(frozen=True)
class ExportKind:
    """How a kind of export is made and offered. `table` gives its source.

    `filtered`: takes a team and the filters of a page; other kinds are of the whole company, for HR alone. `sorted`:
    takes the order of a page. `since`: lists changes from an instant on. `compares`: can compare each line with one.
    `frozen`: only of a frozen result, and signed. `line_per_employee`: at most one line for each employee. `always`:
    columns that cannot be left out.
    """

    table: Callable[[Export], Table]
    filtered: bool = False
    sorted: bool = False
    since: bool = False
    compares: bool = False
    frozen: bool = False
    line_per_employee: bool = False
    always: tuple[str, ...] = ()


def people_of(export: Export) -> People:
    if export.root is None:
        return WholeCompany()
    if export.single_person:
        return OneEmployee(export.root)
    return Team(export.root, Account.objects.get(pk=export.asked_by_id))


def standings_of(export: Export) -> Standings:
    """The standings of an export: evaluated from the facts as of its instant, or those of a frozen result.

    As on the pages, review marks are shown to HR, and to employees for their own standing.
    """
    filters = {name: export.filters.get(name, "") for name in ("status", "q", "department", "counted", "change")}
    result = None
    if export.result_version:
        result = export.campaign.results.get(version=export.result_version)
    # The role of now: it may have ended since the request.
    of_hr = Role.objects.filter(account_id=export.asked_by_id, role=Role.Kind.HR)
    show_reviews = export.root is None or export.single_person or of_hr.exists()
    return Standings(
        export.campaign, people_of(export), as_of=export.as_of, filters=Filters(**filters), result=result,
        # A result has one instant, but reviews are asked and answered after it.
        show_reviews=show_reviews, reviews_at=export.as_of, since=export.since,
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
    Kind.STANDINGS: ExportKind(_standings, filtered=True, sorted=True, compares=True, line_per_employee=True),
    Kind.DAYS: ExportKind(lambda export: standings_export.days_table(standings_of(export)), filtered=True),
    Kind.TEAMS: ExportKind(_teams, filtered=True, line_per_employee=True),
    Kind.FLIPS: ExportKind(lambda export: event_exports.flips_table(standings_of(export)), filtered=True),
    Kind.ADJUSTMENTS: ExportKind(lambda export: event_exports.adjustments_table(export.campaign, export.as_of)),
    Kind.REVIEWS: ExportKind(lambda export: event_exports.reviews_table(export.campaign, export.as_of)),
    Kind.LEAVERS: ExportKind(lambda export: event_exports.leavers_table(export.campaign, export.as_of)),
    Kind.ROSTER_CHANGES: ExportKind(_roster_changes, since=True),
    Kind.HANDOVER: ExportKind(
        lambda export: standings_export.handover_table(standings_of(export)),
        frozen=True,
        line_per_employee=True,
        always=COVERED[FORM, HANDOVER],
    ),
}


def table_of(export: Export) -> Table:
    kind = KINDS[export.kind]
    return kind.table(export).only([*export.columns, *kind.always] if export.columns else [])


def filtered_people_sql(export: Export) -> str:
    """SELECT of (employee_id): the people that match the filters of an export; empty for an export without filters."""
    if not KINDS[export.kind].filtered:
        return ""
    standings = standings_of(export)
    found = f"{standings.sources} SELECT employee_id FROM listed WHERE {standings.where}"
    return found if standings.is_filtered else ""


def columns_of(export: Export) -> dict[str, str]:
    """All columns of an export's kind in order, each with its type: text, number, day or instant."""
    return {name: cell.kind for name, cell in KINDS[export.kind].table(export).columns.items()}
