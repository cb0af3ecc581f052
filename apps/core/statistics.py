"""The planner's statistics after a large write: PostgreSQL refreshes them by itself, but a minute or more too late."""

from __future__ import annotations

import logging
from functools import partial

from django.db import DatabaseError, connection, transaction

logger = logging.getLogger(__name__)
# Below this, a plan that knows nothing of the new rows costs milliseconds, and files of a few hundred people, of which
# a company sends thousands a day, must not each read samples of every table. Above it, it is known to cost minutes.
ANALYSED_FROM_ROWS = 10_000
ROSTER_TABLES = (
    "employees_employee", "employees_employeeidentity", "employees_employment", "employees_placement",
    "employees_treenode",
)  # fmt: skip
CONTACT_TABLES = ("contacts_contact", "contacts_contactidentity")


def refresh_statistics(*tables: str, written: int) -> None:
    """Analyse tables into which so many rows were written, once the transaction is committed.

    Nothing happens below ANALYSED_FROM_ROWS. Without `tables`, every table that holds a row is analysed. What fails is
    logged: the rows are there, and autovacuum follows.
    """
    if written >= ANALYSED_FROM_ROWS:
        transaction.on_commit(partial(_analyse, tables), robust=True)


def _analyse(tables: tuple[str, ...]) -> None:
    for table in tables or _with_rows():
        try:
            # A statement and a transaction for each: no lock is held for longer than one table takes.
            with transaction.atomic(), connection.cursor() as cursor:
                cursor.execute("SELECT hundred_analyze(ARRAY[%s])", [table])
        except DatabaseError as error:
            logger.warning("statistics of %s were not refreshed: %s", table, str(error).strip())


def _with_rows() -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r'"
            " AND pg_relation_size(oid) > 0 ORDER BY pg_relation_size(oid) DESC"
        )
        return [name for (name,) in cursor.fetchall()]
