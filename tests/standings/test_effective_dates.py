"""Effective dates: people join, leave and move, adjustments begin and end, campaigns open."""

from datetime import date, timedelta
from functools import partial

import pytest
from django.db import transaction

from apps.campaigns.models import Campaign
from apps.core import clock as core_clock
from apps.core.outbox import identity_tracking_on
from apps.employees.models import Employee, Employment
from apps.operations import tasks
from apps.roster import loading
from apps.standings import effective_dates
from apps.standings.effective_dates import disable_unused_tracking, process_effective_dates
from apps.standings.models import Standing
from tests.crowd import Gate, blocked, meanwhile, until
from tests.fixtures import Clock
from tests.oracle import oracle, stored
from tests.people import adjust, load, mark, november, person, record_one, standing


@pytest.fixture
def followed(campaign: Campaign) -> Campaign:
    """November, with effective dates processed up to now."""
    process_effective_dates()
    mark()
    assert process_effective_dates() == 0
    return campaign


def jump(clock: Clock, at: str) -> int:
    """Advance the clock, run the job and evaluate the queued employees. Returns how many were queued."""
    clock.set(at, ticks=True)
    noted = process_effective_dates()
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
    # The job did not run for a day and a half.
    assert jump(clock, "2026-11-26T12:00:00+00:00") == 1
    assert (standing(followed, alice).counted, Standing.objects.count()) == (0, 10)
    assert stored(followed) == oracle(followed)


def test_an_adjustment_begins_and_ends_by_itself(followed: Campaign, alice: Employee, clock: Clock) -> None:
    begin, end = (core_clock.db_now() + timedelta(days=days) for days in (1, 2))
    adjust(campaign=followed, employee=alice, exempt=True, reason="x", starts_at=begin, ends_at=end)
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


@pytest.mark.django_db(transaction=True)
def test_a_roster_that_is_loaded_over_midnight_leaves_no_tree_of_yesterday(
    followed: Campaign, alan: Employee, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The import builds the tree of its own instant, before midnight; the job must run after it."""
    gate = Gate()
    clock.set("2026-11-23T23:59:59+00:00")
    monkeypatch.setattr(loading, "rebuild_tree", gate.after(loading.rebuild_tree))
    with meanwhile(partial(load, "staff_no,name,email,left_on\nA002,Alan,alan@corp.example.com,2026-11-23")):
        gate.wait()
        clock.set("2026-11-24T00:00:01+00:00")
        with meanwhile(process_effective_dates) as following:
            until(lambda: following.done() or blocked() == 1)
            gate.open()
    assert person("A002").node.employed is False


def test_identities_are_no_longer_noted_when_no_exclusive_campaign_is_left(
    company: dict[str, Employee], clock: Clock
) -> None:
    first, second = november(exclusive=True), november(name="Second", exclusive=True)
    november(name="Plain")
    for one, stopped in ((first, False), (second, True)):
        Campaign.objects.filter(pk=one.pk).update(state="closing")
        assert disable_unused_tracking() is False, "it is still judged"
        Campaign.objects.filter(pk=one.pk).update(snapshot_at=core_clock.db_now())
        tasks.day_change()
        assert identity_tracking_on() is not stopped
    november(name="Third", exclusive=True)
    assert identity_tracking_on()


@pytest.mark.django_db(transaction=True)
def test_an_exclusive_campaign_that_opens_while_watching_is_about_to_stop_is_watched(
    company: dict[str, Employee], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The job has found no exclusive campaign; it must check again under the lock."""
    watch = partial(effective_dates.set_identity_tracking)
    with transaction.atomic():
        watch(True)
    gate = Gate()
    monkeypatch.setattr(effective_dates, "_exclusive_left", gate.after(effective_dates._exclusive_left))
    with meanwhile(disable_unused_tracking):
        gate.wait()
        november(exclusive=True)
        gate.open()
    assert identity_tracking_on()
