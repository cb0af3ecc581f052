"""A restore brings everything back, and never overwrites existing data."""

import json
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg2
import pytest

from apps.backups.archive import MANIFEST
from apps.localstack.file_locks import FileLock
from tests.backups.installations import Installation, facts, next_numbers, tables_of
from tests.localstack.stack import data_folder, eventually, processes_of

pytestmark = [pytest.mark.servers, pytest.mark.xdist_group("backup")]


@pytest.fixture(scope="module")
def restored(filled: Installation, saved: Path) -> Any:
    """An installation that was restored into an empty folder."""
    with data_folder("restored installation") as folder:
        made = Installation(folder)
        made.answer = made.report("restore", saved)  # type: ignore[attr-defined]
        yield made


def test_a_restore_brings_everything_back(filled: Installation, saved: Path, restored: Any) -> None:
    assert restored.answer["same"] is True
    assert restored.answer["employees"] == 60
    facts = restored.holds()
    assert facts == filled.holds()
    assert all(not fact.startswith("0 ") for fact in facts.values())
    eventually(lambda: not processes_of(restored.data))


def test_a_backup_of_the_restored_installation_has_the_same_digest(
    filled: Installation, saved: Path, restored: Any, tmp_path: Path
) -> None:
    again = restored.report("backup", tmp_path / "again.backup")
    assert again["digest"] == restored.answer["digest"]
    assert again["campaigns"] == restored.answer["campaigns"]


def test_the_secrets_are_restored_and_private(filled: Installation, saved: Path, restored: Any) -> None:
    assert restored.paths.application_secrets() == filled.paths.application_secrets()
    assert (restored.data / "secrets.json").stat().st_mode & 0o077 == 0
    assert saved.stat().st_mode & 0o777 == 0o600


def test_the_recount_agrees_and_the_next_contact_gets_a_new_id(restored: Any, tmp_path: Path) -> None:
    with restored.database() as connection:
        for table, (largest, following) in next_numbers(connection).items():
            assert following > largest, table
        with connection.cursor() as cursor:
            cursor.execute("SELECT staff_no FROM employees_employee ORDER BY id LIMIT 1")
            [number] = cursor.fetchone()
    assert restored.report("recount")["differences"] == 0
    more = tmp_path / "more.csv"
    more.write_text(f"staff_no,name,email\n{number},Guest,after-the-restore@outside.example.org\n", encoding="utf-8")
    assert restored.report("import_contacts", more)["created"] == 1


def test_the_restored_database_has_statistics_and_can_refresh_them(restored: Any) -> None:
    """A report on a past day is planned with current statistics, not with those of empty tables."""
    with restored.database() as connection, connection.cursor() as cursor:
        cursor.execute("SELECT relname FROM pg_class WHERE relname LIKE 'contacts_contact%' AND reltuples > 0")
        assert {"contacts_contact", "contacts_contactidentity"} <= {name for (name,) in cursor.fetchall()}
        cursor.execute("SELECT proacl::text FROM pg_proc WHERE proname = 'hundred_analyze'")
        [rights] = cursor.fetchone()
        assert "app=X" in rights
        assert "{=X" not in rights
        assert ",=X" not in rights
    with restored.database("app") as connection, connection.cursor() as cursor:
        cursor.execute("SELECT hundred_analyze(NULL)")
        [analysed] = cursor.fetchone()
        assert analysed > 10


REFUSED = {
    "DELETE FROM contacts_contact": "app",
    "UPDATE core_auditentry SET action = 'x'": "app",
    "TRUNCATE standings_standing": "app",
    "INSERT INTO django_migrations (app, name, applied) VALUES ('x', 'y', now())": "app",
    "CREATE TABLE own (id int)": "app",
    "DROP TABLE core_auditentry": "app",
    "DELETE FROM core_auditentry": "owner",
    "UPDATE campaigns_campaign SET state = 'frozen'": "owner",
    "UPDATE campaigns_campaignrule SET target = 1": "owner",
    "DELETE FROM campaigns_campaign": "owner",
    "UPDATE employees_placement SET manager_id = employee_id WHERE manager_id IS NOT NULL": "owner",
    "UPDATE standings_standing SET counted = -1": "owner",
    "INSERT INTO employees_employee SELECT * FROM employees_employee": "owner",
}


def test_the_restored_facts_are_protected_again(restored: Any) -> None:
    for role in ("app", "owner"):
        with restored.database(role) as connection, connection.cursor() as cursor:
            for statement in (statement for statement, of in REFUSED.items() if of == role):
                with pytest.raises(
                    (psycopg2.errors.InsufficientPrivilege, psycopg2.IntegrityError, psycopg2.Error)
                ) as e:
                    cursor.execute(statement)
                denied = isinstance(e.value, psycopg2.errors.InsufficientPrivilege)
                assert denied is (role == "app"), statement


def test_a_restore_into_a_used_installation_is_refused(filled: Installation, saved: Path) -> None:
    before = filled.holds()
    message = filled.refused("restore", saved)
    assert "not empty (employees: 60, contacts: 1200, campaigns: 2" in message
    assert filled.holds() == before


def test_a_restore_into_an_empty_migrated_installation_works(
    filled: Installation, saved: Path, blank: Installation
) -> None:
    assert blank.manage("migrate", "-v0").returncode == 0
    own = blank.paths.application_secrets()
    assert blank.report("restore", saved)["same"] is True
    assert blank.holds() == filled.holds()
    assert blank.paths.application_secrets() != own


def test_a_restore_into_a_running_installation_is_refused(saved: Path, blank: Installation) -> None:
    with blank.database() as connection:
        assert "Other sessions use this database: owner (1)" in blank.refused("restore", saved)
        running = FileLock(blank.data / "run.lock")
        assert running.try_shared()
        assert "Hundred runs from this folder" in blank.refused("restore", saved)
        running.release()
        assert tables_of(connection) == set()


def test_a_backup_of_an_older_version_is_migrated(blank: Installation, tmp_path: Path) -> None:
    old = tmp_path / "old.backup"
    for command in (["migrate", "-v0"], ["migrate", "exports", "0001_initial", "-v0"], ["backup", old]):
        done = blank.manage(*command)
        assert done.returncode == 0, done.stderr
    with data_folder("newer installation") as folder:
        newer = Installation(folder)
        with newer.running():
            assert newer.report("restore", old)["migrated"] >= 1
            with newer.database("app") as connection, connection.cursor() as cursor:
                cursor.execute("SELECT count(*) FROM accounts_apitoken")
                assert cursor.fetchone() == (0,)


def edited(saved: Path, path: Path, change: Callable[[dict[str, Any]], None]) -> Path:
    """A copy of a backup with a changed manifest."""
    with tarfile.open(saved) as old, tarfile.open(path, "w", format=tarfile.GNU_FORMAT) as new:
        for member in old.getmembers():
            file = old.extractfile(member)
            assert file
            if member.name == MANIFEST:
                manifest = json.load(file)
                change(manifest)
                text = path.with_suffix(".json")
                text.write_text(json.dumps(manifest), encoding="utf-8")
                new.add(text, MANIFEST)
            else:
                new.addfile(member, file)
    return path


def test_a_backup_of_a_newer_version_is_refused_before_any_change(
    saved: Path, blank: Installation, tmp_path: Path
) -> None:
    later = edited(
        saved, tmp_path / "later.backup", lambda manifest: manifest["migrations"].append(["campaigns", "9999_x"])
    )
    assert "does not know campaigns 9999_x" in blank.refused("restore", later)
    form = edited(saved, tmp_path / "form.backup", lambda manifest: manifest.update(format=2))
    assert "was made by a newer version of Hundred" in blank.refused("restore", form)
    with blank.database() as connection:
        assert tables_of(connection) == set()


def lose_a_row(manifest: dict[str, Any]) -> None:
    manifest["tables"]["contacts_contact"]["rows"] += 1


def lose_a_guard(manifest: dict[str, Any]) -> None:
    manifest["guards"].append("trigger core_auditentry.another O")


def other_verdicts(manifest: dict[str, Any]) -> None:
    manifest["campaigns"][0]["digest"] = "0" * 64


def test_a_difference_is_named_and_the_restore_is_rolled_back(saved: Path, blank: Installation, tmp_path: Path) -> None:
    for change, named in (
        (lose_a_row, "contacts_contact: 1201 rows in the backup, 1200 rows restored"),
        (lose_a_guard, "trigger core_auditentry.another O: only in the backup"),
        (other_verdicts, "standings differ from the backup"),
    ):
        assert named in blank.refused("restore", edited(saved, tmp_path / "other.backup", change))
        with blank.database() as connection:
            assert tables_of(connection) == set()


def test_a_key_in_the_environment_must_match_the_backup(saved: Path, blank: Installation) -> None:
    blank.environment["IDENTITY_KEY"] = "another key than the backup's"
    message = blank.refused("restore", saved)
    assert "IDENTITY_KEY is not the key" in message
    assert "remove it" in message
    del blank.environment["IDENTITY_KEY"]
    assert blank.report("restore", saved)["same"] is True


# Runs the command with a step that stops permanently, and reports when it has reached it.
STOPPED = """
import time
from django.core.management import call_command
from apps.backups import keys, restore

def wait(*arguments):
    print("here", flush=True)
    time.sleep(600)

adopt_secrets = keys.adopt_secrets

def adopt_secrets_and_wait(*arguments):
    adopt_secrets(*arguments)
    wait()

{patch}
call_command("restore", {path!r})
"""


@pytest.mark.faults
@pytest.mark.parametrize("patch", ["restore._compare = wait", "keys.adopt_secrets = adopt_secrets_and_wait"])
def test_a_killed_restore_can_be_repeated(filled: Installation, saved: Path, blank: Installation, patch: str) -> None:
    begun = blank.start("shell", "-v", "0", "-c", STOPPED.format(patch=patch, path=str(saved)))
    assert begun.stdout
    lines = []
    while (line := begun.stdout.readline()) != "here\n":
        lines.append(line)
        assert line, lines
    begun.kill()
    begun.wait()
    begun.stdout.close()
    with blank.database() as connection, connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM employees_employee")
        assert cursor.fetchone() == (0,)
    assert blank.report("restore", saved)["same"] is True
    with blank.database() as connection:
        assert facts(connection) == filled.holds()
    assert blank.paths.application_secrets() == filled.paths.application_secrets()


def test_an_unreadable_backup_gives_a_sentence(blank: Installation, tmp_path: Path) -> None:
    assert "cannot be read: No such file or directory." in blank.refused("restore", tmp_path / "missing.backup")
    assert "cannot be read: Is a directory." in blank.refused("restore", tmp_path)
