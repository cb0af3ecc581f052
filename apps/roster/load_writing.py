"""The statements that stage a roster's rows and write them, in their order of execution."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from psycopg2 import sql

from apps.core.outbox import queue_identity_reevaluation_from_query, queue_reevaluation_from_query
from apps.core.sql import statement
from apps.core.time_zones import company_zone, midnight
from apps.roster.changed_employees import store_changed_employees, write_new_employees
from apps.roster.parser import Roster
from apps.roster.undo import PREFER_INDEXES

CREATE_TABLES = statement("roster", "load", "create_tables")
FILL_STAGE = statement("roster", "load", "fill_stage")
MARK_EMAILS_FOR_APPROVAL = statement("roster", "load", "emails_need_approval")
WRITE_EMPLOYEES = statement("roster", "load", "write_employees")
CHANGED_EMPLOYEES = statement("roster", "load", "changed_employees")
TOUCH_CHANGED_EMPLOYEES = statement("roster", "load", "touch_changed_employees")
END_IDENTITIES = statement("roster", "load", "end_identities")
INSERT_IDENTITIES = statement("roster", "load", "insert_identities")
WRITE_EMPLOYMENTS = statement("roster", "load", "write_employments")
WRITE_PLACEMENTS = statement("roster", "load", "write_placements")
END_MISSING_EMPLOYMENTS = statement("roster", "load", "end_missing_employments")
IDENTITIES_OF_TOUCHED = statement("roster", "load", "identities_of_touched")
IDENTITIES_OF_LEAVERS = statement("roster", "load", "identities_of_leavers")
COUNTS = statement("roster", "load", "counts")
EMPLOYEES_TO_REEVALUATE = statement("roster", "load", "employees_to_reevaluate")


def stage(cursor: Any, roster: Roster, *, emails_need_approval: bool) -> None:
    """Copy the valid rows into the staging table of the load.

    `emails_need_approval`: the new addresses of present employees wait for a second person.
    """
    # For the rest of the transaction: see undo.PREFER_INDEXES.
    cursor.execute(PREFER_INDEXES)
    cursor.execute(CREATE_TABLES)
    cursor.execute(sql.SQL(FILL_STAGE).format(rows=roster.staged.rows))
    if emails_need_approval:
        cursor.execute(MARK_EMAILS_FOR_APPROVAL)


def write_rows(cursor: Any, now: datetime, unproven: bool) -> None:
    """Write all rows but the changed ones of employees with an employment, which are stored only."""
    parameters = {"now": now, "unproven": unproven}
    cursor.execute(WRITE_EMPLOYEES, parameters)
    store_changed_employees(CHANGED_EMPLOYEES, parameters)
    cursor.execute(TOUCH_CHANGED_EMPLOYEES)
    # Rows that an undo left, before their employment: the database then lets a load change the address.
    write_new_employees()
    cursor.execute(END_IDENTITIES, parameters)
    queue_identity_reevaluation_from_query(INSERT_IDENTITIES, parameters)
    cursor.execute(WRITE_EMPLOYMENTS, parameters)
    # The time as colleagues changes for the employees who recorded these people.
    queue_identity_reevaluation_from_query(IDENTITIES_OF_TOUCHED)
    cursor.execute(WRITE_PLACEMENTS, parameters)


def end_missing_employments(cursor: Any, now: datetime, roster: Roster) -> int:
    left_at = midnight(now.astimezone(ZoneInfo(company_zone())).date())
    # All rows of the file, also rejected ones: a bad line must not end the employment of its person.
    query = sql.SQL(END_MISSING_EMPLOYMENTS).format(rows=roster.staged.rows)
    cursor.execute(query, {"now": now, "left_at": left_at})
    queue_reevaluation_from_query("SELECT employee_id FROM roster_left")
    queue_identity_reevaluation_from_query(IDENTITIES_OF_LEAVERS)
    cursor.execute("SELECT count(*) FROM roster_left")
    return int(cursor.fetchone()[0])


def count_rows(cursor: Any) -> tuple[int, int, int]:
    """The numbers of staged, created and updated rows; queues the people whose marks may change."""
    queue_reevaluation_from_query(EMPLOYEES_TO_REEVALUATE)
    cursor.execute(COUNTS)
    staged, created, updated = cursor.fetchone()
    return staged, created, updated
