"""The planner's statistics after a large write: PostgreSQL refreshes them a minute or more too late."""

import logging
from functools import partial

from django.db import DatabaseError, transaction

from apps.core.sql import fetch_all

logger = logging.getLogger(__name__)
# Below this size outdated statistics cost milliseconds. A company sends thousands of small files a day, which must not
# each sample every table. Above it, they have cost minutes.
MIN_ANALYSED_ROWS = 10_000
ROSTER_TABLES = (
    "employees_employee", "employees_employeeidentity", "employees_employment", "employees_placement",
    "employees_treenode",
)  # fmt: skip
CONTACT_TABLES = ("contacts_contact", "contacts_contactidentity")


def refresh_statistics(*tables: str, written: int) -> None:
    """Analyse tables into which so many rows were written, after the commit.

    Does nothing below MIN_ANALYSED_ROWS. Without `tables`, analyses every table that has rows. A failure is logged:
    the rows are stored, and autovacuum follows.
    """
    if written >= MIN_ANALYSED_ROWS:
        # After the commit, because ANALYZE in the same transaction would keep its locks until then.
        transaction.on_commit(partial(_analyse, tables), robust=True)


def refresh_own_statistics(*tables: str, written: int) -> None:
    """Analyse tables now, before this transaction reads so many rows that it has written itself."""
    if written >= MIN_ANALYSED_ROWS:
        _analyse(tables)


def _analyse(tables: tuple[str, ...]) -> None:
    for table in tables or _tables_with_rows():
        try:
            # Each table in its own transaction: no lock lasts longer than one table.
            with transaction.atomic():
                # ANALYZE needs the owner's rights, which this function has (SECURITY DEFINER).
                fetch_all("SELECT hundred_analyze(ARRAY[%s])", [table])
        except DatabaseError as error:
            logger.warning("statistics of %s were not refreshed: %s", table, str(error).strip())


def _tables_with_rows() -> list[str]:
    rows = fetch_all(
        "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r'"
        " AND pg_relation_size(oid) > 0 ORDER BY pg_relation_size(oid) DESC"
    )
    return [name for (name,) in rows]
