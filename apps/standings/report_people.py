"""The people of a report, as SQL: today by intervals of the org tree, in the past by the placements of that instant.

`ids_sql` is a SELECT of (id): who they are today, or just before a past instant `as_of` (SQL).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from psycopg2.sql import SQL

from apps.accounts.models import Account
from apps.campaigns.population import ALL_EMPLOYEES, employee_ids_sql
from apps.core.sql import compose, statement
from apps.employees.models import Employee

_statement = partial(statement, "standings", "report_people")
SMALL_TEAM = _statement("small_team")
LARGE_TEAM = _statement("large_team")
HISTORICAL_TEAM = _statement("historical_team")
FROZEN_TEAM = _statement("frozen_team")
VISIBLE_PART = _statement("visible_part")
# From this many members on, a team query uses a join; for a smaller team, index look-ups per person are cheaper.
JOIN_MIN_PEOPLE = 5_000


@dataclass(frozen=True)
class WholeCompany:
    def ids_sql(self, as_of: str | None) -> str:
        return ALL_EMPLOYEES


@dataclass(frozen=True)
class OneEmployee:
    employee: Employee

    def ids_sql(self, as_of: str | None) -> str:
        return employee_ids_sql([self.employee.pk])


@dataclass(frozen=True)
class EmployeeIds:
    ids: list[int]

    def ids_sql(self, as_of: str | None) -> str:
        return employee_ids_sql(self.ids)


@dataclass(frozen=True)
class Team:
    """Everyone below an employee, direct and indirect, in the past too; `reader` is the account that sees the rows.

    A manager who moves below another one brings the past of the former team along. So a reader sees of another
    manager's past team only people of the own past team and people who are visible today. HR and None see all.
    """

    employee: Employee
    reader: Account | None

    @property
    def is_small(self) -> bool:
        """Whether the team is small enough for index look-ups per person."""
        # No row in the tree: employed in the future or the past, and so without a team today.
        node = getattr(self.employee, "node", None)
        return node is None or node.last - node.first < JOIN_MIN_PEOPLE

    def frozen_ids_sql(self, campaign_id: int) -> str:
        """SELECT of (id): the team as it was at the cut-off of a frozen campaign."""
        return self._visible_ids_sql(partial(compose, FROZEN_TEAM, campaign=campaign_id))

    def ids_sql(self, as_of: str | None) -> str:
        if as_of is None:
            return compose(SMALL_TEAM if self.is_small else LARGE_TEAM, employee=self.employee.pk)
        return self._visible_ids_sql(partial(compose, HISTORICAL_TEAM, as_of=SQL(as_of)))

    def _visible_ids_sql(self, past_team: Callable[..., str]) -> str:
        team = past_team(employee=self.employee.pk)
        if self.reader is None or self.reader.has_role("hr") or self.employee.pk == self.reader.employee_id:
            return team
        leaders = Employee.objects.whose_teams_are_visible_to(self.reader).values_list("pk", flat=True)
        parts = [part for pk in leaders for part in (past_team(employee=pk), compose(LARGE_TEAM, employee=pk))]
        return compose(VISIBLE_PART, team=SQL(team), visible=SQL(" UNION ALL ".join(parts)))


@dataclass(frozen=True)
class EmployeeQuery:
    select: str

    def ids_sql(self, as_of: str | None) -> str:
        return self.select


People = WholeCompany | OneEmployee | EmployeeIds | Team | EmployeeQuery


def frozen_ids_sql(people: People, campaign_id: int) -> str:
    """SELECT of (id): these people; a team as it was at the cut-off of a frozen campaign."""
    # Only a team depends on the tree; the other selections are the same at any time.
    return people.frozen_ids_sql(campaign_id) if isinstance(people, Team) else people.ids_sql(None)
