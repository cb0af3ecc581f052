"""docs/deployment/point-in-time-recovery.md with its own commands and files: a lost server, restored to a second."""

import contextlib
import re
import shlex
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from apps.backups.manifest import describe
from tests import plugin
from tests.backups.installations import Installation, facts
from tests.backups.servers import PASSWORD, Server, folder, initialise, running
from tests.deployment.confined import ANALYZE
from tests.deployment.places import FILES

PAGE = (FILES / "point-in-time-recovery.md").read_text(encoding="utf-8")
# Debian's, newest first: its pgBackRest knows the versions of its own PostgreSQL.
BINARIES = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"), reverse=True)
needs_pgbackrest = pytest.mark.skipif(
    not (shutil.which("pgbackrest") and BINARIES),
    reason="pgbackrest and Debian's postgresql are not installed on this machine",
)
NEXT_SECOND = "SELECT (date_trunc('second', clock_timestamp()) + interval '1 second')::text"
# Waits for a line before each step, so that the test knows what is recorded at an instant.
WRITER = """
import sys
from apps.contacts.drafts import Draft
from apps.contacts.services.submissions import submit
from apps.core.audit import SYSTEM
from apps.employees.models import Employee
from apps.standings.marking import mark_outbox
employees = list(Employee.objects.order_by("pk")[:20])
print("ready", flush=True)
for number, _line in enumerate(sys.stdin):
    drafts = [Draft(f"Guest {number}", (("phone", f"+8613{number:09}"),))]
    report = submit(employee=employees[number % 20], drafts=drafts, source="page", by=SYSTEM)
    assert report.created == 1, report
    while mark_outbox():
        pass
    print("recorded", flush=True)
"""


def commands(page: str = PAGE) -> list[str]:
    """What the page has pgBackRest do, in its order."""
    return re.findall(r"^ +sudo -u postgres pgbackrest (.+)$", page, flags=re.MULTILINE)


def setting(text: str, before: str, after: str) -> str:
    """The text of a published file with one place of this machine."""
    assert text.count(before) == 1, before
    return text.replace(before, after)


class Repository:
    """pgBackRest with the published configuration: only its folders and the server's address are of this test."""

    def __init__(self, root: Path) -> None:
        self.root, self.cluster, self.configuration = root, root / "cluster", root / "pgbackrest.conf"
        for name in ("repo", "lock", "log", "spool", "conf.d", "socket"):
            (root / name).mkdir()
            plugin.PATHS.chown_to_server(root / name)
        text = (FILES / "pgbackrest" / "pgbackrest.conf").read_text(encoding="utf-8")
        text = setting(text, "repo1-path=/srv/pgbackrest\n", f"repo1-path={root}/repo\nlog-path={root}/log\n")
        text = setting(
            text, "compress-type=zst\n", f"compress-type=zst\nlock-path={root}/lock\nspool-path={root}/spool\n"
        )
        pg = f"pg1-path={self.cluster}\npg1-socket-path={root}/socket\npg1-user=postgres\n"
        self.published = setting(text, "pg1-path=/var/lib/postgresql/17/main\n", pg)
        self.write("conf.d/cipher.conf", "[global]\nrepo1-cipher-pass=of-this-test-0123456789\n")

    def write(self, name: str, text: str) -> None:
        (self.root / name).write_text(text, encoding="utf-8")
        plugin.PATHS.chown_to_server(self.root / name)

    def use_port(self, port: int) -> None:
        self.write("pgbackrest.conf", f"{self.published}pg1-port={port}\n")

    @property
    def program(self) -> str:
        return f"pgbackrest --config={self.configuration} --config-include-path={self.root}/conf.d"

    def run(self, arguments: str) -> str:
        done = subprocess.run(
            [*shlex.split(self.program), *shlex.split(arguments)],
            cwd="/",
            env={"PATH": "/usr/bin:/bin", "PGPASSWORD": PASSWORD},
            capture_output=True,
            text=True,
            check=False,
            **plugin.PATHS.server_user(),
        )
        assert done.returncode == 0, f"{arguments}\n{done.stdout}{done.stderr}"
        return done.stdout

    def initialise(self) -> None:
        initialise(BINARIES[0].parent, self.cluster)
        text = (FILES / "pgbackrest" / "archive.conf").read_text(encoding="utf-8")
        text = setting(text, "'pgbackrest ", f"'{self.program} ")
        # The test cannot wait a minute for the last changes.
        text = setting(text, "archive_timeout = 60s", "archive_timeout = 1s")
        with (self.cluster / "postgresql.conf").open("a", encoding="utf-8") as file:
            file.write(f"unix_socket_directories = '{self.root}/socket'\n{text}")

    @contextlib.contextmanager
    def server(self) -> Iterator[Server]:
        with running(BINARIES[0].parent, self.cluster, sockets=self.root / "socket") as server:
            self.use_port(server.port)
            yield server


def contents(server: Server) -> dict[str, Any]:
    """Everything of the company: digests of the kinds of facts, and of every table."""
    with contextlib.closing(server.connect("company")) as connection, connection.cursor() as cursor:
        held: dict[str, Any] = facts(connection)
        return {**held, "tables": describe(cursor)["tables"]}


def wait_until(server: Server, question: str) -> None:
    end = time.monotonic() + 30
    while server.run(question) != [(True,)]:
        assert time.monotonic() < end, question
        time.sleep(0.1)


@contextlib.contextmanager
def writer(company: Installation) -> Iterator[Any]:
    """Records one contact, through the service of the pages, at each call."""
    process = subprocess.Popen(
        company._command("shell", "-v", "0", "-c", WRITER),
        env=company.environment, cwd="/", text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    )  # fmt: skip
    assert process.stdin
    assert process.stdout
    answers = process.stdout
    asked = process.stdin
    assert answers.readline() == "ready\n"

    def record(times: int) -> None:
        for _number in range(times):
            asked.write("\n")
            asked.flush()
            assert answers.readline() == "recorded\n"

    try:
        yield record
    finally:
        process.kill()
        process.communicate()


def numbers(held: dict[str, Any]) -> int:
    return int(held["contacts"].split()[0])


@needs_pgbackrest
@pytest.mark.servers
def test_a_lost_server_is_restored_to_the_chosen_second(tmp_path: Path) -> None:
    """What was recorded before that second is all there, with the same verdicts, and nothing from after it."""
    plugin.PATHS.create_data()
    create, check, full, info, verify, restore, _latest, full_again = commands()
    with folder() as root:
        repository = Repository(root)
        repository.initialise()
        with repository.server() as server:
            company = Installation(tmp_path / "never made", **server.make_installation("company"))
            company.environment["SIGNING_KEY"] = "A" * 43
            assert company.manage("migrate", "-v0").returncode == 0
            seeded = company.manage("seed_demo", "--employees", "60", "--contacts", "20")
            assert seeded.returncode == 0, seeded.stderr
            for command in (create, check):
                repository.run(command)
            with writer(company) as record:
                record(3)
                backup = subprocess.Popen(
                    [*shlex.split(repository.program), *shlex.split(full)],
                    cwd="/",
                    env={"PATH": "/usr/bin:/bin", "PGPASSWORD": PASSWORD},
                    **plugin.PATHS.server_user(),
                )
                during = 0
                while backup.poll() is None:
                    record(1)
                    during += 1
                assert (backup.returncode, during > 0) == (0, True)
                record(10)
                expected = contents(server)
                [(instant,)] = server.run(NEXT_SECOND)
                time.sleep(1.5)
                record(10)
                later = contents(server)
            # As a machine ends: what the archive does not have by now is lost.
            [(last,)] = server.run("SELECT pg_walfile_name(pg_current_wal_lsn())")
            wait_until(server, f"SELECT last_archived_wal >= '{last}' FROM pg_stat_archiver")
            assert "full backup" in repository.run(info)
            assert repository.run(verify) == ""
            server.kill()
        shutil.rmtree(repository.cluster)
        assert numbers(later) == numbers(expected) + 10
        repository.cluster.mkdir(mode=0o700)
        plugin.PATHS.chown_to_server(repository.cluster)
        repository.run(re.sub(r'--target="[^"]+"', f'--target="{instant}"', restore))
        with repository.server() as server:
            wait_until(server, "SELECT NOT pg_is_in_recovery()")
            assert contents(server) == expected
            repository.run(full_again)
            company.environment |= server.environment("company")
            assert company.manage("migrate", "--check").returncode == 0
            assert company.report("recount")["differences"] == 0


@needs_pgbackrest
@pytest.mark.servers
def test_the_unit_fails_when_the_repository_is_damaged() -> None:
    plugin.PATHS.create_data()
    create, check, full, *_rest = commands()
    unit = (FILES / "pgbackrest" / "hundred-pgbackrest@.service").read_text(encoding="utf-8")
    [script] = re.findall(r"^ExecStartPost=/bin/sh -c '(.+)'$", unit, flags=re.MULTILINE)
    with folder() as root:
        repository = Repository(root)
        repository.initialise()
        with repository.server():
            for command in (create, check, full):
                repository.run(command)
        script = setting(script.replace("$$", "$"), "/usr/bin/pgbackrest", repository.program)
        verify: dict[str, Any] = {
            "args": ["/bin/sh", "-c", script],
            "cwd": "/",
            "stdout": subprocess.PIPE,
            "text": True,
        }
        verify |= plugin.PATHS.server_user()
        assert subprocess.run(**verify, check=False).returncode == 0
        damaged = next((root / "repo" / "archive").rglob("*.zst"))
        damaged.write_bytes(damaged.read_bytes()[:-8] + b"damaged!")
        done = subprocess.run(**verify, check=False)
        assert (done.returncode, "status: error" in done.stdout) == (1, True)


def test_every_command_of_the_page_is_known_to_the_test() -> None:
    verbs = [re.sub(r"--\S+=(\"[^\"]*\"|\S+) ?|--\S+ ?", "", command) for command in commands()]
    assert verbs == ["stanza-create", "check", "backup", "info", "verify", "restore", "restore", "backup"]


@pytest.mark.skipif(not Path(ANALYZE).exists(), reason="systemd is not installed on this machine")
@needs_pgbackrest
def test_systemd_accepts_the_units_of_the_database_server(tmp_path: Path) -> None:
    for path in (FILES / "pgbackrest").glob("hundred-pgbackrest*"):
        shutil.copy(path, tmp_path)
    names = ["hundred-pgbackrest@full.service", "hundred-pgbackrest-full.timer", "hundred-pgbackrest-diff.timer"]
    command = [ANALYZE, "verify", "--man=no", "--recursive-errors=no", *(str(tmp_path / name) for name in names)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
