"""Files of standings: the people of a page, their counts by day, their teams, and the hand-over of a result."""

from __future__ import annotations

from django.db import DEFAULT_DB_ALIAS

from apps.campaigns.population import effective_as_of
from apps.core.sql import sql_literal, statement
from apps.exports.csv_columns import Column, Table, Write, code, constant, day, instant, number, text, yes_no
from apps.reports import standings_columns
from apps.reports.standings_filters import order_of
from apps.reports.standings_report import Standings

WITH_MANAGER_NAMES = statement("exports", "standings", "with_manager_names")
FROZEN_WITH_MANAGER_NAMES = statement("exports", "standings", "frozen_with_manager_names")
DAYS = statement("exports", "standings", "days")
TEAMS = statement("exports", "standings", "teams")
TEAM_MEMBERS = statement("exports", "standings", "team_members")
FROZEN_TEAM_MEMBERS = statement("exports", "standings", "frozen_team_members")
HANDOVER_VERDICT = statement("exports", "standings", "handover_verdict")


# The cells of each kind of column.
CELLS = {
    standings_columns.TEXT: text,
    standings_columns.CODE: code,
    standings_columns.NUMBER: number,
    standings_columns.YES_NO: yes_no,
    standings_columns.DAY: day,
    standings_columns.INSTANT: instant,
}


def columns(standings: Standings) -> dict[str, Column]:
    compared = instant("NULL::timestamptz") if standings.since is None else constant(standings.since)
    cells = {"as_of": constant(standings.now), "manager_name": text("manager_name"), "compared_with": compared}
    for column in standings_columns.COLUMNS.values():
        cells[column.name] = CELLS[column.kind](column.source)
    return {name: cells[name] for name in standings_columns.IN_FILES}


def standings_table(standings: Standings, sort: str = "staff_no") -> Table:
    """Exactly the rows that match the filters, in the order of a page; `sort` is a key of reports' SORTS."""
    source, result = WITH_MANAGER_NAMES, standings.result
    if result is not None:
        source = FROZEN_WITH_MANAGER_NAMES.format(campaign=result.campaign_id, version=result.version)
    rows = _in_order(standings, sort, source)
    return Table(columns(standings), rows, standings.rule.time_zone, standings.compared_sources)


def write_standings(
    standings: Standings, write: Write, using: str = DEFAULT_DB_ALIAS, *, sort: str = "staff_no"
) -> None:
    """Write the CSV of `standings_table`, read over the connection of this alias.

    An error half-way is raised to the caller, who must not treat the file as complete.
    """
    standings_table(standings, sort).write(write, using)


def _in_order(standings: Standings, sort: str, source: str = "listed") -> str:
    # A cell has the name of the column it escapes, and a plain name would mean the cell.
    keys = (f"listed.{key}" if key.isidentifier() else key for key in order_of(sort))
    return f"FROM {source} WHERE {standings.where} ORDER BY {', '.join(keys)}"


def days_table(standings: Standings) -> Table:
    """A line for each person and local day with counted contacts, with the sum up to its end."""
    columns = {
        "staff_no": text("staff_no"),
        "name": text("name"),
        "day": day("daily.day"),
        "counted": number("count"),
        "counted_so_far": number("total"),
        "as_of": constant(standings.now),
    }
    rows = DAYS.format(where=standings.where)
    return Table(columns, rows, standings.rule.time_zone, standings.sources)


def teams_table(standings: Standings, root: int | None) -> Table:
    """A line for each manager with filtered people below, direct or indirect.

    `root`: the lead of the team; only it and managers below are listed. None: all managers.
    """
    at = effective_as_of(standings.rule, standings.now)
    # A frozen campaign keeps its tree; today's placements may differ from it.
    member = TEAM_MEMBERS.format(at=at)
    if standings.result is not None:
        member = FROZEN_TEAM_MEMBERS.format(campaign=standings.campaign.pk)
    heads = "true" if root is None else f"(head_id = {root:d} OR head_id IN (SELECT id FROM chosen))"
    rows = TEAMS.format(member=member, where=standings.where, heads=heads, at=at)
    columns = {
        "staff_no": text("staff_no"),
        "name": text("name"),
        "department": text("department"),
        "manager_staff_no": text("manager_staff_no"),
        **{name: number(name) for name in ("people", "red", "at_target", "exempt", "counted", "remaining")},
        **{name: number(name) for name in ("quartile_1", "median", "quartile_3")},
        "as_of": constant(standings.now),
        "manager_name": text("manager_name"),
    }
    return Table(columns, rows, standings.rule.time_zone, standings.sources)


def handover_table(standings: Standings) -> Table:
    """A frozen result for the payout system: `eligible`, `not_eligible` or `under_review` for every employee.

    A red employee with an open review is `under_review`, never `not_eligible`. The columns covered by the signature
    (apps/results/verification.py) are in every such file.
    """
    result = standings.result
    if result is None:
        raise ValueError("only a frozen result is handed over")
    columns = {
        "staff_no": text("staff_no"),
        "name": text("name"),
        "email": text("email"),
        "verdict": code(HANDOVER_VERDICT),
        "counted": number("counted"),
        "target": number("target"),
        "exempt": yes_no("exempt"),
        "red": yes_no("red"),
        # In every line, so that a part of the file still names its result.
        "result_version": number(sql_literal(result.version)),
        "rule_version": number(sql_literal(result.rule_version)),
        "cutoff_at": constant(result.cutoff_at),
        "reviews_as_of": constant(standings.reviews_at),
        "digest": code(sql_literal(result.digest)),
        "remaining": number("remaining"),
    }
    return Table(columns, _in_order(standings, "staff_no"), standings.rule.time_zone, standings.sources)
