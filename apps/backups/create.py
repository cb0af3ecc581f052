"""Takes a backup: pg_dump dumps one snapshot of the database, and the manifest describes it, in one file."""

import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import connections, transaction

from apps.backups import keys, result_digests
from apps.backups import manifest as backups_manifest
from apps.backups.archive import DUMP, BackupError, Writer, atomic_write, open_backup
from apps.backups.pg_tools import address_of, find_program, major_of, output_of
from apps.core.identity_key import IDENTITY_KEY_CHECK
from apps.localstack.paths import InstallPaths

# A dump waits for a migration, but not without limit.
DUMP_LOCK_TIMEOUT = "60s"
# zlib, because every pg_restore supports it; a higher level takes minutes and saves a tenth.
COMPRESSION = "gzip:3"


def create_backup(path: Path, *, progress: Callable[[int], None]) -> dict[str, Any]:
    """Write a backup to `path` and return its manifest; `progress` receives the number of bytes so far.

    Other sessions can write in the meantime. Raises BackupError; then `path` is unchanged.
    """
    _check_path(path)
    alias = owner_alias()
    paths = keys.embedded_paths()
    with transaction.atomic(using=alias), connections[alias].cursor() as cursor:
        # One snapshot for the dump and for its description in the manifest.
        cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        # The connection is idle while pg_dump reads; a server may end idle transactions after minutes.
        cursor.execute("SET LOCAL idle_in_transaction_session_timeout = 0")
        manifest = _manifest_head(cursor, paths)
        cursor.execute("SELECT pg_export_snapshot()")
        [snapshot] = cursor.fetchone()
        program = find_program("pg_dump", connections[alias].connection.server_version // 10000)
        manifest["pg_dump"] = major_of(program)
        try:
            with atomic_write(path) as file:
                writer = Writer(file)
                _dump(program, connections[alias].connection, snapshot, writer, progress)
                # In the transaction that exported the snapshot: the manifest describes exactly the rows of the dump.
                manifest |= backups_manifest.describe(cursor)
                manifest = writer.finish(manifest, keys.secrets_in_use(paths) if paths else None)
        except OSError as error:
            raise BackupError(
                f"{path} cannot be written: {error.strerror or error}. No file was left behind."
            ) from error
    return manifest


def owner_alias() -> str:
    """The connection with all rights: the owner's if there is one."""
    return "owner" if "owner" in connections else "default"


def _check_path(path: Path) -> None:
    if not path.parent.is_dir():
        raise BackupError(f"The folder {path.parent} for the backup does not exist.")
    if path.is_dir():
        raise BackupError(f"{path} is a folder; name a file in it.")
    # Only a backup is replaced: a mistyped name must not destroy another file.
    if path.exists():
        try:
            open_backup(path)
        except BackupError as error:
            raise BackupError(f"{path} already exists and is not a backup; it was left unchanged.") from error


def _manifest_head(cursor: Any, paths: InstallPaths | None) -> dict[str, Any]:
    """The first fields of the manifest. Raises BackupError where a backup would be useless."""
    table_names = {table.name for table in backups_manifest.tables(cursor)}
    if not {"django_migrations", "core_setting"} <= table_names:
        raise BackupError("The database holds no installation of Hundred: nothing to back up.")
    cursor.execute("SELECT value #>> '{}' FROM core_setting WHERE name = %s", [IDENTITY_KEY_CHECK])
    stored = cursor.fetchone()
    check = stored[0] if stored else None
    if check not in (None, keys.check_value(settings.IDENTITY_KEY)):
        raise BackupError(
            "IDENTITY_KEY is not the key this database was filled with: a backup made with it could not be used. Set "
            "the right one."
        )
    cursor.execute("SELECT hundred_clock(), current_setting('server_version')")
    at, version = cursor.fetchone()
    return {
        "made_at": at.isoformat(),
        "installation": "embedded" if paths else "server",
        "server_version": version,
        "identity_key_check": check,
        "signing_key": result_digests.signing_key(cursor, settings.SIGNING_KEY),
    }


def _dump(program: Path, connection: Any, snapshot: str, writer: Writer, progress: Callable[[int], None]) -> None:
    address, environment = address_of(connection)
    command = [str(program), f"--dbname={address}", f"--snapshot={snapshot}", "--format=custom", "--schema=public"]
    command += [f"--compress={COMPRESSION}", "--no-password", f"--lock-wait-timeout={DUMP_LOCK_TIMEOUT}"]
    # What belongs to the server and not to Hundred: the target may not have it or may not create it.
    command += ["--no-publications", "--no-subscriptions", "--no-security-labels"]
    with output_of(command, env=environment, stdin=subprocess.DEVNULL) as dump:
        writer.add_stream(DUMP, dump, progress)
