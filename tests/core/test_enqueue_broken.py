"""A broker that dies, hangs or comes back during a page request: the page does not wait for it."""

import time
from collections.abc import Iterator

import pytest

from apps.core.brokers import QUEUE
from apps.core.enqueue import enqueue_marking
from tests.brokers import KINDS, Broker, broker_at, running
from tests.localstack.stack import eventually

pytestmark = [pytest.mark.faults, pytest.mark.django_db(transaction=True)]
# The most time a page may lose: a few missing answers (0.2 s each, 1 s on Redis) on a machine with two cores.
A_MOMENT = {"rabbitmq": 1.5, "valkey": 3.0}
# RabbitMQ records the members of a new queue a few seconds after it confirms the queue.
SETTLED = 8.0


@pytest.fixture(scope="module", params=KINDS)
def server(request: pytest.FixtureRequest) -> Iterator[Broker]:
    with running(request.param) as broker:
        yield broker


@pytest.fixture
def broker(server: Broker, monkeypatch: pytest.MonkeyPatch) -> Iterator[Broker]:
    """The broker of the enqueue functions, empty, with its queue declared."""
    server.wipe()
    with broker_at(server.url, monkeypatch):
        yield server


def seconds_to_enqueue() -> float:
    began = time.monotonic()
    enqueue_marking()
    return time.monotonic() - began


def heard(broker: Broker, times: int) -> None:
    eventually(lambda: broker.waiting(QUEUE) == times, within=10)


def test_a_message_is_in_the_queue_when_enqueue_returns(broker: Broker) -> None:
    for _ in range(3):
        enqueue_marking()
    assert broker.waiting(QUEUE) == 3


def test_a_broker_that_hangs_midway_blocks_no_page(broker: Broker, caplog: pytest.LogCaptureFixture) -> None:
    enqueue_marking()
    heard(broker, 1)
    broker.pause()
    try:
        took = [seconds_to_enqueue() for _ in range(3)]
    finally:
        broker.resume()
    print(f"{broker.kind} hangs: {took}")
    assert max(took) < A_MOMENT[broker.kind]
    assert caplog.text.count("no broker took the message") == 3
    eventually(broker.answers)
    before = broker.waiting(QUEUE)
    enqueue_marking()
    heard(broker, before + 1)


def test_a_restarted_broker_receives_messages_again(broker: Broker, caplog: pytest.LogCaptureFixture) -> None:
    enqueue_marking()
    heard(broker, 1)
    time.sleep(SETTLED)
    broker.kill()
    took = [seconds_to_enqueue() for _ in range(3)]
    print(f"{broker.kind} is gone: {took}")
    assert max(took) < A_MOMENT[broker.kind]
    assert caplog.text.count("no broker took the message") == 3
    broker.start()
    heard(broker, 1)  # a confirmed message is still there
    enqueue_marking()
    heard(broker, 2)
