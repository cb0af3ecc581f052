"""A page of a long list that reads an index only up to where the summaries say the page ends.

Summaries only say how far to read. The same statement counts what it finds; with too few rows the result is discarded.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any

from apps.core.sql import sql_literal
from apps.reports.distribution import StandingBucket
from apps.reports.summaries import TeamSummary
from apps.standings.base_query import base_ctes
from apps.standings.evaluation import pending_sql
from apps.standings.population import EmployeeQuery

# Lists with an index in their order; other orders read every employee. The first two are by priority.
PRIORITY_SORTS = ("help", "remaining_per_day")
BY_COLUMN = {"name": 'person.name, person.staff_no COLLATE "C"', "staff_no": 'person.staff_no COLLATE "C"'}
# Priority of an employee: ((NOT red)::int, -remaining).
Need = tuple[int, int]


def indexed_page(summary: TeamSummary, parts: list[str], select: str) -> list[tuple]:
    """The rows of a SELECT over `listed`: the employees that one of `parts` finds, and the pending ones."""
    candidates = " UNION ALL ".join(f"({part})" for part in parts)
    # With another version of the tree no employee matches.
    chosen = f"SELECT DISTINCT id FROM ({candidates} UNION ALL {_pending(summary)}) near WHERE {summary.holds}"
    return summary.ask(lambda up_to_date: _of_few(summary, chosen, assume_up_to_date=up_to_date), select) or []


def who_sql(summary: TeamSummary, *, assume_up_to_date: bool) -> str:
    """The CTEs of a report about the pending ones of these employees, and `who` (employee_id): all of them."""
    return f"""{_of_few(summary, _pending(summary), assume_up_to_date=assume_up_to_date)},
        who AS NOT MATERIALIZED (
            SELECT standing.employee_id FROM {_valid_standings(summary)} UNION ALL SELECT employee_id FROM current)"""


def recorded_sql(summary: TeamSummary, when: str, *, assume_up_to_date: bool) -> str:
    """SELECT of the contacts of `who` under a condition on their time, each with `last_disqualified_at` of its
    employee.

    NULL where last_disqualified_at is not valid (Standing.last_disqualified_at). With assume_up_to_date and a team
    near company size, the
    caller also checks `summary.everyone_placed`.
    """
    standings = _valid_standings(summary, assume_up_to_date=assume_up_to_date)
    stored = f"""SELECT contact.*, believed.last_disqualified_at FROM contacts_contact contact JOIN (
            SELECT standing.employee_id, standing.last_disqualified_at FROM {standings}
        ) believed USING (employee_id) WHERE {when}"""
    # Without pending employees the statement can run in parallel.
    reevaluated = (
        f"UNION ALL SELECT contact.*, NULL FROM contacts_contact contact JOIN current USING (employee_id) WHERE {when}"
    )
    return stored if assume_up_to_date else f"{stored} {reevaluated}"


def _pending(summary: TeamSummary) -> str:
    """SELECT of (id): those of these employees that are pending re-evaluation."""
    inside = f"{_among(summary)} AND person.id IN (SELECT employee_id FROM pending)"
    return f"SELECT person.id FROM employees_employee person WHERE {inside}"


def facts_of(summary: TeamSummary) -> list[str]:
    """Joins that follow `fact` (with the column employee_id) and restrict it to these employees.

    Two joins, at most one of which finds an employee: by a valid standing, or by a re-evaluated one.
    """
    # The brackets force a look-up per employee: a join would read all rows, however few employees there are.
    return [
        f"WHERE (SELECT true FROM {_valid_standings(summary)} AND standing.employee_id = fact.employee_id)",
        "JOIN current ON current.employee_id = fact.employee_id",
    ]


def _valid_standings(summary: TeamSummary, *, assume_up_to_date: bool = False) -> str:
    """The valid `standing` rows of these employees, open for further conditions.

    With assume_up_to_date near company size, this excludes the few non-members instead of looking up each member in the
    tree.
    """
    place, others = "", "true"
    if summary.span is not None:
        first, last = summary.span
        if assume_up_to_date and summary.near_company_size:
            others = f"""NOT EXISTS (SELECT FROM employees_treenode other
                WHERE other.employee_id = standing.employee_id AND (other.first < {first} OR other.first > {last}))"""
        else:
            place = f"""JOIN employees_treenode node ON node.employee_id = standing.employee_id
                AND node.first BETWEEN {first} AND {last}"""
    none_pending = "true" if assume_up_to_date else "standing.employee_id NOT IN (SELECT employee_id FROM pending)"
    return f"""standings_standing standing {place}
        WHERE standing.campaign_id = {summary.campaign.pk} AND {others} AND {none_pending}"""


def _of_few(summary: TeamSummary, chosen: str, *, assume_up_to_date: bool) -> str:
    waiting = (
        "SELECT NULL::bigint AS employee_id WHERE false" if assume_up_to_date else pending_sql(summary.campaign.pk)
    )
    pending_cte = f"pending AS MATERIALIZED ({waiting}), "
    return base_ctes(
        summary.campaign,
        summary.rule,
        EmployeeQuery(chosen),
        summary.at,
        historical=False,
        before=pending_cte,
        assume_up_to_date=assume_up_to_date,
    )


def page_by_priority(
    summary: TeamSummary, buckets: Iterable[StandingBucket], behind: list[Any] | None, size: int
) -> list[str]:
    """SELECTs of (id) that hold the `size` people after a key (NOT red, -remaining, staff number), and some more."""
    sizes: Counter[Need] = Counter()
    for bucket in buckets:
        sizes[int(not bucket.red), -max(bucket.target - bucket.counted, 0)] += bucket.people
    begin: Need | None = (behind[0], behind[1]) if behind else None
    left, last = size, None
    for need in sorted(need for need in sizes if begin is None or need > begin):
        left, last = left - sizes[need], need
        if left <= 0:
            break
    parts = []
    if begin is not None and behind:
        parts.append(_of_need(summary, begin, f'AND person.staff_no COLLATE "C" > {sql_literal(behind[2])}', size))
    if last is not None:
        parts.append(_between(summary, begin, last, size))
        parts.append(_of_need(summary, last, "", size))
    return parts


def page_by_column(summary: TeamSummary, sort: str, behind: list[Any] | None, size: int) -> list[str]:
    """The same in an order of BY_COLUMN."""
    order = BY_COLUMN[sort]
    skip = f"AND ({order}) > ({', '.join(map(sql_literal, behind))})" if behind else ""
    return [f"{_stored(summary)} {skip} ORDER BY {order} LIMIT {size}"]


def _of_need(summary: TeamSummary, need: Need, more: str, size: int) -> str:
    red, remaining = "NOT red" if need[0] else "red", -need[1]
    return f"""{_stored(summary)} AND {red} AND remaining = {remaining} {more}
        ORDER BY person.staff_no COLLATE "C" LIMIT {size}"""


def _between(summary: TeamSummary, begin: Need | None, last: Need, size: int) -> str:
    """Employees with a lower priority than `begin` and a higher one than `last`."""
    ranges = []
    for not_red in (0, 1):
        bounds = ["NOT red" if not_red else "red"]
        if begin is not None:
            bounds.append(
                "false" if begin[0] > not_red else f"remaining < {-begin[1]}" if begin[0] == not_red else "true"
            )
        bounds.append("false" if last[0] < not_red else f"remaining > {-last[1]}" if last[0] == not_red else "true")
        ranges.append(f"({' AND '.join(bounds)})")
    return f"""{_stored(summary)} AND ({" OR ".join(ranges)})
        ORDER BY (NOT red)::int, -remaining, person.staff_no COLLATE "C" LIMIT {size}"""


def _stored(summary: TeamSummary) -> str:
    """SELECT of (id): employees with a valid stored standing that also meet the added condition."""
    return f"""SELECT person.id FROM employees_employee person
        JOIN standings_standing standing ON standing.employee_id = person.id
        WHERE standing.campaign_id = {summary.campaign.pk} AND {_among(summary)}
          AND person.id NOT IN (SELECT employee_id FROM pending)"""


def _among(summary: TeamSummary) -> str:
    """The condition that `person` is one of these employees, by the tree version of the request."""
    if summary.span is None:
        return "true"
    first, last = summary.span
    return f"""EXISTS (SELECT FROM employees_treenode node WHERE node.employee_id = person.id
        AND node.first BETWEEN {first} AND {last})"""
