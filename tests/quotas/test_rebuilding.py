"""D3: the facts alone give the result again, on another database, in another process, byte for byte."""

import io
import os
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest

from apps.employees.models import Employee
from apps.quotas.freeze.freezing import freeze
from apps.quotas.models import Campaign
from config.places import BASE_DIR
from tests import plugin
from tests.fixtures import Clock
from tests.people import TESTER, adjust, ask, record

pytestmark = pytest.mark.django_db(transaction=True)
FACTS = (
    "ledger_setting", "employees_employee", "employees_employeeidentity", "employees_employment",
    "employees_placement", "contacts_submission", "contacts_contact", "contacts_contactidentity", "quotas_campaign",
    "quotas_campaignrule", "quotas_adjustmentrequest", "quotas_adjustment",
)  # fmt: skip


def copy_facts(source: str, target: str) -> None:
    """The facts, without any verdict or result, into a migrated empty database."""
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
            writes.execute("UPDATE quotas_campaign SET state = 'closing'")
        new.commit()


def exported(folder: Path, database: str, *before: str) -> tuple[bytes, bytes]:
    """The result as a process of its own writes it, on this database: the CSV and its signature."""
    environment = os.environ | {"DATABASE_URL": plugin.PLACES.database_url("app", database), "TZ": "Asia/Kathmandu"}
    folder.mkdir()
    file = folder / "final.csv"
    commands = [*before, f"export_standings --campaign november --output {file}"]
    for command in commands:
        done = subprocess.run(
            [sys.executable, str(BASE_DIR / "manage.py"), *command.split()], env=environment, cwd=BASE_DIR,
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
    return file.read_bytes(), (folder / "final.csv.sig").read_bytes()


def test_rebuilt_from_the_facts_on_an_empty_database_the_result_has_the_same_bytes(
    campaign: Campaign, alice: Employee, alan: Employee, clock: Clock, tmp_path: Path
) -> None:
    record(alice, 100)
    record(alan, 57)
    adjust(campaign=campaign, employee=alan, target=57)
    ask(campaign=campaign, employee=alice, target=1)
    clock.set(campaign.rule.cutoff_at + timedelta(seconds=15), ticks=True)
    freeze(campaign=campaign, by=TESTER, patient=True)
    record(alan, 50)
    first = exported(tmp_path / "first", plugin.DATABASE)
    rebuilt = f"{plugin.DATABASE}_rebuilt"
    plugin.run_as_owner(f"DROP DATABASE IF EXISTS {rebuilt} WITH (FORCE)", database="postgres")
    plugin.run_as_owner(f"CREATE DATABASE {rebuilt} TEMPLATE {plugin.TEMPLATE}", database="postgres")
    try:
        copy_facts(plugin.DATABASE, rebuilt)
        assert exported(tmp_path / "again", rebuilt, "freeze_campaign --campaign november") == first
    finally:
        plugin.run_as_owner(f"DROP DATABASE {rebuilt} WITH (FORCE)", database="postgres")
    assert first[0].decode("utf-8-sig").count("\n") == 10
