"""Enqueued tasks carry no data and never block the caller, and lost messages lose no work."""

import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from django.db import transaction

from apps.campaigns.models import Campaign
from apps.core.enqueue import enqueue_marking
from apps.employees.models import Employee
from apps.operations import tasks
from config.celery import app
from tests.brokers import broker_at
from tests.people import record, standing


@pytest.fixture
def broker(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Uses the broker at an address, with fresh connections."""
    with ExitStack() as stack:
        yield lambda url: stack.enter_context(broker_at(url, monkeypatch))


def rings_within(seconds: float) -> None:
    begin = time.monotonic()
    enqueue_marking()
    assert time.monotonic() - begin < seconds


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("url", ["redis://127.0.0.1:1/0", "amqp://127.0.0.1:1//", "redis+socket:///nonexistent.sock"])
def test_enqueue_without_a_broker_neither_raises_nor_waits(
    broker: Any, url: str, caplog: pytest.LogCaptureFixture
) -> None:
    broker(url)
    rings_within(2)
    assert "the sweep will find" in caplog.text


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("scheme", ["redis", "amqp"])
def test_a_hanging_broker_does_not_block_the_page(broker: Any, scheme: str) -> None:
    with socket.socket() as hung:
        hung.bind(("127.0.0.1", 0))
        hung.listen(8)
        broker(f"{scheme}://127.0.0.1:{hung.getsockname()[1]}/")
        rings_within(4)


@pytest.mark.django_db(transaction=True)
def test_enqueue_marking_runs_the_marking_task(broker: Any, valkey: str) -> None:
    broker(valkey)
    enqueue_marking()
    with app.connection_for_read() as connection_, connection_.SimpleQueue(app.conf.task_default_queue) as queue:
        message = queue.get(timeout=5)
    assert message.headers["task"] == "apps.operations.tasks.mark_touched"
    assert message.payload[:2] == [[], {}], "the message carries no data"


def test_a_rolled_back_transaction_enqueues_nothing(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    heard: list[str] = []
    monkeypatch.setattr(app, "send_task", lambda name, **options: heard.append(name))
    with transaction.atomic():
        enqueue_marking()
        transaction.set_rollback(True)
    assert heard == []


def test_the_marking_task_evaluates_queued_employees(campaign: Campaign, alice: Employee) -> None:
    record(alice)
    tasks.mark_touched()
    assert standing(campaign, alice).counted == 1
    record(alice)
    tasks.sweep()
    assert standing(campaign, alice).counted == 2
