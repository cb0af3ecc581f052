"""The mark, the sweep, what time brings and the recount: whoever was touched is judged, whatever dies on the way."""

import logging
import socket
import time
from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

import pytest
from django.conf import settings
from django.db import connection, transaction

from apps.contacts import services as contacts
from apps.contacts.models import Contact, Submission
from apps.contacts.rules import Draft
from apps.contacts.services import receive
from apps.employees.models import Employee, Employment
from apps.ledger.models import Job, OutboxRow, Setting
from apps.quotas import services, tasks
from apps.quotas.models import Campaign, DailyCount, Standing, StandingChange
from apps.quotas.services import (
    adjust,
    clock,
    follow_time,
    mark_everybody,
    mark_touched,
    marking,
    recount,
    ring,
    sweep,
)
from config.celery import app
from tests.fixtures import Clock
from tests.oracle import oracle, stored
from tests.people import TESTER, load, mark, november, outsider, person, record, record_one, standing


def written() -> tuple[Any, ...]:
    """Every row the mark writes, with the version of each: an update that changes nothing still shows."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT 's', id, xmin::text::bigint, ctid::text FROM quotas_standing"
            " UNION ALL SELECT 'd', id, xmin::text::bigint, ctid::text FROM quotas_dailycount ORDER BY 1, 2"
        )
        return tuple(cursor.fetchall())


# -- the mark ------------------------------------------------------------------------------------------------------


def test_a_mark_of_what_has_not_changed_writes_nothing(campaign: Campaign, alice: Employee) -> None:
    record(alice, 3)
    mark()
    before = written(), StandingChange.objects.count()
    result = mark_everybody(campaign)
    assert (result.employees, result.counted, result.red, result.written) == (9, 3, 9, 0)
    assert (written(), StandingChange.objects.count()) == before


def test_a_mark_counts_what_it_did(campaign: Campaign, alice: Employee, alan: Employee) -> None:
    for one in (alice, alan):
        adjust(campaign=campaign, employee=one, target=1, reason="trial", by=TESTER)
    record(alan)
    mark()
    record(alice)
    Contact.objects.of(alan).update(ended_at=clock(), end_reason="removed")
    result = mark_everybody(campaign)
    assert (result.turned_red, result.turned_green, result.red, result.counted, result.written) == (1, 1, 8, 1, 2)


def test_marking_again_twice_or_in_parts_gives_the_same(campaign: Campaign, alice: Employee) -> None:
    record(alice, 5)
    mark()
    first = stored(campaign)
    for _ in range(2):
        with connection.cursor() as cursor:
            cursor.execute("INSERT INTO ledger_outbox (employee_id) SELECT id FROM employees_employee")
        mark()
    assert stored(campaign) == first == oracle(campaign)


def test_the_notes_are_gone_exactly_with_the_mark(
    campaign: Campaign, alice: Employee, monkeypatch: pytest.MonkeyPatch
) -> None:
    record(alice)
    real = marking.mark_standings

    def dies(**options: Any) -> Any:
        real(**options)
        raise ConnectionError("the worker is gone")

    monkeypatch.setattr(marking, "mark_standings", dies)
    with pytest.raises(ConnectionError), transaction.atomic():
        mark_touched()
    assert OutboxRow.objects.filter(employee_id=alice.pk).count() == 1
    assert standing(campaign, alice).counted == 0
    monkeypatch.undo()
    assert mark_touched() == 1
    assert (OutboxRow.objects.count(), standing(campaign, alice).counted) == (0, 1)


def test_more_people_than_one_mark_takes_are_all_marked(
    campaign: Campaign, company: dict[str, Employee], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(marking, "AT_MOST", 2)
    for one in company.values():
        record(one)
    assert mark_touched() == 2
    mark()
    assert stored(campaign) == oracle(campaign)
    assert {counted for _no, counted, *_ in stored(campaign)} == {1}
    seen: list[tuple[int, int]] = []
    assert mark_everybody(campaign, lambda done, total: seen.append((done, total))).employees == 9
    assert seen == [(2, 9), (4, 9), (6, 9), (8, 9), (9, 9)]


def test_counts_by_day_are_days_of_the_campaigns_zone(campaign: Campaign, alice: Employee, clock: Clock) -> None:
    for at in ("2026-11-24T23:59:59+08:00", "2026-11-25T00:00:00+08:00", "2026-11-25T07:59:59+08:00"):
        clock.set(at)
        record(alice)
    clock.set("2026-11-26T00:00:00+08:00", ticks=True)
    mark()
    days = DailyCount.objects.filter(employee=alice).order_by("day").values_list("day", "delta")
    assert [(day.day, delta) for day, delta in days] == [(24, 1), (25, 2)]
    earliest = Contact.objects.order_by("recorded_at")[:1].values("pk")
    Contact.objects.filter(pk__in=earliest).update(ended_at="2026-11-25T12:00:00+08:00", end_reason="removed")
    mark_everybody(campaign)
    assert [(day.day, delta) for day, delta in days.all()] == [(25, 2)]


def test_frozen_closing_and_cancelled_campaigns_are_left_alone(campaign: Campaign, alice: Employee) -> None:
    Campaign.objects.filter(pk=campaign.pk).update(state="closing")
    Campaign.objects.filter(pk=campaign.pk).update(kept_until=clock())
    record(alice)
    mark()
    assert mark_everybody(campaign).employees == 0
    assert standing(campaign, alice).counted == 0


# -- the sweep -----------------------------------------------------------------------------------------------------


def abandon(employee: Employee, people: int = 2) -> Submission:
    """Something handed in by a process that died before it recorded it."""
    drafts = [Draft(f"W{n}", (outsider(),)) for n in range(people)]
    return receive(employee=employee, drafts=drafts, source="page", by=TESTER)


def test_what_a_dead_process_left_is_finished_and_marked_by_the_sweep(
    campaign: Campaign, alice: Employee, clock: Clock
) -> None:
    submission = abandon(alice)
    sweep()
    assert not Contact.objects.exists(), "its process may still be at work"
    clock.set(submission.received_at + contacts.ABANDONED_AFTER + timedelta(seconds=1), ticks=True)
    sweep()
    submission.refresh_from_db()
    assert submission.state == "done"
    assert standing(campaign, alice).counted == 2
    assert set(Contact.objects.values_list("recorded_at", flat=True)) == {submission.received_at}


def test_one_submission_that_cannot_be_finished_stops_nobody_else(
    campaign: Campaign, alice: Employee, alan: Employee, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    broken, good = abandon(alice), abandon(alan)
    Submission.objects.filter(pk=broken.pk).update(payload=[{"no": "draft"}])
    clock.set(good.received_at + contacts.ABANDONED_AFTER + timedelta(seconds=1), ticks=True)
    with caplog.at_level(logging.ERROR):
        sweep()
    assert standing(campaign, alan).counted == 2
    assert str(broken.pk) in caplog.text
    broken.refresh_from_db()
    assert broken.state == "received", "nothing is thrown away"


def test_without_any_doorbell_the_sweep_marks_everybody_touched(campaign: Campaign, alice: Employee) -> None:
    record(alice, 2)
    assert standing(campaign, alice).counted == 0
    assert sweep() > 0
    assert sweep() == 0
    assert stored(campaign) == oracle(campaign)


# -- the doorbell --------------------------------------------------------------------------------------------------


@pytest.fixture
def broker(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Points the doorbell at an address, with fresh connections."""
    options = app.conf.get("broker_transport_options")

    def reconnect(options: dict[str, Any]) -> None:
        app.conf.update(broker_transport_options=options)
        app._pool = app.amqp._producer_pool = None

    def point(url: str) -> None:
        monkeypatch.setenv("CELERY_BROKER_URL", url)  # Celery asks the environment first
        more = settings.REDIS_BROKER_OPTIONS if url.startswith("redis") else {}
        reconnect({**settings.CELERY_BROKER_TRANSPORT_OPTIONS, **more})

    yield point
    reconnect(options)


def rings_within(seconds: float) -> None:
    begin = time.monotonic()
    ring()
    assert time.monotonic() - begin < seconds


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("url", ["redis://127.0.0.1:1/0", "amqp://127.0.0.1:1//", "redis+socket:///nonexistent.sock"])
def test_a_doorbell_without_a_broker_neither_raises_nor_waits(
    broker: Any, url: str, caplog: pytest.LogCaptureFixture
) -> None:
    broker(url)
    rings_within(5)
    assert "the sweep will mark" in caplog.text


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("scheme", ["redis", "amqp"])
def test_a_doorbell_at_a_broker_that_hangs_does_not_hang_the_page(broker: Any, scheme: str) -> None:
    with socket.socket() as hung:
        hung.bind(("127.0.0.1", 0))
        hung.listen(8)
        broker(f"{scheme}://127.0.0.1:{hung.getsockname()[1]}/")
        rings_within(10)


@pytest.mark.django_db(transaction=True)
def test_a_doorbell_is_heard_by_the_task_that_marks(broker: Any, valkey: str) -> None:
    broker(valkey)
    ring()
    with app.connection_for_read() as connection_, connection_.SimpleQueue(app.conf.task_default_queue) as queue:
        message = queue.get(timeout=5)
    assert message.headers["task"] == "apps.quotas.tasks.mark_touched"
    assert message.payload[:2] == [[], {}], "it carries nobody and nothing"


def test_a_ring_in_a_transaction_that_fails_is_not_heard(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    heard: list[str] = []
    monkeypatch.setattr(app, "send_task", lambda name, **options: heard.append(name))
    with transaction.atomic():
        ring()
        transaction.set_rollback(True)
    assert heard == []


# -- the tasks -----------------------------------------------------------------------------------------------------


def test_the_doorbells_task_marks_who_was_touched(campaign: Campaign, alice: Employee) -> None:
    record(alice)
    tasks.mark_touched()
    assert standing(campaign, alice).counted == 1
    record(alice)
    tasks.sweep()
    assert standing(campaign, alice).counted == 2


def test_the_nightly_recount_runs_once_a_night_and_says_what_it_found(
    campaign: Campaign, alice: Employee, caplog: pytest.LogCaptureFixture, clock: Clock
) -> None:
    tasks.nightly_recount()
    assert Setting.objects.get(name="drift:november").value == 0
    mark()
    Standing.objects.filter(employee=alice).update(counted=7)
    tasks.nightly_recount()
    assert Setting.objects.get(name="drift:november").value == 0, "once a night"
    assert Job.objects.filter(job="recount:november").count() == 1
    clock.set("2026-11-24T12:00:00+08:00", ticks=True)
    with caplog.at_level(logging.ERROR):
        tasks.nightly_recount()
    assert Setting.objects.get(name="drift:november").value == 1
    assert "A001" in caplog.text
    assert standing(campaign, alice).counted == 7, "a recount repairs nothing in silence"


# -- what time brings ----------------------------------------------------------------------------------------------


@pytest.fixture
def followed(campaign: Campaign) -> Campaign:
    """November, followed up to now."""
    follow_time()
    mark()
    assert follow_time() == 0
    return campaign


def jump(clock: Clock, at: str) -> int:
    """Hours pass; then the job runs and everybody noted is marked. Returns how many were noted."""
    clock.set(at, ticks=True)
    noted = follow_time()
    mark()
    return noted


def test_who_leaves_at_midnight_is_gone_after_it(followed: Campaign, alan: Employee, clock: Clock) -> None:
    load("staff_no,name,email,left_on\nA002,Alan,alan@corp.example.com,2026-11-23")
    mark()
    assert Standing.objects.filter(employee=alan).exists()
    assert jump(clock, "2026-11-24T00:00:00+00:00") == 0, "just before midnight he is still there"
    assert jump(clock, "2026-11-24T00:00:00.000005+00:00") == 1
    assert not Standing.objects.filter(employee=alan).exists()
    assert stored(followed) == oracle(followed)


def test_who_joins_is_judged_and_stops_counting_for_others(followed: Campaign, alice: Employee, clock: Clock) -> None:
    record_one(alice, ("email", "new@corp.example.com"))
    load("staff_no,name,email,started_on\nN001,New,new@corp.example.com,2026-11-25")
    mark()
    assert (standing(followed, alice).counted, Standing.objects.count()) == (1, 9)
    # The job was dead for a day and a half.
    assert jump(clock, "2026-11-26T12:00:00+00:00") == 1
    assert (standing(followed, alice).counted, Standing.objects.count()) == (0, 10)
    assert stored(followed) == oracle(followed)


def test_an_adjustment_begins_and_ends_by_itself(followed: Campaign, alice: Employee, clock: Clock) -> None:
    begin, end = (services.clock() + timedelta(days=days) for days in (1, 2))
    adjust(campaign=followed, employee=alice, exempt=True, reason="x", by=TESTER, starts_at=begin, ends_at=end)
    mark()
    exempt = [standing(followed, alice).exempt]
    for at in (begin + timedelta(seconds=1), end + timedelta(seconds=1)):
        assert jump(clock, at.isoformat()) == 1
        exempt.append(standing(followed, alice).exempt)
    assert exempt == [False, True, False]


def test_a_campaign_opens_by_itself_for_everybody(followed: Campaign, clock: Clock) -> None:
    second = november(name="Second", opens_on=date(2026, 11, 25))
    mark()
    assert stored(second) == []
    assert jump(clock, "2026-11-25T00:00:01+08:00") == 9
    assert stored(second) == oracle(second)
    assert len(stored(second)) == 9


def test_a_move_of_tomorrow_moves_the_tree_tomorrow(followed: Campaign, alice: Employee, clock: Clock) -> None:
    load("staff_no,name,email,manager_staff_no,effective_on\nA001,Alice 艾,alice@corp.example.com,C001,2026-11-24")
    mark()
    assert person("A001").node.manager_id == person("B001").pk
    assert jump(clock, "2026-11-24T00:00:01+00:00") == 1
    assert person("A001").node.manager_id == person("C001").pk


def test_time_that_was_followed_is_not_followed_again_nor_backwards(followed: Campaign, clock: Clock) -> None:
    Employment.objects.filter(employee=person("A002")).update(ends_at="2026-11-24T00:00:00+00:00")
    assert jump(clock, "2026-11-24T12:00:00+00:00") == 1
    assert jump(clock, "2026-11-24T12:00:01+00:00") == 0
    assert jump(clock, "2026-11-23T23:00:00+00:00") == 0
    assert jump(clock, "2026-11-24T12:00:02+00:00") == 0


def test_the_daily_job_notes_and_marks(followed: Campaign, alan: Employee, clock: Clock) -> None:
    load("staff_no,name,email,left_on\nA002,Alan,alan@corp.example.com,2026-11-23")
    clock.set("2026-11-24T00:01:00+00:00", ticks=True)
    tasks.day_change()
    assert not Standing.objects.filter(employee=alan).exists()


# -- the recount ---------------------------------------------------------------------------------------------------


def test_a_recount_finds_every_standing_that_drifted_and_nothing_else(
    campaign: Campaign, alice: Employee, alan: Employee, bob: Employee, carol: Employee
) -> None:
    for one in (alice, alan, bob):
        record(one, 2)
    mark()
    assert recount(campaign) == []
    Standing.objects.filter(employee=alice).update(counted=3)
    Standing.objects.filter(employee=alan).update(exempt=True)
    DailyCount.objects.filter(employee=bob).update(delta=1)
    Standing.objects.filter(employee=carol).delete()
    found = recount(campaign)
    assert [(one.staff_no, one.fields) for one in found if one.staff_no != "C001"] == [
        ("A001", ["counted"]),
        ("A002", ["exempt"]),
        ("B001", ["days"]),
    ]
    [gone] = [one for one in found if one.staff_no == "C001"]
    assert gone.stored is None
    assert gone.recounted["counted"] == 0


def test_a_standing_of_somebody_who_should_have_none_is_drift(campaign: Campaign, alan: Employee) -> None:
    mark()
    Employment.objects.filter(employee=alan).update(ends_at="2026-11-01T00:00:00+00:00")
    [found] = recount(campaign)
    assert (found.staff_no, found.recounted) == ("A002", None)


def test_who_has_a_note_waits_and_is_no_drift(campaign: Campaign, alice: Employee) -> None:
    record(alice)
    assert recount(campaign) == []
    OutboxRow.objects.all().delete()
    assert [one.staff_no for one in recount(campaign)] == ["A001"]


def test_a_mark_of_everybody_mends_what_drifted(campaign: Campaign, alice: Employee) -> None:
    record(alice)
    mark()
    Standing.objects.update(counted=5)
    DailyCount.objects.all().delete()
    mark_everybody(campaign)
    assert recount(campaign) == []
    assert stored(campaign) == oracle(campaign)
