"""A database rebuilt from the facts of another one, and the result that a separate process exports there."""

import io
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from apps.localstack.paths import BASE_DIR
from tests import plugin

FACTS = (
    "core_setting", "employees_employee", "employees_employeeidentity", "employees_employment",
    "employees_placement", "contacts_submission", "contacts_contact", "contacts_contactidentity", "campaigns_campaign",
    "campaigns_campaignrule", "campaigns_adjustmentrequest", "campaigns_adjustment", "reviews_review",
    # The clock too: an export marks the standings under review at the time it is written.
    "test_clock",
)  # fmt: skip

ONE_BY_ONE = """
import sys
import django
django.setup()
from django.core.management import call_command
for command in sys.argv[1:]:
    call_command(*command.split())
"""


@contextmanager
def rebuilt(source: str = plugin.DATABASE) -> Iterator[str]:
    """A temporary database with the facts of `source`, without verdicts or results; its campaign is closing."""
    name = f"{source}_rebuilt"
    plugin.run_as_owner(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)", database="postgres")
    plugin.run_as_owner(f"CREATE DATABASE {name} TEMPLATE {plugin.TEMPLATE}", database="postgres")
    try:
        _copy_facts(source, name)
        yield name
    finally:
        plugin.run_as_owner(f"DROP DATABASE {name} WITH (FORCE)", database="postgres")


def _copy_facts(source: str, target: str) -> None:
    with plugin.server.connect(database=source) as old, plugin.server.connect(database=target) as new:
        with old.cursor() as reads, new.cursor() as writes:
            writes.execute("SET session_replication_role = 'replica'")
            for table in FACTS:
                reads.execute(
                    "SELECT string_agg(quote_ident(attname), ', ') FROM pg_attribute"
                    " WHERE attrelid = %s::regclass AND attnum > 0 AND NOT attisdropped AND attgenerated = ''",
                    [table],
                )
                [names] = reads.fetchone()
                piece = io.BytesIO()
                reads.copy_expert(f"COPY {table} ({names}) TO STDOUT", piece)
                piece.seek(0)
                writes.execute(f"DELETE FROM {table}")
                writes.copy_expert(f"COPY {table} ({names}) FROM STDIN", piece)
            writes.execute("UPDATE campaigns_campaign SET state = 'closing'")
        new.commit()


def exported(folder: Path, database: str, *before: str) -> tuple[bytes, bytes]:
    """The result as a separate process exports it from this database: the CSV and its signature.

    The process uses another time zone and hash seed than this one.
    """
    own = {"DATABASE_URL": plugin.PATHS.database_url("app", database), "TZ": "Asia/Kathmandu"}
    own |= {"DJANGO_SETTINGS_MODULE": "config.settings", "PYTHONHASHSEED": "random"}
    folder.mkdir()
    file = folder / "final.csv"
    commands = [*before, f"export_standings --campaign november --output {file}"]
    done = subprocess.run(
        [sys.executable, "-c", ONE_BY_ONE, *commands], env=os.environ | own, cwd=BASE_DIR, capture_output=True,
        text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return file.read_bytes(), (folder / "final.csv.sig").read_bytes()
