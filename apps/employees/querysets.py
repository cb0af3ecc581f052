"""The only doors to other people: whom a signed-in person may see, and who is below whom."""

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
    """All deputyships that hold now: asked of anew by whoever narrows it, put together once, for every page does."""
    return apps.get_model("accounts", "Deputyship").objects.in_force()


def _stood_in_for(user: Any) -> Any:
    return in_force_now().filter(deputy_id=user.employee_id)


def _seen_by(user: Any) -> Q:
    """Of an employee who is not HR. Two questions: with both in one, the tree would be read from end to end."""
    place = "node__first"
    below = apps.get_model("employees", "TreeNode").objects.filter(
        employee_id=user.employee_id, first__lt=OuterRef(place), last__gte=OuterRef(place)
    )
    for_others = _stood_in_for(user).filter(
        manager__node__first__lt=OuterRef(place), manager__node__last__gte=OuterRef(place)
    )
    return Q(pk=user.employee_id) | Exists(below) | Exists(for_others)


class EmployeeQuerySet(models.QuerySet):
    """Employees; every door to people begins with `visible_to`, `teams_visible_to` or `team_of`."""

    def visible_to(self, user: Any) -> EmployeeQuerySet:
        """The reader, and everyone below the reader today, or below whom the reader stands in for.

        HR sees everyone; nobody else sees anybody.
        """
        if not user.is_authenticated:
            return self.none()
        if user.has_role("hr"):
            return self
        if user.employee_id is None:
            return self.none()
        return self.filter(_seen_by(user))

    def teams_visible_to(self, user: Any) -> EmployeeQuerySet:
        """Whoever is visible, and the managers whom the reader stands in for, while somebody is below them.

        For pages, files and answers about a team: a deputy opens the manager's, and does not see the manager by it.
        """
        if not user.is_authenticated or user.has_role("hr") or user.employee_id is None:
            return self.visible_to(user)
        led = _stood_in_for(user).with_a_team().values("manager")
        return self.filter(_seen_by(user) | Q(pk__in=led))

    def team_of(self, employee: Employee) -> EmployeeQuerySet:
        """Everyone below `employee` today, direct and indirect, any depth; leavers who still hold a place included."""
        node = getattr(employee, "node", None)
        if node is None:
            return self.none()
        return self.filter(node__first__gt=node.first, node__first__lte=node.last)

    def employed_at(self, at: datetime) -> EmployeeQuerySet:
        """Employed at the instant: the state just before it."""
        periods = apps.get_model("employees", "Employment")
        return self.filter(Exists(periods.objects.filter(in_force(at), employee=OuterRef("pk"))))

    def named(self, text: str) -> Any:
        """The one employee with this staff number or, when nobody has it, this e-mail address; else None."""
        if not storable(text):
            return None
        found = list(self.filter(staff_no=text)[:1] or self.filter(email=text.lower())[:2])
        return found[0] if len(found) == 1 else None

    def by_staff_no(self, staff_no: str) -> Any:
        """The one employee with this number. Raises DoesNotExist."""
        if not storable(staff_no):
            return self.none().get()
        return self.get(staff_no=staff_no)
