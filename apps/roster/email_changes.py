"""E-mail addresses of employees: a roster's new address waits for a second person (ADR 64)."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db import connection
from django.utils.translation import gettext as _

from apps.accounts.approvals import request_approval, supersede_requests
from apps.accounts.models import ApprovalRequest, EmailChange, Role
from apps.core.audit import Actor, audit
from apps.core.clock import db_now
from apps.core.closed_periods import ensure_backdating_allowed
from apps.core.errors import Refused
from apps.core.identity_key import normalise_identity
from apps.core.outbox import queue_identity_reevaluation, queue_reevaluation
from apps.core.sql import statement
from apps.employees.models import Employee, EmployeeIdentity
from apps.employees.org_tree import next_version
from apps.roster.models import RosterImport, RosterImportBefore

Kind = ApprovalRequest.Kind
# Requests that were counted on one roster version and become invalid on another.
VERSION_BOUND_KINDS = (Kind.ROSTER_LOAD, Kind.ROSTER_UNDO)
NEW_EMAILS = statement("roster", "email_changes", "new_emails")
END_REPLACED = statement("roster", "email_changes", "end_replaced")
APPLY = statement("roster", "email_changes", "apply")


def new_emails(now: datetime) -> list[tuple[Any, ...]]:
    """(line, id, number, name, present address, new address) for new addresses of the staged load without a request."""
    with connection.cursor() as cursor:
        cursor.execute(NEW_EMAILS, {"now": now})
        return cursor.fetchall()


def request_email_changes(load: RosterImport, by: Actor, now: datetime) -> int:
    """Request approval of the applied load's new addresses; return their number.

    Earlier requests of the same account for the same people are superseded. Raises Refused.
    """
    with connection.cursor() as cursor:
        cursor.execute(END_REPLACED, {"now": now, "by": by.id})
    # A waiting request of another account must be decided first.
    waiting = set(EmailChange.objects.filter(waiting=True).values_list("employee_id", flat=True))
    changes = [
        EmailChange(employee_id=employee_id, old_email=old, new_email=new, waiting=True)
        for _line, employee_id, _staff_no, _name, old, new in new_emails(now)
        if employee_id not in waiting
    ]
    if changes:
        role_holders = _role_holders([change.employee_id for change in changes])
        request = request_approval(
            kind=Kind.EMAIL_CHANGE, subject=str(load.pk), label=load.file_name, by=by,
            payload={"other_actors": load.other_actors},
            effect={"addresses": len(changes), "role_holders": role_holders},
        )  # fmt: skip
        for change in changes:
            change.request = request
        EmailChange.objects.bulk_create(changes)
    empty = ApprovalRequest.objects.filter(kind=Kind.EMAIL_CHANGE, decision=None)
    supersede_requests(empty.exclude(pk__in=EmailChange.objects.filter(waiting=True).values("request")), by)
    return len(changes)


def waiting_changes(request: ApprovalRequest) -> list[EmailChange]:
    """The changes that approving the request makes, or has made; role holders first."""
    changes = request.emailchange_set.all()
    if request.decision is None:
        changes = changes.filter(waiting=True)
    elif request.decision == ApprovalRequest.Decision.APPROVED:
        changes = changes.exclude(applied_at=None)
    changes = changes.select_related("employee__account").prefetch_related("employee__account__role_set")
    return sorted(changes, key=lambda change: (not roles_of(change.employee), change.employee.staff_no))


def roles_of(employee: Employee) -> list[Role]:
    """The roles of the employee's account; `waiting_changes` prefetches them."""
    account = getattr(employee, "account", None)
    return list(account.role_set.all()) if account else []


def email_effect(request: ApprovalRequest, now: datetime) -> dict[str, int]:
    """The number of addresses that change, and how many belong to role holders."""
    ids = list(request.emailchange_set.filter(waiting=True).values_list("employee_id", flat=True))
    return {"addresses": len(ids), "role_holders": _role_holders(ids)}


def _role_holders(employees: list[int]) -> int:
    return Role.objects.filter(account__employee__in=employees).values("account").distinct().count()


def apply_email_changes(request: ApprovalRequest, by: Actor) -> None:
    """Apply the changes of an approved request. Raises Refused.

    The caller holds the facts lock and the tree lock.
    """
    ensure_backdating_allowed()
    now, changes = db_now(), list(request.emailchange_set.filter(waiting=True).select_related("employee"))
    ids = [change.employee_id for change in changes]
    # Locked in the order of ids, as all writers do.
    employees = {
        employee.pk: employee
        for employee in Employee.objects.select_for_update(no_key=True).order_by("pk").filter(pk__in=ids)
    }
    identities = {change.employee_id: normalise_identity("email", change.new_email) for change in changes}
    digests = [identity.digest for identity in identities.values()]
    # Under those locks: a load could have given the address to another employee since the request.
    _require_available(changes, employees, set(digests), now)
    old_digests = EmployeeIdentity.objects.filter(kind="email", live=True, employee__in=employees).values_list(
        "digest", flat=True
    )
    # Contacts with the old address may count from now on, and those with the new one no longer do.
    keys = [("email", bytes(digest)) for digest in (*old_digests, *digests)]
    with connection.cursor() as cursor:
        parameters: dict[str, Any] = {"changes": [change.pk for change in changes], "digests": digests}
        cursor.execute(APPLY, parameters | {"employees": list(employees), "now": now})
    EmployeeIdentity.objects.bulk_create(
        EmployeeIdentity(
            employee_id=employee_id, kind="email", value=identity.value, digest=identity.digest, started_at=now
        )
        for employee_id, identity in identities.items()
    )
    queue_identity_reevaluation(keys, always=True)
    queue_reevaluation(employees)
    next_version()
    # The last load can no longer be undone, because an undo would restore old addresses.
    RosterImportBefore.objects.all().delete()
    supersede_requests(ApprovalRequest.objects.filter(kind__in=VERSION_BOUND_KINDS, decision=None), by)
    detail = {"addresses": len(changes)}
    audit("roster.addresses_changed", by=by, kind="roster", id=request.subject, label=request.label, detail=detail)


def _require_available(
    changes: list[EmailChange], employees: dict[int, Employee], digests: set[bytes], now: datetime
) -> None:
    """Check that each employee has the address the second person saw, and no other employee has the new one."""
    for change in changes:
        if employees[change.employee_id].email != change.old_email:
            raise Refused(
                "stale",
                _("The address of %(who)s has changed since the request.") % {"who": change.employee},
                conflict=True,
            )
    holders = EmployeeIdentity.objects.filter(kind="email", live=True, digest__in=digests).exclude(
        employee__in=employees
    )
    taken = holders.filter(employee__in=Employee.objects.employed_at(now)).select_related("employee").first()
    if taken:
        raise Refused(
            "taken", _("One of the new addresses now belongs to %(who)s.") % {"who": taken.employee}, conflict=True
        )
