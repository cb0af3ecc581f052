"""The health checks for monitoring."""

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from django.db import OperationalError
from django.test import Client

from apps.core import health
from tests.brokers import broker_at, no_broker


@pytest.fixture(autouse=True)
def _not_checked_yet() -> None:
    health._checks.cache_clear()


@pytest.fixture
def broker(valkey: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    with broker_at(valkey, monkeypatch):
        yield valkey


def test_the_process_answers_without_any_service(client: Client) -> None:
    answer = client.get("/health/live")
    assert (answer.status_code, answer.json()) == (200, {"status": "ok"})
    assert "no-store" in answer["Cache-Control"]


@pytest.mark.django_db
def test_readiness_is_ok_when_all_services_answer(client: Client, broker: str) -> None:
    answer = client.get("/health/ready")
    assert answer.status_code == 200
    assert answer.json()["status"] == "ok"


@pytest.mark.django_db
def test_an_unreachable_broker_does_not_make_the_service_unavailable(client: Client) -> None:
    with no_broker():
        answer = client.get("/health/ready")
    assert answer.status_code == 200
    assert answer.json()["status"] == "degraded"
    assert answer.json()["checks"]["broker"] == "unreachable"


@pytest.mark.django_db
def test_missing_migrations_make_the_service_unavailable(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health, "_migrations_missing", lambda: True)
    answer = client.get("/health/ready")
    assert answer.status_code == 503
    assert answer.json()["checks"]["migrations"] == "missing"


@pytest.mark.django_db
def test_an_unreachable_database_makes_the_service_unavailable(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> Any:
        raise OperationalError("gone")

    monkeypatch.setattr(health, "_migrations_missing", fail)
    answer = client.get("/health/ready")
    assert answer.status_code == 503
    assert answer.json()["checks"]["database"] == "unreachable"
    assert "gone" not in answer.content.decode()


@pytest.mark.django_db
def test_strangers_cannot_make_a_process_check_more_than_once_a_second(
    client: Client, broker: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    seconds, checked = [7.0], []
    monkeypatch.setattr(health, "time", SimpleNamespace(monotonic=lambda: seconds[0]))
    monkeypatch.setattr(health, "_broker_answers", lambda: checked.append(seconds[0]) or True)
    for seconds[0] in (7.0, 7.5, 7.9, 8.0, 8.9):
        assert client.get("/health/ready").json()["status"] == "ok"
    assert checked == [7.0, 8.0]
