"""Where a report is read: from the replica only when that is safe, otherwise from the primary."""

from collections.abc import Callable
from typing import Any

import pytest
from django.conf import settings
from django.core.exceptions import MiddlewareNotUsed
from django.db import DatabaseError, OperationalError, transaction
from django.http import HttpRequest, HttpResponse

from apps.core import read_replica
from apps.core.middleware.read_replica import ReadReplicaMiddleware


class Cancelled(Exception):
    """An error with a state, like psycopg2's."""

    def __init__(self, pgcode: str | None) -> None:
        super().__init__()
        self.pgcode = pgcode


@pytest.fixture
def timeouts(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """A replica that is always up to date; records the timeout of each check. Opens no connection."""
    recorded: list[float] = []

    def caught_up(timeout: float) -> bool:
        recorded.append(timeout)
        return True

    monkeypatch.setattr(read_replica, "is_configured", lambda: True)
    monkeypatch.setattr(read_replica, "_has_caught_up", caught_up)
    monkeypatch.setattr(read_replica, "_primary_until", 0.0)
    monkeypatch.setattr(read_replica, "connections", {read_replica.REPLICA_ALIAS: Closed()})
    return recorded


class Closed:
    def close(self) -> None:
        pass


def where(using: str) -> str:
    return using


def failing(state: str | None, calls: list[str]) -> Callable[[str], str]:
    """A read that the replica interrupts."""

    def read(using: str) -> str:
        calls.append(using)
        if using == read_replica.REPLICA_ALIAS:
            raise OperationalError from Cancelled(state)
        return using

    return read


@pytest.fixture
def committing(transactional_db: None) -> None:
    """Outside a transaction, like requests."""


@pytest.mark.usefixtures("committing")
def test_without_a_replica_there_is_no_extra_query(django_assert_num_queries: Any) -> None:
    with django_assert_num_queries(0), read_replica.replica_allowed():
        assert read_replica.with_fallback(where) == "default"
    with django_assert_num_queries(1), read_replica.replica_allowed():
        assert read_replica.read_rows("SELECT 1") == [(1,)]


@pytest.mark.usefixtures("committing")
def test_reads_of_one_scope_check_the_replica_once(timeouts: list[float]) -> None:
    with read_replica.replica_allowed():
        assert [read_replica.with_fallback(where), read_replica.with_fallback(where)] == ["replica", "replica"]
    assert timeouts == [0.05]
    with read_replica.replica_allowed(timeout=5.0):
        assert read_replica.with_fallback(where) == "replica"
    assert timeouts == [0.05, 5.0]


@pytest.mark.usefixtures("committing")
def test_without_a_read_scope_the_replica_is_never_used(timeouts: list[float]) -> None:
    """Evaluations, recounts and freezes open none."""
    with read_replica.replica_allowed():
        pass
    assert read_replica.with_fallback(where) == "default"
    assert timeouts == []


@pytest.mark.usefixtures("committing")
def test_an_open_transaction_reads_from_the_primary(timeouts: list[float]) -> None:
    with read_replica.replica_allowed():
        with transaction.atomic():
            assert read_replica.with_fallback(where) == "default"
        assert read_replica.with_fallback(where) == "replica"


@pytest.mark.usefixtures("committing")
def test_a_replica_that_is_behind_is_not_used_for_a_while(
    timeouts: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    questions: list[float] = []
    monkeypatch.setattr(read_replica, "_has_caught_up", lambda patience: bool(questions.append(patience)))
    for _ in range(3):
        with read_replica.replica_allowed():
            assert read_replica.with_fallback(where) == "default"
    assert len(questions) == 1


@pytest.mark.usefixtures("committing")
@pytest.mark.parametrize("state", ["40001", "40P01", "57014"])
def test_a_cancelled_statement_runs_again_and_the_replica_stays_in_use(timeouts: list[float], state: str) -> None:
    calls: list[str] = []
    with read_replica.replica_allowed():
        assert read_replica.with_fallback(failing(state, calls)) == "default"
        assert read_replica.with_fallback(where) == "default", "one page was read from two servers"
    assert calls == ["replica", "default"]
    with read_replica.replica_allowed():
        assert read_replica.with_fallback(where) == "replica"


@pytest.mark.usefixtures("committing")
@pytest.mark.parametrize("state", [None, "57P01", "08006", "42501", "25006"])
def test_a_failing_replica_costs_no_page_and_is_not_used_for_a_while(timeouts: list[float], state: str | None) -> None:
    calls: list[str] = []
    with read_replica.replica_allowed():
        assert read_replica.with_fallback(failing(state, calls)) == "default"
    with read_replica.replica_allowed():
        assert read_replica.with_fallback(failing(state, calls)) == "default"
    assert calls == ["replica", "default", "default"]


@pytest.mark.usefixtures("committing")
def test_an_error_of_both_servers_is_raised(timeouts: list[float]) -> None:
    def read(using: str) -> None:
        raise DatabaseError(using)

    with read_replica.replica_allowed(), pytest.raises(DatabaseError, match="default"):
        read_replica.with_fallback(read)


@pytest.mark.usefixtures("committing")
@pytest.mark.parametrize(
    ("method", "place"), [("GET", "replica"), ("HEAD", "replica"), ("POST", "default"), ("PATCH", "default")]
)
def test_only_read_requests_may_use_the_replica(timeouts: list[float], method: str, place: str) -> None:
    request = HttpRequest()
    request.method = method
    answer = ReadReplicaMiddleware(lambda request: HttpResponse(read_replica.with_fallback(where)))(request)
    assert answer.content.decode() == place
    assert read_replica.with_fallback(where) == "default"


def test_without_a_replica_the_middleware_is_off() -> None:
    assert read_replica.REPLICA_ALIAS not in settings.DATABASES
    with pytest.raises(MiddlewareNotUsed):
        ReadReplicaMiddleware(lambda request: HttpResponse())
