"""After a large write the planner has current statistics: otherwise a report on 200,000 people takes minutes."""

import io
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg2
import pytest
from django.db import connection, transaction

from apps.contacts.imports import import_contacts
from apps.core import statistics
from apps.core.statistics import CONTACT_TABLES, ROSTER_TABLES, refresh_statistics
from apps.employees.models import Employee
from apps.standings.process_runs import mark_all
from tests import plugin
from tests.people import ROSTER, TESTER, load, november
from tests.rosters import applied

pytestmark = pytest.mark.django_db(transaction=True)


def analysed() -> set[str]:
    """The tables that were analysed explicitly, and whose rows the planner counts."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT relname FROM pg_stat_user_tables JOIN pg_class USING (relname)"
            " WHERE schemaname = 'public' AND last_analyze > now() - interval '10 minutes' AND reltuples > 0"
        )
        return {name for (name,) in cursor.fetchall()}


@pytest.fixture(autouse=True)
def forgotten(as_owner: Any) -> None:
    as_owner("SELECT pg_stat_reset()")


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Treat a few rows as a large write."""
    monkeypatch.setattr(statistics, "MIN_ANALYSED_ROWS", 5)


def test_a_large_roster_load_refreshes_the_statistics(small: None) -> None:
    load(ROSTER)
    assert analysed() >= set(ROSTER_TABLES)


def test_a_roster_applied_by_a_worker_refreshes_the_statistics(small: None) -> None:
    applied(ROSTER)
    assert analysed() >= set(ROSTER_TABLES)


def test_a_large_contact_import_refreshes_the_statistics(small: None, alice: Employee) -> None:
    rows = "".join(f"W{n},1381234{n:04}\n" for n in range(20))
    import_contacts(raw=io.BytesIO(f"name,phone\n{rows}".encode()), by=TESTER, employee=alice)
    assert analysed() >= set(CONTACT_TABLES)


def test_the_first_evaluation_of_a_large_company_refreshes_the_statistics(small: None) -> None:
    load(ROSTER)
    mark_all(november())
    assert "standings_standing" in analysed()


def test_a_small_load_reads_no_samples() -> None:
    load(ROSTER)
    assert analysed() == set()


def test_a_dry_run_or_a_rollback_analyses_nothing(small: None) -> None:
    load(ROSTER, dry_run=True)
    with transaction.atomic():
        refresh_statistics(written=100)
        transaction.set_rollback(True)
    assert analysed() == set()


def test_the_analysis_waits_for_the_commit(small: None) -> None:
    with transaction.atomic():
        load(ROSTER)
        assert analysed() == set()
    assert analysed() >= set(ROSTER_TABLES)


def test_without_tables_all_non_empty_tables_are_analysed(small: None, alice: Employee) -> None:
    refresh_statistics(written=100)
    assert "employees_employee" in analysed()
    with connection.cursor() as cursor:
        cursor.execute("SELECT relname FROM pg_stat_user_tables WHERE last_analyze IS NOT NULL")
        assert "campaigns_campaign" not in {name for (name,) in cursor.fetchall()}


def test_a_failed_analysis_does_not_fail_the_load(small: None, as_owner: Any, caplog: pytest.LogCaptureFixture) -> None:
    as_owner("ALTER FUNCTION hundred_analyze(text[]) RENAME TO hundred_analyze_gone")
    try:
        with caplog.at_level(logging.WARNING, logger="apps.core.statistics"):
            assert load(ROSTER).created == 9
    finally:
        as_owner("ALTER FUNCTION hundred_analyze_gone(text[]) RENAME TO hundred_analyze")
    assert Employee.objects.count() == 9
    assert "statistics of employees_employee were not refreshed" in caplog.text


def test_a_locked_table_is_soon_skipped(small: None, as_owner: Any, caplog: pytest.LogCaptureFixture) -> None:
    load(ROSTER)
    as_owner("SELECT pg_stat_reset()")
    with locked("employees_placement"), caplog.at_level(logging.WARNING, logger="apps.core.statistics"):
        refresh_statistics(*ROSTER_TABLES, written=100)
    assert "statistics of employees_placement were not refreshed" in caplog.text
    assert "employees_treenode" in analysed()


@contextmanager
def locked(table: str) -> Iterator[None]:
    """Another session alters the table until the block ends."""
    owner = psycopg2.connect(plugin.PATHS.database_url("owner", plugin.DATABASE))
    try:
        with owner.cursor() as cursor:
            cursor.execute(f"LOCK TABLE {table} IN SHARE ROW EXCLUSIVE MODE")
        yield
    finally:
        owner.close()


@pytest.mark.parametrize("name", ["pg_class", "employees_employee; DROP TABLE x", 'x"; --', "no_such_table", ""])
def test_the_application_can_have_no_other_table_analysed(name: str, alice: Employee) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT hundred_analyze(ARRAY[%s])", [name])
        assert cursor.fetchone() == (0,)


def test_the_application_itself_may_not_analyse(alice: Employee) -> None:
    """The mutant: without the owner's function the statistics stay old, and PostgreSQL only warns."""
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE employees_employee")
    assert "employees_employee" not in analysed()


def test_only_the_application_role_may_call_it(as_owner: Any) -> None:
    [(acl,)] = as_owner("SELECT array_to_string(proacl, ',') FROM pg_proc WHERE proname = 'hundred_analyze'")
    assert not any(grant.startswith("=") for grant in str(acl).split(","))
    assert f"{connection.settings_dict['USER']}=X" in str(acl)
