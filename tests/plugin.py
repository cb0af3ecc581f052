"""Loaded first (`-p tests.plugin`): a throw-away database per run, before Django reads its settings.

Every test process uses the embedded database of the run. The first test that needs it starts it, and it ends with the
last process, in whatever way that ends. `default` is always the application's role, as in production.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import hypothesis
import pytest
from _pytest.nodeid import NodeId

from apps.localstack.embedded import EmbeddedDatabase
from apps.localstack.file_locks import FileLock
from apps.localstack.paths import BASE_DIR, InstallPaths, traversable_by_all
from tests.unlimited import UNLIMITED

WORKER = os.environ.get("PYTEST_XDIST_WORKER", "")
TEMPLATE = "hundred"
DATABASE = f"test_{WORKER or 'main'}"
SHARED = BASE_DIR.parent / "shared"
# Migrations fill these; no test may empty them.
TABLES_OF_MIGRATIONS = ("django_migrations", "django_content_type", "auth_permission")


# A build must not depend on luck: its examples are the same every time. On a developer's machine they vary.
hypothesis.settings.register_profile("ci", derandomize=True)
if os.environ.get("CI"):
    hypothesis.settings.load_profile("ci")
    os.environ.setdefault("FAULT_SEED", "20261130")


def _places() -> InstallPaths:
    """The folder of this run: the first process creates it, and the others get it from its environment."""
    if "HUNDRED_TEST_DATA" not in os.environ:
        root = Path(tempfile.gettempdir())
        if os.geteuid() == 0 and not traversable_by_all(root):
            root = Path("/tmp")  # noqa: S108  (mkdtemp makes a folder of our own there)
        made = Path(tempfile.mkdtemp(prefix="hundred-test-", dir=root))
        if os.geteuid() == 0:
            made.chmod(0o711)
        os.environ["HUNDRED_TEST_DATA"] = str(made)
    data = Path(os.environ["HUNDRED_TEST_DATA"])
    return InstallPaths(data=data, log=data / "log")


PATHS = _places()
ENVIRONMENT = UNLIMITED | {
    "HUNDRED_LOCAL": "1",
    "HUNDRED_ENV_FILE": "",
    "SECRET_KEY": "only-for-tests",
    "IDENTITY_KEY": "only-for-tests",
    "SIGNING_KEY": "b25seS1mb3ItdGVzdHMtMDEyMzQ1Njc4OWFiY2RlZmc",
    "ALLOWED_HOSTS": "localhost,127.0.0.1,testserver",
    "BASE_URL": "http://testserver",
    "DATABASE_URL": PATHS.database_url("app", DATABASE),
    "CELERY_BROKER_URL": "memory://",
    "COMPANY_EMAIL_DOMAINS": "",
    "COMPANY_PHONE_REGION": "CN",
    "TIME_ZONE": "UTC",
    "SWEEP_INTERVAL": "1",
    "APPROVAL_COOLDOWN_DAYS": "0",  # tests of the waiting time set it themselves
    "ROSTER_APPROVAL_SHARE": "1000",  # nine people are few: one of them is more than the usual share
    "CONN_MAX_AGE": "0",
    "DJANGO_ALLOW_ASYNC_UNSAFE": "1",  # Playwright's synchronous interface runs an event loop
}
OURS = {*ENVIRONMENT, "DATABASE_OWNER_URL", "CACHE_URL", "TRUSTED_PROXIES", "EMAIL_URL", "LOG_LEVEL"}
OURS |= {"SECRET_KEY_FALLBACKS", "BREACHED_PASSWORDS"}
for _name in (*OURS, "CSRF_TRUSTED_ORIGINS", "HSTS_SECONDS", "STATIC_ROOT", "STATEMENT_TIMEOUT", "LOCK_TIMEOUT"):
    os.environ.pop(_name, None)
    os.environ.pop(f"{_name}_FILE", None)
for _name in [
    name for name in os.environ if name.startswith("OIDC_") or name in ("PASSWORD_SIGN_IN", "SECOND_FACTOR_ROLES")
]:
    del os.environ[_name]
os.environ |= ENVIRONMENT
server = EmbeddedDatabase(PATHS, disposable=True)


def create_database() -> None:
    """A fresh copy of the migrated template for this process. The first process starts, creates and migrates it."""
    server.hold()
    lock = FileLock(PATHS.data / "template.lock")
    if not lock.exclusive(within=300):
        raise RuntimeError("Another test process has been migrating the template for five minutes.")
    try:
        with server.connect(database="postgres") as connection, connection.cursor() as cursor:
            cursor.execute("SELECT datistemplate FROM pg_database WHERE datname = %s", [TEMPLATE])
            if cursor.fetchone() == (False,):
                _make_template()
        run_as_owner(f"DROP DATABASE IF EXISTS {DATABASE} WITH (FORCE)", database="postgres")
        run_as_owner(f"CREATE DATABASE {DATABASE} TEMPLATE {TEMPLATE}", database="postgres")
    finally:
        lock.release()


def run_as_owner(statement: str, *, database: str = DATABASE) -> list[tuple[object, ...]]:
    """Run SQL as the role that owns everything; returns its rows, if it has any. Commits immediately."""
    connection = server.connect(database=database)
    try:
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute(statement)
            return list(cursor.fetchall()) if cursor.description else []
    finally:
        connection.close()


def empty_database() -> None:
    """Remove the rows of a committing test. The application's role may not truncate, so the owner does."""
    tables = run_as_owner("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
    names = [f'"{name}"' for (name,) in tables if name not in TABLES_OF_MIGRATIONS]
    filled = " UNION ALL ".join(f"(SELECT '{name}' FROM {name} LIMIT 1)" for name in names)
    non_empty = [str(name) for (name,) in run_as_owner(filled)]
    if non_empty:
        # Append-only tables refuse TRUNCATE by a trigger, which does not run in replica mode.
        run_as_owner(
            "SET lock_timeout = '10s'; SET session_replication_role = 'replica';"
            f"TRUNCATE {', '.join(non_empty)} CASCADE; {_restore_statement()}"
        )


def _restore_statement() -> str:
    """SQL that restores the rows of migrations."""
    tables = run_as_owner("SELECT tablename FROM pg_tables WHERE schemaname = 'pristine'")
    return "".join(
        f'INSERT INTO public."{name}" SELECT * FROM pristine."{name}" ON CONFLICT DO NOTHING;' for (name,) in tables
    )


def _make_template() -> None:
    """Migrate as the owner, in a separate process; then let tests set the clock."""
    owner = {"DATABASE_URL": PATHS.database_url("app"), "DATABASE_OWNER_URL": PATHS.database_url("owner")}
    command = [sys.executable, str(BASE_DIR / "manage.py"), "migrate", "--skip-checks", "--verbosity", "0"]
    done = subprocess.run(command, env=os.environ | owner, cwd=BASE_DIR, check=False, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"The template database could not be migrated:\n{done.stdout}{done.stderr}")
    tables = run_as_owner("SELECT tablename FROM pg_tables WHERE schemaname = 'public'", database=TEMPLATE)
    statements = ["CREATE SCHEMA pristine"]
    for (table,) in tables:
        if table not in TABLES_OF_MIGRATIONS and run_as_owner(f'SELECT 1 FROM "{table}" LIMIT 1', database=TEMPLATE):
            statements.append(f'CREATE TABLE pristine."{table}" AS TABLE public."{table}"')
    run_as_owner(f"{'; '.join(statements)}; {CLOCK}; ALTER DATABASE {TEMPLATE} IS_TEMPLATE true", database=TEMPLATE)


CLOCK = """
CREATE TABLE test_clock (at timestamptz NOT NULL, ticks boolean NOT NULL DEFAULT false);
CREATE SEQUENCE test_clock_tick MINVALUE 0;
GRANT SELECT, INSERT, DELETE ON test_clock TO app;
GRANT SELECT, UPDATE, USAGE ON test_clock_tick TO app;
CREATE OR REPLACE FUNCTION hundred_clock() RETURNS timestamptz LANGUAGE sql VOLATILE AS $clock$
    SELECT coalesce(
        (SELECT CASE WHEN ticks THEN at + nextval('public.test_clock_tick') * interval '1 microsecond' ELSE at END
         FROM public.test_clock LIMIT 1),
        clock_timestamp())
$clock$
"""


@pytest.hookimpl(trylast=True)
def pytest_configure(config: pytest.Config) -> None:
    """Registered last, so that these fixtures replace those of pytest-django and pytest-playwright."""
    from tests import fixtures, message_fixtures

    config.pluginmanager.register(fixtures, "hundred-fixtures")
    config.pluginmanager.register(message_fixtures, "hundred-message-fixtures")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        # pytest-xdist 3.8 writes an item's group where pytest 9.2 no longer reads its name: two workers would share one
        # group and repeat its common setup.
        if grouped := getattr(item, "_nodeid", ""):
            item._id = NodeId.parse(grouped)
    if SHARED.is_dir():
        return
    absent = pytest.mark.skip(reason="the reference data is not in the parent folder")
    for item in items:
        if "shared" in item.keywords:
            item.add_marker(absent)


def pytest_unconfigure() -> None:
    """The last process removes the folder."""
    server.release()
    if not WORKER:
        server.wait_until_stopped(within=10)
        shutil.rmtree(PATHS.data, ignore_errors=True)
