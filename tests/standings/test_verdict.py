"""Red or not: the counted contacts that decide it, and which contacts count."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection

from apps.campaigns.models import Campaign
from apps.contacts.models import Contact
from apps.contacts.services.changes import end_contact
from apps.core.clock import db_now
from apps.employees.models import Employee, EmployeeIdentity
from apps.reports.employee_detail import contacts_with_reason
from apps.standings.evaluation import FEW_DOMAINS
from apps.standings.models import StandingChange
from tests.fixtures import Clock
from tests.oracle import oracle, stored
from tests.people import ROSTER, TESTER, load, mark, november, outsider, person, record, record_one, standing

CUTOFF = datetime(2026, 12, 1, tzinfo=UTC) - timedelta(hours=8)
TICK = timedelta(microseconds=1)


def reasons(campaign: Campaign | None, employee: Employee) -> list[str]:
    """The reason of each of an employee's contacts, oldest first; '' counts."""
    found = contacts_with_reason(campaign, employee, db_now())
    return list(found.order_by("recorded_at", "pk").values_list("reason", flat=True))


def verdict(campaign: Campaign, employee: Employee) -> tuple[int, int, bool]:
    """Evaluate, compare all employees with the oracle, and return counted, target and red of one employee."""
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
    assert standing(campaign, alice).target_reached_at == Contact.objects.get(pk=hundredth).recorded_at


def test_the_moment_moves_when_an_earlier_contact_ends_and_another_takes_its_place(
    campaign: Campaign, alice: Employee
) -> None:
    first = record(alice, 100).outcomes[0].contact_id
    mark()
    end_contact(contact_id=first, employee=alice, by=TESTER)
    last = record(alice).outcomes[0].contact_id
    mark()
    assert standing(campaign, alice).counted == 100
    assert standing(campaign, alice).target_reached_at == Contact.objects.get(pk=last).recorded_at
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
    [contact] = contacts_with_reason(campaign, alan, db_now())
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


@pytest.mark.parametrize("spelled", ["newperson@gmail.com", "new.person+1@googlemail.com"])
def test_a_colleague_in_another_spelling_is_nobody_from_outside(
    campaign: Campaign, alice: Employee, spelled: str
) -> None:
    load("staff_no,name,email,phone\nA002,Alan,alan@corp.example.com,\nN001,New,new.person@gmail.com,")
    record_one(alice, ("email", spelled), outsider())
    assert reasons(campaign, alice) == ["not_external"]


def test_oneself_is_nobody_from_outside(campaign: Campaign, alice: Employee) -> None:
    record_one(alice, ("email", "alice@corp.example.com"))
    assert verdict(campaign, alice)[0] == 0


@pytest.mark.parametrize("others", [0, FEW_DOMAINS])
def test_the_companys_own_domains_and_their_subdomains_are_not_outside(
    company: dict[str, Employee], settings: Any, others: int
) -> None:
    settings.COMPANY_EMAIL_DOMAINS = ["Corp.example.com", "münchen.example.com"]
    settings.COMPANY_EMAIL_DOMAINS += [f"corp{number}.example.com" for number in range(others)]
    campaign, alice = november(), person("A001")
    inside = (
        "guest@corp.example.com",
        "guest@mail.corp.example.com",
        "x@MÜNCHEN.example.com",
        "x@a.münchen.example.com",
    )
    for address in (*inside, "x@example.com", "x@xcorp.example.com"):
        record_one(alice, ("email", address))
    assert verdict(campaign, alice)[0] == 2
    assert reasons(campaign, alice) == ["not_external"] * 4 + ["", ""]


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
    Contact.objects.filter(pk=Contact.objects.first().pk).update(confirmed_at=db_now())
    with connection.cursor() as cursor:
        cursor.execute("INSERT INTO core_outbox (employee_id) VALUES (%s)", [alice.pk])
    assert verdict(campaign, alice)[0] == 1
    assert sorted(reasons(campaign, alice)) == ["", "unconfirmed"]


def test_without_a_campaign_only_an_end_is_a_reason(company: dict[str, Employee], alice: Employee) -> None:
    record_one(alice, ("email", "alan@corp.example.com"))
    assert reasons(None, alice) == [""]
