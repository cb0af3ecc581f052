"""The secrets of an installation: an embedded one's travel in its backup, a server's stay in its `.env`."""

import hmac
import os

from django.conf import settings

from apps.backups.archive import Backup, BackupError
from apps.core.identity import digest
from apps.core.secret_files import FileBackedEnviron
from apps.localstack.paths import InstallPaths


def embedded() -> InstallPaths | None:
    """The folders of the embedded installation that this process works on; None when it works on a server."""
    if not settings.LOCAL:
        return None
    places = InstallPaths.from_environment()
    host = settings.DATABASES["default"]["HOST"] or settings.DATABASES["default"]["OPTIONS"].get("host")
    return places if host == str(places.sockets) else None


def in_use(places: InstallPaths) -> dict[str, str]:
    """The secrets an embedded installation works with: what is set in the environment wins, as at every start."""
    return {name: FileBackedEnviron().get(name) or value for name, value in places.local_secrets().items()}


def check_value(key: str) -> str:
    """What a database remembers of its identity key: enough to know it again, not to find it out."""
    return digest(key, "check", "hundred").hex()


def check_key(backup: Backup, places: InstallPaths | None) -> None:
    """Raises BackupError unless the restored installation will have the key that its digests were made with."""
    wanted = backup.manifest["identity_key_check"]
    if wanted is None:
        return
    key = settings.IDENTITY_KEY
    if backup.secrets is None:
        cure = "The backup of a server does not hold it: take it from that server's .env and set it here."
    elif places is None:
        cure = f"Set the one that the backup holds: tar -xOf '{backup.path}' secrets.json"
    else:
        cure = "IDENTITY_KEY is set in the environment or in .env: take it out, and the backup's own key is used."
        if key == places.local_secrets()["IDENTITY_KEY"]:
            key = backup.secrets["IDENTITY_KEY"]
    if hmac.compare_digest(wanted, check_value(key)):
        return
    raise BackupError(
        "IDENTITY_KEY is not the key that this backup was made with; with another nobody in it would be recognised "
        f"again. {cure} Nothing was changed."
    )


def take_over(places: InstallPaths | None, secrets: dict[str, str] | None) -> str:
    """Give an embedded installation the secrets of its backup; to be done when nothing but the commit is left.

    Returns the SIGNING_KEY that it then has.

    They are not put back should that fail: nobody can say whether a commit that was cut off has happened. An empty
    installation with these secrets can be restored again; a full one with others could not be used.
    """
    if places is None or secrets is None:
        return settings.SIGNING_KEY
    before = places.local_secrets()
    places.keep_secrets({**before, **secrets})
    # For commands that this process starts: it has its own from the start. What the caller has set wins, as ever.
    os.environ.update({name: value for name, value in secrets.items() if os.environ.get(name) == before.get(name)})
    return FileBackedEnviron().get("SIGNING_KEY", "")
