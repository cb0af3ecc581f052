"""Restores a backup into an empty installation: one transaction, compared with the manifest before the commit."""

import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

from django.db import Error, connections, transaction

from apps.backups import keys, result_digests, target_checks
from apps.backups import manifest as backups_manifest
from apps.backups.archive import Backup, BackupError, open_backup
from apps.backups.create import owner_alias
from apps.backups.pg_tools import find_program, output_of
from apps.backups.sql_script import CHUNK_BYTES, Rows, read_script
from apps.core.db_permissions import grant_permissions
from apps.localstack.embedded_runtime import migrations_on_disk


def restore(path: Path, *, progress: Callable[[int, int], None]) -> dict[str, Any]:
    """Restore the backup at `path`; returns its manifest with the `results` and `key` (signing_key_report) of this
    installation.

    `progress` receives the bytes read and the bytes to read. Raises BackupError; then nothing was changed. A process
    killed at any moment leaves the installation empty.
    """
    backup = open_backup(path)
    # Read once before anything changes: a damaged file must not cost the old, empty schema.
    backup.check(lambda done: progress(done, 2 * backup.size))
    _refuse_later_schema(backup)
    paths = keys.embedded_paths()
    keys.check_key(backup, paths)
    alias = owner_alias()
    program = find_program("pg_restore", backup.manifest["pg_dump"])
    with (
        connections[alias].cursor() as cursor,
        target_checks.ensure_unused(paths, cursor),
        transaction.atomic(using=alias),
    ):
        target_checks.drop_empty_schema(cursor)
        _run_script(program, backup, cursor, lambda done: progress(done, 2 * backup.size))
        cursor.execute("SELECT set_config('search_path', 'public', true)")
        # The grants name the tables of today; the following migration grants them on an older schema.
        if not missing_migrations(backup.manifest):
            # Roles may have other names than where the backup was made.
            grant_permissions()
        now = _compare(backup, cursor)
        secret = keys.adopt_secrets(paths, backup.secrets)
        outcome = {"results": now["results"], "key": result_digests.signing_key_report(backup, paths, secret)}
    connections[alias].close()  # discards the session settings of the script
    # Without statistics the first pages are slow; PostgreSQL collects them itself later.
    # The data is committed: a failure here must not look like a failed restore.
    with suppress(Error), connections[alias].cursor() as cursor:
        cursor.execute("ANALYZE")
    return backup.manifest | outcome


def missing_migrations(manifest: dict[str, Any]) -> int:
    """The number of migrations in the code that the restored schema lacks."""
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
    # Owners and privileges of the other installation do not exist here; the grants follow after the script.
    command = [str(program), "--format=custom", "--schema=public", "--no-owner", "--no-privileges", "--no-tablespaces"]
    with backup.path.open("rb", buffering=0) as dump:
        dump.seek(backup.offset)
        with output_of([*command, "--file=-"], stdin=dump) as script:
            _execute(script, cursor, lambda: progress(backup.size + _read(dump, backup)))


def _read(dump: IO[bytes], backup: Backup) -> int:
    """The progress of pg_restore: its standard input is this open file."""
    return max(0, min(os.lseek(dump.fileno(), 0, os.SEEK_CUR) - backup.offset, backup.size))


def _execute(stream: IO[bytes], cursor: Any, progress: Callable[[], None]) -> None:
    for part in read_script(stream, cursor.connection.server_version // 10000, progress):
        try:
            if isinstance(part, Rows):
                cursor.copy_expert(part.command, part, CHUNK_BYTES)
            else:
                cursor.execute(part.text)
        except Error as error:
            # The database reports an exception of `Rows.read` during COPY as its own error.
            if isinstance(part, Rows) and part.failure:
                raise part.failure from error
            raise BackupError(
                f"The database refused {part.subject}, and nothing was changed: {str(error).strip()}"
            ) from error


def _compare(backup: Backup, cursor: Any) -> dict[str, Any]:
    """The contents of the restored database. Raises BackupError when they differ from the manifest."""
    now = backups_manifest.describe(cursor)
    messages = backups_manifest.differences(backup.manifest, now)
    messages += [
        f"{column}: the next number is taken already" for column in backups_manifest.exhausted_sequences(cursor)
    ]
    if messages:
        raise BackupError(
            "\n  ".join(["The restored data differs from the backup; nothing was changed:", *messages[:20]])
        )
    return now
