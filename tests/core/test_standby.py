"""A real standby of a real primary: whatever it lacks or suffers, no user sees an older number or an error."""

import contextlib
import os
import re
import signal
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Iterator
from datetime import date
from typing import Any

import pytest
from django.conf import settings
from django.db import OperationalError, connections
from django.test import Client
from django.test.utils import CaptureQueriesContext

from apps.accounts.services import account_for
from apps.campaigns.models import Campaign
from apps.core import read_replica
from apps.core.databases import primary_database
from apps.employees.models import Employee
from apps.exports import build_export, export_requests
from apps.exports.csv_columns import Table
from apps.exports.models import Export
from apps.localstack.paths import BASE_DIR
from apps.results.freeze import freeze
from apps.standings import effective_dates
from tests import people, plugin
from tests.backups.servers import Server, server, standby_of
from tests.fixtures import Clock
from tests.localstack.stack import environment, eventually
from tests.oracle import recount

pytestmark = [pytest.mark.stack, pytest.mark.xdist_group("standby")]
NAME = "replicated"
# The rows of reports come from there, and nothing else.
REPORT = re.compile(r"listed AS \(|^EXECUTE hundred_")


@pytest.fixture(scope="module")
def addresses(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Server, dict[str, str]]]:
    """A primary set up as in docs/deployment.md, migrated, and the environment of an installation on it."""
    plugin.PATHS.create_data()
    with server(plugin.PATHS.binaries) as primary:
        primary.run("ALTER SYSTEM SET wal_writer_delay = '10ms'", "SELECT pg_reload_conf()")
        env = primary.make_installation(NAME) | {"IDENTITY_KEY": settings.IDENTITY_KEY}
        migrate = [sys.executable, str(BASE_DIR / "manage.py"), "migrate", "--skip-checks", "--verbosity", "0"]
        clean = environment(tmp_path_factory.mktemp("never made"), **env)
        subprocess.run(migrate, env=clean, cwd=BASE_DIR, check=True)
        primary.run(plugin.CLOCK.replace("TO app", f"TO {NAME}_web"), database=NAME, role=f"{NAME}_keeper")
        yield primary, env


@pytest.fixture(scope="module")
def primary(addresses: tuple[Server, dict[str, str]]) -> Server:
    return addresses[0]


@pytest.fixture(scope="module")
def standby(primary: Server) -> Iterator[Server]:
    """A server that streams from the primary."""
    with standby_of(primary, plugin.PATHS.binaries) as copy:
        yield copy


@contextlib.contextmanager
def connected(**urls: str) -> Iterator[None]:
    """Let this process use other databases than the tests'."""
    before = dict(settings.DATABASES)
    limits = {"statement_timeout": 30_000, "lock_timeout": 10_000, "max_age": 60}
    made = {alias: primary_database(alias, url, **limits) for alias, url in urls.items()}
    made["replica"]["OPTIONS"]["options"] += " -c default_transaction_read_only=on"
    _forget(*before)
    settings.DATABASES |= connections.configure_settings(made)
    try:
        yield
    finally:
        _forget(*urls)
        del settings.DATABASES["replica"]
        settings.DATABASES |= before


def _forget(*aliases: str) -> None:
    for alias in aliases:
        with contextlib.suppress(AttributeError):
            connections[alias].close()
            del connections[alias]


@pytest.fixture
def on_primary(
    addresses: tuple[Server, dict[str, str]],
    standby: Server,
    django_db_blocker: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Campaign]:
    """All employees of people.ROSTER in the November campaign at noon, on the primary, with the standby up to date."""
    address = addresses[1]["DATABASE_URL"]
    there = address.replace(f":{addresses[0].port}/", f":{standby.port}/")
    monkeypatch.setattr(read_replica, "_primary_until", 0.0)
    with django_db_blocker.unblock(), connected(default=address, replica=there):
        Clock().set(people.NOON, ticks=True)
        campaign = Campaign.objects.filter(slug="november").first() or _november()
        caught_up()
        yield campaign


@pytest.fixture
def own_standby(on_primary: Campaign, primary: Server) -> Iterator[Server]:
    """A standby for one test, which may promote and kill it."""
    with standby_of(primary, plugin.PATHS.binaries) as copy:
        settings.DATABASES["replica"]["PORT"] = copy.port
        _forget("replica")
        caught_up()
        yield copy


def _november() -> Campaign:
    people.load(people.ROSTER)
    people.with_account(people.person("H001"), "hr")
    campaign = people.november()
    effective_dates.process_effective_dates()
    people.mark()
    return campaign


def caught_up() -> None:
    """Wait until the standby has everything, and reset the pause after a miss."""
    end = time.monotonic() + 30
    while read_replica.state() != "ok":
        assert time.monotonic() < end, read_replica.state()
    read_replica._primary_until = 0.0


def hr() -> Client:
    return people.sign_in(Client(), people.person("H001"))


@contextlib.contextmanager
def statements() -> Iterator[dict[str, list[str]]]:
    """The statements sent to each server inside the block."""
    queries: dict[str, list[str]] = {}
    with CaptureQueriesContext(connections["default"]) as here, CaptureQueriesContext(connections["replica"]) as there:
        yield queries
    for alias, captured in (("default", here), ("replica", there)):
        queries[alias] = [query["sql"] for query in captured.captured_queries]


def place() -> str:
    with read_replica.replica_allowed():
        [(standby,)] = read_replica.read_rows("SELECT pg_is_in_recovery()")
    return "standby" if standby else "primary"


def counted(number: str = "A001") -> int:
    """The number of contacts that the API gives to HR for an employee."""
    answer = hr().get("/api/v1/standings/?limit=50")
    assert answer.status_code == 200, answer.content
    return next(row["counted"] for row in answer.json()["results"] if row["staff_no"] == number)


@pytest.mark.parametrize(
    "address",
    ["/company/", "/team/B001/", "/company/standings.csv", "/charts/company/histogram.json", "/api/v1/standings/"],
)
def test_reports_from_the_standby_equal_those_of_the_primary(
    on_primary: Campaign, address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Reports query the standby; permissions, sessions and access logs query the primary."""
    people.record(people.person("A001"), 3)
    people.mark()
    client = hr()
    places: list[str] = []
    write = Table.write
    monkeypatch.setattr(Table, "write", lambda *arguments: (places.append(arguments[-1]), write(*arguments))[1])
    caught_up()
    with statements() as queries:
        answer = client.get(address)
    answer.close()
    assert answer.status_code == 200
    assert places + [sql for sql in queries["replica"] if REPORT.search(sql)], "the standby received no query"
    assert set(places) <= {"replica"}
    assert [sql for sql in queries["default"] if REPORT.search(sql)] == []
    assert [sql for sql in queries["replica"] if "accounts_account" in sql or "session" in sql] == []


def test_a_page_shows_earlier_commits_although_the_standby_is_paused(on_primary: Campaign, standby: Server) -> None:
    """A manager must not see an employee as red who has just recorded the last contact, however short the lag."""
    before = counted()
    standby.run("SELECT pg_wal_replay_pause()")
    people.record(people.person("A001"))
    people.mark()
    with statements() as queries:
        assert counted() == before + 1
    assert [sql for sql in queries["replica"] if REPORT.search(sql)] == []
    assert read_replica.state() == "behind"
    standby.run("SELECT pg_wal_replay_resume()")
    caught_up()

    def is_read_there() -> bool:
        with statements() as queries:
            assert counted() == before + 1
        return any(REPORT.search(sql) for sql in queries["replica"])

    # A page waits only briefly, and its own sign-in must reach the standby too: on a busy machine later than the first.
    eventually(is_read_there)


def test_an_asynchronous_commit_is_visible_too(on_primary: Campaign, primary: Server) -> None:
    """Other sessions see it before the log is flushed, and only flushed log is sent."""
    primary.run("ALTER SYSTEM SET wal_writer_delay = '10s'", "SELECT pg_reload_conf()")
    try:
        primary.run("CREATE TABLE IF NOT EXISTS public.seen (n int)", database=NAME)
        primary.run(f"GRANT SELECT ON public.seen TO {NAME}_web", database=NAME)
        for number in range(1, 21):
            primary.run("SET synchronous_commit = off", "INSERT INTO public.seen VALUES (1)", database=NAME)
            read_replica._primary_until = 0.0
            with read_replica.replica_allowed(timeout=0):
                assert read_replica.read_rows("SELECT count(*) FROM public.seen") == [(number,)]
    finally:
        primary.run("ALTER SYSTEM SET wal_writer_delay = '10ms'", "SELECT pg_reload_conf()")
        primary.run("DROP TABLE public.seen", database=NAME)


def test_verdicts_never_reach_the_standby(on_primary: Campaign) -> None:
    """Evaluation, recount and freeze open no connection to it, even where reports may use it."""
    trial = people.november(name="Trial", deadline=date(2026, 11, 24))
    people.record(people.person("A002"), 2)
    connections["replica"].close()
    with read_replica.replica_allowed():
        effective_dates.process_effective_dates()
        people.mark()
        assert recount(on_primary) == []
        Clock().set("2026-11-25T12:00:00+08:00", ticks=True)
        result = freeze(campaign=trial, by=people.TESTER, wait=True)
    assert result is not None
    assert connections["replica"].connection is None


def test_a_standby_that_is_killed_costs_no_page(own_standby: Server) -> None:
    before = counted()
    os.kill(own_standby.pid, signal.SIGKILL)
    for _ in range(3):
        assert counted() == before
    answer = Client().get("/health/ready")
    assert (answer.status_code, answer.json()["status"]) == (200, "degraded")
    assert answer.json()["checks"]["replica"] == "unreachable"


def test_a_broken_connection_costs_no_page(on_primary: Campaign, standby: Server) -> None:
    def read(using: str) -> tuple[str, Any]:
        with connections[using].cursor() as cursor:
            if using == "replica":
                standby.run(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = '{NAME}_web'")
            cursor.execute("SELECT 1")
            return using, cursor.fetchone()

    with read_replica.replica_allowed():
        assert read_replica.with_fallback(read) == ("default", (1,))


def test_a_hanging_standby_blocks_no_page_for_long(on_primary: Campaign, monkeypatch: pytest.MonkeyPatch) -> None:
    """It accepts connections and answers nothing: none of the server's own limits applies."""
    monkeypatch.setattr(read_replica, "RESPONSE_SECONDS", 0.5)
    with connections["replica"].cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        [backend] = cursor.fetchone()
    os.kill(backend, signal.SIGSTOP)
    try:
        assert place() == "primary"
    finally:
        os.kill(backend, signal.SIGCONT)


def test_a_read_cancelled_by_a_conflict_restarts_on_the_primary(
    on_primary: Campaign, primary: Server, standby: Server
) -> None:
    """The primary vacuums rows that the standby still reads: the statement ends with 40001, and the user sees no
    error.
    """
    standby.run("ALTER SYSTEM SET max_standby_streaming_delay = 0", "SELECT pg_reload_conf()")
    primary.run("CREATE TABLE vanishing AS SELECT generate_series(1, 1000) AS n", database=NAME)
    primary.run(f"GRANT SELECT ON vanishing TO {NAME}_web", database=NAME)
    caught_up()
    states: list[str] = []
    vacuum = threading.Thread(target=_vacuum, args=(primary, standby))

    def read(using: str) -> str:
        if using == "replica":
            vacuum.start()
            try:
                with connections[using].cursor() as cursor:
                    cursor.execute("SELECT count(*), pg_sleep(60) FROM vanishing")
            except OperationalError as error:
                states.append(getattr(error.__cause__, "pgcode", ""))
                raise
        return using

    with read_replica.replica_allowed():
        assert read_replica.with_fallback(read) == "default"
    vacuum.join()
    primary.run("DROP TABLE vanishing", database=NAME)
    standby.run("ALTER SYSTEM RESET max_standby_streaming_delay", "SELECT pg_reload_conf()")
    assert states == ["40001"]
    assert read_replica._primary_until == 0.0, "one cancelled statement disabled the replica"


def _vacuum(primary: Server, standby: Server) -> None:
    sleeping = (
        "SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%pg_sleep(60) FROM vanishing' AND state = 'active'"
    )
    end = time.monotonic() + 30
    while standby.run(f"{sleeping} AND pid <> pg_backend_pid()") == [(0,)] and time.monotonic() < end:
        time.sleep(0.02)
    primary.run("DELETE FROM vanishing", "VACUUM vanishing", database=NAME)


def exported(campaign: Campaign, by: Employee, **wish: Any) -> Export:
    request = export_requests.ExportRequest("standings", **wish)
    asked_for = export_requests.request_export(
        campaign=campaign, request=request, key=uuid.uuid4(), by=account_for(by).actor
    )
    made = build_export.make_export(asked_for.pk)
    assert made is not None
    assert made.state == Export.State.DONE, made.error
    return made


@pytest.mark.parametrize("form", ["csv", "csv.gz", "xlsx"])
def test_a_file_has_the_same_bytes_from_both_servers(
    on_primary: Campaign, form: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Users who compare digests must not find two files of one instant."""
    people.record(people.person("A001"), 2)
    people.mark()
    by, places = people.person("H001"), []
    write = Table.write

    def note(table: Table, to: Any, using: str) -> None:
        places.append(using)
        write(table, to, using)

    monkeypatch.setattr(Table, "write", note)
    caught_up()
    there = exported(on_primary, by, format=form)
    monkeypatch.setattr(read_replica, "_primary_until", time.monotonic() + 600)
    here = exported(on_primary, by, format=form, as_of=there.as_of)
    assert places == ["replica", "default"]
    assert (here.rows, bytes(here.sha256 or b"")) == (there.rows, bytes(there.sha256 or b""))


def test_an_interrupted_file_restarts_from_its_first_line(
    on_primary: Campaign, monkeypatch: pytest.MonkeyPatch
) -> None:
    by, write, places = people.person("H001"), Table.write, []
    whole = exported(on_primary, by)

    def break_off(table: Table, to: Any, using: str) -> None:
        places.append(using)
        write(table, to, using)
        if using == "replica":
            raise OperationalError("gone")

    monkeypatch.setattr(Table, "write", break_off)
    caught_up()
    again = exported(on_primary, by, as_of=whole.as_of)
    assert places == ["replica", "default"]
    assert (again.rows, bytes(again.sha256 or b"")) == (whole.rows, bytes(whole.sha256 or b""))


def test_a_promoted_standby_is_no_longer_a_replica(own_standby: Server) -> None:
    """It diverges from then on, and its positions soon look up to date."""
    assert place() == "standby"
    own_standby.run("SELECT pg_promote()")
    assert place() == "primary"
    assert read_replica.state() == "foreign"


@pytest.mark.parametrize("name", [NAME, "postgres"])
def test_a_replica_address_of_another_server_is_never_used(on_primary: Campaign, primary: Server, name: str) -> None:
    """The primary itself is not a standby, and another database of the right server holds other people."""
    there = settings.DATABASES["replica"]
    there["NAME"] = name
    there["PORT"] = primary.port if name == NAME else there["PORT"]
    there["USER"] = "postgres"
    _forget("replica")
    assert read_replica.state() == "foreign"
    assert place() == "primary"
