"""Audit entries for reads of one named person's record (ADR 41).

Reads by that person, or by a manager above, are not logged. Lists are not logged, unless a search or filter leaves one
person. Each file export writes its own entry. No entry holds the search text, because it may name another person.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import timedelta

from apps.accounts.models import Account
from apps.core.audit import audit_once
from apps.employees.models import Employee

# Reloading a page, or loading its charts, counts as the same read.
SAME_LOOK = timedelta(hours=1)


def log_record_access(reader: Account, person: Employee, what: str) -> None:
    """Append that `reader` reads `what` of `person`: standing, adjustment, account.

    Reads by the person or by a manager above write nothing, without a query. The caller selects `person` with its node,
    and checks the permission first.
    """
    if _is_theirs(reader, person):
        return
    audit_once(
        f"person.{what}_read", by=reader.actor, kind="employee", id=person.staff_no, label=str(person), within=SAME_LOOK
    )


def note_found(reader: Account, employee_ids: Collection[int], what: str) -> None:
    """Call `log_record_access` when a narrowed list holds exactly one person; `employee_ids` are the whole list."""
    if len(employee_ids) != 1:
        return
    person = Employee.objects.select_related("node").filter(pk__in=employee_ids).first()
    if person is not None:
        log_record_access(reader, person, what)


def _is_theirs(reader: Account, person: Employee) -> bool:
    if reader.employee is None:
        return False
    if reader.employee_id == person.pk:
        return True
    mine, theirs = getattr(reader.employee, "node", None), getattr(person, "node", None)
    return mine is not None and theirs is not None and mine.first < theirs.first <= mine.last
