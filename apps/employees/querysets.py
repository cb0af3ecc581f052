"""Access to other employees: which employees a signed-in user may see, and who reports to whom."""

from __future__ import annotations

import re
from datetime import datetime
from functools import cache
from typing import TYPE_CHECKING, Any

from django.apps import apps
from django.db import models
from django.db.models import Case, Exists, F, OuterRef, Q, When

from apps.core.periods import in_force
from apps.core.text import is_storable

if TYPE_CHECKING:
    from apps.employees.models import Employee

NAME_AND_NUMBER = re.compile(r"(?P<name>.+) \((?P<number>[^()]+)\)")


@cache
def _current_deputyships() -> Any:
    """All current deputyships: a lazy queryset, built once because every page uses it."""
    return apps.get_model("accounts", "Deputyship").objects.in_force()


def _deputyships_of(user: Any) -> Any:
    return _current_deputyships().filter(deputy_id=user.employee_id)


def _visible_to(user: Any) -> Q:
    """The condition for a user who is not HR.

    Two subqueries: with both conditions in one, PostgreSQL scans the whole tree.
    """
    node_first = "node__first"
    below_user = apps.get_model("employees", "TreeNode").objects.filter(
        employee_id=user.employee_id, first__lt=OuterRef(node_first), last__gte=OuterRef(node_first)
    )
    below_deputised_manager = _deputyships_of(user).filter(
        manager__node__first__lt=OuterRef(node_first), manager__node__last__gte=OuterRef(node_first)
    )
    return Q(pk=user.employee_id) | Exists(below_user) | Exists(below_deputised_manager)


class EmployeeQuerySet(models.QuerySet):
    """Employees; every access begins with `visible_to`, `teams_visible_to` or `team_of`."""

    def visible_to(self, user: Any) -> EmployeeQuerySet:
        """The reader, and everyone below the reader or below a manager whose deputy the reader is, today.

        HR sees everyone; other users see no other employees.
        """
        if not user.is_authenticated:
            return self.none()
        if user.has_role("hr"):
            return self
        if user.employee_id is None:
            return self.none()
        return self.filter(_visible_to(user))

    def with_accounts_managed_by(self, user: Any) -> EmployeeQuerySet:
        """All employees, leavers included, for an operator, who sees accounts and no numbers; none for others."""
        return self if user.has_role("operator") else self.none()

    def teams_visible_to(self, user: Any) -> EmployeeQuerySet:
        """The visible employees, and the managers whose deputy the reader is, as long as they have a team.

        For pages, files and API responses about a team: a deputy may open the manager's team, but does not see the
        manager.
        """
        if not user.is_authenticated or user.has_role("hr") or user.employee_id is None:
            return self.visible_to(user)
        # Only the teams are visible through a deputyship, never the manager's own contacts or reviews.
        managers_with_team = _deputyships_of(user).with_team().values("manager")
        return self.filter(_visible_to(user) | Q(pk__in=managers_with_team))

    def whose_teams_are_visible_to(self, user: Any) -> EmployeeQuerySet:
        """The reader, and the managers whose deputy the reader is: all below them is visible."""
        return self.filter(Q(pk=user.employee_id) | Q(pk__in=_deputyships_of(user).values("manager")))

    def team_of(self, employee: Employee) -> EmployeeQuerySet:
        """All direct and indirect reports of `employee` today, including leavers with a placement."""
        node = getattr(employee, "node", None)
        if node is None:
            return self.none()
        return self.filter(node__first__gt=node.first, node__first__lte=node.last)

    def employed_at(self, at: datetime) -> EmployeeQuerySet:
        """Employees employed in the state just before `at`."""
        periods = apps.get_model("employees", "Employment")
        return self.filter(Exists(periods.objects.filter(in_force(at), employee=OuterRef("pk"))))

    def find(self, text: str) -> Any:
        """The one employee with this staff number or else this e-mail address; None if there is not exactly one.

        The text may be a name with the number, as suggestions write it: `Alice (A001)`.
        """
        if not is_storable(text):
            return None
        both = NAME_AND_NUMBER.fullmatch(text.strip())
        suggested = self.find_by_staff_no(both["number"]) if both else None
        # Checked first: a staff number in the form of a suggestion must not replace the person who was chosen.
        if both and suggested and suggested.name == both["name"]:
            return suggested
        employee = self.find_by_staff_no(text)
        # A number and a name that contradict each other find no employee.
        if employee or suggested:
            return employee
        # An address may have belonged to another employee, so two matches are none.
        return _only(self.filter(email=text.strip().lower())[:2])

    def with_name(self, name: str) -> EmployeeQuerySet:
        """Employees with this full name, in any case."""
        return self.filter(name__iexact=name.strip()) if is_storable(name) else self.none()

    def search(self, text: str) -> EmployeeQuerySet:
        """Employees whose number or name contains the text, or whose address begins with it, the likeliest first."""
        text = text.strip()
        if not text or not is_storable(text):
            return self.none()
        matching = Q(name__icontains=text) | Q(staff_no__icontains=text) | Q(email__istartswith=text)
        likeliest = Case(
            When(staff_no__iexact=text, then=0), When(staff_no__istartswith=text, then=1),
            When(name__istartswith=text, then=2), default=3,
        )  # fmt: skip
        return self.filter(matching).order_by(likeliest, "name", "staff_no")

    def with_team(self) -> EmployeeQuerySet:
        """Employees with a report today."""
        return self.filter(node__last__gt=F("node__first"))

    def find_by_staff_no(self, staff_no: str) -> Any:
        """The employee with this number, else the only one with it in another case; None without one."""
        staff_no = staff_no.strip()
        if not is_storable(staff_no):
            return None
        return _only(self.filter(staff_no=staff_no) or self.filter(staff_no__iexact=staff_no)[:2])

    def get_by_staff_no(self, staff_no: str) -> Any:
        """As `find_by_staff_no`. Raises DoesNotExist."""
        if (employee := self.find_by_staff_no(staff_no)) is None:
            raise self.model.DoesNotExist  # type: ignore[attr-defined]  # the stubs know it of concrete models alone
        return employee


def _only(matches: EmployeeQuerySet) -> Any:
    return matches[0] if len(matches) == 1 else None
