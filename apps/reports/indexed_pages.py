"""One page of a long list, read from an index instead of from all employees.

The summaries tell how far the index must be read. They are some seconds old, so they only choose the candidates: the
statement itself evaluates these, and a page with too few rows is discarded.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from apps.core.read_replica import read_rows
from apps.core.sql import sql_literal, statement
from apps.reports.distribution import StandingBucket
from apps.reports.fast_path import none_pending_sql, query_if
from apps.reports.summaries import TeamSummary
from apps.standings.base_query import base_ctes
from apps.standings.evaluation import pending_sql
from apps.standings.report_people import EmployeeQuery

# Lists with an index in their order, beside those by priority; other orders read every employee.
STAFF_NO = 'person.staff_no COLLATE "C"'
BY_COLUMN = {"name": f"person.name, {STAFF_NO}", "staff_no": STAFF_NO}
STORED = statement("reports", "indexed_pages", "stored")
PENDING = statement("reports", "indexed_pages", "pending")
# Priority of an employee: ((NOT red)::int, -remaining), or with the fewest first ((NOT red)::int, remaining).
Priority = tuple[int, int]


def indexed_page(summary: TeamSummary, selects: list[str], select: str, now: datetime) -> list[tuple]:
    """The rows of a SELECT over `listed`: the employees that one of `selects` finds, and the pending ones."""
    candidates = " UNION ALL ".join(f"({select_id})" for select_id in selects)
    pending = PENDING.format(member=summary.member_sql("person.id"))
    chosen = f"SELECT DISTINCT id FROM ({candidates} UNION ALL {pending}) near"
    rows = query_if(
        none_pending_sql(summary.campaign.pk), _candidate_ctes(summary, chosen, now, assume_up_to_date=True), select
    )
    if rows is not None:
        return rows
    return read_rows(f"{_candidate_ctes(summary, chosen, now, assume_up_to_date=False)} {select}")


def _candidate_ctes(summary: TeamSummary, chosen: str, now: datetime, *, assume_up_to_date: bool) -> str:
    waiting = (
        "SELECT NULL::bigint AS employee_id WHERE false" if assume_up_to_date else pending_sql(summary.campaign.pk)
    )
    # `chosen` refers to it, so it stands first.
    pending_cte = f"pending AS MATERIALIZED ({waiting}), "
    return base_ctes(
        summary.campaign,
        summary.rule,
        EmployeeQuery(chosen),
        now,
        historical=False,
        before=pending_cte,
        assume_up_to_date=assume_up_to_date,
    )


def page_by_priority(
    summary: TeamSummary,
    buckets: Iterable[StandingBucket],
    last_key: list[Any] | None,
    size: int,
    *,
    fewest_first: bool = False,
) -> list[str]:
    """SELECTs of (id) that hold the `size` people after a key (*priority, staff number), and some more."""
    sizes: Counter[Priority] = Counter()
    for bucket in buckets:
        remaining = max(bucket.target - bucket.counted, 0)
        sizes[int(not bucket.red), remaining if fewest_first else -remaining] += bucket.people
    # The page may begin in the middle of people with equal priority.
    begin: Priority | None = (last_key[0], last_key[1]) if last_key else None
    # Twice as many, because the sums are a few seconds old.
    left, last = 2 * size, None
    for priority in sorted(priority for priority in sizes if begin is None or priority > begin):
        left, last = left - sizes[priority], priority
        if left <= 0:
            break
    selects = []
    if begin is not None and last_key:
        selects.append(_at_priority(summary, begin, f"AND {STAFF_NO} > {sql_literal(last_key[2])}", size))
    if last is not None:
        selects.append(_between_priorities(summary, begin, last, size, fewest_first=fewest_first))
        selects.append(_at_priority(summary, last, "", size))
    return selects


def page_by_column(summary: TeamSummary, sort: str, last_key: list[Any] | None, size: int) -> list[str]:
    """SELECTs of (id) that hold the `size` people after a key, in an order of BY_COLUMN."""
    order = BY_COLUMN[sort]
    condition = f"({order}) > ({', '.join(map(sql_literal, last_key))})" if last_key else "true"
    return [_first_stored(summary, condition, order, size)]


def _at_priority(summary: TeamSummary, priority: Priority, more: str, size: int) -> str:
    red, remaining = "NOT red" if priority[0] else "red", abs(priority[1])
    return _first_stored(summary, f"{red} AND remaining = {remaining} {more}", STAFF_NO, size)


def _between_priorities(
    summary: TeamSummary, begin: Priority | None, last: Priority, size: int, *, fewest_first: bool
) -> str:
    """Employees with a lower priority than `begin` and a higher one than `last`."""
    (after, before), sign = ("><", "") if fewest_first else ("<>", "-")
    ranges = []
    for not_red in (0, 1):
        bounds = ["NOT red" if not_red else "red"]
        if begin is not None:
            bounds.append(
                "false"
                if begin[0] > not_red
                else f"remaining {after} {abs(begin[1])}"
                if begin[0] == not_red
                else "true"
            )
        bounds.append(
            "false" if last[0] < not_red else f"remaining {before} {abs(last[1])}" if last[0] == not_red else "true"
        )
        ranges.append(f"({' AND '.join(bounds)})")
    return _first_stored(summary, f"({' OR '.join(ranges)})", f"(NOT red)::int, {sign}remaining, {STAFF_NO}", size)


def _first_stored(summary: TeamSummary, condition: str, order: str, size: int) -> str:
    """SELECT of (id): the first `size` employees in this order whose valid stored standing meets the condition."""
    return STORED.format(
        campaign=summary.campaign.pk,
        member=summary.member_sql("person.id"),
        condition=condition,
        order=order,
        size=size,
    )
