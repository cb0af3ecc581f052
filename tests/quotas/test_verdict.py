"""Red or not, the number everything hangs on: who is red when, and who is not there at all."""

from datetime import UTC, date, datetime, timedelta

import pytest
from django.db import connection

from apps.contacts.models import Contact
from apps.contacts.services import end_contact
from apps.employees.models import Employee, EmployeeIdentity
from apps.quotas.models import Campaign, Standing, StandingChange
from apps.quotas.reports import contacts_with_reason
from apps.quotas.services import CampaignRefused, adjust, clock
from tests.fixtures import Clock
from tests.oracle import oracle, stored
from tests.people import NOON, ROSTER, TESTER, load, mark, november, outsider, person, record, record_one, standing

CUTOFF = datetime(2026, 12, 1, tzinfo=UTC) - timedelta(hours=8)
TICK = timedelta(microseconds=1)


def reasons(campaign: Campaign | None, employee: Employee) -> list[str]:
    """The reason of each of an employee's contacts, oldest first; '' counts."""
    found = contacts_with_reason(campaign, employee, clock())
    return list(found.order_by("recorded_at", "pk").values_list("reason", flat=True))


def verdict(campaign: Campaign, employee: Employee) -> tuple[int, int, bool]:
    """Mark, compare everybody with the oracle, and return counted, target and red of one."""
    mark()
    assert stored(campaign) == oracle(campaign)
    one = standing(campaign, employee)
    return one.counted, one.target, one.red


@pytest.mark.parametrize(("contacts", "red"), [(99, True), (100, False), (101, False)])
def test_ninety_nine_is_red_and_a_hundred_is_not(campaign: Campaign, alice: Employee, contacts: int, red: bool) -> None:
    record(alice, contacts)
    assert verdict(campaign, alice) == (contacts, 100, red)
    assert standing(campaign, alice).remaining == max(100 - contacts, 0)


def test_the_moment_of_the_hundredth_is_kept(campaign: Campaign, alice: Employee) -> None:
    record(alice, 99)
    hundredth = record(alice).outcomes[0].contact_id
    record(alice, 3)
    mark()
    assert standing(campaign, alice).reached_at == Contact.objects.get(pk=hundredth).recorded_at


def test_the_moment_moves_when_an_earlier_contact_ends_and_another_takes_its_place(
    campaign: Campaign, alice: Employee
) -> None:
    first = record(alice, 100).outcomes[0].contact_id
    mark()
    end_contact(contact_id=first, employee=alice, by=TESTER)
    last = record(alice).outcomes[0].contact_id
    mark()
    assert standing(campaign, alice).counted == 100
    assert standing(campaign, alice).reached_at == Contact.objects.get(pk=last).recorded_at
    assert not StandingChange.objects.filter(red=True).exists()


@pytest.mark.parametrize(
    ("at", "reason"),
    [
        ("2026-10-31T23:59:59.999999+08:00", "outside_period"),
        ("2026-11-01T00:00:00+08:00", ""),
        ("2026-11-30T23:59:59.999999+08:00", ""),
        ("2026-12-01T00:00:00+08:00", "outside_period"),
    ],
)
def test_november_in_shanghai_ends_to_the_microsecond(
    company: dict[str, Employee], clock: Clock, at: str, reason: str
) -> None:
    clock.set("2026-10-15T00:00:00+08:00", ticks=True)
    campaign, alice = november(target=1), person("A001")
    clock.set(at)
    record(alice)
    clock.set("2026-12-01T00:00:01+08:00", ticks=True)
    assert verdict(campaign, alice) == (0 if reason else 1, 1, bool(reason))
    assert reasons(campaign, alice) == [reason]


def test_what_comes_too_late_for_the_deadline_moves_nothing(
    campaign: Campaign, alice: Employee, alan: Employee, clock: Clock
) -> None:
    record(alice, 100)
    [old] = record(alan).outcomes
    mark()
    clock.set(CUTOFF, ticks=True)
    record(alice, 5)
    Contact.objects.filter(pk=old.contact_id).update(ended_at=CUTOFF + TICK, end_reason="removed")
    load(ROSTER.replace("alan@corp", "alan.new@corp"))
    assert verdict(campaign, alice)[:2] == (100, 100)
    assert verdict(campaign, alan)[0] == 1


# -- who counts for whom -------------------------------------------------------------------------------------------


def test_two_colleagues_who_know_one_outsider_both_count(campaign: Campaign, alice: Employee, alan: Employee) -> None:
    them = outsider()
    record_one(alice, them)
    record_one(alan, them)
    assert verdict(campaign, alice)[0] == verdict(campaign, alan)[0] == 1


def test_in_an_exclusive_campaign_the_first_counts_and_the_other_is_not_told_who(
    company: dict[str, Employee], alice: Employee, alan: Employee
) -> None:
    campaign, them = november(exclusive=True), outsider()
    record_one(alice, them, name="Wanda")
    record_one(alan, them)
    assert verdict(campaign, alice)[0] == 1
    assert verdict(campaign, alan)[0] == 0
    [contact] = contacts_with_reason(campaign, alan, clock())
    assert contact.reason == "claimed"
    told = " ".join(str(value) for value in vars(contact).values())
    assert "Wanda" not in told
    assert "alice" not in told.lower()
    assert alice.pk not in vars(contact).values()


@pytest.mark.parametrize("kind", ["phone", "email"])
def test_a_colleague_is_nobody_from_outside(campaign: Campaign, alice: Employee, kind: str) -> None:
    load("staff_no,name,email,phone\nA002,Alan,alan@corp.example.com,13812345678")
    raw = {"phone": "+86 138-1234-5678", "email": "ALAN@corp.example.com"}[kind]
    record_one(alice, (kind, raw), outsider())
    assert verdict(campaign, alice)[0] == 0
    assert reasons(campaign, alice) == ["not_external"]


def test_oneself_is_nobody_from_outside(campaign: Campaign, alice: Employee) -> None:
    record_one(alice, ("email", "alice@corp.example.com"))
    assert verdict(campaign, alice)[0] == 0


def test_the_companys_own_domains_are_not_outside(company: dict[str, Employee], settings: object) -> None:
    settings.COMPANY_EMAIL_DOMAINS = ["Corp.example.com", "münchen.example.com"]
    campaign, alice = november(), person("A001")
    for address in ("guest@corp.example.com", "guest@mail.corp.example.com", "x@MÜNCHEN.example.com", "x@example.com"):
        record_one(alice, ("email", address))
    assert verdict(campaign, alice)[0] == 2
    assert reasons(campaign, alice) == ["not_external", "", "not_external", ""]


def test_who_joins_the_company_stops_counting_and_who_left_before_the_opening_still_counts(
    campaign: Campaign, alice: Employee
) -> None:
    record_one(alice, ("email", "soon@corp.example.com"))
    record_one(alice, ("email", "former@corp.example.com"))
    assert verdict(campaign, alice)[0] == 2
    header = "staff_no,name,email,started_on,left_on\n"
    load(
        header
        + "N001,Soon,soon@corp.example.com,2026-11-24,\nN002,Former,former@corp.example.com,2020-01-01,2026-10-30"
    )
    assert verdict(campaign, alice)[0] == 2, "Soon comes tomorrow only"


def test_somebody_who_left_during_the_campaign_was_a_colleague(campaign: Campaign, alice: Employee) -> None:
    load("staff_no,name,email,started_on,left_on\nN002,Former,former@corp.example.com,2020-01-01,2026-11-01")
    record_one(alice, ("email", "former@corp.example.com"))
    assert verdict(campaign, alice)[0] == 0


def test_an_address_a_colleague_gave_up_is_still_a_colleagues(campaign: Campaign, alice: Employee) -> None:
    load("staff_no,name,email\nA002,Alan,alan.new@corp.example.com")
    assert EmployeeIdentity.objects.filter(employee__staff_no="A002", live=False).count() == 1
    record_one(alice, ("email", "alan@corp.example.com"))
    assert verdict(campaign, alice)[0] == 0


def test_in_a_campaign_of_confirmed_contacts_only_those_count(company: dict[str, Employee], alice: Employee) -> None:
    campaign = november(confirmed_only=True)
    record(alice, 2)
    assert verdict(campaign, alice)[0] == 0
    Contact.objects.filter(pk=Contact.objects.first().pk).update(confirmed_at=clock())
    with connection.cursor() as cursor:
        cursor.execute("INSERT INTO ledger_outbox (employee_id) VALUES (%s)", [alice.pk])
    assert verdict(campaign, alice)[0] == 1
    assert sorted(reasons(campaign, alice)) == ["", "unconfirmed"]


def test_without_a_campaign_only_an_end_is_a_reason(company: dict[str, Employee], alice: Employee) -> None:
    record_one(alice, ("email", "alan@corp.example.com"))
    assert reasons(None, alice) == [""]


# -- who is judged -------------------------------------------------------------------------------------------------


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
    adjust(campaign=campaign, employee=alice, exempt=True, reason="on leave", by=TESTER)
    record(alice, 3)
    assert verdict(campaign, alice) == (3, 100, False)
    adjust(campaign=campaign, employee=alice, exempt=False, reason="back early", by=TESTER)
    assert verdict(campaign, alice) == (3, 100, True)


def test_an_exemption_ends_with_its_last_instant(campaign: Campaign, alice: Employee, clock: Clock) -> None:
    until = datetime.fromisoformat(NOON) + timedelta(hours=1)
    adjust(campaign=campaign, employee=alice, exempt=True, reason="on leave", by=TESTER, ends_at=until)
    assert verdict(campaign, alice)[2] is False
    adjust(campaign=campaign, employee=alice, target=50, reason="half time", by=TESTER)
    clock.set(until)
    assert verdict(campaign, alice)[1:] == (50, False), "in force up to its end"
    clock.set(until + TICK)
    with connection.cursor() as cursor:
        cursor.execute("INSERT INTO ledger_outbox (employee_id) VALUES (%s)", [alice.pk])
    assert verdict(campaign, alice)[1:] == (50, True)


def test_of_several_adjustments_the_newest_in_force_decides(campaign: Campaign, alice: Employee) -> None:
    record(alice, 40)
    adjust(campaign=campaign, employee=alice, target=50, reason="half time", by=TESTER)
    adjust(campaign=campaign, employee=alice, target=40, reason="joined late", by=TESTER)
    later = clock() + timedelta(days=2)
    adjust(campaign=campaign, employee=alice, target=90, reason="full time again", by=TESTER, starts_at=later)
    assert verdict(campaign, alice) == (40, 40, False)


@pytest.mark.parametrize(
    ("terms", "field"),
    [
        ({"reason": "x"}, "target"),
        ({"reason": "x", "target": 5, "exempt": True}, "target"),
        ({"reason": "x", "target": 0}, "target"),
        ({"reason": "x", "target": 10**10}, "target"),
        ({"reason": " \u200b", "target": 5}, "reason"),
        ({"reason": "x", "target": 5, "starts_at": CUTOFF, "ends_at": CUTOFF}, "ends_at"),
    ],
)
def test_an_adjustment_that_says_nothing_sensible_is_refused(
    campaign: Campaign, alice: Employee, terms: dict[str, object], field: str
) -> None:
    with pytest.raises(CampaignRefused) as refused:
        adjust(campaign=campaign, employee=alice, by=TESTER, **terms)
    assert refused.value.field == field


# -- campaigns -----------------------------------------------------------------------------------------------------


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
        cursor.execute("INSERT INTO ledger_outbox (employee_id) VALUES (%s)", [alice.pk])
    assert verdict(past, alice) == (2, 100, True)


def test_every_flip_is_told_once_with_its_instant(campaign: Campaign, alice: Employee) -> None:
    adjust(campaign=campaign, employee=alice, target=1, reason="trial", by=TESTER)
    mark()
    assert not StandingChange.objects.exists(), "red from the start is no flip"
    before = clock()
    record(alice)
    mark()
    mark()
    adjust(campaign=campaign, employee=alice, target=2, reason="trial", by=TESTER)
    mark()
    changes = list(StandingChange.objects.order_by("id"))
    assert [(one.red, one.counted, one.target, one.employee) for one in changes] == [
        (False, 1, 1, alice),
        (True, 1, 2, alice),
    ]
    assert before < changes[0].at < changes[1].at < clock()
    assert standing(campaign, alice).since == changes[1].at
