"""What time alone brings: people come, leave and move, adjustments begin and end, campaigns open."""

from datetime import date, timedelta

import pytest

from apps.employees.models import Employee, Employment
from apps.quotas import services, tasks
from apps.quotas.models import Campaign, Standing
from apps.quotas.services import follow_time
from tests.fixtures import Clock
from tests.oracle import oracle, stored
from tests.people import adjust, load, mark, november, person, record_one, standing


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
