"""Whether a restore may use an installation: it is Hundred's or blank, it is empty, and no other session uses it."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.db import connections
from psycopg2 import sql

from apps.backups import manifest
from apps.backups.archive import BackupError
from apps.core.sql import statement
from apps.localstack.file_locks import FileLock
from apps.localstack.paths import InstallPaths

# Migrations and idle processes write these by themselves.
TABLES_THAT_MAY_HAVE_ROWS = {"auth_permission", "django_content_type", "django_migrations", "core_job", "core_setting"}
# The tables that administrators ask about first.
LABELS = {
    "employees_employee": "employees",
    "contacts_contact": "contacts",
    "campaigns_campaign": "campaigns",
    "accounts_account": "accounts",
    "core_auditentry": "audit entries",
}
FUNCTIONS = statement("backups", "target_checks", "functions")
SESSIONS = statement("backups", "target_checks", "sessions")
# Equal to core.locks.CAMPAIGNS_LOCK by accident, and harmless: no session of Hundred runs during a restore.
RESTORE_LOCK = 8_101_003
# The server lists a closed session for a moment longer.
TIMEOUT_SECONDS = 3.0


@contextmanager
def ensure_unused(paths: InstallPaths | None, cursor: Any) -> Iterator[None]:
    """Raises BackupError while other sessions use the database; `make run` cannot start until the block ends."""
    lock = FileLock(paths.data / "run.lock") if paths else None
    try:
        if lock and not lock.try_exclusive():
            raise BackupError("Hundred runs from this folder. Stop it first; nothing was changed.")
        end = time.monotonic() + TIMEOUT_SECONDS
        while sessions := _other_sessions(cursor):
            if time.monotonic() > end:
                raise BackupError(
                    f"Other sessions use this database: {', '.join(sessions)}. Stop web, workers and beat, and close "
                    "every other session, then restore. Nothing was changed."
                )
            time.sleep(0.1)
        yield
    finally:
        if lock:
            lock.release()


def _other_sessions(cursor: Any) -> list[str]:
    cursor.execute(SESSIONS)
    return [name for (name,) in cursor.fetchall()]


def drop_empty_schema(cursor: Any) -> None:
    """Drop an empty schema, in the caller's transaction. Raises BackupError when it is not empty or not Hundred's."""
    cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [RESTORE_LOCK])
    if not cursor.fetchone()[0]:
        raise BackupError("Another restore into this database is under way. Nothing was changed.")
    cursor.execute("SELECT has_schema_privilege('public', 'CREATE')")
    if not cursor.fetchone()[0]:
        raise BackupError(
            "This database role may not create tables. Set DATABASE_OWNER_URL to the role that owns the database. "
            "Nothing was changed."
        )
    names = [table.name for table in manifest.tables(cursor)]
    _refuse_foreign_tables(names)
    if names:
        listed = sql.SQL(", ").join(sql.Identifier("public", name) for name in names)
        # A session that comes now waits and then sees the restored tables.
        cursor.execute(sql.SQL("LOCK TABLE {} IN ACCESS EXCLUSIVE MODE").format(listed))
        _refuse_rows(cursor, names)
        cursor.execute(sql.SQL("DROP TABLE {} CASCADE").format(listed))
    cursor.execute(FUNCTIONS)
    for (function,) in cursor.fetchall():
        # `regprocedure` is already quoted, with its argument types.
        cursor.execute(f"DROP ROUTINE {function} CASCADE")


def _refuse_foreign_tables(names: list[str]) -> None:
    own_tables = {*connections["default"].introspection.django_table_names(), "django_migrations"}
    if foreign := sorted(set(names) - own_tables):
        listed = ", ".join(foreign[:3]) + (" ..." if len(foreign) > 3 else "")
        raise BackupError(f"This database holds tables that are not Hundred's ({listed}). Nothing was changed.")


def _refuse_rows(cursor: Any, names: list[str]) -> None:
    counts = {}
    # Not the planner's estimate: a table with a single row must count.
    for name in set(names) - TABLES_THAT_MAY_HAVE_ROWS:
        cursor.execute(sql.SQL("SELECT count(*) FROM {}").format(sql.Identifier("public", name)))
        if count := cursor.fetchone()[0]:
            counts[name] = count
    if counts:
        first = [f"{LABELS[name]}: {counts[name]}" for name in LABELS if name in counts]
        remaining = [f"{name}: {counts[name]}" for name in sorted(set(counts) - set(LABELS))]
        listed = ", ".join((first or remaining)[:5])
        raise BackupError(
            f"This installation is not empty ({listed}). Restore into an empty one: another HUNDRED_DATA, or a new "
            "database. Nothing was changed."
        )
