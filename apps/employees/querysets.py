"""The only doors to other people: whom a signed-in person may see, and who is below whom."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from django.apps import apps
from django.db import models
from django.db.models import Exists, OuterRef, Q

from apps.ledger.rules import storable

if TYPE_CHECKING:
    from apps.employees.models import Employee


class EmployeeQuerySet(models.QuerySet):
    """Employees; every door to people begins with `visible_to` or `team_of`."""

    def visible_to(self, user: Any) -> EmployeeQuerySet:
        """The reader, and everyone below the reader today; HR sees everyone; nobody else sees anybody."""
        if not user.is_authenticated:
            return self.none()
        if user.has_role("hr"):
            return self
        if user.employee_id is None:
            return self.none()
        below = apps.get_model("employees", "TreeNode").objects.filter(
            employee_id=user.employee_id, first__lt=OuterRef("node__first"), last__gte=OuterRef("node__first")
        )
        return self.filter(Q(pk=user.employee_id) | Exists(below))

    def team_of(self, employee: Employee) -> EmployeeQuerySet:
        """Everyone below `employee` today, direct and indirect, any depth; leavers who still hold a place included."""
        node = getattr(employee, "node", None)
        if node is None:
            return self.none()
        return self.filter(node__first__gt=node.first, node__first__lte=node.last)

    def employed_at(self, at: datetime) -> EmployeeQuerySet:
        """Employed at the instant: the state just before it."""
        periods = apps.get_model("employees", "Employment")
        return self.filter(Exists(periods.objects.filter(employee=OuterRef("pk"), starts_at__lt=at, ends_at__gte=at)))

    def by_staff_no(self, staff_no: str) -> Any:
        """The one employee with this number. Raises DoesNotExist."""
        if not storable(staff_no):
            return self.none().get()
        return self.get(staff_no=staff_no)
