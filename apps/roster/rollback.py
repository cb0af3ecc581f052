"""Undo the last roster load: restore all rows it changed and remove all rows it created.

While a load is applied, the old versions of its rows are kept. The next load that changes the roster deletes them.
"""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any

from django.db import connection, transaction
from django.db.models import Q

from apps.accounts.approvals import supersede_requests
from apps.accounts.models import ApprovalRequest
from apps.core.audit import Actor, audit
from apps.core.clock import db_now
from apps.core.closed_periods import ensure_backdating_allowed
from apps.core.locks import lock_facts, lock_org_tree
from apps.core.outbox import queue_identity_reevaluation, queue_reevaluation
from apps.core.statistics import ROSTER_TABLES, refresh_statistics
from apps.employees.org_tree import next_version, rebuild_tree, roster_version
from apps.roster.effects import (
    NeedsSecondPerson,
    count_effect,
    employed,
    is_approved,
    remember_people,
    request_change,
    require_small,
)
from apps.roster.email_changes import ON_ONE_ROSTER
from apps.roster.import_approvals import require_fewer_requests
from apps.roster.models import RosterImport
from apps.roster.statements import PLANNED

Kind = ApprovalRequest.Kind
# Tables that a load writes, with the column of the employee's id.
TABLES = {
    "employees_employee": "id",
    "accounts_account": "employee_id",
    "employees_employeeidentity": "employee_id",
    "employees_employment": "employee_id",
    "employees_placement": "employee_id",
}
KEEP = """
DROP TABLE IF EXISTS pg_temp.was_{table};
CREATE TEMP TABLE was_{table} ON COMMIT DROP AS TABLE {table};
ANALYZE was_{table};
"""
STORE = """
INSERT INTO roster_rosterimportbefore (load_id, place, row_id, employee_id, before)
SELECT %(load)s, '{table}', is_now.id, is_now.{employee},
    CASE WHEN was.id IS NOT NULL THEN to_jsonb(was) - 'password' END
FROM {table} is_now LEFT JOIN was_{table} was ON was.id = is_now.id
WHERE is_now.* IS DISTINCT FROM was.*
"""
LOCK_PEOPLE = """
SELECT id FROM employees_employee WHERE id IN (SELECT employee_id FROM roster_rosterimportbefore WHERE load_id =
%(load)s)
ORDER BY id FOR NO KEY UPDATE
"""
AFFECTED = "SELECT DISTINCT employee_id FROM roster_rosterimportbefore WHERE load_id = %(load)s"
HELD = f"SELECT kind, digest FROM employees_employeeidentity WHERE employee_id IN ({AFFECTED})"
BACK = [
    # Remove periods and identities that the load created. The function runs as the owner, because the application may
    # not delete facts.
    "SELECT roster_take_back(%(load)s)",
    """
    UPDATE employees_employee person SET name = old.name, phone = old.phone, time_zone = old.time_zone,
        email = CASE WHEN %(emails)s THEN old.email ELSE person.email END
    FROM roster_rosterimportbefore kept, jsonb_populate_record(NULL::employees_employee, kept.before) old
    WHERE kept.load_id = %(load)s AND kept.place = 'employees_employee' AND person.id = kept.row_id
      AND kept.before IS NOT NULL
    """,
    """
    UPDATE accounts_account account SET display_name = old.display_name,
        email = CASE WHEN %(emails)s THEN old.email ELSE account.email END
    FROM roster_rosterimportbefore kept, jsonb_populate_record(NULL::accounts_account, kept.before) old
    WHERE kept.load_id = %(load)s AND kept.place = 'accounts_account' AND account.id = kept.row_id
      AND kept.before IS NOT NULL
    """,
    """
    UPDATE employees_employeeidentity held SET live = old.live, ended_at = old.ended_at
    FROM roster_rosterimportbefore kept, jsonb_populate_record(NULL::employees_employeeidentity, kept.before) old
    WHERE kept.load_id = %(load)s AND kept.place = 'employees_employeeidentity' AND held.id = kept.row_id
      AND kept.before IS NOT NULL
    """,
    """
    UPDATE employees_employment work SET starts_at = old.starts_at, ends_at = old.ends_at
    FROM roster_rosterimportbefore kept, jsonb_populate_record(NULL::employees_employment, kept.before) old
    WHERE kept.load_id = %(load)s AND kept.place = 'employees_employment' AND work.id = kept.row_id
      AND kept.before IS NOT NULL
    """,
    """
    UPDATE employees_placement spot SET starts_at = old.starts_at, ends_at = old.ends_at,
        department = old.department, manager_id = old.manager_id
    FROM roster_rosterimportbefore kept, jsonb_populate_record(NULL::employees_placement, kept.before) old
    WHERE kept.load_id = %(load)s AND kept.place = 'employees_placement' AND spot.id = kept.row_id
      AND kept.before IS NOT NULL
    """,
]


# Restoring an address needs a second person; the database refuses it otherwise.
ADDRESSES = """
SELECT count(*) FROM roster_rosterimportbefore kept JOIN employees_employee person ON person.id = kept.row_id
WHERE kept.load_id = %(load)s AND kept.place = 'employees_employee' AND kept.before ->> 'email' <> person.email
"""


class CannotUndo(ValueError):
    """The load was not the last roster change, was the very first one, or is undone already."""


def keep_rows() -> bool:
    """Copy all tables a load may change, until the transaction ends; False when the roster is empty."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT EXISTS (SELECT 1 FROM employees_employment)")
        if not cursor.fetchone()[0]:
            return False
        for table in TABLES:
            cursor.execute(KEEP.format(table=table))
    return True


def store_changed(load_id: uuid.UUID) -> None:
    """Store the rows that differ from the copy, until the next roster change."""
    with connection.cursor() as cursor:
        for table, employee in TABLES.items():
            cursor.execute(STORE.format(table=table, employee=employee), {"load": load_id})


def forget_changed() -> None:
    """Delete the stored rows, so earlier loads can no longer be undone."""
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM roster_rosterimportbefore")


def can_undo(load: RosterImport) -> bool:
    """Whether this load is the last roster change and its old rows are kept."""
    if load.state != RosterImport.State.DONE or load.undone_at or load.version is None:
        return False
    return load.version == roster_version() and load.rosterimportbefore_set.exists()


def undo_load(*, load_id: uuid.UUID, by: Actor) -> None:
    """Restore the people of this load to their state before it, for queries on past instants too.

    Raises CannotUndo and BackdatingBlocked, and NeedsSecondPerson when the effect needs an approval that is missing.
    """
    with transaction.atomic():
        lock_facts()
        ensure_backdating_allowed()
        lock_org_tree()
        load = RosterImport.objects.select_for_update(no_key=True, of=("self",)).get(pk=load_id)
        if not can_undo(load):
            raise CannotUndo(str(load_id))
        now, approved = db_now(), is_approved(Kind.ROSTER_UNDO, load)
        with connection.cursor() as cursor:
            effect = _take_back(cursor, load_id, now, approved=approved)
        forget_changed()
        _finish(load, by, now)
        if not approved:
            of, addresses = effect
            # The smaller number: hired people are gone by now, and ended ones are back. Neither may enlarge the
            # company.
            of = min(of, employed(now))
            require_small(count_effect(now, by) | ({"addresses": addresses} if addresses else {}), of, now, but=load)


def undo_or_request(*, load_id: uuid.UUID, by: Actor) -> ApprovalRequest | None:
    """Undo the load, or request approval for a large effect.

    Raises ApprovalRefused (first for an account that may not request), CannotUndo, BackdatingBlocked.
    """
    with transaction.atomic():
        require_fewer_requests(by)
    try:
        undo_load(load_id=load_id, by=by)
    except NeedsSecondPerson as needs:
        return request_change(Kind.ROSTER_UNDO, RosterImport.objects.get(pk=load_id), needs.effect, by)
    return None


def _take_back(cursor: Any, load_id: uuid.UUID, now: datetime, *, approved: bool) -> tuple[int, int]:
    """Restore the rows; return how many people were employed before the undo and how many addresses return."""
    named: dict[str, Any] = {"load": load_id, "emails": approved}
    cursor.execute(PLANNED)
    cursor.execute(LOCK_PEOPLE, named)
    cursor.execute(ADDRESSES, named)
    effect = employed(now), cursor.fetchone()[0]
    cursor.execute(AFFECTED, named)
    affected = [employee for (employee,) in cursor.fetchall() if employee is not None]
    remember_people(AFFECTED, named)
    cursor.execute(HELD, named)
    noted = cursor.fetchall()
    for statement in BACK:
        cursor.execute(statement, named)
    cursor.execute(HELD, named)
    queue_identity_reevaluation([*noted, *cursor.fetchall()], always=True)
    queue_reevaluation(affected)
    return effect


def _finish(load: RosterImport, by: Actor, now: datetime) -> None:
    rebuild_tree(now)
    next_version()
    of_load = Q(kind=Kind.EMAIL_CHANGE, subject=str(load.pk))
    supersede_requests(ApprovalRequest.objects.filter(Q(kind__in=ON_ONE_ROSTER) | of_load, decision=None))
    load.undone_at, load.undone_by = now, by.label
    load.save(update_fields=["undone_at", "undone_by"])
    detail = {name: load.report.get(name, 0) for name in ("created", "updated", "left")}
    audit("roster.undone", by=by, kind="roster", id=load.pk, label=load.file_name, detail=detail)
    refresh_statistics(*ROSTER_TABLES, written=sum(detail.values()))
