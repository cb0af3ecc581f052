"""What a monitor is told."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.db import OperationalError
from django.test import Client

from apps.core import health
from tests.brokers import rung


@pytest.fixture
def broker(valkey: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    with rung(valkey, monkeypatch):
        yield valkey


def test_the_process_answers_without_any_service(client: Client) -> None:
    answer = client.get("/health/live")
    assert (answer.status_code, answer.json()) == (200, {"status": "ok"})
    assert "no-store" in answer["Cache-Control"]


@pytest.mark.django_db
def test_all_is_well(client: Client, broker: str) -> None:
    answer = client.get("/health/ready")
    assert answer.status_code == 200
    assert answer.json()["status"] == "ok"


@pytest.mark.django_db
def test_a_silent_broker_is_no_reason_to_send_people_away(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CELERY_BROKER_WRITE_URL", "redis+socket:///nonexistent/valkey.sock")
    answer = client.get("/health/ready")
    assert answer.status_code == 200
    assert answer.json()["status"] == "degraded"
    assert answer.json()["checks"]["broker"] == "unreachable"


@pytest.mark.django_db
def test_missing_migrations_are_a_reason(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health, "_migrations_missing", lambda: True)
    answer = client.get("/health/ready")
    assert answer.status_code == 503
    assert answer.json()["checks"]["migrations"] == "missing"


@pytest.mark.django_db
def test_a_database_that_does_not_answer_is_a_reason(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> Any:
        raise OperationalError("gone")

    monkeypatch.setattr(health, "_migrations_missing", fail)
    answer = client.get("/health/ready")
    assert answer.status_code == 503
    assert answer.json()["checks"]["database"] == "unreachable"
    assert "gone" not in answer.content.decode()
