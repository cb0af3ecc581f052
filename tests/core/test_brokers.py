"""The tests' own brokers: a fault is only one when the server was there, and gone, and there again."""

import time

import pytest

from tests.brokers import KINDS, running

pytestmark = [pytest.mark.faults]


@pytest.mark.parametrize("kind", KINDS)
def test_a_broker_of_our_own_dies_comes_back_and_leaves_nothing_running(kind: str) -> None:
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
