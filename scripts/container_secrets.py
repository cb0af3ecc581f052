"""Writes the secrets of the compose files that are missing: `python3 scripts/container_secrets.py [FOLDER]`.

Needs only Python 3.11 and its standard library. A file that exists is never changed, so that a second run is safe.
"""

import os
import secrets
import sys
from collections.abc import Iterator
from pathlib import Path

DATABASE = "db:5432/hundred"
BROKER = "/run/valkey/valkey.sock"
CATEGORIES = "resetchannels -@all +@connection +@scripting -script +script|load"
BROKER_RIGHTS = (
    "~hundred ~hundred??[369] ~_kombu.* ~unacked* "
    f"{CATEGORIES} +@list +@hash +@sortedset +@set +@string +@transaction +@keyspace -@dangerous -@admin"
)
CACHE_RIGHTS = f"~hundred:* {CATEGORIES} +@string +@keyspace -@dangerous -@admin"
PASSWORDS = ("owner_password", "app_password", "broker_password", "cache_password", "postgres_password")


def create(folder: Path) -> list[str]:
    """Write every missing secret; returns the names of the new files.

    Any user of a container may read them: the servers of the images run as different ones. On the host the folder
    itself is closed to all but its owner.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    # Passwords first: the addresses contain them.
    created = [name for name in PASSWORDS if _write(folder / name, secrets.token_urlsafe(32))]
    created += [name for name, value in _dependent(folder) if _write(folder / name, value)]
    return created


def _dependent(folder: Path) -> Iterator[tuple[str, str]]:
    owner, app, broker, cache = (
        (folder / f"{name}_password").read_text(encoding="utf-8").strip()
        for name in ("owner", "app", "broker", "cache")
    )
    yield "secret_key", secrets.token_urlsafe(50)
    for name in ("identity_key", "signing_key", "metrics_token"):
        yield name, secrets.token_urlsafe(32)
    yield "database_owner_url", f"postgres://hundred_owner:{owner}@{DATABASE}"
    yield "database_url", f"postgres://hundred_app:{app}@{DATABASE}"
    yield "celery_broker_url", f"redis+socket://hundred_broker:{broker}@{BROKER}"
    yield "cache_url", f"unix://hundred_cache:{cache}@{BROKER}?db=1"
    users = [
        "user default off",
        f"user hundred_broker on >{broker} {BROKER_RIGHTS}",
        f"user hundred_cache on >{cache} {CACHE_RIGHTS}",
    ]
    yield "valkey_users.acl", "".join(f"{user}\n" for user in users)


def _write(path: Path, value: str) -> bool:
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o444)
    except FileExistsError:
        return False
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        # Whatever the caller's umask is.
        os.fchmod(descriptor, 0o444)
        file.write(value)
    return True


def main() -> int:
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else "secrets")
    created = create(folder)
    print(f"Created in {folder}: {', '.join(created)}." if created else f"All secrets exist in {folder}.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
