"""Installations to back up and to restore into; the tests read their contents with their own SQL."""

import hashlib
import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from random import Random
from types import SimpleNamespace
from typing import Any

import psycopg2

from apps.localstack.embedded import EmbeddedDatabase
from apps.localstack.paths import BASE_DIR, InstallPaths
from tests.localstack.stack import environment
from tests.standings.moving import statements

# In addition to the demo: a file in chunks, and an employee's own CSV columns.
STORE_A_FILE = """
from datetime import timedelta
from apps.core.files import store_file
from apps.core.clock import db_now
store_file(name="曲线.csv", content=[bytes(range(256)) * 3000], content_type="text/csv",
           expires_at=db_now() + timedelta(days=1), owner_id=None)
"""
# The facts that a user would miss, in an order independent of indexes and collations.
FACTS = {
    "verdicts": "SELECT staff_no, counted, target, exempt, red FROM standings_standing JOIN employees_employee e"
    ' ON e.id = employee_id ORDER BY staff_no COLLATE "C"',
    "contacts": "SELECT id, employee_id, name, extract(epoch FROM recorded_at), live FROM contacts_contact ORDER BY id",
    "identities": "SELECT id, contact_id, kind, value, encode(digest, 'hex') FROM contacts_contactidentity ORDER BY id",
    "placements": "SELECT id, employee_id, manager_id, starts_at::text FROM employees_placement ORDER BY id",
    "audit": "SELECT id, extract(epoch FROM at), actor_label, action, detail::text FROM core_auditentry ORDER BY id",
    "final": "SELECT campaign_id, version, staff_no, counted, target, exempt, red, days::text, counts FROM"
    ' results_frozenstanding ORDER BY campaign_id, version, staff_no COLLATE "C"',
    "results": "SELECT campaign_id, version, digest, signature, public_key FROM results_frozenresult ORDER BY 1, 2",
    "corrections": "SELECT c.id, state, reason, evidence, asked_by_id, decided_by_id, result_version, employee_id,"
    " counted, target, exempt FROM results_resultcorrection c JOIN results_correctionline ON correction_id = c.id"
    " ORDER BY 1, employee_id",
    "reviews": "SELECT id, employee_id, state, text, counted, target, exempt FROM reviews_review ORDER BY id",
    "adjustments": "SELECT id, employee_id, target, exempt, extract(epoch FROM starts_at), extract(epoch FROM"
    " granted_at) FROM campaigns_adjustment ORDER BY id",
    "files": "SELECT file_id::text, position, md5(content) FROM core_storedchunk ORDER BY 1, 2",
}


class Installation:
    """One installation, embedded in a folder or, with `more` in the environment, on a server."""

    def __init__(self, data: Path, **more: str) -> None:
        self.data = data
        self.environment = environment(data, **more)
        self._kept_running = False

    def manage(self, *arguments: object) -> "subprocess.CompletedProcess[str]":
        """Run a command without a running server, as an operator does."""
        return subprocess.run(self._command(*arguments), **self._options(), capture_output=True, timeout=300)

    def start(self, *arguments: object) -> "subprocess.Popen[str]":
        """Start the same command without waiting for it."""
        return subprocess.Popen(
            self._command(*arguments), **self._options(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )

    def report(self, *arguments: object) -> dict[str, Any]:
        """The JSON output of a command that must succeed."""
        done = self.manage(*arguments, "--json")
        assert done.returncode == 0, done.stderr
        told: dict[str, Any] = json.loads(done.stdout)
        return told

    def refused(self, *arguments: object) -> str:
        """The sentence of a command that must change nothing; never a traceback."""
        done = self.manage(*arguments)
        assert done.returncode == 1, done.stdout + done.stderr
        assert "Traceback" not in done.stderr
        assert done.stdout == ""
        return done.stderr

    def _command(self, *arguments: object) -> list[str]:
        return [sys.executable, str(BASE_DIR / "manage.py"), *map(str, arguments)]

    def _options(self) -> dict[str, Any]:
        return {"env": self.environment, "cwd": "/", "text": True, "stdin": subprocess.DEVNULL}

    @property
    def paths(self) -> InstallPaths:
        return InstallPaths(data=self.data, log=self.data / "log")

    @contextmanager
    def running(self) -> Iterator[None]:
        """Keep the embedded database running, so that not every command starts and stops it."""
        database = EmbeddedDatabase(self.paths)
        database.hold()
        self._kept_running = True
        try:
            yield
        finally:
            self._kept_running = False
            database.release()
            assert database.wait_until_stopped(30)

    @contextmanager
    def database(self, role: str = "owner") -> Iterator[Any]:
        """A connection to the embedded database, which has stopped when the block ends."""
        database = EmbeddedDatabase(self.paths)
        database.hold()
        try:
            with closing(database.connect(role)) as connection:
                connection.autocommit = True
                yield connection
        finally:
            database.release()
        assert self._kept_running or database.wait_until_stopped(30)

    def holds(self) -> dict[str, str]:
        """A digest of each kind of fact."""
        with self.database() as connection:
            return facts(connection)


def facts(connection: Any) -> dict[str, str]:
    """The number of facts of each kind in a database, and their MD5."""
    with connection.cursor() as cursor:
        cursor.execute("SET TimeZone = 'UTC'")
        facts_by_kind = {}
        for name, question in FACTS.items():
            cursor.execute(question)
            rows = cursor.fetchall()
            facts_by_kind[name] = f"{len(rows)} {hashlib.sha256(repr(rows).encode()).hexdigest()}"
    return facts_by_kind


def unguarded(connection: Any) -> list[str]:
    """Statements with which a connection's role can change a verdict of the demo's frozen campaign; there must be
    none.
    """
    missed = []
    with connection.cursor() as cursor:
        cursor.execute("SELECT id FROM campaigns_campaign WHERE state = 'frozen'")
        frozen: Any = SimpleNamespace(pk=cursor.fetchone()[0])
        for statement in statements(frozen, Random(0)):
            try:
                cursor.execute(f"BEGIN; {statement}; SET CONSTRAINTS ALL IMMEDIATE")
                missed.append(statement)
            except psycopg2.Error:
                pass
            cursor.execute("ROLLBACK")
    return missed


def proved(installation: Installation, campaign: str, folder: Path, version: int) -> dict[str, Any]:
    """Export a version of a campaign's result and verify it: with Hundred, and with the output of verify.py."""
    file, key = folder / f"{version}.csv", folder / f"{version}.pem"
    installation.report("export_standings", "--campaign", campaign, "--result", version, "--output", file)
    key.write_text(installation.report("public_key", "--campaign", campaign, "--result", version)["public_key"])
    assert installation.report("verify_freeze", file)["verified"]
    program = [sys.executable, str(BASE_DIR / "scripts" / "verify.py"), str(file), "--public-key", str(key), "--json"]
    done = subprocess.run(program, capture_output=True, text=True, check=False)
    report: dict[str, Any] = json.loads(done.stdout)
    return report


def tables_of(connection: Any) -> set[str]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        return {name for (name,) in cursor.fetchall()}


def next_numbers(connection: Any) -> dict[str, tuple[int, int]]:
    """For each table with numbered rows: the largest number, and the next one of its sequence."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT table_name, column_name FROM information_schema.columns"
            " WHERE is_identity = 'YES' AND table_schema = 'public'"
        )
        numbers = {}
        for table, column in cursor.fetchall():
            cursor.execute(f"SELECT coalesce(max({column}), 0) FROM {table}")
            [largest] = cursor.fetchone()
            cursor.execute("SELECT nextval(pg_get_serial_sequence(%s, %s))", [table, column])
            numbers[table] = (largest, cursor.fetchone()[0])
    return numbers
