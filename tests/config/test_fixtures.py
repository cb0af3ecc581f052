"""The test environment: the database role, the clock, and the cleanup."""

import psycopg2
import pytest
from django.contrib.auth.models import Group
from django.db import ProgrammingError, connection, transaction

from tests.fixtures import Clock


@pytest.mark.django_db
def test_the_tests_use_the_application_role_and_own_nothing() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_user, current_database()")
        assert cursor.fetchone()[0] == "app"
    with pytest.raises(ProgrammingError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("TRUNCATE auth_group CASCADE")


def test_a_set_clock_stands_still(clock: Clock) -> None:
    clock.set("2026-11-30T23:59:59.999999+08:00")
    assert clock.now().isoformat() == "2026-11-30T15:59:59.999999+00:00"
    assert clock.now() == clock.now()


def test_a_ticking_clock_moves_a_microsecond_per_reading(clock: Clock) -> None:
    clock.set("2026-11-30T00:00:00+00:00", ticks=True)
    assert [clock.now().microsecond for _ in range(3)] == [0, 1, 2]


def test_a_clock_without_a_zone_is_refused(clock: Clock) -> None:
    with pytest.raises(ValueError, match="no zone"):
        clock.set("2026-11-30T00:00:00")


def test_the_clock_is_real_again_after_a_test(clock: Clock) -> None:
    assert clock.now().year >= 2026
    clock.set("2001-01-01T00:00:00+00:00")
    clock.clear()
    assert clock.now().year >= 2026


@pytest.mark.django_db(transaction=True)
def test_a_committing_test_writes_a_row() -> None:
    Group.objects.create(name="left behind")


@pytest.mark.django_db(transaction=True)
def test_the_row_of_a_committing_test_is_gone() -> None:
    assert not Group.objects.exists()


def test_the_owner_has_a_separate_connection(as_owner) -> None:
    assert as_owner("SELECT current_user") == [("owner",)]


def test_a_valkey_is_available_on_request(valkey: str) -> None:
    assert valkey.startswith("redis+socket:///")


@pytest.mark.django_db
def test_other_users_cannot_connect_without_the_socket() -> None:
    with pytest.raises(psycopg2.OperationalError):
        psycopg2.connect(host="127.0.0.1", port=5432, user="owner", dbname="hundred", connect_timeout=1)
