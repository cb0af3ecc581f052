"""A page of a long list, found without reading the list: by an index up to where the sums say that it ends.

Sums only say how far to look; what is found there is counted in the same statement, and of too few it is nothing.
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

# Lists that an index has in their order; of the others everybody is read. The first two by who needs most help.
BY_NEED = ("help", "remaining_per_day")
BY_PERSON = {"name": 'person.name, person.staff_no COLLATE "C"', "staff_no": 'person.staff_no COLLATE "C"'}
# Who needs help: ((NOT red)::int, -remaining).
Need = tuple[int, int]


def indexed_page(rolled: TeamSummary, parts: list[str], select: str) -> list[tuple]:
    """The rows of a SELECT over `listed` of whoever one of `parts` finds, and whoever waits to be judged again."""
    found = " UNION ALL ".join(f"({part})" for part in parts)
    # Of another tree than was asked about nobody is found.
    chosen = f"SELECT DISTINCT id FROM ({found} UNION ALL {_noted(rolled)}) near WHERE {rolled.holds}"
    return rolled.ask(lambda calm: _of_few(rolled, chosen, calm=calm), select) or []


def who_sql(rolled: TeamSummary, *, calm: bool) -> str:
    """The CTEs of a report about whoever is stale of these people, and `who` of (employee_id): everybody of them."""
    return f"""{_of_few(rolled, _noted(rolled), calm=calm)},
        who AS NOT MATERIALIZED (
            SELECT standing.employee_id FROM {_believed(rolled)} UNION ALL SELECT employee_id FROM current)"""


def recorded_sql(rolled: TeamSummary, when: str, *, calm: bool) -> str:
    """SELECT of the contacts of `who` with a condition on their time, each with `clean_since` of its person.

    That is NULL where it is not to be believed (Standing.clean_since). Who asks calmly about nearly everybody asks as
    well whether `rolled.all_placed`.
    """
    stored = f"""SELECT contact.*, believed.clean_since FROM contacts_contact contact JOIN (
            SELECT standing.employee_id, standing.clean_since FROM {_believed(rolled, calm=calm)}
        ) believed USING (employee_id) WHERE {when}"""
    # Without those who wait, of whom there is none then, it may be done by several processes.
    anew = (
        f"UNION ALL SELECT contact.*, NULL FROM contacts_contact contact JOIN current USING (employee_id) WHERE {when}"
    )
    return stored if calm else f"{stored} {anew}"


def _noted(rolled: TeamSummary) -> str:
    """SELECT of (id): whoever of these people waits to be judged again."""
    inside = f"{_among(rolled)} AND person.id IN (SELECT employee_id FROM noted)"
    return f"SELECT person.id FROM employees_employee person WHERE {inside}"


def facts_of(rolled: TeamSummary) -> list[str]:
    """What follows upon `fact`, which has the column employee_id, so that it is of one of these people.

    Two, of which one at most finds a person: by a standing that is to be believed, or by one that was judged anew.
    """
    # In brackets, it is looked up for each: however few they are, a join reads everybody's rows.
    return [
        f"WHERE (SELECT true FROM {_believed(rolled)} AND standing.employee_id = fact.employee_id)",
        "JOIN current ON current.employee_id = fact.employee_id",
    ]


def _believed(rolled: TeamSummary, *, calm: bool = False) -> str:
    """The rows `standing` of these people that are to be believed, up to further conditions.

    Of nearly everybody, calmly: the few who are not of them are looked for, instead of each in the tree.
    """
    place, others = "", "true"
    if rolled.span is not None:
        first, last = rolled.span
        if calm and rolled.nearly_all:
            others = f"""NOT EXISTS (SELECT FROM employees_treenode other
                WHERE other.employee_id = standing.employee_id AND (other.first < {first} OR other.first > {last}))"""
        else:
            place = f"""JOIN employees_treenode node ON node.employee_id = standing.employee_id
                AND node.first BETWEEN {first} AND {last}"""
    nobody_waits = "true" if calm else "standing.employee_id NOT IN (SELECT employee_id FROM noted)"
    return f"""standings_standing standing {place}
        WHERE standing.campaign_id = {rolled.campaign.pk} AND {others} AND {nobody_waits}"""


def _of_few(rolled: TeamSummary, chosen: str, *, calm: bool) -> str:
    waiting = "SELECT NULL::bigint AS employee_id WHERE false" if calm else pending_sql(rolled.campaign.pk)
    noted = f"noted AS MATERIALIZED ({waiting}), "
    return base_ctes(
        rolled.campaign, rolled.rule, EmployeeQuery(chosen), rolled.at, past=False, before=noted, calm=calm
    )


def page_by_priority(
    rolled: TeamSummary, alike: Iterable[StandingBucket], behind: list[Any] | None, size: int
) -> list[str]:
    """SELECTs of (id) that hold the `size` people behind a key (NOT red, -remaining, staff number), and some more."""
    sizes: Counter[Need] = Counter()
    for one in alike:
        sizes[int(not one.red), -max(one.target - one.counted, 0)] += one.people
    begin: Need | None = (behind[0], behind[1]) if behind else None
    left, last = size, None
    for need in sorted(need for need in sizes if begin is None or need > begin):
        left, last = left - sizes[need], need
        if left <= 0:
            break
    parts = []
    if begin is not None and behind:
        parts.append(_of_need(rolled, begin, f'AND person.staff_no COLLATE "C" > {sql_literal(behind[2])}', size))
    if last is not None:
        parts.append(_between(rolled, begin, last, size))
        parts.append(_of_need(rolled, last, "", size))
    return parts


def page_by_column(rolled: TeamSummary, sort: str, behind: list[Any] | None, size: int) -> list[str]:
    """The same in an order of BY_PERSON."""
    order = BY_PERSON[sort]
    skip = f"AND ({order}) > ({', '.join(map(sql_literal, behind))})" if behind else ""
    return [f"{_stored(rolled)} {skip} ORDER BY {order} LIMIT {size}"]


def _of_need(rolled: TeamSummary, need: Need, more: str, size: int) -> str:
    red, remaining = "NOT red" if need[0] else "red", -need[1]
    return f"""{_stored(rolled)} AND {red} AND remaining = {remaining} {more}
        ORDER BY person.staff_no COLLATE "C" LIMIT {size}"""


def _between(rolled: TeamSummary, begin: Need | None, last: Need, size: int) -> str:
    """Whoever needs less help than `begin` and more than `last`."""
    ranges = []
    for not_red in (0, 1):
        bounds = ["NOT red" if not_red else "red"]
        if begin is not None:
            bounds.append(
                "false" if begin[0] > not_red else f"remaining < {-begin[1]}" if begin[0] == not_red else "true"
            )
        bounds.append("false" if last[0] < not_red else f"remaining > {-last[1]}" if last[0] == not_red else "true")
        ranges.append(f"({' AND '.join(bounds)})")
    return f"""{_stored(rolled)} AND ({" OR ".join(ranges)})
        ORDER BY (NOT red)::int, -remaining, person.staff_no COLLATE "C" LIMIT {size}"""


def _stored(rolled: TeamSummary) -> str:
    """SELECT of (id): whose stored standing is to be believed, and who meets what is added."""
    return f"""SELECT person.id FROM employees_employee person
        JOIN standings_standing standing ON standing.employee_id = person.id
        WHERE standing.campaign_id = {rolled.campaign.pk} AND {_among(rolled)}
          AND person.id NOT IN (SELECT employee_id FROM noted)"""


def _among(rolled: TeamSummary) -> str:
    """The condition on a `person` to be one of them, by the tree that was asked about."""
    if rolled.span is None:
        return "true"
    first, last = rolled.span
    return f"""EXISTS (SELECT FROM employees_treenode node WHERE node.employee_id = person.id
        AND node.first BETWEEN {first} AND {last})"""
