"""Restores a backup into an empty installation: in one transaction, compared with its manifest before it is kept."""

import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

from django.db import Error, connections, transaction

from apps.backups import keys, result_digests, target_checks
from apps.backups import manifest as backups_manifest
from apps.backups.archive import Backup, BackupError, open_backup
from apps.backups.create import owner
from apps.backups.pg_tools import fitting, output_of
from apps.backups.sql_script import PIECE, Rows, read_script
from apps.core.db_permissions import grant
from apps.localstack.embedded_runtime import migrations_on_disk


def restore(path: Path, *, progress: Callable[[int, int], None]) -> dict[str, Any]:
    """Restore the backup at `path`; returns its manifest with `results` and `key` (results.told_of_key) of here.

    `progress` hears bytes read and bytes to read.
    Raises BackupError; then nothing was changed. Killed at any moment it leaves the installation as empty as it was.
    """
    backup = open_backup(path)
    backup.check(lambda done: progress(done, 2 * backup.size))
    _refuse_later_schema(backup)
    places = keys.embedded()
    keys.check_key(backup, places)
    alias = owner()
    program = fitting("pg_restore", backup.manifest["pg_dump"])
    with (
        connections[alias].cursor() as cursor,
        target_checks.nobody_else(places, cursor),
        transaction.atomic(using=alias),
    ):
        target_checks.make_room(cursor)
        _run_script(program, backup, cursor, lambda done: progress(done, 2 * backup.size))
        cursor.execute("SELECT set_config('search_path', 'public', true)")
        # The grants name the tables of today; an older schema gets them from the migration that follows.
        if not missing_migrations(backup.manifest):
            _grant(alias)
        now = _compare(backup, cursor)
        secret = keys.take_over(places, backup.secrets)
        told = {"results": now["results"], "key": result_digests.told_of_key(backup, places, secret)}
    connections[alias].close()  # with all that the script has set for its session
    # Without it the first pages are slow; PostgreSQL does it by itself after a while.
    with suppress(Error), connections[alias].cursor() as cursor:
        cursor.execute("ANALYZE")
    return backup.manifest | told


def missing_migrations(manifest: dict[str, Any]) -> int:
    """How many migrations the code knows and the restored schema does not have yet."""
    return len(migrations_on_disk() - _migrations(manifest))


def _migrations(manifest: dict[str, Any]) -> set[tuple[str, str]]:
    return {(app, name) for app, name in manifest["migrations"]}


def _refuse_later_schema(backup: Backup) -> None:
    if unknown := sorted(_migrations(backup.manifest) - migrations_on_disk()):
        raise BackupError(
            f"{backup.path} was made by a newer version of Hundred: this one does not know {unknown[0][0]} "
            f"{unknown[0][1]}. Restore it with the version that made it, or a later one. Nothing was changed."
        )


def _run_script(program: Path, backup: Backup, cursor: Any, progress: Callable[[int], None]) -> None:
    command = [str(program), "--format=custom", "--schema=public", "--no-owner", "--no-privileges", "--no-tablespaces"]
    with backup.path.open("rb", buffering=0) as dump:
        dump.seek(backup.offset)
        with output_of([*command, "--file=-"], stdin=dump) as script:
            _execute(script, cursor, lambda: progress(backup.size + _read(dump, backup)))


def _read(dump: IO[bytes], backup: Backup) -> int:
    """How far pg_restore is: its standard input and our file are one."""
    return max(0, min(os.lseek(dump.fileno(), 0, os.SEEK_CUR) - backup.offset, backup.size))


def _execute(stream: IO[bytes], cursor: Any, progress: Callable[[], None]) -> None:
    for part in read_script(stream, cursor.connection.server_version // 10000, progress):
        try:
            if isinstance(part, Rows):
                cursor.copy_expert(part.command, part, PIECE)
            else:
                cursor.execute(part.text)
        except Error as error:
            # What is raised while COPY asks for rows comes back as an error of the database.
            if isinstance(part, Rows) and part.failure:
                raise part.failure from error
            raise BackupError(
                f"The database refused {part.subject}, and nothing was changed: {str(error).strip()}"
            ) from error


def _grant(alias: str) -> None:
    """Roles may have other names here than where the backup was made: the house's own grants, to the role it has."""
    role = connections["default"].settings_dict["USER"]
    if alias == "owner" and role and role != connections["owner"].settings_dict["USER"]:
        grant("owner", role)


def _compare(backup: Backup, cursor: Any) -> dict[str, Any]:
    """What the restored database holds. Raises BackupError when that is not what the manifest says."""
    now = backups_manifest.describe(cursor)
    found = backups_manifest.differences(backup.manifest, now)
    found += [f"{column}: the next number is taken already" for column in backups_manifest.spent_numbers(cursor)]
    if found:
        raise BackupError("\n  ".join(["What was restored is not what was backed up; nothing was kept:", *found[:20]]))
    return now
