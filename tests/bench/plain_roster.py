"""The reference of a roster: COPY of its cells, one INSERT per table, and the tree, without checks, logs or history."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from django.db import connection, transaction

from apps.core.locks import disable_statement_timeout
from apps.employees.org_tree import REBUILD_TREE

STAGE = """
CREATE TEMP TABLE stage (staff_no text, name text, email text, department text, manager text) ON COMMIT DROP
"""
PEOPLE = """
INSERT INTO employees_employee (staff_no, name, email, phone, time_zone) SELECT staff_no, name, email, '', '' FROM stage
"""
IDENTITIES = """
INSERT INTO employees_employeeidentity (employee_id, kind, value, digest, live)
SELECT person.id, 'email', person.email, sha256(person.email::bytea), true
FROM stage JOIN employees_employee person USING (staff_no)
"""
EMPLOYMENTS = """
INSERT INTO employees_employment (employee_id, starts_at, ends_at)
SELECT person.id, '-infinity', 'infinity' FROM stage JOIN employees_employee person USING (staff_no)
"""
PLACEMENTS = """
INSERT INTO employees_placement (employee_id, department, manager_id, starts_at, ends_at)
SELECT person.id, stage.department, boss.id, '-infinity', 'infinity'
FROM stage JOIN employees_employee person USING (staff_no)
LEFT JOIN employees_employee boss ON boss.staff_no = stage.manager
"""


def store(path: Path) -> dict[str, Any]:
    """The seconds of the SQL, and how many people it stored."""
    began = time.perf_counter()
    with transaction.atomic(), connection.cursor() as cursor, path.open(encoding="utf-8") as file:
        disable_statement_timeout()
        cursor.execute(STAGE)
        cursor.copy_expert("COPY stage FROM STDIN WITH (FORMAT csv, HEADER)", file)
        cursor.execute("ANALYZE stage")
        for statement in (PEOPLE, IDENTITIES, EMPLOYMENTS, PLACEMENTS):
            cursor.execute(statement)
        cursor.execute("SELECT hundred_clock()")
        at = cursor.fetchone()[0]
        cursor.execute("SET LOCAL enable_nestloop = off")
        cursor.execute(REBUILD_TREE, {"at": at})
        created = cursor.rowcount
    return {"seconds": time.perf_counter() - began, "read": created, "created": created}
