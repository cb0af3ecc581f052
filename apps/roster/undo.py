"""Undo the last roster load: restore all rows it changed and remove all rows it created.

While a load is applied, the old versions of its rows are kept. The next load that changes the roster deletes them.
"""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any

from django.db import connection, transaction
from django.db.models import Q
from django.utils.translation import gettext as _
from psycopg2 import sql

from apps.accounts.access_endings import carry_out_access_endings, defer_access_endings
from apps.accounts.approvals import refuse_if_waiting, supersede_requests
from apps.accounts.models import ApprovalRequest
from apps.core.audit import Actor, audit
from apps.core.clock import db_now
from apps.core.closed_periods import ensure_backdating_allowed
from apps.core.errors import Refused
from apps.core.locks import lock_facts, lock_org_tree
from apps.core.outbox import queue_identity_reevaluation, queue_reevaluation
from apps.core.sql import statement
from apps.core.statistics import ROSTER_TABLES, refresh_statistics
from apps.employees.models import Employment
from apps.employees.org_tree import next_version, rebuild_tree, roster_version
from apps.roster.changed_employees import store_changed_employees, write_changed_employees
from apps.roster.effects import (
    NeedsSecondPerson,
    count_effect,
    employed,
    is_approved,
    request_change,
    require_approval_if_large,
    store_people,
)
from apps.roster.email_changes import VERSION_BOUND_KINDS
from apps.roster.import_approvals import require_fewer_requests
from apps.roster.models import RosterImport
from apps.roster.ownership import require_roster_source

Kind = ApprovalRequest.Kind
# Tables that a load writes, with the column of the employee's id.
TABLES = {
    "employees_employee": "id",
    "employees_employeeidentity": "employee_id",
    "employees_employment": "employee_id",
    "employees_placement": "employee_id",
}
COPY_TABLE = statement("roster", "undo", "copy_table")
STORE_CHANGED = statement("roster", "undo", "store_changed")
AFFECTED_EMPLOYEES = statement("roster", "undo", "affected_employees")
IDENTITIES = statement("roster", "undo", "identities")
COUNT_CHANGED_EMAILS = statement("roster", "undo", "count_changed_emails")
CHANGED_EMPLOYEES = statement("roster", "undo", "changed_employees")
RESTORE = statement("roster", "undo", "restore")
# The period triggers search for rows that almost never exist. With equal page costs and no statistics yet, the planner
# would scan a million new rows for each one.
PREFER_INDEXES = "SET LOCAL random_page_cost = 4"


def copy_tables() -> bool:
    """Copy all tables a load may change, until the transaction ends; False when the roster is empty."""
    if not Employment.objects.exists():
        return False
    with connection.cursor() as cursor:
        for table in TABLES:
            names = {"table": sql.Identifier(table), "copy": sql.Identifier(f"old_{table}")}
            cursor.execute(sql.SQL(COPY_TABLE).format(**names))
    return True


def store_changed(load_id: uuid.UUID) -> None:
    """Store the rows that differ from the copy, until the next roster change."""
    with connection.cursor() as cursor:
        for table, employee_id in TABLES.items():
            query = sql.SQL(STORE_CHANGED).format(
                table=sql.Identifier(table), table_name=sql.Literal(table), copy=sql.Identifier(f"old_{table}"),
                employee_id=sql.Identifier(employee_id),
            )  # fmt: skip
            cursor.execute(query, {"load": load_id})


def delete_stored_changes() -> None:
    """Delete the stored rows, so earlier loads can no longer be undone."""
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM roster_rosterimportbefore")


# Later loads and approved addresses have changed the same rows: restoring older ones would lose those changes.
def can_undo(load: RosterImport) -> bool:
    """Whether this load is the last roster change and its old rows are kept."""
    if load.state != RosterImport.State.DONE or load.undone_at or load.version is None:
        return False
    return load.version == roster_version() and load.rosterimportbefore_set.exists()


def undo_load(*, load_id: uuid.UUID, by: Actor) -> None:
    """Restore the people of this load to their state before it, for queries on past instants too.

    Raises Refused and BackdatingBlocked, and NeedsSecondPerson when the effect needs an approval that is missing.
    """
    with transaction.atomic():
        # The lock order of loading._lock: facts, tree, the load's row, then employees and accounts.
        defer_access_endings()
        lock_facts()
        ensure_backdating_allowed()
        lock_org_tree()
        load = RosterImport.objects.select_for_update(no_key=True, of=("self",)).get(pk=load_id)
        if not can_undo(load):
            message = _("This load cannot be undone, because it is not the last one that changed the roster.")
            raise Refused("not_last", message, conflict=True)
        require_roster_source(load.source)
        now, emails_approved = db_now(), is_approved(Kind.ROSTER_UNDO, load)
        with connection.cursor() as cursor:
            employed_before, addresses = _restore(cursor, load_id, now, approved=emails_approved)
        rebuild_tree(now)
        effect = count_effect(now, by) | ({"addresses": addresses} if addresses else {})
        # Counted also after an approval: people of the load may have recorded contacts since it was requested.
        if not is_approved(Kind.ROSTER_UNDO, load, effect):
            # The smaller number: hired people are gone by now, and ended ones are back. Neither may enlarge the
            # company.
            headcount = min(employed_before, employed(now))
            require_approval_if_large(effect, headcount, now, exclude=load)
        write_changed_employees()
        delete_stored_changes()
        # The instant after the restore: an end that it brings back is recorded before it.
        _finish(load, by, db_now())
        carry_out_access_endings()


def undo_or_request(*, load_id: uuid.UUID, by: Actor) -> ApprovalRequest | None:
    """Undo the load, or request approval for a large effect.

    Raises Refused (first for an account that may not request) and BackdatingBlocked.
    """
    with transaction.atomic():
        require_fewer_requests(by)
    # Before the work, for which other changes of the roster wait: a repeated click must cost nothing.
    refuse_if_waiting(Kind.ROSTER_UNDO, str(load_id))
    try:
        undo_load(load_id=load_id, by=by)
    except NeedsSecondPerson as needs:
        return request_change(Kind.ROSTER_UNDO, RosterImport.objects.get(pk=load_id), needs.effect, by)
    return None


def _restore(cursor: Any, load_id: uuid.UUID, now: datetime, *, approved: bool) -> tuple[int, int]:
    """Restore all but the rows of employees; return the number of people employed before and of returning addresses."""
    parameters: dict[str, Any] = {"load": load_id, "emails": approved}
    cursor.execute(PREFER_INDEXES)
    # Before RESTORE: afterwards both addresses are equal.
    cursor.execute(COUNT_CHANGED_EMAILS, parameters)
    before = employed(now), cursor.fetchone()[0]
    cursor.execute(AFFECTED_EMPLOYEES, parameters)
    employees = [employee for (employee,) in cursor.fetchall() if employee is not None]
    # The state before the undo, with which count_effect compares.
    store_people(AFFECTED_EMPLOYEES, parameters)
    store_changed_employees(CHANGED_EMPLOYEES, parameters)
    cursor.execute(IDENTITIES, parameters)
    identities = cursor.fetchall()
    cursor.execute(RESTORE, parameters)
    cursor.execute(IDENTITIES, parameters)
    # The identities before and after: contacts with either of them may count differently now.
    queue_identity_reevaluation([*identities, *cursor.fetchall()], always=True)
    queue_reevaluation(employees)
    return before


def _finish(load: RosterImport, by: Actor, now: datetime) -> None:
    # The undo is a change of the roster too: previews and requests on the version before are stale.
    next_version()
    of_load = Q(kind=Kind.EMAIL_CHANGE, subject=str(load.pk))
    supersede_requests(ApprovalRequest.objects.filter(Q(kind__in=VERSION_BOUND_KINDS) | of_load, decision=None), by)
    load.undone_at, load.undone_by = now, by.label
    load.save(update_fields=["undone_at", "undone_by"])
    detail = {name: load.report.get(name, 0) for name in ("created", "updated", "left")}
    audit("roster.undone", by=by, kind="roster", id=load.pk, label=load.file_name, detail=detail)
    refresh_statistics(*ROSTER_TABLES, written=sum(detail.values()))
