"""The sentences of `/`: changes since yesterday, the next step, what could still change, what counts.

A wrong sentence makes an employee bring too few contacts or worry without reason, so each is checked against the facts.
"""

from datetime import date

import pytest

from apps.campaigns.models import Campaign
from apps.contacts.models import Contact
from apps.contacts.services import changes as contacts
from apps.core.clock import db_now
from apps.employees.models import Employee
from apps.reports.own_page import own_contacts
from apps.results.freeze import freeze
from apps.standings.models import StandingChange
from tests import people
from tests.dashboard.conftest import SignIn
from tests.dashboard.strict import words
from tests.fixtures import Clock
from tests.oracle import oracle

pytestmark = pytest.mark.django_db

YESTERDAY, TODAY = "2026-11-22T09:00:00+08:00", "2026-11-23T09:00:00+08:00"
MIDNIGHT = "2026-11-23T00:00:00+08:00"
AFTER = "2026-12-01T00:05:00+08:00"


def end(employee: Employee, how_many: int) -> None:
    for one in Contact.objects.of(employee).filter(ended_at=None).order_by("pk")[:how_many]:
        contacts.end_contact(contact_id=one.pk, employee=employee, by=people.TESTER)


def counted(campaign: Campaign, employee: Employee, at: object = None) -> int:
    return next(line[1] for line in oracle(campaign, at) if line[0] == employee.staff_no)  # type: ignore[arg-type]


def test_what_changed_since_yesterday_adds_up_to_what_the_oracle_says(
    as_: SignIn, alice: Employee, campaign: Campaign, clock: Clock
) -> None:
    clock.set(YESTERDAY, ticks=True)
    people.record(alice, 10)
    clock.set(MIDNIGHT)
    midnight = db_now()
    before = counted(campaign, alice, midnight)
    clock.set(TODAY, ticks=True)
    end(alice, 2)
    people.record(alice, 5)
    people.record_one(alice, ("email", "bob@corp.example.com"))
    people.mark()
    moved = own_contacts(campaign, alice, db_now(), before=midnight, latest=0, each=0).changes
    net = sum(m.contacts for m in moved if m.now == "") - sum(m.contacts for m in moved if m.before == "")
    assert net == counted(campaign, alice) - before == 3
    said = words(as_(alice).get("/"))
    expected = "+3 since yesterday: 5 added, 2 no longer count because they ended, 1 added that does not count"
    assert expected in said


def test_a_contact_who_joins_the_company_is_listed_as_such(
    as_: SignIn, alice: Employee, campaign: Campaign, clock: Clock
) -> None:
    clock.set(YESTERDAY, ticks=True)
    people.record_one(alice, ("email", "newcomer@elsewhere.example.org"))
    clock.set(TODAY, ticks=True)
    people.load("staff_no,name,email,started_on\nN001,New,newcomer@elsewhere.example.org,2026-11-23\n")
    people.mark()
    assert "−1 since yesterday: 1 no longer counts because it is a colleague" in words(as_(alice).get("/"))


def test_confirmations_and_earlier_entries_that_ended_are_shown_as_gains(
    as_: SignIn, alice: Employee, alan: Employee, noon: Clock
) -> None:
    clock = noon
    people.november(exclusive=True, confirmed_only=True)
    clock.set(YESTERDAY, ticks=True)
    shared = ("email", "shared@outside.example.org")
    people.record_one(alan, shared)
    people.record_one(alice, shared)
    people.record(alice, 1)
    Contact.objects.of(alice).filter(identities__value="shared@outside.example.org").update(confirmed_at=db_now())
    clock.set(TODAY, ticks=True)
    end(alan, 1)
    Contact.objects.of(alice).filter(confirmed_at=None).update(confirmed_at=db_now())
    people.mark()
    expected = "+2 since yesterday: 1 confirmed, 1 counts because a colleague's earlier entry ended"
    assert expected in words(as_(alice).get("/"))


def test_a_quiet_day_says_so(as_: SignIn, alice: Employee, campaign: Campaign, clock: Clock) -> None:
    clock.set(YESTERDAY, ticks=True)
    people.record(alice, 3)
    clock.set(TODAY, ticks=True)
    people.mark()
    assert "No change since yesterday" in words(as_(alice).get("/"))


def test_the_last_day_is_called_that(as_: SignIn, alice: Employee, campaign: Campaign, clock: Clock) -> None:
    people.record(alice, 97)
    clock.set("2026-11-30T23:00:00+08:00", ticks=True)
    people.mark()
    said = words(as_(alice).get("/"))
    assert "Ends today at 23:59 (Shanghai)" in said
    assert "3 more needed today" in said
    assert "Red: 3 to go" in said
    assert "On pace" not in said, "97 of 100 is on pace by the line, and red"


def test_the_hundredth_is_a_moment_and_the_next_one_is_spare(as_: SignIn, alice: Employee, campaign: Campaign) -> None:
    people.record(alice, 100)
    people.mark()
    said = words(as_(alice).get("/"))
    assert "That was contact number 100 you have reached the target" in said
    assert "a contact that ends or joins the company stops counting" in said
    people.record(alice, 2)
    people.mark()
    assert "Done 2 more than needed" in words(as_(alice).get("/"))


def test_an_exempt_employee_reads_the_reason_and_gets_no_pressure(
    as_: SignIn, alice: Employee, campaign: Campaign
) -> None:
    people.adjust(campaign=campaign, employee=alice, exempt=True, reason="Parental leave")
    people.record(alice, 3)
    people.mark()
    said = words(as_(alice).get("/"))
    assert "You are exempt" in said
    assert "Parental leave Approved by grants" in said
    assert "behind" not in said
    assert "needed per day" not in said


def test_before_the_opening_the_page_says_when_and_not_that_one_is_left_out(
    as_: SignIn, alice: Employee, noon: object
) -> None:
    people.november(opens_on=date(2026, 11, 26), deadline=date(2026, 12, 31))
    people.mark()
    said = words(as_(alice).get("/"))
    assert "Opens in 3 days" in said
    assert "Opens Thu 26 Nov, 00:00 until Thu 31 Dec, 23:59 in Shanghai" in said
    assert "contacts recorded before the opening do not count" in said
    assert "not part of" not in said
    assert "Add a person from outside the company" not in said


def test_before_the_opening_an_uncovered_employee_reads_so(as_: SignIn, alice: Employee, noon: object) -> None:
    one = people.november(opens_on=date(2026, 11, 26), deadline=date(2026, 12, 31), scope=["Board"])
    assert "You are not part of November This campaign covers Board." in words(as_(alice).get(f"/?campaign={one.slug}"))


def test_after_the_deadline_nothing_is_to_do_and_the_result_is_final(
    as_: SignIn, alice: Employee, campaign: Campaign, clock: Clock
) -> None:
    people.record(alice, 99)
    people.mark()
    clock.set(AFTER, ticks=True)
    closing = words(as_(alice).get("/"))
    assert "Being counted: 1 missing so far" in closing
    assert "Being counted contacts submitted before the deadline are still being recorded" in closing
    assert "Red" not in closing, "nobody is called red before everything has been counted"
    assert "Add a person from outside the company" not in closing
    freeze(campaign=campaign, by=people.TESTER, wait=False)
    final = words(as_(alice).get("/"))
    assert "Final only a correction by two HR users can change it" in final
    assert "1 was missing at the deadline" in final
    assert "since yesterday" not in final


def test_every_flip_is_listed_and_a_repair_is_marked(as_: SignIn, alice: Employee, campaign: Campaign) -> None:
    people.record(alice, 100)
    people.mark()
    end(alice, 1)
    people.mark()
    StandingChange.objects.create(
        campaign=campaign, employee=alice, at=db_now(), red=False, counted=100, target=100, exempt=False,
        cause="repair",
    )  # fmt: skip
    said = words(as_(alice).get("/"))
    assert "Reached target at 100 of 100" in said
    assert "Turned red at 99 of 100" in said
    repaired = "Repaired: not red at 100 of 100 · a recount found a wrong status and repaired it"
    assert repaired in said


def test_the_rule_stands_on_the_page_in_words_with_its_version(as_: SignIn, alice: Employee, noon: object) -> None:
    people.november(exclusive=True, confirmed_only=True, target=7, scope=["Sales"])
    people.mark()
    said = words(as_(alice).get("/"))
    assert "record 7 people from outside the company, from Sun 1 Nov until Mon 30 Nov, 23:59 in Shanghai." in said
    assert "A person counts only for the colleague who recorded them first." in said
    assert "once the person has confirmed it" in said
    assert "The campaign covers Sales." in said
    assert "6 is red, 7 is not." in said
    assert "Version 1 of the rule, in force since Mon 23 Nov, 12:00." in said


def test_what_does_not_count_is_listed_by_reason_with_its_number_and_its_fix(
    as_: SignIn, alice: Employee, noon: object
) -> None:
    people.november(confirmed_only=True)
    people.record(alice, 5)
    people.record_one(alice, ("email", "bob@corp.example.com"), name="Bob")
    people.mark()
    page = as_(alice).get("/")
    said = words(page)
    assert "1 · A colleague Employees and company addresses do not count." in said
    assert "5 · Not confirmed yet It counts as soon as the person confirms" in said
    assert b"/contacts/?reason=unconfirmed#list" in page.content
