"""6.2: the roster makes a contact a colleague, or corrects such a mistake. The next sweep evaluates all employees who
have the person, and the test compares them with the oracle each time.

Decision 5: a person who was an employee at any moment between the opening and now is not external.
"""

import os
import random
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import connection

from apps.campaigns.models import Campaign
from apps.employees.models import Employee
from apps.reports.employee_detail import contacts_with_reason
from apps.roster import load_writing
from apps.standings.effective_dates import process_effective_dates
from apps.standings.models import Standing
from apps.standings.process_runs import sweep
from tests.fixtures import Clock
from tests.oracle import oracle, recount, stored
from tests.people import NOON, ROSTER, load, mark, november, person, record_one, standing

pytestmark = pytest.mark.django_db
ROUNDS = int(os.environ.get("FAULT_ROUNDS", "3"))
# load_roster queues the identities it adds, but not those of an employee whose period it corrects.
SEED = int(os.environ.get("FAULT_SEED", "0")) or random.SystemRandom().randrange(10**6)
HEADER = "staff_no,name,email,phone,manager_staff_no,started_on,left_on\n"
MAIL, PHONE = "newcomer@outside.example.org", "13812345678"
NEW = "N001,Nia,{email},{phone},B001,{started},{left}\n"


def newcomer(email: str = "nia@corp.example.com", phone: str = "", started: str = "", left: str = "") -> None:
    """HR imports a line about N001, and the sweep runs."""
    result = load(HEADER + NEW.format(email=email, phone=phone, started=started, left=left))
    assert result.rejects == []
    sweep()


def only_run(statement: str, parameters: Any = None) -> None:
    """The mutant: the change is written without outbox rows, so no employee is queued."""
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)


@pytest.fixture
def one(company: dict[str, Employee]) -> Campaign:
    """A campaign with a target of one contact."""
    opened = november(target=1)
    mark()
    return opened


@pytest.fixture
def holders(one: Campaign, alice: Employee, alan: Employee, stranger: Employee) -> list[Employee]:
    """Three employees who recorded the same person and no other: none of them is red."""
    people = [alice, alan, stranger]
    for holder in people:
        record_one(holder, ("email", MAIL), ("phone", PHONE))
    sweep()
    assert reds(one, people) == [False] * 3
    return people


def reds(campaign: Campaign, people: list[Employee]) -> list[bool]:
    assert stored(campaign) == oracle(campaign)
    assert recount(campaign) == []
    return [standing(campaign, holder).red for holder in people]


def reasons(campaign: Campaign, holders: list[Employee], clock: Clock) -> set[str]:
    """The reasons of these employees' contacts."""
    found = [contacts_with_reason(campaign, holder, clock.now()) for holder in holders]
    return {reason for contacts in found for reason in contacts.values_list("reason", flat=True)}


@pytest.mark.parametrize("line", [{"email": MAIL}, {"phone": PHONE}, {"phone": "+86 138-1234-5678"}])
def test_a_contact_who_joins_the_company_counts_for_nobody_any_more(
    one: Campaign, holders: list[Employee], clock: Clock, line: dict[str, str]
) -> None:
    """Otherwise an employee stays green with a colleague, an advantage over all others."""
    newcomer(**line)
    assert reds(one, holders) == [True] * 3
    assert reasons(one, holders, clock) == {"not_external"}


def test_mutant_when_the_roster_notes_nobody_the_holders_stay_green(
    one: Campaign, holders: list[Employee], monkeypatch: pytest.MonkeyPatch
) -> None:
    process_effective_dates()
    sweep()
    monkeypatch.setattr(load_writing, "queue_identity_reevaluation_from_query", only_run)
    newcomer(email=MAIL)
    assert stored(one) != oracle(one)
    assert not standing(one, holders[0]).red
    assert {difference.staff_no for difference in recount(one)} >= {"A001", "A002", "S001"}


def test_who_gets_the_address_of_a_contact_makes_it_a_colleague_too(one: Campaign, holders: list[Employee]) -> None:
    """Not only newcomers: also an existing employee whose address changes."""
    load(f"staff_no,name,email\nH001,Hedda,{MAIL}")
    sweep()
    assert reds(one, holders) == [True] * 3


def test_an_address_that_was_an_employees_stays_one_when_the_roster_moves_it_away(
    one: Campaign, holders: list[Employee]
) -> None:
    """Employees' identities end and are never deleted: they belonged to them while they were employed."""
    newcomer(email=MAIL)
    newcomer(email="nia@corp.example.com")
    assert reds(one, holders) == [True] * 3
    newcomer(phone=PHONE)
    newcomer(phone="")
    assert reds(one, holders) == [True] * 3


def test_a_correction_of_the_period_to_before_the_opening_brings_the_contacts_back(
    one: Campaign, holders: list[Employee], clock: Clock
) -> None:
    """The person left before the opening and so was external all the time. A wrong red ends at once."""
    newcomer(email=MAIL, started="2020-01-01")
    assert reds(one, holders) == [True] * 3
    newcomer(email=MAIL, started="2020-01-01", left="2026-10-30")
    assert reds(one, holders) == [False] * 3
    assert reasons(one, holders, clock) == {""}


def test_who_left_during_the_campaign_was_a_colleague_in_it(one: Campaign, holders: list[Employee]) -> None:
    newcomer(email=MAIL, started="2020-01-01")
    newcomer(email=MAIL, started="2020-01-01", left="2026-11-01")
    assert reds(one, holders) == [True] * 3
    newcomer(email=MAIL, started="2020-01-01", left="2026-11-20")
    assert reds(one, holders) == [True] * 3


def test_who_starts_later_is_an_outsider_until_that_day(one: Campaign, holders: list[Employee], clock: Clock) -> None:
    """A signed contract is no employment; the day is midnight in the company's zone, here UTC."""
    newcomer(email=MAIL, started="2026-11-26")
    assert reds(one, holders) == [False] * 3
    clock.set("2026-11-25T23:59:59+00:00", ticks=True)
    process_effective_dates()
    sweep()
    assert reds(one, holders) == [False] * 3
    clock.set("2026-11-26T00:00:01+00:00", ticks=True)
    process_effective_dates()
    sweep()
    assert reds(one, holders) == [True] * 3


def test_a_start_that_is_put_off_brings_the_contacts_back(one: Campaign, holders: list[Employee]) -> None:
    newcomer(email=MAIL, started="2026-11-20")
    assert reds(one, holders) == [True] * 3
    newcomer(email=MAIL, started="2026-11-28")
    assert reds(one, holders) == [False] * 3


def test_a_complete_roster_without_the_newcomer_takes_nothing_back(one: Campaign, holders: list[Employee]) -> None:
    """A person imported by mistake and left out the next day was an employee at that moment, until HR corrects it."""
    newcomer(email=MAIL)
    load(ROSTER, complete=True)
    sweep()
    assert reds(one, holders) == [True] * 3


def test_a_rehire_makes_the_contacts_of_a_former_colleague_a_colleagues_again(
    one: Campaign, holders: list[Employee]
) -> None:
    newcomer(email=MAIL, started="2020-01-01", left="2026-10-30")
    assert reds(one, holders) == [False] * 3
    newcomer(email=MAIL)
    assert reds(one, holders) == [True] * 3


def test_one_who_held_the_person_and_ended_it_is_not_touched_by_the_roster(
    one: Campaign, holders: list[Employee], clock: Clock
) -> None:
    other = record_one(holders[0], ("email", "other@outside.example.org"))
    assert other.created
    newcomer(email=MAIL)
    assert reds(one, holders) == [False, True, True]


def test_an_exclusive_campaign_gives_the_person_to_nobody(
    company: dict[str, Employee], alice: Employee, alan: Employee
) -> None:
    opened = november(target=1, exclusive=True)
    for holder in (alice, alan):
        record_one(holder, ("email", MAIL))
    sweep()
    assert reds(opened, [alice, alan]) == [False, True]
    newcomer(email=MAIL, started="2020-01-01")
    assert reds(opened, [alice, alan]) == [True, True]
    newcomer(email=MAIL, started="2020-01-01", left="2026-10-30")
    assert reds(opened, [alice, alan]) == [False, True]


# -- any rosters at all ----------------------------------------------------------------------------------------------


def random_lines(dice: random.Random, mails: list[str], phones: list[str]) -> str:
    """Lines about some newcomers, who have the addresses and phones of contacts, and any periods."""
    free, lines = dice.sample(mails, len(mails)), []
    for number in dice.sample(range(1, 6), dice.randint(1, 4)):
        mail = free.pop() if dice.random() < 0.5 else f"n{number}@corp.example.com"
        phone = dice.choice(["", "", dice.choice(phones)])
        started = dice.choice(["", "2020-01-01", "2026-10-15", "2026-11-10", "2026-11-25"])
        left = dice.choice(["", "", "2026-10-31", "2026-11-12", "2026-11-24"])
        lines.append(f"N{number:03d},Nia {number},{mail},{phone},B001,{started},{left}")
    return HEADER + "\n".join(lines) + "\n"


def test_whatever_rosters_are_loaded_every_standing_is_the_oracles_after_the_next_sweep(
    company: dict[str, Employee], clock: Clock
) -> None:
    campaigns = [november(target=3), november(name="Exclusive", target=2, exclusive=True)]
    loads = flips = 0
    # Never at midnight: a fact that begins exactly at the end of a window is found in the next minute's window.
    now = datetime.fromisoformat(NOON) + timedelta(minutes=7)
    for round_ in range(ROUNDS):
        print(f"seed {SEED + round_}")
        dice = random.Random(SEED + round_)
        mails = [f"m{round_}-{n}@outside.example.org" for n in range(6)]
        phones = [f"139{round_:04d}{n:04d}" for n in range(6)]
        for staff_no in ("A001", "A002", "S001", "C001"):
            for mail, phone in zip(dice.sample(mails, 4), dice.sample(phones, 4), strict=True):
                record_one(person(staff_no), *dice.choice([[("email", mail)], [("phone", phone)]]))
        sweep()
        for _load in range(12):
            before = list(Standing.objects.order_by("pk").values_list("counted", flat=True))
            text = random_lines(dice, mails, phones)
            load(text)
            loads += 1
            if dice.random() < 0.3:
                now += timedelta(hours=dice.choice([1, 13, 30]))
                clock.set(now, ticks=True)
                process_effective_dates()
            sweep()
            for campaign in campaigns:
                assert stored(campaign) == oracle(campaign), f"seed {SEED + round_}, after {text}"
            flips += before != list(Standing.objects.order_by("pk").values_list("counted", flat=True))
    print(f"{loads} loads, {flips} of them changed somebody's number")
    assert flips > loads // 12
