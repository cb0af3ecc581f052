"""A real standby beside a real primary: whatever it lacks or suffers, nobody sees an older number or an error."""

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
from apps.employees.models import Employee
from apps.exports import build_export
from apps.exports.csv_columns import Table
from apps.exports.models import Export
from apps.localstack.paths import BASE_DIR
from apps.results.freeze import freeze
from apps.standings import effective_dates, recount
from config import settings as written
from tests import people, plugin
from tests.backups.servers import Server, server, standby_of
from tests.fixtures import Clock
from tests.localstack.stack import environment, eventually

pytestmark = [pytest.mark.stack, pytest.mark.xdist_group("standby")]
NAME = "replicated"
# What reports are asked of, and nothing else.
REPORT = re.compile(r"listed AS \(|^EXECUTE kept_")


@pytest.fixture(scope="module")
def addresses(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Server, dict[str, str]]]:
    """A primary as the deployment page has it, migrated, and the environment of whoever runs Hundred on it."""
    plugin.PLACES.create_data()
    with server(plugin.PLACES.binaries) as primary:
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
    """What streams from it."""
    with standby_of(primary, plugin.PLACES.binaries) as copy:
        yield copy


@contextlib.contextmanager
def connected(**urls: str) -> Iterator[None]:
    """This process on other databases than the tests'."""
    before = dict(settings.DATABASES)
    made = {alias: written._database(alias, url, statement_timeout=30_000) for alias, url in urls.items()}
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
def house(
    addresses: tuple[Server, dict[str, str]],
    standby: Server,
    django_db_blocker: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Campaign]:
    """Everybody of people.ROSTER in the November campaign at noon, on the primary, with the standby caught up."""
    address = addresses[1]["DATABASE_URL"]
    there = address.replace(f":{addresses[0].port}/", f":{standby.port}/")
    monkeypatch.setattr(read_replica, "_primary_until", 0.0)
    with django_db_blocker.unblock(), connected(default=address, replica=there):
        Clock().set(people.NOON, ticks=True)
        campaign = Campaign.objects.filter(slug="november").first() or _november()
        caught_up()
        yield campaign


@pytest.fixture
def doomed(house: Campaign, primary: Server) -> Iterator[Server]:
    """A standby of this test's own in the other's place: it may be promoted and killed."""
    with standby_of(primary, plugin.PLACES.binaries) as copy:
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
    """Wait until the standby has everything, and forget that it had not."""
    end = time.monotonic() + 30
    while read_replica.state() != "ok":
        assert time.monotonic() < end, read_replica.state()
    read_replica._primary_until = 0.0


def hr() -> Client:
    return people.sign_in(Client(), people.person("H001"))


@contextlib.contextmanager
def asked() -> Iterator[dict[str, list[str]]]:
    """The statements that went to either server inside."""
    told: dict[str, list[str]] = {}
    with CaptureQueriesContext(connections["default"]) as here, CaptureQueriesContext(connections["replica"]) as there:
        yield told
    for alias, captured in (("default", here), ("replica", there)):
        told[alias] = [query["sql"] for query in captured.captured_queries]


def place() -> str:
    with read_replica.reading():
        [(standby,)] = read_replica.read_rows("SELECT pg_is_in_recovery()")
    return "standby" if standby else "primary"


def counted(number: str = "A001") -> int:
    """What HR is answered about somebody."""
    answer = hr().get("/api/v1/standings/?limit=50")
    assert answer.status_code == 200, answer.content
    return next(row["counted"] for row in answer.json()["results"] if row["staff_no"] == number)


@pytest.mark.parametrize(
    "address",
    ["/company/", "/team/B001/", "/company/standings.csv", "/charts/company/histogram.json", "/api/v1/standings/"],
)
def test_reports_are_read_on_the_standby_and_say_the_same(
    house: Campaign, address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever a report asks is asked there; who may see whom, sessions and looks are asked here."""
    people.record(people.person("A001"), 3)
    people.mark()
    client = hr()
    places: list[str] = []
    write = Table.write
    monkeypatch.setattr(Table, "write", lambda *given: (places.append(given[-1]), write(*given))[1])
    caught_up()
    with asked() as told:
        answer = client.get(address)
    answer.close()
    assert answer.status_code == 200
    assert places + [sql for sql in told["replica"] if REPORT.search(sql)], "the standby was asked nothing"
    assert set(places) <= {"replica"}
    assert [sql for sql in told["default"] if REPORT.search(sql)] == []
    assert [sql for sql in told["replica"] if "accounts_account" in sql or "session" in sql] == []


def test_what_was_committed_before_a_page_asked_is_on_it_though_the_standby_stands_still(
    house: Campaign, standby: Server
) -> None:
    """A manager must not see red whoever has just handed in the last one: not for the length of any lag."""
    before = counted()
    standby.run("SELECT pg_wal_replay_pause()")
    people.record(people.person("A001"))
    people.mark()
    with asked() as told:
        assert counted() == before + 1
    assert [sql for sql in told["replica"] if REPORT.search(sql)] == []
    assert read_replica.state() == "behind"
    standby.run("SELECT pg_wal_replay_resume()")
    caught_up()

    def is_read_there() -> bool:
        with asked() as told:
            assert counted() == before + 1
        return any(REPORT.search(sql) for sql in told["replica"])

    # A page does not wait for long, and its own sign-in has to come over too: on a busy machine not the first one's.
    eventually(is_read_there)


def test_a_commit_that_waits_for_no_disk_is_seen_too(house: Campaign, primary: Server) -> None:
    """Others see it before the log is flushed, and only flushed log is sent."""
    primary.run("ALTER SYSTEM SET wal_writer_delay = '10s'", "SELECT pg_reload_conf()")
    try:
        primary.run("CREATE TABLE IF NOT EXISTS public.seen (n int)", database=NAME)
        primary.run(f"GRANT SELECT ON public.seen TO {NAME}_web", database=NAME)
        for number in range(1, 21):
            primary.run("SET synchronous_commit = off", "INSERT INTO public.seen VALUES (1)", database=NAME)
            read_replica._primary_until = 0.0
            with read_replica.reading(patience=0):
                assert read_replica.read_rows("SELECT count(*) FROM public.seen") == [(number,)]
    finally:
        primary.run("ALTER SYSTEM SET wal_writer_delay = '10ms'", "SELECT pg_reload_conf()")
        primary.run("DROP TABLE public.seen", database=NAME)


def test_verdicts_never_reach_the_standby(house: Campaign) -> None:
    """Mark, recount and freeze open no connection to it, not even where reports could be read from it."""
    trial = people.november(name="Trial", deadline=date(2026, 11, 24))
    people.record(people.person("A002"), 2)
    connections["replica"].close()
    with read_replica.reading():
        effective_dates.process_effective_dates()
        people.mark()
        assert recount.recount(house) == []
        Clock().set("2026-11-25T12:00:00+08:00", ticks=True)
        result = freeze(campaign=trial, by=people.TESTER, wait=True)
    assert result is not None
    assert connections["replica"].connection is None


def test_a_standby_that_is_killed_costs_no_page(doomed: Server) -> None:
    before = counted()
    os.kill(doomed.pid, signal.SIGKILL)
    for _ in range(3):
        assert counted() == before
    answer = Client().get("/health/ready")
    assert (answer.status_code, answer.json()["status"]) == (200, "degraded")
    assert answer.json()["checks"]["replica"] == "unreachable"


def test_a_connection_that_breaks_in_the_middle_costs_no_page(house: Campaign, standby: Server) -> None:
    def read(using: str) -> tuple[str, Any]:
        with connections[using].cursor() as cursor:
            if using == "replica":
                standby.run(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = '{NAME}_web'")
            cursor.execute("SELECT 1")
            return using, cursor.fetchone()

    with read_replica.reading():
        assert read_replica.anew(read) == ("default", (1,))


def test_a_standby_that_hangs_holds_nobody_up_for_ever(house: Campaign, monkeypatch: pytest.MonkeyPatch) -> None:
    """It takes connections and answers nothing: no limit of the server's own ends that."""
    monkeypatch.setattr(read_replica, "HANGS", 0.5)
    with connections["replica"].cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        [backend] = cursor.fetchone()
    os.kill(backend, signal.SIGSTOP)
    try:
        assert place() == "primary"
    finally:
        os.kill(backend, signal.SIGCONT)


def test_a_reading_that_a_conflict_cancels_is_begun_anew_on_the_primary(
    house: Campaign, primary: Server, standby: Server
) -> None:
    """The primary vacuums what the standby still reads: its statement ends with 40001, and nobody is told."""
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

    with read_replica.reading():
        assert read_replica.anew(read) == "default"
    vacuum.join()
    primary.run("DROP TABLE vanishing", database=NAME)
    standby.run("ALTER SYSTEM RESET max_standby_streaming_delay", "SELECT pg_reload_conf()")
    assert states == ["40001"]
    assert read_replica._primary_until == 0.0, "one cancelled statement has sent everybody to the primary"


def _vacuum(primary: Server, standby: Server) -> None:
    sleeping = (
        "SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%pg_sleep(60) FROM vanishing' AND state = 'active'"
    )
    end = time.monotonic() + 30
    while standby.run(f"{sleeping} AND pid <> pg_backend_pid()") == [(0,)] and time.monotonic() < end:
        time.sleep(0.02)
    primary.run("DELETE FROM vanishing", "VACUUM vanishing", database=NAME)


def exported(campaign: Campaign, by: Employee, **wish: Any) -> Export:
    wanted = build_export.ExportRequest("standings", **wish)
    asked_for = build_export.ask_export(campaign=campaign, wish=wanted, key=uuid.uuid4(), by=account_for(by).actor)
    made = build_export.make_export(asked_for.pk)
    assert made is not None
    assert made.state == Export.State.DONE, made.error
    return made


@pytest.mark.parametrize("form", ["csv", "csv.gz", "xlsx"])
def test_a_file_has_the_same_bytes_from_either(house: Campaign, form: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever compares digests must not find two files of one instant."""
    people.record(people.person("A001"), 2)
    people.mark()
    by, places = people.person("H001"), []
    write = Table.write

    def note(table: Table, to: Any, using: str) -> None:
        places.append(using)
        write(table, to, using)

    monkeypatch.setattr(Table, "write", note)
    caught_up()
    there = exported(house, by, form=form)
    monkeypatch.setattr(read_replica, "_primary_until", time.monotonic() + 600)
    here = exported(house, by, form=form, as_of=there.as_of)
    assert places == ["replica", "default"]
    assert (here.rows, bytes(here.sha256 or b"")) == (there.rows, bytes(there.sha256 or b""))


def test_a_file_that_breaks_off_is_made_anew_from_its_first_line(
    house: Campaign, monkeypatch: pytest.MonkeyPatch
) -> None:
    by, write, places = people.person("H001"), Table.write, []
    whole = exported(house, by)

    def break_off(table: Table, to: Any, using: str) -> None:
        places.append(using)
        write(table, to, using)
        if using == "replica":
            raise OperationalError("gone")

    monkeypatch.setattr(Table, "write", break_off)
    caught_up()
    again = exported(house, by, as_of=whole.as_of)
    assert places == ["replica", "default"]
    assert (again.rows, bytes(again.sha256 or b"")) == (whole.rows, bytes(whole.sha256 or b""))


def test_a_promoted_standby_is_no_replica_any_more(doomed: Server) -> None:
    """It goes its own way from there, and its positions soon look as if it had everything."""
    assert place() == "standby"
    doomed.run("SELECT pg_promote()")
    assert place() == "primary"
    assert read_replica.state() == "foreign"


@pytest.mark.parametrize("name", [NAME, "postgres"])
def test_an_address_that_leads_elsewhere_is_never_read(house: Campaign, primary: Server, name: str) -> None:
    """The primary itself is no standby, and another database of the right server holds other people."""
    there = settings.DATABASES["replica"]
    there["NAME"] = name
    there["PORT"] = primary.port if name == NAME else there["PORT"]
    there["USER"] = "postgres"
    _forget("replica")
    assert read_replica.state() == "foreign"
    assert place() == "primary"
