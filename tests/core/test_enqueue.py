"""Enqueued tasks carry no data and never block the caller, and lost messages lose no work."""

import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from django.db import transaction

from apps.campaigns.models import Campaign
from apps.core.audit import SYSTEM
from apps.core.enqueue import MARK_PENDING, enqueue_marking
from apps.core.locks import lock_facts
from apps.core.outbox import (
    queue_identity_reevaluation,
    queue_identity_reevaluation_from_query,
    queue_reevaluation,
    queue_reevaluation_from_query,
)
from apps.employees.models import Employee
from apps.operations import tasks
from apps.standings.start_run import start_run
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


@pytest.fixture
def published(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the tasks that were sent."""
    names: list[str] = []
    monkeypatch.setattr("apps.core.enqueue._publish", lambda send: send({}))
    monkeypatch.setattr("celery.current_app.send_task", lambda name, **options: names.append(name), raising=False)
    return names


@pytest.mark.django_db(transaction=True)
def test_a_queued_employee_wakes_a_worker_without_the_caller(published: list[str]) -> None:
    queue_reevaluation([1])
    queue_identity_reevaluation([("email", b"1" * 32)], always=True)
    assert published == [MARK_PENDING, MARK_PENDING], "outside a transaction each is committed alone"


@pytest.mark.django_db(transaction=True)
def test_a_transaction_wakes_a_worker_once(published: list[str]) -> None:
    with transaction.atomic():
        queue_reevaluation([1])
        queue_reevaluation_from_query("SELECT 2")
        queue_identity_reevaluation([("email", b"1" * 32)], always=True)
        queue_identity_reevaluation_from_query("SELECT 'email', sha256('2')")
        assert published == [], "before the commit a worker would find nothing"
    assert published == [MARK_PENDING]


@pytest.mark.django_db(transaction=True)
def test_an_employee_queued_after_an_undone_step_still_wakes_a_worker(published: list[str]) -> None:
    with transaction.atomic():
        with transaction.atomic():
            queue_reevaluation([1])
            transaction.set_rollback(True)
        queue_reevaluation([2])
    assert published == [MARK_PENDING]
    with transaction.atomic():
        queue_reevaluation([1])
        transaction.set_rollback(True)
    assert published == [MARK_PENDING], "a transaction that is undone leaves nothing to evaluate"


@pytest.mark.django_db(transaction=True)
def test_a_run_over_all_employees_wakes_a_worker(campaign: Campaign, published: list[str]) -> None:
    with transaction.atomic():
        lock_facts()
        start_run(campaign=campaign, work="mark", cause="test", by=SYSTEM)
    assert published == [MARK_PENDING]


def test_the_marking_task_evaluates_queued_employees(campaign: Campaign, alice: Employee) -> None:
    record(alice)
    tasks.mark_touched()
    assert standing(campaign, alice).counted == 1
    record(alice)
    tasks.sweep()
    assert standing(campaign, alice).counted == 2
