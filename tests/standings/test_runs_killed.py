"""A run on several real workers, two of them killed in the middle: no range is lost, none is done twice.

The tests print after how many seconds another worker finished the work of a killed one.
"""

import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from apps.campaigns.models import Campaign
from apps.operations import tasks
from apps.standings import marking
from apps.standings.models import MarkRange, MarkRun
from tests.brokers import KINDS, Broker, broker_at, running
from tests.crowd import alone
from tests.fixtures import Clock
from tests.oracle import digest, oracle, stored
from tests.people import company, mark, november, record
from tests.standings.passes import begin, in_the_middle, wrong_with
from tests.standings.workers import Worker, at_work, tail

pytestmark = [pytest.mark.faults, pytest.mark.django_db(transaction=True)]
PEOPLE, RANGE = 48, 4


@pytest.fixture(params=KINDS)
def broker(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Broker]:
    """A separate broker, to which this process sends messages too."""
    with running(request.param) as server, broker_at(server.url, monkeypatch):
        yield server


@pytest.fixture
def crowd_of_contacts(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> Campaign:
    """Forty-eight employees with 0 to 4 contacts and a target of 3."""
    clock.clear()
    people = list(company((f"N{n:03}", "") for n in range(PEOPLE)).values())
    campaign = november(target=3)
    for place, one in enumerate(people):
        if place % 5:
            record(one, place % 5)
    mark()
    monkeypatch.setattr(marking, "BATCH_SIZE", RANGE)
    return campaign


def wait_for(run: MarkRun, so: Callable[[MarkRun], bool], workers: list[Worker], *, sweeping: bool) -> float:
    """Wait until `so` holds and return the seconds it took. With `sweeping` a sweep enqueues due work every second."""
    began = time.monotonic()
    while True:
        run.refresh_from_db()
        if so(run):
            return time.monotonic() - began
        assert time.monotonic() - began < 180, tail(workers)
        if sweeping:
            tasks.sweep()
        time.sleep(0.2)


def test_two_workers_killed_on_the_way_lose_and_double_nothing(
    broker: Broker, crowd_of_contacts: Campaign, tmp_path: Path
) -> None:
    """One worker loses its child, one its parent, midway in a range; the third and the sweep do the rest."""
    campaign = crowd_of_contacts
    with alone(), at_work(broker.url, tmp_path, 60, 60, 0.3) as workers:
        slow_child, slow_parent, _quick = workers
        run = begin(campaign)
        tasks.mark_touched()
        wait_for(run, lambda run: len(in_the_middle()) >= 2, workers, sweeping=True)
        begun = in_the_middle()
        for child in slow_child.children():
            os.kill(child, signal.SIGKILL)
        slow_child.kill()
        slow_parent.kill()
        began = time.monotonic()
        wait_for(run, lambda run: run.finished_at is not None, workers, sweeping=True)
        print(f"{broker.kind}: over {time.monotonic() - began:.1f} s after the kills, ranges {begun} done again")
    ranges = list(run.ranges.order_by("pk"))
    assert len(ranges) == PEOPLE // RANGE
    assert max(part.attempts for part in ranges) >= 2, "somebody died with a range"
    assert wrong_with(run) == []
    assert digest(stored(campaign)) == digest(oracle(campaign))


def test_what_a_killed_child_had_begun_is_given_to_somebody_else_at_once(
    broker: Broker, crowd_of_contacts: Campaign, tmp_path: Path
) -> None:
    """Without a sweep: the broker delivers the message again."""
    with alone(), at_work(broker.url, tmp_path, 5, concurrency=1) as workers:
        run = begin(crowd_of_contacts)
        MarkRange.objects.filter(run=run).exclude(pk=run.ranges.earliest("pk").pk).delete()
        tasks.mark_touched()
        wait_for(run, lambda run: bool(in_the_middle()), workers, sweeping=False)
        [child] = workers[0].children()
        os.kill(child, signal.SIGKILL)
        began = time.monotonic()
        wait_for(run, lambda run: run.ranges.get().attempts == 2, workers, sweeping=False)
        print(f"{broker.kind}: a killed child's range was begun again after {time.monotonic() - began:.1f} s")
        wait_for(run, lambda run: run.finished_at is not None, workers, sweeping=False)


def test_what_a_killed_worker_had_begun_comes_back_by_the_broker_or_by_the_sweep(
    broker: Broker, crowd_of_contacts: Campaign, tmp_path: Path
) -> None:
    """RabbitMQ sees the connection end, Redis waits for its visibility time-out, and the sweep enqueues in both cases.

    RabbitMQ can be too quick: before the database releases the dead worker's lock, the next worker skips the range as
    being processed.
    """
    with alone(), at_work(broker.url, tmp_path, 60) as [slow]:
        run = begin(crowd_of_contacts)
        MarkRange.objects.filter(run=run).exclude(pk=run.ranges.earliest("pk").pk).delete()
        tasks.mark_touched()
        wait_for(run, lambda run: bool(in_the_middle()), [slow], sweeping=False)
        held = in_the_middle()
        # The second worker starts only now, so that the slow one certainly has the range.
        with at_work(broker.url, tmp_path, 0.1) as [quick]:
            slow.kill()
            began = time.monotonic()
            wait_for(run, lambda run: run.finished_at is not None, [slow, quick], sweeping=True)
            print(f"{broker.kind}: a killed parent's range {held} was over {time.monotonic() - began:.1f} s later")
