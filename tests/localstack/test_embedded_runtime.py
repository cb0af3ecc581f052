"""`manage.py` without a server: it finds or starts the embedded database and leaves no process behind."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.db.migrations.loader import MigrationLoader

from apps.localstack.embedded import EmbeddedDatabase
from apps.localstack.embedded_runtime import migrations_on_disk
from apps.localstack.paths import BASE_DIR, InstallPaths
from tests.localstack.stack import data_folder, environment, eventually, names_of, processes_of

pytestmark = pytest.mark.servers
SHOW = [
    "shell",
    "-v",
    "0",
    "-c",
    "from django.db import connection as c; k = c.cursor(); k.execute('SELECT current_user')",
]
# Reports that it runs, then waits for the order to end.
WAIT = ["shell", "-v", "0", "-c", "print('here', flush=True); import time; time.sleep(60)"]


@pytest.fixture(scope="module")
def data() -> Iterator[Path]:
    with data_folder() as folder:
        yield folder


def manage(data: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, str(BASE_DIR / "manage.py"), *arguments]
    return subprocess.run(
        command, env=environment(data), cwd="/", check=False, capture_output=True, text=True, timeout=120
    )


def start(data: Path) -> "subprocess.Popen[str]":
    command = [sys.executable, str(BASE_DIR / "manage.py"), *WAIT]
    started = subprocess.Popen(command, env=environment(data), stdout=subprocess.PIPE, text=True)
    assert started.stdout
    assert started.stdout.readline() == "here\n"
    return started


def end(started: "subprocess.Popen[str]", number: signal.Signals = signal.SIGKILL) -> None:
    started.send_signal(number)
    started.wait()
    assert started.stdout
    started.stdout.close()


@pytest.mark.parametrize("arguments", [["help"], ["check"], ["makemigrations", "--dry-run"], ["migrate", "--help"]])
def test_a_command_that_only_reads_the_code_starts_no_database(tmp_path: Path, arguments: list[str]) -> None:
    done = manage(tmp_path / "nothing", *arguments)
    assert done.returncode == 0, done.stderr
    assert not (tmp_path / "nothing").exists()


def test_a_command_creates_and_migrates_the_database_without_demo_data(data: Path) -> None:
    count = "from apps.employees.models import Employee as E; print(E.objects.count())"
    done = manage(data, "shell", "-v", "0", "-c", count)
    assert (done.returncode, done.stdout) == (0, "0\n"), done.stderr
    eventually(lambda: not processes_of(data))


def test_the_second_command_runs_no_migrations() -> None:
    """Otherwise each start of the demo, and each command, would check all migrations for nothing."""
    assert migrations_on_disk() == set(MigrationLoader(None).disk_migrations)


def test_the_database_start_prints_nothing_on_standard_output(data: Path) -> None:
    assert manage(data, *SHOW).stdout == ""


def test_two_commands_share_one_server_and_the_last_one_stops_it(data: Path) -> None:
    first, second = start(data), start(data)
    servers = [name for name in names_of(data).values() if "bin/postgres -D" in name]
    assert len(servers) == 1
    end(first)
    assert manage(data, *SHOW).returncode == 0
    assert any("bin/postgres -D" in name for name in names_of(data).values())
    end(second)
    eventually(lambda: not processes_of(data))


@pytest.mark.faults
def test_a_killed_supervisor_does_not_block_the_next_command(data: Path) -> None:
    running = start(data)
    supervisor = next(pid for pid, name in names_of(data).items() if "apps.localstack.postgres_supervisor" in name)
    os.kill(supervisor, signal.SIGKILL)
    done = manage(data, *SHOW)
    assert done.returncode == 0, done.stderr
    end(running)
    eventually(lambda: not processes_of(data))


@pytest.mark.faults
def test_a_process_number_left_by_a_crash_does_not_stop_the_next_start(data: Path) -> None:
    """After a crash of the machine the number in PostgreSQL's file may belong to any process."""
    note = data / "postgres" / "postmaster.pid"
    note.write_text(f"{os.getpid()}\n{data / 'postgres'}\n", encoding="ascii")
    done = manage(data, *SHOW)
    assert done.returncode == 0, done.stderr


def test_data_of_another_major_version_gives_a_sentence(data: Path) -> None:
    # Another test need not have created the data in this process before.
    assert manage(data, *SHOW).returncode == 0
    eventually(lambda: not processes_of(data))
    version = data / "postgres" / "PG_VERSION"
    original = version.read_text(encoding="ascii")
    version.write_text("12\n", encoding="ascii")
    try:
        done = manage(data, *SHOW)
    finally:
        version.write_text(original, encoding="ascii")
    assert done.returncode == 1
    assert "were made by PostgreSQL 12" in done.stderr
    assert "Traceback" not in done.stderr


def test_secrets_are_created_once_and_private(data: Path) -> None:
    paths = InstallPaths(data=data, log=data / "log")
    paths.create_data()
    secrets = paths.application_secrets()
    assert secrets == paths.application_secrets()
    assert (data / "secrets.json").stat().st_mode & 0o077 == 0
    assert len(secrets["SECRET_KEY"]) >= 50


def test_a_long_path_gets_a_short_socket_directory(data: Path) -> None:
    far = data.parent / ("far" * 30)
    database = EmbeddedDatabase(InstallPaths(data=far, log=far / "log"), disposable=True)
    database.hold()
    try:
        assert len(os.fsencode(database.paths.sockets)) < 50
        assert database.connect("app").closed == 0
    finally:
        database.release()
        assert database.wait_until_stopped(10)
    assert not database.paths.sockets.exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root's server runs as another user")
def test_as_root_a_closed_parent_directory_is_named_and_unchanged(tmp_path: Path) -> None:
    tmp_path.chmod(0o700)
    done = manage(tmp_path / "data", *SHOW)
    assert done.returncode == 1
    assert "Set HUNDRED_DATA" in done.stderr
    assert tmp_path.stat().st_mode & 0o777 == 0o700


def test_an_invalid_data_folder_gives_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    done = manage(tmp_path / "file" / "data", *SHOW)
    assert done.returncode == 1
    assert done.stderr.startswith("The embedded database cannot be used: ")
    assert "Traceback" not in done.stderr
