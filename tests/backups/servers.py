"""A separate PostgreSQL server for a test, like a company's: over TCP, with passwords and roles of other names."""

import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any

import psycopg2

from apps.localstack.processes import die_with_parent
from tests import plugin
from tests.localstack.stack import free_port

# Debian's package, where it is installed: the oldest supported version.
FIFTEEN = Path("/usr/lib/postgresql/15/bin")
PASSWORD = "p:ss w@rd/%"
QUOTED = "p%3Ass%20w%40rd%2F%25"


class Server:
    """One running server; its superuser is `postgres`."""

    def __init__(self, port: int, pid: int) -> None:
        self.port, self.pid = port, pid

    def run(self, *statements: str, database: str = "postgres", role: str = "postgres") -> list[tuple[Any, ...]]:
        """Run SQL, each statement on its own; the rows of the last one, if it has any."""
        with closing(self.connect(database, role)) as connection, connection.cursor() as cursor:
            connection.autocommit = True
            for statement in statements:
                cursor.execute(statement)
            return list(cursor.fetchall()) if cursor.description else []

    def connect(self, database: str, role: str = "postgres") -> Any:
        return psycopg2.connect(host="127.0.0.1", port=self.port, user=role, password=PASSWORD, dbname=database)

    def make_installation(self, name: str) -> dict[str, str]:
        """An empty database and two roles, created as in docs/deployment.md; the environment of an installation on
        it.
        """
        owner, app = f"{name}_keeper", f"{name}_web"
        self.run(
            f"CREATE ROLE {owner} LOGIN PASSWORD '{PASSWORD}'",
            f"CREATE ROLE {app} LOGIN PASSWORD '{PASSWORD}'",
            f"CREATE DATABASE {name} OWNER {owner} TEMPLATE template0 ENCODING 'UTF8'",
            f"REVOKE ALL ON DATABASE {name} FROM PUBLIC",
            f"GRANT CONNECT, TEMPORARY ON DATABASE {name} TO {app}",
        )
        return self.environment(name)

    def environment(self, name: str) -> dict[str, str]:
        """The environment of an installation that make_installation has made, on this server."""
        owner, app = f"{name}_keeper", f"{name}_web"
        address = f"127.0.0.1:{self.port}/{name}"
        return {
            "DATABASE_URL": f"postgres://{app}:{QUOTED}@{address}",
            "DATABASE_OWNER_URL": f"postgres://{owner}:{QUOTED}@{address}",
            "SECRET_KEY": "of-a-server-0123456789-abcdefghijklmnopqrstuvwxyz-0123456789",
            "IDENTITY_KEY": "of-a-server-0123456789",
            "ALLOWED_HOSTS": "hundred.example.com",
            "BASE_URL": "https://hundred.example.com",
        }

    def kill(self) -> None:
        """End the server as a power failure does: its processes too, which would otherwise clean up."""
        children = Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text(encoding="ascii").split()
        for pid in (self.pid, *map(int, children)):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


@contextmanager
def server(binaries: Path) -> Iterator[Server]:
    """Start a server with the programs in `binaries`; it leaves nothing behind."""
    with folder() as root:
        initialise(binaries, root / "cluster")
        with running(binaries, root / "cluster") as started:
            yield started


def initialise(binaries: Path, cluster: Path) -> None:
    """Make the data folder of a new server."""
    secret = cluster.parent / "password"
    secret.write_text(PASSWORD, encoding="ascii")
    plugin.PATHS.chown_to_server(secret)
    make = [str(binaries / "initdb"), "-D", str(cluster), "-U", "postgres", "-E", "UTF8", "--locale=C", "--no-sync"]
    make += ["--auth=scram-sha-256", f"--pwfile={secret}"]
    subprocess.run(make, check=True, cwd="/", stdout=subprocess.DEVNULL, **plugin.PATHS.server_user())


@contextmanager
def standby_of(primary: Server, binaries: Path) -> Iterator[Server]:
    """Start a standby that follows a running server: streaming, from a base backup, as in docs/deployment.md."""
    with folder() as root:
        copy = [str(binaries / "pg_basebackup"), "-h", "127.0.0.1", "-p", str(primary.port), "-U", "postgres"]
        copy += ["-D", str(root / "cluster"), "-R", "-c", "fast", "--no-sync"]
        secret = {"PGPASSWORD": PASSWORD, "HOME": str(root)}
        subprocess.run(copy, check=True, cwd="/", env=secret, **plugin.PATHS.server_user())
        with running(binaries, root / "cluster") as started:
            yield started


@contextmanager
def folder() -> Iterator[Path]:
    """An empty folder of the server's user."""
    root = Path(tempfile.mkdtemp(prefix="hundred-test-", dir=plugin.PATHS.data.parent))
    plugin.PATHS.chown_to_server(root)
    try:
        yield root
    finally:
        shutil.rmtree(root)


@contextmanager
def running(binaries: Path, cluster: Path, sockets: Path | str = "") -> Iterator[Server]:
    """The server of a cluster, once it answers; with a socket only in a folder `sockets`."""
    port = free_port()
    command = [str(binaries / "postgres"), "-D", str(cluster), "-p", str(port), "-h", "127.0.0.1"]
    command += ["-k", str(sockets)]
    command += ["-c", "fsync=off"]
    process = subprocess.Popen(
        command,
        cwd="/",
        env={name: value for name, value in os.environ.items() if not name.startswith("PG")},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        preexec_fn=die_with_parent(signal.SIGKILL),
        **plugin.PATHS.server_user(),
    )
    try:
        started = Server(port, process.pid)
        end = time.monotonic() + 30
        while True:
            try:
                started.run("SELECT 1")
                break
            except psycopg2.OperationalError:
                assert process.poll() is None, "the server did not start"
                assert time.monotonic() < end, "the server does not answer"
                time.sleep(0.05)
        yield started
    finally:
        process.send_signal(signal.SIGINT)
        process.wait()
