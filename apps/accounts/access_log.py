"""Audit entries about accounts, and for reads of one named person's record (ADR 41).

Reads by that person, or by a manager above, are not logged. Lists and charts are not logged, unless they show one
person. Each file export writes its own entry. No entry holds the search text, because it may name another person.
"""

from collections.abc import Collection
from datetime import timedelta
from typing import Any

from apps.accounts.models import Account
from apps.core.audit import Actor, audit, audit_once
from apps.employees.models import Employee

# Reloading a page, or loading its charts, counts as the same read.
SAME_READ = timedelta(hours=1)


def audit_account(event: str, account: Account, *, by: Actor | None = None, **detail: Any) -> None:
    """Append an event of an account: signed_in, factor_added. Without `by`, the account's own action."""
    audit(f"account.{event}", by=by or account.actor, kind="account", id=account.pk, label=str(account), detail=detail)


def audit_failure(event: str, account: Account | None) -> None:
    """Append a failed sign-in or code, at most once a minute per account and address.

    Without an account, the entry holds no name: users type passwords into the name field.
    """
    audit_once(
        f"account.{event}", by=Actor(None, "?"), kind="account", id=account.pk if account else "",
        label=str(account or ""), within=timedelta(minutes=1),
    )  # fmt: skip


def log_record_access(reader: Account, person: Employee, what: str) -> None:
    """Append that `reader` reads `what` of `person`: standing, adjustment, account.

    Reads by the person or by a manager above write nothing, without a query. The caller selects `person` with its node,
    and checks the permission first.
    """
    if _is_own_or_in_team(reader, person):
        return
    audit_once(
        f"person.{what}_read", by=reader.actor, kind="employee", id=person.staff_no, label=str(person), within=SAME_READ
    )


def log_single_result(reader: Account, employee_ids: Collection[int], what: str) -> None:
    """Call `log_record_access` when a list holds exactly one person; `employee_ids` are the whole list."""
    # A list of one person is a look-up of that person, whatever the filter or the team was.
    if len(employee_ids) != 1:
        return
    person = Employee.objects.select_related("node").filter(pk__in=employee_ids).first()
    if person is not None:
        log_record_access(reader, person, what)


def _is_own_or_in_team(reader: Account, person: Employee) -> bool:
    if reader.employee is None:
        return False
    if reader.employee_id == person.pk:
        return True
    own_node, node = getattr(reader.employee, "node", None), getattr(person, "node", None)
    # A team is an interval of preorder numbers (TreeNode), so this check needs no query.
    return own_node is not None and node is not None and own_node.first < node.first <= own_node.last
