"""The rows of employees that a load or an undo changes: compared first and written last (ADR 37)."""

from __future__ import annotations

from typing import Any

from psycopg2 import sql

from apps.core.sql import execute, statement

CREATE = statement("roster", "changed_employees", "create")
WRITE = statement("roster", "changed_employees", "write")


def store_changed_employees(changed: str, parameters: dict[str, Any]) -> None:
    """Store the new columns of `changed`, a SELECT; the view `roster_employee` shows all employees with them."""
    execute(sql.SQL(CREATE).format(changed=sql.SQL(changed)), parameters)


def write_changed_employees(*, is_new: bool = False) -> None:
    """Lock and write the stored columns. Recording waits for these rows, so this comes after every check."""
    execute(WRITE, {"is_new": is_new})
