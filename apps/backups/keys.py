"""The secrets of an installation: a backup contains those of an embedded one; a server's stay in its `.env`."""

import hmac
import os

from django.conf import settings

from apps.backups.archive import Backup, BackupError
from apps.core.identity import digest
from apps.core.secret_files import FileBackedEnviron
from apps.localstack.paths import InstallPaths


def embedded_paths() -> InstallPaths | None:
    """The folders of the embedded installation that this process uses; None when it uses a server."""
    if not settings.LOCAL:
        return None
    paths = InstallPaths.from_environment()
    # The environment may name another server although an embedded installation exists beside it.
    host = settings.DATABASES["default"]["HOST"] or settings.DATABASES["default"]["OPTIONS"].get("host")
    return paths if host == str(paths.sockets) else None


def secrets_in_use(paths: InstallPaths) -> dict[str, str]:
    """The secrets that an embedded installation uses: a value in the environment wins, as at every start."""
    return {name: FileBackedEnviron().get(name) or value for name, value in paths.application_secrets().items()}


def check_value(key: str) -> str:
    """The check value of an identity key in the database: it identifies the key and does not reveal it."""
    return digest(key, "check", "hundred").hex()


def check_key(backup: Backup, paths: InstallPaths | None) -> None:
    """Raises BackupError unless the restored installation will have the key of the backup's digests."""
    expected = backup.manifest["identity_key_check"]
    if expected is None:
        return
    key = settings.IDENTITY_KEY
    if backup.secrets is None:
        how_to_fix = "The backup of a server does not hold it: take it from that server's .env and set it here."
    elif paths is None:
        how_to_fix = f"Set the key from the backup: tar -xOf '{backup.path}' secrets.json"
    else:
        how_to_fix = "IDENTITY_KEY is set in the environment or in .env: remove it, and the backup's own key is used."
        # A generated key of an empty installation, which the backup's own replaces at the commit.
        if key == paths.application_secrets()["IDENTITY_KEY"]:
            key = backup.secrets["IDENTITY_KEY"]
    if hmac.compare_digest(expected, check_value(key)):
        return
    raise BackupError(
        "IDENTITY_KEY is not the key that this backup was made with. With another key no stored "
        f"identity would match. {how_to_fix} Nothing was changed."
    )


def adopt_secrets(paths: InstallPaths | None, secrets: dict[str, str] | None) -> str:
    """Give an embedded installation the secrets of its backup, immediately before the commit.

    Returns the SIGNING_KEY that the installation then has.

    A failed commit does not restore the old secrets, because an interrupted commit may have happened. An empty
    installation with these secrets can be restored again; a full one with other secrets would be unusable.
    """
    if paths is None or secrets is None:
        return settings.SIGNING_KEY
    before = paths.application_secrets()
    paths.store_secrets({**before, **secrets})
    # For commands that this process starts. A value that the caller has set wins, as always.
    os.environ.update({name: value for name, value in secrets.items() if os.environ.get(name) == before.get(name)})
    return FileBackedEnviron().get("SIGNING_KEY", "")
