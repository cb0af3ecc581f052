"""Files of standings: the people of a page, their counts by day, their teams, and the payout file of a result."""

from __future__ import annotations

from django.db import DEFAULT_DB_ALIAS

from apps.campaigns.population import effective_as_of
from apps.core.sql import sql_literal
from apps.exports.csv_columns import Column, Table, Write, constant, day, instant, number, text, word, yes_no
from apps.reports.standings_report import Standings, order_of


def columns(standings: Standings) -> dict[str, Column]:
    """The columns of a standings file, in order."""
    return {
        "staff_no": text("staff_no"),
        "name": text("name"),
        "email": text("email"),
        "department": text("department"),
        "manager_staff_no": text("manager_staff_no"),
        "counted": number("counted"),
        "target": number("target"),
        "remaining": number("remaining"),
        "red": yes_no("red"),
        "pace": word("pace"),
        "reached_at": instant("target_reached_at"),
        "exempt": yes_no("exempt"),
        "as_of": constant(standings.now),
        # Empty where the reader may not see it: "no" would be an answer.
        "under_review": yes_no("under_review"),
        "quiet_days": number("quiet_days"),
    }


def standings_table(standings: Standings, sort: str = "staff_no") -> Table:
    """Exactly the rows that match the filters, in the order of a page; `sort` is a key of reports' SORTS."""
    return Table(columns(standings), _in_order(standings, sort), standings.rule.time_zone, standings.sources)


def write_standings(
    standings: Standings, write: Write, using: str = DEFAULT_DB_ALIAS, *, sort: str = "staff_no"
) -> None:
    """Write the CSV of `standings_table`, read over the connection of this alias.

    An error half-way is raised to the caller, who must not treat the file as complete.
    """
    standings_table(standings, sort).write(write, using)


def _in_order(standings: Standings, sort: str) -> str:
    # A cell has the name of the column it escapes, and a plain name would mean the cell.
    keys = (f"listed.{key}" if key.isidentifier() else key for key in order_of(sort))
    return f"FROM listed WHERE {standings.where} ORDER BY {', '.join(keys)}"


def days_table(standings: Standings) -> Table:
    """A line for each person and local day with counted contacts, with the sum up to its end."""
    total = "(sum(days.count) OVER (PARTITION BY days.employee_id ORDER BY days.day))::int"
    rows = f"""FROM (SELECT listed.staff_no, listed.name, days.day, days.count, {total} AS total
            FROM days JOIN listed USING (employee_id) WHERE {standings.where}) daily
        ORDER BY daily.staff_no, daily.day"""
    columns = {
        "staff_no": text("staff_no"),
        "name": text("name"),
        "day": day("daily.day"),
        "counted": number("count"),
        "counted_so_far": number("total"),
        "as_of": constant(standings.now),
    }
    return Table(columns, rows, standings.rule.time_zone, standings.sources)


def teams_table(standings: Standings, root: int | None) -> Table:
    """A line for each manager with filtered people below, direct or indirect.

    `root`: the lead of the team; only it and managers below are listed. None: all managers.
    """
    member = _frozen_below(standings) if standings.result is not None else _below(standings)
    heads = "" if root is None else f"AND (head_id = {sql_literal(root)} OR head_id IN (SELECT id FROM chosen))"
    rows = f"""FROM (
            SELECT head.staff_no COLLATE "C" AS staff_no, head.name, coalesce(place.department, '') AS department,
            coalesce(boss.staff_no, '') AS manager_staff_no, summed.* FROM (
                SELECT head_id, count(*) AS people, count(*) FILTER (WHERE red) AS red,
                    count(*) FILTER (WHERE counted >= target) AS at_target, count(*) FILTER (WHERE exempt) AS exempt,
                    sum(counted) AS counted, coalesce(sum(remaining) FILTER (WHERE NOT exempt), 0) AS remaining,
                    percentile_disc(0.25) WITHIN GROUP (ORDER BY counted) AS quartile_1,
                    percentile_disc(0.5) WITHIN GROUP (ORDER BY counted) AS median,
                    percentile_disc(0.75) WITHIN GROUP (ORDER BY counted) AS quartile_3
                FROM listed JOIN ({member}) member USING (employee_id)
                WHERE {standings.where} {heads} GROUP BY head_id) summed
            JOIN employees_employee head ON head.id = summed.head_id
            LEFT JOIN employees_placement place ON place.employee_id = head.id AND {_at("place", standings)}
            LEFT JOIN employees_employee boss ON boss.id = place.manager_id) team
        ORDER BY team.staff_no"""
    columns = {
        "staff_no": text("staff_no"),
        "name": text("name"),
        "department": text("department"),
        "manager_staff_no": text("manager_staff_no"),
        **{name: number(name) for name in ("people", "red", "at_target", "exempt", "counted", "remaining")},
        **{name: number(name) for name in ("quartile_1", "median", "quartile_3")},
        "as_of": constant(standings.now),
    }
    return Table(columns, rows, standings.rule.time_zone, standings.sources)


def _at(place: str, standings: Standings) -> str:
    look = effective_as_of(standings.rule, standings.now)
    return f"in_force({place}.starts_at, {place}.ends_at, {look})"


def _below(standings: Standings) -> str:
    """SELECT of (head_id, employee_id): each employee with every manager above, by the placements of that moment."""
    return f"""SELECT head_id, employee_id FROM (WITH RECURSIVE above(head_id, employee_id) AS (
        SELECT manager_id, employee_id FROM employees_placement place
            WHERE manager_id IS NOT NULL AND {_at("place", standings)}
        UNION ALL
        SELECT place.manager_id, above.employee_id FROM above JOIN employees_placement place
            ON place.employee_id = above.head_id AND place.manager_id IS NOT NULL AND {_at("place", standings)}
        ) SELECT head_id, employee_id FROM above) above"""


def _frozen_below(standings: Standings) -> str:
    """The same at the cut-off of a frozen campaign."""
    return f"""SELECT head.employee_id AS head_id, node.employee_id FROM results_frozenorgposition head
        JOIN results_frozenorgposition node ON node.campaign_id = head.campaign_id
         AND node.first > head.first AND node.first <= head.last
        WHERE head.campaign_id = {standings.campaign.pk} AND head.last > head.first"""


def handover_table(standings: Standings) -> Table:
    """A frozen result for the payout system: `eligible`, `not_eligible` or `under_review` for every employee.

    A red employee with an open review is `under_review`, never `not_eligible`. The columns covered by the signature
    (apps/results/verification.py) are in every such file.
    """
    result = standings.result
    if result is None:
        raise ValueError("only a frozen result is handed over")
    verdict = "CASE WHEN NOT red THEN 'eligible' WHEN under_review THEN 'under_review' ELSE 'not_eligible' END"
    columns = {
        "staff_no": text("staff_no"),
        "name": text("name"),
        "email": text("email"),
        "verdict": word(verdict),
        "counted": number("counted"),
        "target": number("target"),
        "exempt": yes_no("exempt"),
        "red": yes_no("red"),
        "result_version": number(sql_literal(result.version)),
        "rule_version": number(sql_literal(result.rule_version)),
        "cutoff_at": constant(result.cutoff_at),
        "reviews_as_of": constant(standings.reviews_at),
        "digest": word(sql_literal(result.digest)),
        "remaining": number("remaining"),
    }
    return Table(columns, _in_order(standings, "staff_no"), standings.rule.time_zone, standings.sources)
