"""Prepares the embedded database before Django starts: `manage.py` uses it when DATABASE_URL is not set."""

import contextlib
import os
import socket
import sys
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path

import environ
import psycopg2

from apps.core.packaged_files import package_directory
from apps.core.secret_files import is_set
from apps.localstack.commands import run_command
from apps.localstack.embedded import EmbeddedDatabase, EmbeddedError
from apps.localstack.paths import BASE_DIR, FolderError, InstallPaths

# Commands that only read the code need no database.
WITHOUT_DATABASE = {
    "check", "collectstatic", "compilemessages", "diffsettings", "findstatic", "help", "makemessages",
    "makemigrations", "spectacular", "version",
}  # fmt: skip
# These use the schema as it is: a backup precedes an update, and a restore brings its own schema.
WITHOUT_MIGRATION = {"backup", "migrate", "restore"}
THIRD_PARTY_APPS = (
    *(f"django.contrib.{app}" for app in ("admin", "auth", "contenttypes")),
    *(f"allauth.{app}" for app in ("account", "mfa", "socialaccount")),
)
HELP = {"-h", "--help", "--version"}


def read_env_file() -> None:
    """Load `.env` into the environment; existing variables stay."""
    path = os.environ.get("HUNDRED_ENV_FILE", str(BASE_DIR / ".env"))
    if path and Path(path).exists():
        environ.Env.read_env(path)


@contextlib.contextmanager
def embedded_database(arguments: Sequence[str]) -> Iterator[None]:
    """Provide everything the command needs while it runs; exits with a sentence when that fails."""
    read_env_file()
    if is_set("DATABASE_URL"):
        yield
        return
    os.environ["HUNDRED_LOCAL"] = "1"
    # Without a command, manage.py prints its help.
    command = arguments[1] if len(arguments) > 1 else "help"
    if command in WITHOUT_DATABASE or HELP & set(arguments):
        # Without a database makemigrations warns that it cannot compare the history.
        warnings.filterwarnings("ignore", message="Got an error checking a consistent migration history")
        yield
        return
    paths = InstallPaths.from_environment()
    database = EmbeddedDatabase(paths)
    try:
        if command == "backup" and not paths.cluster.exists():
            raise FolderError(f"There is no installation in {paths.data}: there is nothing to back up.")
        database.hold()
        os.environ |= local_environment(paths)
        # While the lock is held, so two commands that start together do not both migrate an empty database.
        if command not in WITHOUT_MIGRATION:
            migrate_if_needed(database)
    except (EmbeddedError, FolderError) as error:
        sys.exit(str(error))
    except OSError as error:
        sys.exit(f"The embedded database cannot be used: {error}")
    try:
        yield
    finally:
        database.release()


def local_environment(paths: InstallPaths) -> dict[str, str]:
    """The environment that settings need for the embedded services, without the variables that the caller has set."""
    local = {
        "HUNDRED_LOCAL": "1",
        "DATABASE_URL": paths.database_url("app"),
        "DATABASE_OWNER_URL": paths.database_url("owner"),
        # Without `make run` no worker runs, and queued work waits in the database for the next sweep.
        **services(paths),
        "BASE_URL": running_address(paths),
        "HUNDRED_MAILS": "" if is_set("EMAIL_URL") else str(paths.mails),
        **paths.application_secrets(),
    }
    return {name: value for name, value in local.items() if not is_set(name)}


def services(paths: InstallPaths) -> dict[str, str]:
    """The embedded broker and cache, if they run and the caller has set none."""
    if is_set("CELERY_BROKER_URL"):
        return {}
    if not accepts_connections(paths.broker_socket):
        return {"CELERY_BROKER_URL": "memory://"}
    return {"CELERY_BROKER_URL": paths.broker_url, "CACHE_URL": paths.cache_url}


def running_address(paths: InstallPaths) -> str:
    """The address of a running `make run` of this folder; otherwise its usual address."""
    with contextlib.suppress(OSError, ValueError):
        _pid, address = (paths.data / "address").read_text(encoding="utf-8").split()
        return address.rstrip("/")
    return "http://localhost:8000"


def migrate_if_needed(database: EmbeddedDatabase) -> bool:
    """Apply missing migrations; True when there were any."""
    # Compared before Django is loaded: nearly every command finds nothing to do.
    if not migrations_on_disk() - _migrations_applied(database):
        return False
    print("Preparing the database", file=sys.stderr, flush=True)
    if not run_command("migrate", "--skip-checks", "--verbosity", "0", stdout=sys.stderr):
        raise EmbeddedError("The database could not be updated. See the reason above.")
    return True


def migrations_on_disk() -> set[tuple[str, str]]:
    """(app, name) of every migration file, read from the folders: Django would take a second for it."""
    ours = (BASE_DIR / "apps").glob("*/migrations")
    folders = (package_directory(app) / "migrations" for app in THIRD_PARTY_APPS)
    return {(folder.parent.name, file.stem) for folder in (*ours, *folders) for file in folder.glob("[0-9]*.py")}


def _migrations_applied(database: EmbeddedDatabase) -> set[tuple[str, str]]:
    with contextlib.closing(database.connect()) as connection, connection.cursor() as cursor:
        try:
            cursor.execute("SELECT app, name FROM django_migrations")
        except psycopg2.errors.UndefinedTable:
            return set()
        return {(app, name) for app, name in cursor.fetchall()}


def accepts_connections(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as client:
        try:
            client.connect(str(path))
        except OSError:
            return False
    return True
