"""The connection settings of a database URL: of several hosts libpq takes the one that can be written."""

from typing import Any

import pytest

from apps.core.databases import primary_database, replica_database

LIMITS: dict[str, Any] = {"statement_timeout": 1, "lock_timeout": 1, "max_age": 1}


@pytest.mark.parametrize(
    ("address", "hosts", "ports"),
    [
        ("db1,db2", "db1,db2", "5432,5432"),
        ("db1:5433,db2:5434", "db1,db2", "5433,5434"),
        # libpq would use a single port for every host.
        ("db1:5433,db2", "db1,db2", "5433,5432"),
        ("db1,db2,db3:5434", "db1,db2,db3", "5432,5432,5434"),
        ("[2001:db8::1]:5433,[2001:db8::2]", "2001:db8::1,2001:db8::2", "5433,5432"),
    ],
)
def test_each_host_has_its_own_port(address: str, hosts: str, ports: str) -> None:
    database = primary_database("DATABASE_URL", f"postgresql://user:p%40w%2F@{address}/hundred", **LIMITS)
    assert (database["HOST"], database["PORT"]) == (hosts, ports)
    assert (database["USER"], database["PASSWORD"], database["NAME"]) == ("user", "p@w/", "hundred")


@pytest.mark.parametrize("url", ["postgres://user@db1,db2/hundred", "postgres://user@/hundred?host=/run/a,/run/b"])
def test_of_several_hosts_a_standby_is_never_written_and_a_dead_one_is_left_soon(url: str) -> None:
    options = primary_database("DATABASE_URL", url, **LIMITS)["OPTIONS"]
    assert options["target_session_attrs"] == "read-write"
    assert (options["connect_timeout"], options["tcp_user_timeout"]) == ("2", "3000")


def test_the_address_may_choose_otherwise() -> None:
    url = "postgres://user@db1,db2/hundred?target_session_attrs=primary&connect_timeout=7"
    options = primary_database("DATABASE_URL", url, **LIMITS)["OPTIONS"]
    assert (options["target_session_attrs"], options["connect_timeout"]) == ("primary", 7)


def test_one_host_needs_no_choice() -> None:
    database = primary_database("DATABASE_URL", "postgres://user@db1:5433/hundred", **LIMITS)
    assert (database["HOST"], database["PORT"]) == ("db1", 5433)
    assert "target_session_attrs" not in database["OPTIONS"]


def test_a_replica_of_several_hosts_may_be_a_standby() -> None:
    database = replica_database("DATABASE_REPLICA_URL", "postgres://user@db1,db2/hundred", **LIMITS)
    assert database["OPTIONS"]["target_session_attrs"] == "any"
