"""E-mail addresses of employees: a new one waits for a second person (ADR 64)."""

from __future__ import annotations

from apps.employees.models import EmailChange, Employee, EmployeeIdentity
from apps.ledger.rules import InvalidIdentity
from apps.ledger.services import clock, identity


def has_pending_email_change(employee_id: int) -> bool:
    """Whether no link may be mailed to this employee's address now.

    A change of it waits for approval, or another employee has the address by now, as after a leaver's return.
    """
    if EmailChange.objects.pending(clock()).filter(employee=employee_id).exists():
        return True
    address = Employee.objects.filter(pk=employee_id).values_list("email", flat=True).first()
    try:
        key = identity("email", address or "").digest
    except InvalidIdentity:
        return False
    holders = EmployeeIdentity.objects.filter(kind="email", digest=key, live=True)
    return holders.exclude(employee=employee_id).exists()
