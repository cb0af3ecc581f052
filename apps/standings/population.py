"""The people of a report, as SQL: today by intervals of the org tree, in the past by the placements of that moment."""

from __future__ import annotations

from dataclasses import dataclass

from apps.campaigns.population import all_employees_sql, employee_ids_sql
from apps.core.sql import sql_literal
from apps.employees.models import Employee

# From this many members on, a team query uses a join; for a smaller team, index look-ups per person are cheaper.
MANY = 5_000


@dataclass(frozen=True)
class WholeCompany:
    """The whole company."""

    def chosen(self, look: str | None) -> str:
        """SELECT of (id): all employees."""
        return all_employees_sql()


@dataclass(frozen=True)
class OneEmployee:
    """One employee."""

    employee: Employee

    def chosen(self, look: str | None) -> str:
        """SELECT of (id): this employee."""
        return employee_ids_sql([self.employee.pk])


@dataclass(frozen=True)
class EmployeeIds:
    """The employees with these ids."""

    ids: list[int]

    def chosen(self, look: str | None) -> str:
        """SELECT of (id): these employees."""
        return employee_ids_sql(self.ids)


@dataclass(frozen=True)
class Team:
    """Everyone below an employee, direct and indirect."""

    employee: Employee

    @property
    def few(self) -> bool:
        """Whether the team is small enough for index look-ups per person."""
        return not _is_many(self.employee)

    def chosen_frozen(self, campaign_id: int) -> str:
        """SELECT of (id): the team as it was at the cut-off of a frozen campaign."""
        return f"""SELECT node.employee_id AS id FROM results_frozenorgposition node JOIN results_frozenorgposition top
            ON top.campaign_id = node.campaign_id AND node.first > top.first AND node.first <= top.last
            WHERE node.campaign_id = {campaign_id} AND top.employee_id = {sql_literal(self.employee.pk)}"""

    def chosen(self, look: str | None) -> str:
        """SELECT of (id): today's team, or, for a past instant `look` (SQL), the team of that moment."""
        root = self.employee.pk
        if look is None:
            return _below(self.employee)
        return f"""SELECT id FROM (WITH RECURSIVE below(id) AS (
            SELECT employee_id FROM employees_placement WHERE manager_id = {sql_literal(root)}
                AND in_force(starts_at, ends_at, {look})
            UNION ALL
            SELECT place.employee_id FROM below JOIN employees_placement place ON place.manager_id = below.id
                AND in_force(place.starts_at, place.ends_at, {look})
            ) SELECT id FROM below) below"""


def _is_many(employee: Employee) -> bool:
    node = getattr(employee, "node", None)
    return node is not None and node.last - node.first >= MANY


def _below(employee: Employee) -> str:
    """SELECT of (id): all employees below in today's tree, in the form that gives the planner a fitting estimate.

    Both forms return the same rows. For an interval between two subqueries the planner expects 1/200 of the company
    and uses index look-ups. For a join it expects 1/9 and reads all rows, which is faster for half of the company.
    """
    root = f"{employee.pk:d}::bigint"
    if _is_many(employee):
        return f"""SELECT node.employee_id AS id FROM employees_treenode node JOIN employees_treenode top
            ON node.first > top.first AND node.first <= top.last WHERE top.employee_id = {root}"""
    top = f"FROM employees_treenode top WHERE top.employee_id = {root}"
    return f"""SELECT node.employee_id AS id FROM employees_treenode node
        WHERE node.first > (SELECT top.first {top}) AND node.first <= (SELECT top.last {top})"""


@dataclass(frozen=True)
class EmployeeQuery:
    """The employees that a SELECT of (id) returns."""

    select: str

    def chosen(self, look: str | None) -> str:
        """The SELECT itself."""
        return self.select


People = WholeCompany | OneEmployee | EmployeeIds | Team | EmployeeQuery


def chosen_frozen(people: People, campaign_id: int) -> str:
    """SELECT of (id): these people; a team as it was at the cut-off of a frozen campaign."""
    return people.chosen_frozen(campaign_id) if isinstance(people, Team) else people.chosen(None)
