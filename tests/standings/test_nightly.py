"""The nightly recount: begun once, processed in ranges; it repairs and reports all drift, and its alarm lasts."""

import logging
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from django.db import connection
from django.test import Client

from apps.campaigns.models import Campaign
from apps.core import health as checks
from apps.core.clock import db_now
from apps.core.models import AuditEntry, Job, OutboxRow, Setting
from apps.employees.models import Employee
from apps.operations import tasks
from apps.reports import employee_detail
from apps.standings import marking, process_runs
from apps.standings.effective_dates import process_effective_dates
from apps.standings.models import DailyCount, MarkRun, Standing, StandingChange
from apps.standings.process_runs import finish_run, process_range, sweep
from tests.commands import run as command
from tests.crowd import at_once
from tests.fixtures import Clock
from tests.oracle import oracle, recount, stored
from tests.people import adjust, company, mark, november, record, sign_in, standing
from tests.standings.drifting import inject


def drift() -> Any:
    return Setting.objects.get(name="drift:november").value


def night() -> None:
    """Beat requests the recount, and workers process it."""
    tasks.nightly_recount()
    sweep()


def test_a_night_is_recounted_once_however_often_and_late_it_is_asked_for(campaign: Campaign, clock: Clock) -> None:
    for _ in range(3):
        tasks.nightly_recount()
    night()
    night()
    clock.set("2026-11-23T23:59:00+08:00", ticks=True)  # a message that waited in the queue all day
    night()
    clock.set("2026-11-24T01:59:00+08:00", ticks=True)  # before 02:00 it is still the previous night
    night()
    assert (MarkRun.objects.filter(work="recount").count(), Job.objects.filter(job="recount:november").count()) == (
        1,
        1,
    )
    clock.set("2026-11-26T12:00:00+08:00", ticks=True)  # beat did not run for two nights
    night()
    recounts = Job.objects.filter(job="recount:november").order_by("id")
    assert list(recounts.values_list("period", flat=True)) == ["2026-11-23", "2026-11-26"]
    assert MarkRun.objects.filter(work="recount", finished_at=None).count() == 0
    assert drift() == 0


@pytest.mark.django_db(transaction=True)
def test_two_beats_at_once_begin_one_recount(campaign: Campaign) -> None:
    results = at_once(*[tasks.nightly_recount] * 6)
    assert [result for result in results if result is not None] == []
    assert MarkRun.objects.filter(work="recount").count() == 1
    sweep()
    assert MarkRun.objects.get(work="recount").totals == {"people": 9, "waiting": 0, "differences": 0}


def test_who_dies_in_a_recount_leaves_the_rest_of_the_night_to_others(
    campaign: Campaign, alice: Employee, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(marking, "BATCH_SIZE", 4)
    Standing.objects.filter(employee=alice).update(counted=7)
    tasks.nightly_recount()
    run = MarkRun.objects.get(work="recount")
    first, *others = run.ranges.order_by("pk").values_list("pk", flat=True)

    def dies(run: MarkRun) -> bool:
        raise ConnectionError("the worker is gone")

    with monkeypatch.context() as patch:
        patch.setattr(process_runs, "finish_if_done", dies)
        with pytest.raises(ConnectionError):
            process_range(first)
    assert standing(campaign, alice).counted == 7
    assert not AuditEntry.objects.filter(action="standing.repaired").exists()
    tasks.nightly_recount()  # a second request begins no new run
    for range_id in others:
        process_range(range_id)
    assert not Setting.objects.filter(name="drift:november").exists(), "no result before the last range"
    finish_run(run)
    assert (drift(), run.totals["people"], run.totals["differences"]) == (1, 9, 1)
    assert standing(campaign, alice).counted == 0
    assert AuditEntry.objects.filter(action="standing.repaired").count() == 1


# -- what drifted ----------------------------------------------------------------------------------------------------


@pytest.fixture
def fifty(noon: Clock) -> Campaign:
    """November for sixty people, with a target of 2: some are red, some not; fifty of them have drifted by one."""
    people = list(company((f"N{n:03}", "") for n in range(60)).values())
    opened = november(target=2)
    for place, one in enumerate(people):
        record(one, place % 4 or 1)
    process_effective_dates()
    mark()
    assert stored(opened) == oracle(opened)
    for place, one in enumerate(people[:50]):
        inject(opened, one, 1 if place % 2 else -1)
    return opened


def health(client: Client) -> tuple[str, str]:
    checks._checks.cache_clear()
    answer = client.get("/health/ready").json()
    return answer["status"], answer["checks"]["drift"]


def test_fifty_that_drifted_by_one_are_found_told_and_put_right(
    fifty: Campaign, caplog: pytest.LogCaptureFixture, client: Client, clock: Clock
) -> None:
    wrong = {no for (no, *was), (_no, *must) in zip(stored(fifty), oracle(fifty), strict=True) if was != must}
    assert len(wrong) == 50
    with caplog.at_level(logging.ERROR):
        night()
    assert drift() == 50
    assert "drift in november: 50 standings differed in " in caplog.text
    assert not any(no in caplog.text for no in wrong), "the trail names them, the log names no person"
    assert health(client)[1] == "found"
    assert health(client)[0] == "degraded", "what was put right by night is still an alarm in the morning"
    assert stored(fifty) == oracle(fifty)
    assert recount(fifty) == []
    repaired = AuditEntry.objects.filter(action="standing.repaired")
    assert set(repaired.values_list("subject_id", flat=True)) == wrong
    assert {entry.actor_label for entry in repaired} == {"system"}
    told = repaired.first()
    assert told is not None
    assert abs(told.detail["stored"]["counted"] - told.detail["recounted"]["counted"]) == 1
    clock.set("2026-11-24T12:00:00+08:00", ticks=True)
    night()
    assert (drift(), health(client)[1]) == (0, "ok")


def test_a_recount_by_command_finds_fifty_repairs_them_and_ends_the_alarm(fifty: Campaign, client: Client) -> None:
    before = stored(fifty)
    with pytest.raises(SystemExit):
        command("recount")
    assert (stored(fifty), health(client)[1]) == (before, "found"), "without --repair nothing is changed"
    told = command("recount", "--repair")
    assert (told["differences"], told["repaired"], told["compared"]) == (50, 50, 60)
    assert stored(fifty) == oracle(fifty)
    assert health(client)[1] == "ok"
    assert command("recount")["differences"] == 0
    assert AuditEntry.objects.filter(action="standing.repaired").exclude(actor_label="system").count() == 50


def test_days_missing_standings_and_surplus_ones_are_put_right_too(
    campaign: Campaign, alice: Employee, alan: Employee, bob: Employee, carol: Employee
) -> None:
    for one in (alice, alan):
        record(one, 2)
    mark()
    DailyCount.objects.filter(employee=alice).update(count=1)
    DailyCount.objects.create(campaign=campaign, employee=bob, day="2026-11-05", count=3)
    Standing.objects.filter(employee=carol).delete()
    with connection.cursor() as cursor:
        cursor.execute("UPDATE employees_employment SET ends_at = %s WHERE employee_id = %s", ["2026-11-01", alan.pk])
    assert [one.staff_no for one in recount(campaign)] == ["A001", "A002", "B001", "C001"]
    night()
    assert drift() == 4
    assert recount(campaign) == []
    assert stored(campaign) == oracle(campaign)
    assert not Standing.objects.filter(employee=alan).exists()


# -- what people see of it -------------------------------------------------------------------------------------------


def test_a_repair_is_told_as_one_and_gives_back_since_when(
    campaign: Campaign, alice: Employee, bob: Employee, client: Client
) -> None:
    adjust(campaign=campaign, employee=alice, target=1)
    process_effective_dates()
    record(alice)
    mark()
    turned = StandingChange.objects.get(employee=alice)
    assert (turned.red, turned.cause, standing(campaign, alice).status_since) == (False, "mark", turned.at)
    inject(campaign, alice, -1)
    assert standing(campaign, alice).red
    night()
    repaired = StandingChange.objects.exclude(pk=turned.pk).get()
    assert (repaired.red, repaired.cause) == (False, "repair")
    assert standing(campaign, alice).status_since == turned.at, "nothing had happened to her since"
    assert list(employee_detail.status_changes(campaign, alice)) == [repaired, turned]
    page = sign_in(client, bob).get("/team/A001/").content.decode()
    assert page.count("Reached target") == 1
    assert "Repaired: not red" in page


def test_a_verdict_that_no_mark_had_reached_dates_from_its_repair(campaign: Campaign, alice: Employee) -> None:
    adjust(campaign=campaign, employee=alice, target=1)
    process_effective_dates()
    mark()
    record(alice)
    OutboxRow.objects.all().delete()
    began = db_now()
    night()
    assert (standing(campaign, alice).red, drift()) == (False, 1)
    assert standing(campaign, alice).status_since > began


# -- what is no drift ------------------------------------------------------------------------------------------------


def test_what_only_time_has_changed_is_noted_and_no_drift(campaign: Campaign, alice: Employee, clock: Clock) -> None:
    ends = clock.now() + timedelta(hours=1)
    adjust(campaign=campaign, employee=alice, exempt=True, ends_at=ends)
    mark()
    clock.set(ends + timedelta(seconds=1), ticks=True)
    assert recount(campaign) == [], "nobody has followed the time yet"
    night()
    assert drift() == 0
    mark()
    assert stored(campaign) == oracle(campaign)


def test_who_waits_for_a_mark_is_counted_apart(campaign: Campaign, alice: Employee) -> None:
    record(alice)
    told = command("recount")
    assert (told["differences"], told["compared"], told["waiting"]) == (0, 8, 1)


@pytest.mark.django_db(transaction=True)
def test_a_mark_that_comes_first_is_never_repaired_away(
    campaign: Campaign, alice: Employee, monkeypatch: pytest.MonkeyPatch
) -> None:
    """She is evaluated between the comparison and the lock: the recount repairs only what differs under the lock."""
    record(alice)
    OutboxRow.objects.all().delete()
    real: Callable[..., Any] = process_runs.find_differences

    def look_and_be_overtaken(*args: Any) -> Any:
        found = real(*args)
        record(alice)
        while marking.mark_outbox():
            pass
        return found

    monkeypatch.setattr(process_runs, "find_differences", look_and_be_overtaken)
    tasks.nightly_recount()
    [range_id] = MarkRun.objects.get(work="recount").ranges.values_list("pk", flat=True)
    assert at_once(partial(process_range, range_id)) == [True]
    assert drift() == 0
    assert standing(campaign, alice).counted == 2
    assert not AuditEntry.objects.filter(action="standing.repaired").exists()
