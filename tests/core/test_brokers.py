"""The test brokers: a fault is only one when the server ran before, stopped, and runs again."""

import time

import pytest

from tests.brokers import KINDS, running

pytestmark = [pytest.mark.faults]


@pytest.mark.parametrize("kind", KINDS)
def test_the_test_broker_stops_and_restarts_without_leftover_processes(kind: str) -> None:
    with running(kind) as broker:
        began = time.monotonic()
        broker.kill()
        assert not broker.answers()
        broker.start()
        print(f"{kind} was back after {time.monotonic() - began:.1f} s")
        assert broker.answers()
        assert broker.process is not None
        process = broker.process
    assert process.poll() is not None
    assert not broker.folder.exists()
