"""Access to other employees: which employees a signed-in user may see, and who reports to whom."""

from __future__ import annotations

from datetime import datetime
from functools import cache
from typing import TYPE_CHECKING, Any

from django.apps import apps
from django.db import models
from django.db.models import Exists, OuterRef, Q

from apps.core.identity import storable
from apps.core.periods import in_force

if TYPE_CHECKING:
    from apps.employees.models import Employee


@cache
def in_force_now() -> Any:
    """All current deputyships: a lazy queryset, built once because every page uses it."""
    return apps.get_model("accounts", "Deputyship").objects.in_force()


def _stood_in_for(user: Any) -> Any:
    return in_force_now().filter(deputy_id=user.employee_id)


def _seen_by(user: Any) -> Q:
    """The condition for a user who is not HR.

    Two subqueries: with both conditions in one, PostgreSQL scans the whole tree.
    """
    place = "node__first"
    below = apps.get_model("employees", "TreeNode").objects.filter(
        employee_id=user.employee_id, first__lt=OuterRef(place), last__gte=OuterRef(place)
    )
    for_others = _stood_in_for(user).filter(
        manager__node__first__lt=OuterRef(place), manager__node__last__gte=OuterRef(place)
    )
    return Q(pk=user.employee_id) | Exists(below) | Exists(for_others)


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
        return self.filter(_seen_by(user))

    def teams_visible_to(self, user: Any) -> EmployeeQuerySet:
        """The visible employees, and the managers whose deputy the reader is, as long as they have a team.

        For pages, files and API responses about a team: a deputy may open the manager's team, but does not see the
        manager.
        """
        if not user.is_authenticated or user.has_role("hr") or user.employee_id is None:
            return self.visible_to(user)
        led = _stood_in_for(user).with_a_team().values("manager")
        return self.filter(_seen_by(user) | Q(pk__in=led))

    def team_of(self, employee: Employee) -> EmployeeQuerySet:
        """All direct and indirect reports of `employee` today, including leavers with a placement."""
        node = getattr(employee, "node", None)
        if node is None:
            return self.none()
        return self.filter(node__first__gt=node.first, node__first__lte=node.last)

    def employed_at(self, at: datetime) -> EmployeeQuerySet:
        """Employees employed at the instant: the state just before it."""
        periods = apps.get_model("employees", "Employment")
        return self.filter(Exists(periods.objects.filter(in_force(at), employee=OuterRef("pk"))))

    def named(self, text: str) -> Any:
        """The one employee with this staff number or else this e-mail address; None if there is not exactly one."""
        if not storable(text):
            return None
        matches = list(self.filter(staff_no=text)[:1] or self.filter(email=text.lower())[:2])
        return matches[0] if len(matches) == 1 else None

    def by_staff_no(self, staff_no: str) -> Any:
        """The one employee with this number. Raises DoesNotExist."""
        if not storable(staff_no):
            return self.none().get()
        return self.get(staff_no=staff_no)
