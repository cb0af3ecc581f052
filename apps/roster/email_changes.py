"""E-mail addresses of employees: a roster's new address waits for a second person (ADR 64)."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db import connection
from django.utils.translation import gettext as _

from apps.accounts.approvals import ApprovalRefused, request_approval, supersede_requests
from apps.accounts.models import ApprovalRequest, EmailChange, Role
from apps.core.audit import Actor, audit
from apps.core.clock import db_now
from apps.core.closed_periods import ensure_backdating_allowed
from apps.core.identity_key import normalise_identity
from apps.core.outbox import queue_identity_reevaluation, queue_reevaluation
from apps.employees.models import Employee, EmployeeIdentity
from apps.employees.org_tree import next_version
from apps.roster.models import RosterImport, RosterImportBefore
from apps.roster.statements import NEW_EMAILS

Kind = ApprovalRequest.Kind


# Requests that were counted on one roster version and become invalid on another.
ON_ONE_ROSTER = (Kind.ROSTER_LOAD, Kind.ROSTER_UNDO)


# Ends pending changes that the same account has since replaced, and those of expired requests. Another account's file
# does not end a request: otherwise it could block the approval for ever.
FORGET = """
UPDATE accounts_emailchange change SET waiting = false
FROM roster_stage row, accounts_approvalrequest request
WHERE change.employee_id = row.employee_id AND change.waiting AND request.id = change.request_id
  AND (change.new_email <> row.email AND request.requested_by_id IS NOT DISTINCT FROM %(by)s
       OR request.expires_at <= %(now)s)
"""


ADD = """
INSERT INTO accounts_emailchange (request_id, employee_id, old_email, new_email, waiting)
SELECT %s, unnest(%s::bigint[]), unnest(%s::text[]), unnest(%s::text[]), true
"""


APPLY = [
    """
    UPDATE employees_employee person SET email = change.new_email, email_unproven = false
    FROM accounts_emailchange change
    WHERE change.id = ANY(%(ids)s) AND person.id = change.employee_id
    """,
    "UPDATE accounts_emailchange SET waiting = false, applied_at = %(now)s WHERE id = ANY(%(ids)s)",
    """
    UPDATE accounts_account account SET email = person.email FROM employees_employee person
    WHERE person.id = account.employee_id AND person.id = ANY(%(people)s)
    """,
    # Identities of these people, and of a leaver who held one of the new addresses.
    """
    UPDATE employees_employeeidentity SET live = false, ended_at = %(now)s
    WHERE kind = 'email' AND live AND (employee_id = ANY(%(people)s) OR digest = ANY(%(digests)s))
    """,
]


def new_emails(now: datetime) -> list[tuple[Any, ...]]:
    """(line, id, number, name, present address, new address) for new addresses of the staged load without a request."""
    with connection.cursor() as cursor:
        cursor.execute(NEW_EMAILS, {"now": now})
        return cursor.fetchall()


def request_email_changes(load: RosterImport, by: Actor, now: datetime) -> int:
    """Request approval of the applied load's new addresses; return their number.

    Earlier requests of the same account for the same people are superseded. Raises ApprovalRefused.
    """
    with connection.cursor() as cursor:
        cursor.execute(FORGET, {"now": now, "by": by.id})
        # A waiting request of another account must be decided first.
        asked = set(EmailChange.objects.filter(waiting=True).values_list("employee_id", flat=True))
        wanted = [row for row in new_emails(now) if row[1] not in asked]
        if wanted:
            ids, old, new = ([row[place] for row in wanted] for place in (1, 4, 5))
            effect = {"addresses": len(ids), "role_holders": _role_holders(ids)}
            request = request_approval(
                kind=Kind.EMAIL_CHANGE, subject=str(load.pk), label=load.file_name, payload={}, effect=effect, by=by
            )
            cursor.execute(ADD, [request.pk, ids, old, new])
    empty = ApprovalRequest.objects.filter(kind=Kind.EMAIL_CHANGE, decision=None)
    supersede_requests(empty.exclude(pk__in=EmailChange.objects.filter(waiting=True).values("request")))
    return len(wanted)


def waiting_changes(request: ApprovalRequest) -> list[EmailChange]:
    """The changes that approving the request makes, or has made; role holders first."""
    kept = request.emailchange_set.all()
    if request.decision is None:
        kept = kept.filter(waiting=True)
    elif request.decision == ApprovalRequest.Decision.APPROVED:
        kept = kept.exclude(applied_at=None)
    found = list(kept.select_related("employee__account").prefetch_related("employee__account__role_set"))
    return sorted(found, key=lambda change: (not roles_of(change.employee), change.employee.staff_no))


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
    """Apply the changes of an approved request. Raises ApprovalRefused.

    The caller holds the facts lock and the tree lock.
    """
    ensure_backdating_allowed()
    now, changes = db_now(), list(request.emailchange_set.filter(waiting=True).select_related("employee"))
    people = {one.pk: one for one in Employee.objects.select_for_update(no_key=True).order_by("pk").filter(
        pk__in=[change.employee_id for change in changes])}  # fmt: skip
    keys = {change.employee_id: normalise_identity("email", change.new_email) for change in changes}
    _require_free(changes, people, {key.digest for key in keys.values()}, now)
    digests = [key.digest for key in keys.values()]
    held = EmployeeIdentity.objects.filter(kind="email", live=True, employee__in=people).values_list(
        "digest", flat=True
    )
    noted = [("email", bytes(digest)) for digest in (*held, *digests)]
    with connection.cursor() as cursor:
        for statement in APPLY:
            ids = [change.pk for change in changes]
            cursor.execute(statement, {"now": now, "ids": ids, "people": list(people), "digests": digests})
    EmployeeIdentity.objects.bulk_create(
        EmployeeIdentity(employee_id=who, kind="email", value=key.value, digest=key.digest, started_at=now)
        for who, key in keys.items()
    )
    queue_identity_reevaluation(noted, always=True)
    queue_reevaluation(people)
    next_version()
    # The last load can no longer be undone, because an undo would restore old addresses.
    RosterImportBefore.objects.all().delete()
    supersede_requests(ApprovalRequest.objects.filter(kind__in=ON_ONE_ROSTER, decision=None))
    detail = {"addresses": len(changes)}
    audit("roster.addresses_changed", by=by, kind="roster", id=request.subject, label=request.label, detail=detail)


def _require_free(changes: list[EmailChange], people: dict[int, Employee], digests: set[bytes], now: datetime) -> None:
    """Check that each employee has the address the second person saw, and no other employee has the new one."""
    for change in changes:
        if people[change.employee_id].email != change.old_email:
            raise ApprovalRefused("stale", _("%(who)s has another address by now.") % {"who": change.employee})
    holders = EmployeeIdentity.objects.filter(kind="email", live=True, digest__in=digests).exclude(employee__in=people)
    taken = holders.filter(employee__in=Employee.objects.employed_at(now)).select_related("employee").first()
    if taken:
        raise ApprovalRefused("taken", _("%(who)s has one of the new addresses by now.") % {"who": taken.employee})
