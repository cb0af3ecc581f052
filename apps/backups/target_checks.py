"""Whether an installation may be restored into: it is Hundred's or blank, it is empty, and nobody else works on it."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.db import connections
from psycopg2 import sql

from apps.backups import manifest
from apps.backups.archive import BackupError
from apps.localstack.file_locks import FileLock
from apps.localstack.paths import InstallPaths

# What migrations and idle processes write by themselves.
MAY_HOLD = {"auth_permission", "django_content_type", "django_migrations", "core_job", "core_setting"}
# What people ask for first.
WORDS = {
    "employees_employee": "employees",
    "contacts_contact": "contacts",
    "campaigns_campaign": "campaigns",
    "accounts_account": "accounts",
    "core_auditentry": "audit entries",
}
RESTORE_LOCK = 8_101_003
# A session that has just said goodbye is listed for a moment longer.
PATIENCE = 3.0


@contextmanager
def nobody_else(places: InstallPaths | None, cursor: Any) -> Iterator[None]:
    """Raises BackupError while anybody works with the database; keeps `make run` from starting until the block ends."""
    lock = FileLock(places.data / "run.lock") if places else None
    try:
        if lock and not lock.try_exclusive():
            raise BackupError("Hundred runs from this folder. Stop it first; nothing was changed.")
        end = time.monotonic() + PATIENCE
        while others := _others(cursor):
            if time.monotonic() > end:
                raise BackupError(
                    f"Others work with this database: {', '.join(others)}. Stop web, workers and beat, and close every "
                    "other session, then restore. Nothing was changed."
                )
            time.sleep(0.1)
        yield
    finally:
        if lock:
            lock.release()


def _others(cursor: Any) -> list[str]:
    cursor.execute(
        "SELECT format('%s (%s)', usename, count(*)) FROM pg_stat_activity"
        " WHERE datname = current_database() AND usename IS NOT NULL AND pid <> pg_backend_pid()"
        " GROUP BY usename ORDER BY usename"
    )
    return [name for (name,) in cursor.fetchall()]


def make_room(cursor: Any) -> None:
    """Take an empty schema away, in the caller's transaction. Raises BackupError when it is not empty, or not ours."""
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
    _refuse_strangers(names)
    if names:
        listed = sql.SQL(", ").join(sql.Identifier("public", name) for name in names)
        # Whoever comes now waits, and then finds what was restored.
        cursor.execute(sql.SQL("LOCK TABLE {} IN ACCESS EXCLUSIVE MODE").format(listed))
        _refuse_rows(cursor, names)
        cursor.execute(sql.SQL("DROP TABLE {} CASCADE").format(listed))
    cursor.execute(
        "SELECT oid::regprocedure::text FROM pg_proc WHERE pronamespace = 'public'::regnamespace"
        " AND NOT EXISTS (SELECT FROM pg_depend WHERE objid = pg_proc.oid AND deptype = 'e')"
    )
    for (function,) in cursor.fetchall():
        cursor.execute(f"DROP ROUTINE {function} CASCADE")


def _refuse_strangers(names: list[str]) -> None:
    known = {*connections["default"].introspection.django_table_names(), "django_migrations"}
    if strangers := sorted(set(names) - known):
        shown = ", ".join(strangers[:3]) + (" ..." if len(strangers) > 3 else "")
        raise BackupError(f"This database holds tables that are not Hundred's ({shown}). Nothing was changed.")


def _refuse_rows(cursor: Any, names: list[str]) -> None:
    held = {}
    for name in set(names) - MAY_HOLD:
        cursor.execute(sql.SQL("SELECT count(*) FROM {}").format(sql.Identifier("public", name)))
        if count := cursor.fetchone()[0]:
            held[name] = count
    if held:
        first = [f"{WORDS[name]}: {held[name]}" for name in WORDS if name in held]
        others = [f"{name}: {held[name]}" for name in sorted(set(held) - set(WORDS))]
        told = ", ".join((first or others)[:5])
        raise BackupError(
            f"This installation is not empty ({told}). Restore into an empty one: another HUNDRED_DATA, or a new "
            "database. Nothing was changed."
        )
