"""Runs over all employees: any worker processes the ranges once, in any order, and the last one ends the run."""

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction

from apps.campaigns.models import Campaign
from apps.core.audit import SYSTEM
from apps.core.clock import db_now
from apps.core.locks import lock_facts
from apps.core.models import OutboxRow
from apps.employees.models import Employee
from apps.operations import tasks
from apps.standings import marking, process_runs, start_run
from apps.standings.evaluation import pending_sql
from apps.standings.models import MarkRange, MarkRun, Standing
from apps.standings.process_runs import finish_run, mark_all, process_range
from apps.standings.start_run import claim_due_ranges
from config.celery import app
from tests.crowd import Gate, at_once, meanwhile
from tests.fixtures import Clock
from tests.oracle import oracle, stored
from tests.people import load, mark, november, record


@pytest.fixture
def ranges_of_two(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(marking, "BATCH_SIZE", 2)


def begin(campaign: Campaign, **options: Any) -> MarkRun:
    with transaction.atomic():
        lock_facts()
        return start_run.start_run(campaign=campaign, work="mark", cause="asked", by=SYSTEM, **options)


def parts(run: MarkRun) -> list[int]:
    return list(run.ranges.order_by("pk").values_list("pk", flat=True))


def test_ranges_done_in_any_order_leave_everybody_judged_and_the_run_closed_by_the_last(
    campaign: Campaign, alice: Employee, ranges_of_two: None
) -> None:
    record(alice, 3)
    OutboxRow.objects.all().delete()
    run = begin(campaign)
    assert (run.progress(), run.finished_at) == ((0, 5), None)
    for range_id in reversed(parts(run)):
        run.refresh_from_db()
        assert run.finished_at is None
        assert process_range(range_id)
    run.refresh_from_db()
    assert run.progress() == (5, 5)
    assert run.finished_at is not None
    assert run.totals == {
        "people": 9, "employees": 9, "counted": 3, "red": 9, "turned_red": 0, "turned_green": 0, "written": 1
    }  # fmt: skip
    assert stored(campaign) == oracle(campaign)


def test_a_range_given_out_twice_is_done_once(campaign: Campaign, ranges_of_two: None) -> None:
    run = begin(campaign)
    first = parts(run)[0]
    assert process_range(first)
    before = MarkRange.objects.values().get(pk=first)
    assert not process_range(first)
    assert MarkRange.objects.values().get(pk=first) == before
    finish_run(run)
    over = MarkRun.objects.values().get(pk=run.pk)
    assert [process_range(range_id) for range_id in parts(run)] == [False] * 5
    assert MarkRun.objects.values().get(pk=run.pk) == over


def test_who_dies_in_a_range_leaves_it_waiting_with_its_attempt(
    campaign: Campaign, alice: Employee, ranges_of_two: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    record(alice)
    run = begin(campaign)
    range_id = run.ranges.get(first_id__lte=alice.pk, last_id__gte=alice.pk).pk

    def dies(run: MarkRun) -> bool:
        raise ConnectionError("the worker is gone")

    with monkeypatch.context() as patch:
        patch.setattr(process_runs, "finish_if_done", dies)
        with pytest.raises(ConnectionError):
            process_range(range_id)
    part = MarkRange.objects.get(pk=range_id)
    assert (part.state, part.attempts, part.result) == ("waiting", 1, {})
    assert Standing.objects.get(campaign=campaign, employee=alice).counted == 0, "the effect went with it"
    finish_run(run)
    part.refresh_from_db()
    assert (part.state, part.attempts) == ("done", 2)
    assert stored(campaign) == oracle(campaign)


def test_a_range_is_done_for_ever_as_the_database_sees_to_it(campaign: Campaign) -> None:
    run = begin(campaign)
    with pytest.raises(IntegrityError, match="standings_range_done_is_finished"), transaction.atomic():
        run.ranges.update(state="done")


def test_a_sweep_asks_for_ranges_that_nobody_took_and_not_for_those_just_asked_for(
    campaign: Campaign, ranges_of_two: None, clock: Clock, settings: Any
) -> None:
    settings.SWEEP_INTERVAL = 15
    run = begin(campaign)
    clock.set("2026-11-23T13:00:00+08:00")
    assert claim_due_ranges(clock.now()) == parts(run)
    assert claim_due_ranges(clock.now()) == []
    clock.set("2026-11-23T13:00:16+08:00")
    process_range(parts(run)[0])
    MarkRange.objects.filter(pk=parts(run)[1]).update(claimed_at=clock.now())
    assert claim_due_ranges(clock.now()) == parts(run)[2:], "one is done, somebody is at another"
    clock.set("2026-11-23T13:00:40+08:00")
    assert claim_due_ranges(clock.now()) == parts(run)[1:], "whoever was at it may have died"


def test_the_tasks_finish_a_run_that_was_only_begun(
    campaign: Campaign, alice: Employee, ranges_of_two: None, monkeypatch: pytest.MonkeyPatch,
    django_capture_on_commit_callbacks: Callable[..., Any],
) -> None:  # fmt: skip
    record(alice, 2)
    OutboxRow.objects.all().delete()
    run = begin(campaign)
    heard: list[tuple[str, tuple]] = []
    monkeypatch.setattr(app, "send_task", lambda name, args, **options: heard.append((name, args)))
    with django_capture_on_commit_callbacks(execute=True):
        tasks.mark_touched()
    assert heard == [("apps.operations.tasks.process_range", (range_id,)) for range_id in parts(run)], (
        "ids, and nothing else"
    )
    for _name, args in heard:
        tasks.process_range(*args)
    run.refresh_from_db()
    assert run.finished_at is not None
    assert stored(campaign) == oracle(campaign)


def test_who_is_to_be_judged_anew_is_never_shown_the_old_verdict(
    campaign: Campaign, alice: Employee, ranges_of_two: None
) -> None:
    run = begin(campaign, invalidates=True)
    with_stale = stale(campaign)
    assert set(with_stale.values()) == {run.started_at}
    assert set(with_stale) == set(Employee.objects.values_list("pk", flat=True))
    process_range(parts(run)[0])
    assert len(stale(campaign)) == 7
    assert len(stale(november(name="Other"))) == 9, "each campaign for itself"
    finish_run(run)
    assert stale(campaign) == {}


def stale(campaign: Campaign) -> dict[int, Any]:
    with connection.cursor() as cursor:
        cursor.execute(pending_sql(campaign.pk))
        return dict(cursor.fetchall())


def test_who_joins_while_a_run_is_under_way_is_judged_too(campaign: Campaign, ranges_of_two: None) -> None:
    run = begin(campaign)
    load("staff_no,name,email\nN001,New,new@corp.example.com")
    finish_run(run)
    mark()
    assert stored(campaign) == oracle(campaign)
    assert len(stored(campaign)) == 10


def test_a_campaign_that_is_frozen_on_the_way_is_left_alone(campaign: Campaign, alice: Employee) -> None:
    record(alice)
    run = begin(campaign)
    Campaign.objects.filter(pk=campaign.pk).update(state="closing")
    Campaign.objects.filter(pk=campaign.pk).update(snapshot_at=db_now())
    finish_run(run)
    assert run.totals == {"people": 9}
    assert Standing.objects.get(campaign=campaign, employee=alice).counted == 0


def test_a_company_without_anybody_is_marked_at_once(noon: Clock) -> None:
    assert mark_all(november()).employees == 0
    assert not MarkRun.objects.filter(finished_at=None).exists()


@pytest.mark.django_db(transaction=True)
def test_many_hands_on_the_same_ranges_do_each_once_and_close_the_run_once(
    campaign: Campaign, alice: Employee, ranges_of_two: None
) -> None:
    record(alice, 2)
    run = begin(campaign)
    works = [partial(process_range, range_id) for range_id in parts(run) for _ in range(3)]
    results = at_once(*works)
    assert [result for result in results if isinstance(result, Exception)] == []
    finish_run(run)
    assert sum(results) <= 5
    assert (run.totals["people"], run.totals["counted"]) == (9, 2)
    assert stored(campaign) == oracle(campaign)


@pytest.mark.django_db(transaction=True)
def test_the_last_two_at_once_close_the_run_exactly_once(
    campaign: Campaign, ranges_of_two: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both finish their work before either checks the other: exactly one must see that the run is over."""
    last_but_one, last, closed = last_two(campaign, monkeypatch)
    gate = Gate()
    monkeypatch.setattr(process_runs, "finish_if_done", closed(gate.before(start_run.finish_if_done)))
    with meanwhile(partial(process_range, last_but_one)):
        gate.wait()
        assert process_range(last)
        gate.open()
    assert MarkRun.objects.get(work="mark", cause="asked").finished_at is not None
    assert closed.times == 1


class Counting:
    """Counts how often a call closed a run."""

    def __init__(self) -> None:
        self.times = 0

    def __call__(self, close: Callable[[MarkRun], bool]) -> Callable[[MarkRun], bool]:
        def count(run: MarkRun) -> bool:
            over = close(run)
            self.times += over
            return over

        return count


def last_two(campaign: Campaign, monkeypatch: pytest.MonkeyPatch) -> tuple[int, int, Counting]:
    run = begin(campaign)
    *first, last_but_one, last = parts(run)
    for range_id in first:
        process_range(range_id)
    return last_but_one, last, Counting()
