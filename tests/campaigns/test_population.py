"""Which employees a campaign evaluates, and by which target."""

from datetime import UTC, date, datetime, timedelta

import pytest
from django.db import connection

from apps.campaigns.models import Campaign
from apps.contacts.models import Contact
from apps.core.clock import db_now
from apps.core.errors import Refused
from apps.employees.models import Employee
from apps.standings.models import Standing, StandingChange
from tests.fixtures import Clock
from tests.oracle import oracle, stored
from tests.people import NOON, ROSTER, adjust, load, mark, november, record, standing

CUTOFF = datetime(2026, 11, 30, 16, tzinfo=UTC)
TICK = timedelta(microseconds=1)


def verdict(campaign: Campaign, employee: Employee) -> tuple[int, int, bool]:
    """Mark the campaign, compare every standing with the oracle, and return counted, target and red of one employee."""
    mark()
    assert stored(campaign) == oracle(campaign)
    one = standing(campaign, employee)
    return one.counted, one.target, one.red


def test_a_leaver_is_in_neither_total_nor_result(campaign: Campaign, alan: Employee) -> None:
    record(alan, 100)
    mark()
    load("".join(line for line in ROSTER.splitlines(keepends=True) if not line.startswith("A002")), complete=True)
    mark()
    assert not Standing.objects.filter(employee=alan).exists()
    assert stored(campaign) == oracle(campaign)
    load(ROSTER)
    assert verdict(campaign, alan) == (100, 100, False)


def test_somebody_without_a_manager_is_judged_like_anybody(campaign: Campaign, dana: Employee) -> None:
    record(dana, 100)
    assert verdict(campaign, dana) == (100, 100, False)


def test_only_the_departments_in_scope_are_judged(company: dict[str, Employee]) -> None:
    campaign = november(scope=["Sales"])
    mark()
    judged = Standing.objects.filter(campaign=campaign).values_list("employee__staff_no", flat=True)
    assert set(judged) == {"A001", "A002", "B001"}
    load("staff_no,name,email,department\nS001,Sam,sam@corp.example.com,Sales\nA002,Alan,alan@corp.example.com,Support")
    mark()
    assert set(judged.all()) == {"A001", "S001", "B001"}
    assert stored(campaign) == oracle(campaign)


def test_an_exempt_person_is_not_red_and_still_counted(campaign: Campaign, alice: Employee) -> None:
    adjust(campaign=campaign, employee=alice, exempt=True, reason="on leave")
    record(alice, 3)
    assert verdict(campaign, alice) == (3, 100, False)
    adjust(campaign=campaign, employee=alice, exempt=False, reason="back early")
    assert verdict(campaign, alice) == (3, 100, True)


def test_an_exemption_ends_with_its_last_instant(campaign: Campaign, alice: Employee, clock: Clock) -> None:
    until = datetime.fromisoformat(NOON) + timedelta(hours=1)
    adjust(campaign=campaign, employee=alice, exempt=True, reason="on leave", ends_at=until)
    assert verdict(campaign, alice)[2] is False
    adjust(campaign=campaign, employee=alice, target=50, reason="half time")
    clock.set(until)
    assert verdict(campaign, alice)[1:] == (50, False), "in force up to its end"
    clock.set(until + TICK)
    with connection.cursor() as cursor:
        cursor.execute("INSERT INTO core_outbox (employee_id) VALUES (%s)", [alice.pk])
    assert verdict(campaign, alice)[1:] == (50, True)


def test_of_several_adjustments_the_newest_in_force_decides(campaign: Campaign, alice: Employee) -> None:
    record(alice, 40)
    adjust(campaign=campaign, employee=alice, target=50, reason="half time")
    adjust(campaign=campaign, employee=alice, target=40, reason="joined late")
    later = db_now() + timedelta(days=2)
    adjust(campaign=campaign, employee=alice, target=90, reason="full time again", starts_at=later)
    assert verdict(campaign, alice) == (40, 40, False)


@pytest.mark.parametrize(
    ("terms", "field"),
    [
        ({"reason": "x"}, "target"),
        ({"reason": "x", "target": 5, "exempt": True}, "target"),
        ({"reason": "x", "target": 0}, "target"),
        ({"reason": "x", "target": 10**10}, "target"),
        ({"reason": " \u200b", "target": 5}, "reason"),
        ({"reason": "x", "target": 5, "starts_at": CUTOFF, "ends_at": CUTOFF}, "ends_on"),
    ],
)
def test_an_adjustment_that_says_nothing_sensible_is_refused(
    campaign: Campaign, alice: Employee, terms: dict[str, object], field: str
) -> None:
    with pytest.raises(Refused) as refused:
        adjust(campaign=campaign, employee=alice, **terms)
    assert refused.value.field == field


def test_two_campaigns_count_the_same_people_each_by_its_rule(campaign: Campaign, alice: Employee) -> None:
    sprint = november(name="Sprint", target=2, opens_on=date(2026, 11, 23), deadline=date(2026, 11, 24))
    record(alice, 2)
    assert verdict(campaign, alice) == (2, 100, True)
    assert verdict(sprint, alice) == (2, 2, False)


def test_a_campaign_of_the_future_judges_nobody_before_it_opens(company: dict[str, Employee], alice: Employee) -> None:
    later = november(name="Later", opens_on=date(2026, 12, 1), deadline=date(2026, 12, 31))
    record(alice, 2)
    mark()
    assert not Standing.objects.filter(campaign=later).exists()


def test_a_campaign_opened_after_its_deadline_counts_what_is_loaded(
    company: dict[str, Employee], alice: Employee
) -> None:
    record(alice, 2)
    past = november(name="October", opens_on=date(2026, 10, 1), deadline=date(2026, 10, 31))
    assert past.backdated
    assert verdict(past, alice) == (0, 100, True)
    Contact.objects.update(recorded_at=datetime(2026, 10, 5, tzinfo=UTC))
    with connection.cursor() as cursor:
        cursor.execute("INSERT INTO core_outbox (employee_id) VALUES (%s)", [alice.pk])
    assert verdict(past, alice) == (2, 100, True)


def test_every_flip_is_told_once_with_its_instant(campaign: Campaign, alice: Employee) -> None:
    adjust(campaign=campaign, employee=alice, target=1, reason="trial")
    mark()
    assert not StandingChange.objects.exists(), "red from the start is no flip"
    before = db_now()
    record(alice)
    mark()
    mark()
    adjust(campaign=campaign, employee=alice, target=2, reason="trial")
    mark()
    changes = list(StandingChange.objects.order_by("id"))
    assert [(one.red, one.counted, one.target, one.employee) for one in changes] == [
        (False, 1, 1, alice),
        (True, 1, 2, alice),
    ]
    assert before < changes[0].at < changes[1].at < db_now()
    assert standing(campaign, alice).status_since == changes[1].at
