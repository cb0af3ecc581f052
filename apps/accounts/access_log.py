"""Looks at one named person's record by somebody who is neither that person nor above them: each is an entry (ADR 41).

Lists are none, unless a search or a filter leaves one person; whoever takes one away as a file leaves an entry of
its own. What was typed is in no entry: it may be anybody.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import timedelta

from apps.accounts.models import Account
from apps.core.audit import audit_once
from apps.employees.models import Employee

# Loading a page again, and its charts, is the same look.
SAME_LOOK = timedelta(hours=1)


def log_record_access(reader: Account, person: Employee, what: str) -> None:
    """Append that `reader` looks at `what` of `person`: standing, adjustment, account. For those above it asks nothing.

    Give a person with the node selected; whether the reader may look is decided before.
    """
    if _is_theirs(reader, person):
        return
    audit_once(
        f"person.{what}_read", by=reader.actor, kind="employee", id=person.staff_no, label=str(person), within=SAME_LOOK
    )


def note_found(reader: Account, employee_ids: Collection[int], what: str) -> None:
    """`note_look` when these are the whole of a narrowed list and it has one person; else nothing."""
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
