"""An installation on a company's own PostgreSQL server, with any supported version and any role names."""

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg2
import pytest

from apps.backups.archive import open_backup
from tests import plugin
from tests.backups.installations import Installation, facts, proved, tables_of, unguarded
from tests.backups.servers import FIFTEEN, Server, server

pytestmark = [pytest.mark.servers, pytest.mark.xdist_group("backup")]
OLDEST = pytest.param("oldest", marks=pytest.mark.skipif(not FIFTEEN.exists(), reason=f"{FIFTEEN} is not there"))


@pytest.fixture(scope="module")
def servers() -> Iterator[dict[str, Server]]:
    """A server of the version that Hundred brings, and one of the oldest supported version if the machine has it."""
    plugin.PATHS.create_data()
    with contextlib.ExitStack() as stack:
        running = {"brought": stack.enter_context(server(plugin.PATHS.binaries))}
        if FIFTEEN.exists():
            running["oldest"] = stack.enter_context(server(FIFTEEN))
        yield running


KEYS = {name: "A" * 42 + f"{name}=" for name in "AE"}


class OnServer(Installation):
    """An installation on a server; its data folder is never created."""

    def __init__(self, server: Server, name: str, tmp_path: Path) -> None:
        self.server, self.name = server, name
        super().__init__(tmp_path / "never made", **server.make_installation(name))

    def holds(self) -> dict[str, str]:
        with contextlib.closing(self.server.connect(self.name)) as connection:
            return facts(connection)

    def tables(self) -> set[str]:
        with contextlib.closing(self.server.connect(self.name)) as connection:
            return tables_of(connection)


@pytest.fixture(scope="module")
def companies(servers: dict[str, Server], tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """A company on each server, and its backup."""
    folder = tmp_path_factory.mktemp("servers")
    made = {}
    for version, running in servers.items():
        company = OnServer(running, f"company_{version}", folder)
        company.environment["SIGNING_KEY"] = KEYS["A"]
        for command in (["migrate", "-v0"], ["seed_demo", "--employees", "60", "--contacts", "20"]):
            done = company.manage(*command)
            assert done.returncode == 0, done.stderr
        path = folder / f"{version}.backup"
        company.report("backup", path)
        made[version] = (company, path)
    return made


@pytest.mark.parametrize("into", ["brought", OLDEST])
@pytest.mark.parametrize("source", ["brought", OLDEST])
def test_a_backup_moves_between_all_supported_versions(
    servers: dict[str, Server], companies: dict[str, Any], tmp_path: Path, source: str, into: str
) -> None:
    company, path = companies[source]
    target = OnServer(servers[into], f"from_{source}", tmp_path)
    report = target.report("restore", path)
    assert report["same"] is True
    assert target.holds() == company.holds()
    with contextlib.closing(servers[into].connect(target.name, f"{target.name}_web")) as app:
        app.autocommit = True
        with app.cursor() as cursor:
            cursor.execute("UPDATE contacts_contact SET name = name")
            for forbidden in ("DELETE FROM contacts_contact", "UPDATE core_auditentry SET action = ''"):
                with pytest.raises(psycopg2.errors.InsufficientPrivilege):
                    cursor.execute(forbidden)
        assert unguarded(app) == []
    assert [result["signed"] for result in report["results"]] == [True, True]
    owned = "SELECT DISTINCT tableowner FROM pg_tables WHERE schemaname = 'public'"
    assert servers[into].run(owned, database=target.name) == [(f"{target.name}_keeper",)]
    assert target.report("recount")["differences"] == 0


def test_the_secrets_of_a_server_are_not_in_its_backup(companies: dict[str, Any]) -> None:
    company, path = companies["brought"]
    assert open_backup(path).secrets is None
    content = path.read_bytes()
    for secret in ("SECRET_KEY", "IDENTITY_KEY", "SIGNING_KEY"):
        assert company.environment[secret].encode() not in content
    assert b"p:ss w@rd" not in content


def test_a_wrong_identity_key_is_refused_before_any_change(
    servers: dict[str, Server], companies: dict[str, Any], tmp_path: Path
) -> None:
    target = OnServer(servers["brought"], "another_key", tmp_path)
    right = target.environment["IDENTITY_KEY"]
    target.environment["IDENTITY_KEY"] = "another key"
    _company, path = companies["brought"]
    message = target.refused("restore", path)
    assert "IDENTITY_KEY is not the key" in message
    assert "take it from that server's .env" in message
    assert target.tables() == set()
    target.environment["IDENTITY_KEY"] = right
    assert target.report("restore", path)["same"] is True


ENV = "set the key in the .env of the backed-up server"


@pytest.mark.parametrize(
    ("name", "source", "key", "said"),
    [
        ("same_key", "brought", KEYS["A"], ("signed with the same key",)),
        ("other_key", "brought", KEYS["E"], ("SIGNING_KEY is a different key", "still verifies", ENV)),
        ("no_key", "brought", "", ("SIGNING_KEY is not set", "still verifies", ENV)),
        ("broken_key", "brought", "Kartoffel", ("SIGNING_KEY is not a key", "still verifies", ENV)),
    ],
)
def test_the_restore_reports_which_key_signs_from_now_on(
    servers: dict[str, Server], companies: dict[str, Any], tmp_path: Path, name: str, source: str, key: str, said: Any
) -> None:
    """Otherwise the next correction is signed with a key that the verifiers of results do not know."""
    target = OnServer(servers["brought"], name, tmp_path)
    target.environment["SIGNING_KEY"] = key
    path = companies[source][1]
    done = target.manage("restore", path)
    assert done.returncode == 0, done.stderr
    for sentence in ("Every frozen result (2) has the same digest as in the backup", *said):
        assert sentence in done.stdout
    if name == "other_key":
        assert proved(target, open_backup(path).manifest["results"][1]["campaign"], tmp_path, 2)["verified"]


def test_the_applications_role_cannot_restore(
    servers: dict[str, Server], companies: dict[str, Any], tmp_path: Path
) -> None:
    target = OnServer(servers["brought"], "no_owner", tmp_path)
    del target.environment["DATABASE_OWNER_URL"]
    assert "Set DATABASE_OWNER_URL" in target.refused("restore", companies["brought"][1])
    assert target.tables() == set()


def test_a_single_database_role_works_too(
    servers: dict[str, Server], companies: dict[str, Any], tmp_path: Path
) -> None:
    company, path = companies["brought"]
    target = OnServer(servers["brought"], "one_role", tmp_path)
    target.environment["DATABASE_URL"] = target.environment.pop("DATABASE_OWNER_URL")
    assert target.report("restore", path)["same"] is True
    assert target.holds() == company.holds()
    target.report("backup", tmp_path / "again.backup")


def test_the_database_of_another_program_is_refused(
    servers: dict[str, Server], companies: dict[str, Any], tmp_path: Path
) -> None:
    target = OnServer(servers["brought"], "not_ours", tmp_path)
    servers["brought"].run("CREATE TABLE invoices (id int)", "INSERT INTO invoices VALUES (1)", database=target.name)
    assert "not Hundred's (invoices)" in target.refused("restore", companies["brought"][1])
    assert target.tables() == {"invoices"}


def test_a_servers_own_extension_disturbs_neither_backup_nor_restore(
    servers: dict[str, Server], companies: dict[str, Any], tmp_path: Path
) -> None:
    """An extension of the server, in the same schema as Hundred's tables, is neither backed up nor removed."""
    target = OnServer(servers["brought"], "extended", tmp_path)
    servers["brought"].run("CREATE EXTENSION pg_stat_statements", database=target.name)
    assert target.report("restore", companies["brought"][1])["same"] is True
    assert target.report("backup", tmp_path / "extended.backup")["employees"] == 60
    extensions = servers["brought"].run("SELECT count(*) FROM pg_extension", database=target.name)
    assert extensions == [(2,)]


def test_a_restore_during_other_sessions_is_refused(
    servers: dict[str, Server], companies: dict[str, Any], tmp_path: Path
) -> None:
    target = OnServer(servers["brought"], "busy", tmp_path)
    with contextlib.closing(servers["brought"].connect("busy", "busy_web")):
        assert "busy_web (1)" in target.refused("restore", companies["brought"][1])
    assert target.tables() == set()


def test_a_restore_on_a_server_explains_where_the_key_is(
    servers: dict[str, Server], saved: Path, filled: Installation, tmp_path: Path
) -> None:
    target = OnServer(servers["brought"], "from_embedded", tmp_path)
    assert "tar -xOf" in target.refused("restore", saved)
    target.environment["IDENTITY_KEY"] = filled.paths.application_secrets()["IDENTITY_KEY"]
    assert target.report("restore", saved)["same"] is True
    assert target.holds() == filled.holds()
