"""Assertion helpers for tests that load a roster."""

from typing import Any

from apps.core.clock import db_now
from apps.employees.models import Employee, TreeNode
from tests.people import person

HEADER = "staff_no,name,email,manager_staff_no\n"


def boss_of(staff_no: str) -> str | None:
    manager = person(staff_no).node.manager_id
    return Employee.objects.get(pk=manager).staff_no if manager else None


def tree() -> list[tuple[Any, ...]]:
    """The whole tree by staff number, with its intervals."""
    nodes = TreeNode.objects.order_by("first").values_list("employee__staff_no", "depth", "first", "last", "department")
    return list(nodes)


def employed(staff_no: str) -> bool:
    return Employee.objects.employed_at(db_now()).filter(staff_no=staff_no).exists()


def counts(result: Any) -> dict[str, int]:
    names = ("created", "updated", "unchanged", "duplicate", "rejected", "left", "addresses")
    return {name: getattr(result, name) for name in names if getattr(result, name)}
