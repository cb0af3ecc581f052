"""Where a report is read: from the replica only when it may be, and from the primary whenever it may not."""

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
    """As psycopg2's error says what state it is of."""

    def __init__(self, pgcode: str | None) -> None:
        super().__init__()
        self.pgcode = pgcode


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """A replica that is always there and has everything: with what patience it was asked. Nothing is opened."""
    told: list[float] = []

    def caught_up(patience: float) -> bool:
        told.append(patience)
        return True

    monkeypatch.setattr(read_replica, "configured", lambda: True)
    monkeypatch.setattr(read_replica, "_caught_up", caught_up)
    monkeypatch.setattr(read_replica, "_primary_until", 0.0)
    monkeypatch.setattr(read_replica, "connections", {read_replica.ALIAS: Closed()})
    return told


class Closed:
    def close(self) -> None:
        pass


def where(using: str) -> str:
    return using


def failing(state: str | None, calls: list[str]) -> Callable[[str], str]:
    """A reading that the replica breaks off."""

    def read(using: str) -> str:
        calls.append(using)
        if using == read_replica.ALIAS:
            raise OperationalError from Cancelled(state)
        return using

    return read


@pytest.fixture
def committing(transactional_db: None) -> None:
    """Outside a transaction, as requests are."""


@pytest.mark.usefixtures("committing")
def test_without_a_replica_nothing_is_asked(django_assert_num_queries: Any) -> None:
    with django_assert_num_queries(0), read_replica.replica_allowed():
        assert read_replica.with_fallback(where) == "default"
    with django_assert_num_queries(1), read_replica.replica_allowed():
        assert read_replica.read_rows("SELECT 1") == [(1,)]


@pytest.mark.usefixtures("committing")
def test_one_question_is_asked_for_all_that_is_read_together(asked: list[float]) -> None:
    with read_replica.replica_allowed():
        assert [read_replica.with_fallback(where), read_replica.with_fallback(where)] == ["replica", "replica"]
    assert asked == [0.05]
    with read_replica.replica_allowed(timeout=5.0):
        assert read_replica.with_fallback(where) == "replica"
    assert asked == [0.05, 5.0]


@pytest.mark.usefixtures("committing")
def test_whoever_has_opened_no_reading_never_gets_there(asked: list[float]) -> None:
    """Marks, recounts and freezes open none."""
    with read_replica.replica_allowed():
        pass
    assert read_replica.with_fallback(where) == "default"
    assert asked == []


@pytest.mark.usefixtures("committing")
def test_in_a_transaction_the_primary_answers_for_it_may_have_written(asked: list[float]) -> None:
    with read_replica.replica_allowed():
        with transaction.atomic():
            assert read_replica.with_fallback(where) == "default"
        assert read_replica.with_fallback(where) == "replica"


@pytest.mark.usefixtures("committing")
def test_what_is_behind_is_left_alone_for_a_while(asked: list[float], monkeypatch: pytest.MonkeyPatch) -> None:
    questions: list[float] = []
    monkeypatch.setattr(read_replica, "_caught_up", lambda patience: bool(questions.append(patience)))
    for _ in range(3):
        with read_replica.replica_allowed():
            assert read_replica.with_fallback(where) == "default"
    assert len(questions) == 1


@pytest.mark.usefixtures("committing")
@pytest.mark.parametrize("state", ["40001", "40P01", "57014"])
def test_a_statement_that_is_cancelled_is_asked_again_and_the_replica_stays(asked: list[float], state: str) -> None:
    calls: list[str] = []
    with read_replica.replica_allowed():
        assert read_replica.with_fallback(failing(state, calls)) == "default"
        assert read_replica.with_fallback(where) == "default", "one page was read from two places"
    assert calls == ["replica", "default"]
    with read_replica.replica_allowed():
        assert read_replica.with_fallback(where) == "replica"


@pytest.mark.usefixtures("committing")
@pytest.mark.parametrize("state", [None, "57P01", "08006", "42501", "25006"])
def test_a_replica_that_fails_costs_nothing_and_is_left_alone(asked: list[float], state: str | None) -> None:
    calls: list[str] = []
    with read_replica.replica_allowed():
        assert read_replica.with_fallback(failing(state, calls)) == "default"
    with read_replica.replica_allowed():
        assert read_replica.with_fallback(failing(state, calls)) == "default"
    assert calls == ["replica", "default", "default"]


@pytest.mark.usefixtures("committing")
def test_what_both_fail_at_is_told(asked: list[float]) -> None:
    def read(using: str) -> None:
        raise DatabaseError(using)

    with read_replica.replica_allowed(), pytest.raises(DatabaseError, match="default"):
        read_replica.with_fallback(read)


@pytest.mark.usefixtures("committing")
@pytest.mark.parametrize(
    ("method", "place"), [("GET", "replica"), ("HEAD", "replica"), ("POST", "default"), ("PATCH", "default")]
)
def test_only_requests_that_look_may_read_there(asked: list[float], method: str, place: str) -> None:
    request = HttpRequest()
    request.method = method
    answer = ReadReplicaMiddleware(lambda request: HttpResponse(read_replica.with_fallback(where)))(request)
    assert answer.content.decode() == place
    assert read_replica.with_fallback(where) == "default"


def test_without_a_replica_no_request_passes_through() -> None:
    assert read_replica.ALIAS not in settings.DATABASES
    with pytest.raises(MiddlewareNotUsed):
        ReadReplicaMiddleware(lambda request: HttpResponse())
