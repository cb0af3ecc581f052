"""No receiver keeps workers from their other tasks, or from other receivers."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from socket import socket
from typing import Any

import pytest
from django.db import connection

from apps.notifications.webhooks import delivery, posting
from apps.notifications.webhooks.delivery import send_webhooks
from apps.notifications.webhooks.models import WebhookDelivery, WebhookEndpoint
from apps.operations import tasks
from config.celery import app
from tests.fixtures import Clock
from tests.notifications.webhooks.conftest import AddEndpoint, row, send_test, waiting
from tests.notifications.webhooks.receiver import Receiver, receiver

pytestmark = pytest.mark.django_db


def test_a_slow_server_does_not_delay_another(
    server: Receiver, add: AddEndpoint, certificate: Path, clock: Clock
) -> None:
    with receiver(certificate) as other:
        seen = []
        arrived = threading.Event()

        def wait_for_the_other(connection: socket) -> None:
            seen.append(arrived.wait(8))
            connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")

        def arrive(connection: socket) -> None:
            arrived.set()
            connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")

        server.answers, other.answers = [wait_for_the_other], [arrive]
        for url in (server.url, other.url):
            send_test(add(url)[0])
        send_webhooks()
        assert seen == [True]
        assert not WebhookDelivery.objects.exclude(state="delivered").exists()


def test_a_server_that_does_not_answer_is_paused_with_all_that_waits(
    server: Receiver, add: AddEndpoint, clock: Clock
) -> None:
    """Otherwise each waiting message would cost ten seconds of a worker, every time."""
    endpoint, _secret = add(server.url)
    server.answers = [503]
    first, second = send_test(endpoint), waiting(endpoint, clock)
    assert send_webhooks()
    assert [row(sent)[1] for sent in (first, second)] == [1, 0]
    assert send_webhooks()
    assert len(server.received) == 1
    clock.set(clock.now() + timedelta(minutes=1, seconds=1), ticks=True)
    send_webhooks()
    assert [row(sent)[0] for sent in (first, second)] == ["delivered", "delivered"]


def test_a_message_that_its_receiver_refuses_delays_no_other(server: Receiver, add: AddEndpoint, clock: Clock) -> None:
    endpoint, _secret = add(server.url)
    server.answers = [400]
    first, second = send_test(endpoint), waiting(endpoint, clock)
    send_webhooks()
    assert row(first) == ("due", 1, 400, "status")
    assert row(second) == ("delivered", 1, 200, "")


def test_more_than_a_batch_is_sent_by_the_next_call(server: Receiver, add: AddEndpoint, clock: Clock) -> None:
    endpoint, _secret = add(server.url)
    for number in range(delivery.MAX_PER_ENDPOINT + 1):
        waiting(endpoint, clock, number)
    assert not send_webhooks()
    assert send_webhooks()
    assert len({request.headers["webhook-id"] for request in server.received}) == delivery.MAX_PER_ENDPOINT + 1


@pytest.mark.django_db(transaction=True)
def test_the_claim_is_committed_before_anything_is_sent(server: Receiver, add: AddEndpoint) -> None:
    """A message that is sent inside a transaction is forgotten when that is rolled back, and holds locks meanwhile."""
    claims: list[Any] = []

    def look(answering: socket) -> None:
        claims.extend(WebhookDelivery.objects.values_list("claimed_at", flat=True))
        connection.close()
        answering.sendall(b"HTTP/1.1 200 OK\r\n\r\n")

    server.answers = [look]
    send_test(add(server.url)[0])
    send_webhooks()
    assert len(claims) == 1
    assert claims[0] is not None


def test_a_failure_inside_hundred_is_recorded_and_stops_no_other(
    server: Receiver, add: AddEndpoint, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    broken, _secret = add("https://broken.example.com/")
    WebhookEndpoint.objects.filter(pk=broken.pk).update(previous_secrets=[{"until": "no instant"}])
    sent, well = send_test(broken), send_test(add(server.url)[0])
    send_webhooks()
    assert row(sent) == ("due", 1, None, "internal")
    assert row(well) == ("delivered", 1, 200, "")
    assert "could not be attempted" in caplog.text


def test_no_thread_of_delivery_opens_a_database_connection(server: Receiver, add: AddEndpoint) -> None:
    """It would stay open: such threads come and go, and nothing closes their connections."""
    opened: list[str] = []
    original = posting.post

    def recorded(*arguments: Any) -> int:
        status = original(*arguments)
        opened.extend(["open"] if connection.connection is not None else [])
        return status

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(delivery, "post", recorded)
        send_test(add(server.url)[0])
        send_webhooks()
    assert len(server.received) == 1
    assert opened == []


def test_the_task_asks_for_another_message_while_more_is_due(
    server: Receiver, add: AddEndpoint, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[bool] = []
    monkeypatch.setattr(tasks.enqueue, "enqueue_webhooks", lambda: asked.append(True))
    endpoint, _secret = add(server.url)
    for number in range(delivery.MAX_PER_ENDPOINT + 1):
        waiting(endpoint, clock, number)
    tasks.send_webhooks()
    assert asked == [True]
    tasks.send_webhooks()
    assert asked == [True]
    assert tasks.send_webhooks.name in {entry["task"] for entry in app.conf.beat_schedule.values()}


def test_a_second_worker_leaves_webhooks_to_the_first(
    server: Receiver, add: AddEndpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Otherwise endpoints that do not answer could keep every worker from marks and mails."""
    send_test(add(server.url)[0])

    @contextmanager
    def held(name: str) -> Iterator[bool]:
        yield False

    monkeypatch.setattr(delivery, "advisory_lock", held)
    assert send_webhooks()
    assert server.connections == 0
