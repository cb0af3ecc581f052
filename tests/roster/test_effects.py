"""The whole effect of a load is judged: a failure lets one HR user end a company or move a count.

Each case was once possible for one HR account alone.
"""

import io
from datetime import date, timedelta
from typing import Any

import pytest
from django.db import IntegrityError, transaction

from apps.accounts.approvals import refuse_request
from apps.accounts.models import Account, ApprovalRequest
from apps.campaigns.models import Campaign
from apps.campaigns.rule_draft import RuleDraft
from apps.contacts.services.changes import end_contact
from apps.core.audit import Actor
from apps.core.clock import db_now
from apps.core.errors import Refused
from apps.core.models import AuditEntry
from apps.employees.models import Employee
from apps.fileio.csv_reader import Table
from apps.results.freeze import freeze
from apps.roster import effects, imports
from apps.roster.effects import NeedsSecondPerson
from apps.roster.loading import load_roster
from apps.roster.models import RosterImport
from apps.roster.parser import read_roster
from apps.roster.undo import undo_load, undo_or_request
from apps.standings import affected_counts
from apps.standings.approvable_changes import effect_of_request
from apps.standings.effective_dates import process_effective_dates
from apps.standings.rule_changes import change_rule
from tests.accounts.access_log_entries import employed
from tests.fixtures import Clock
from tests.people import (
    ROSTER,
    TESTER,
    approve,
    load,
    mark,
    november,
    officer,
    person,
    record_one,
    standing,
    with_account,
)
from tests.rosters import looked, worked

pytestmark = pytest.mark.django_db
State = RosterImport.State
DATES = "staff_no,name,email,started_on,left_on\n"
MANY = "".join(f"N{number:03},New {number},n{number}@corp.example.com,,,\n" for number in range(30))


@pytest.fixture(autouse=True)
def share(settings: Any, company: object) -> None:
    """One of nine people is more than a tenth."""
    settings.ROSTER_APPROVAL_SHARE = 0.1
    settings.COMPANY_EMAIL_DOMAINS = ["corp.example.com"]


def confirmed(content: str, by: Actor | None = None, **options: bool) -> RosterImport:
    shown = looked(content, **options)
    typed = imports.leavers_to_type(shown)
    assert imports.confirm(shown, digest=shown.digest, by=by or officer("hr-1"), leavers=typed)
    return worked(shown)


def request_of(done: RosterImport) -> dict[str, int]:
    """The whole effect of the request that the load waits for."""
    assert done.state == State.REQUESTED
    return effect_of_request(ApprovalRequest.objects.get(decision=None), db_now())


def test_another_first_day_needs_two_where_the_campaign_prorates_by_it(clock: Clock, settings: Any) -> None:
    """Otherwise one HR user lowers a friend's target by a line of the roster."""
    settings.ROSTER_APPROVAL_SHARE = 0.9
    campaign = november(prorate_joiners=True)
    done = confirmed(DATES + "A001,Alice 艾,alice@corp.example.com,2026-11-20,\n")
    assert request_of(done)["targets"] == 1
    refuse_request(request_id=ApprovalRequest.objects.get().pk, note="x", by=officer("hr-2"))
    joined = confirmed(DATES + "J001,Joins,joins@corp.example.com,2026-11-20,\n")
    assert joined.state == State.DONE, "a new employee's first day is news"
    assert request_of(confirmed(DATES + "J001,Joins,joins@corp.example.com,2026-11-21,\n"))["targets"] == 1
    refuse_request(request_id=ApprovalRequest.objects.get(decision=None).pk, note="x", by=officer("hr-2"))
    earlier = confirmed(DATES + "A001,Alice 艾,alice@corp.example.com,2020-02-02,\n")
    assert earlier.state == State.DONE, "still before the campaign"
    left = confirmed(DATES + "A002,Alan,alan@corp.example.com,,2026-11-22\n", officer("hr-2"))
    assert left.state == State.DONE, "a leaver keeps the first day"
    assert request_of(confirmed(DATES + "B001,Bob 白,bob@corp.example.com,,2026-10-01\n"))["targets"] == 1
    clock.set("2026-12-01T00:05:00+08:00", ticks=True)
    freeze(campaign=campaign, by=TESTER, wait=False)


ALICE_LEAVES = DATES + "A001,Alice 艾,alice@corp.example.com,,2026-11-22\n"
ALYSSA_JOINS = DATES + "N001,Alyssa,alyssa@corp.example.com,2026-11-25,\n"


@pytest.mark.parametrize("files", [(ALICE_LEAVES, ALYSSA_JOINS), (ALYSSA_JOINS, ALICE_LEAVES)], ids=["ends", "joins"])
def test_one_hr_user_cannot_lower_a_target_by_another_staff_number(settings: Any, files: tuple[str, str]) -> None:
    """Whatever name and address the new line has, in one file or in two, in any order."""
    settings.ROSTER_APPROVAL_SHARE = 0.9
    november(prorate_joiners=True)
    assert confirmed(files[0]).state == State.DONE
    done = confirmed(files[1])
    assert request_of(done)["joiners_and_leavers"] == 1
    approve()
    assert worked(done).state == State.DONE
    both = DATES + "A002,Alan,alan@corp.example.com,,2026-11-22\nN002,Nina,nina@corp.example.com,2026-11-25,\n"
    assert request_of(confirmed(both, officer("hr-2")))["joiners_and_leavers"] == 2


@pytest.mark.parametrize(
    ("rule", "first", "second"),
    [
        ({}, ALICE_LEAVES, ALYSSA_JOINS),
        ({"prorate_joiners": True}, ALICE_LEAVES, ALYSSA_JOINS.replace("2026-11-25", "2026-11-01")),
        ({"prorate_joiners": True}, ALYSSA_JOINS, ALYSSA_JOINS.replace("N001,Alyssa,alyssa", "N002,Nina,nina")),
        ({"prorate_joiners": True}, ALICE_LEAVES, ALICE_LEAVES.replace("A001,Alice 艾,alice", "A002,Alan,alan")),
        ({"prorate_joiners": True}, ALICE_LEAVES.replace("11-22", "09-22"), ALYSSA_JOINS),
    ],
    ids=["no pro-rating", "full target", "only joiners", "only leavers", "left long before"],
)
def test_honest_joiners_and_leavers_need_no_second_person(
    settings: Any, rule: dict[str, bool], first: str, second: str
) -> None:
    settings.ROSTER_APPROVAL_SHARE = 0.9
    if "09-22" not in first:
        november(**rule)
    assert confirmed(first).state == State.DONE
    if "09-22" in first:
        november(**rule)
    assert confirmed(second).state == State.DONE


def test_leavers_of_another_account_and_loads_that_two_approved_leave_joiners_free(settings: Any) -> None:
    settings.ROSTER_APPROVAL_SHARE = 0.9
    november(prorate_joiners=True)
    assert confirmed(ALICE_LEAVES, officer("hr-2")).state == State.DONE
    assert confirmed(ALYSSA_JOINS).state == State.DONE
    done = confirmed(DATES + "A002,Alan,alan@corp.example.com,,2026-11-22\n")
    approve()
    assert worked(done).state == State.DONE
    assert confirmed(ALYSSA_JOINS.replace("N001,Alyssa,alyssa", "N002,Nina,nina")).state == State.DONE


def test_an_end_that_an_undo_brings_back_does_not_count_for_the_next_load(settings: Any, noon: Clock) -> None:
    """Otherwise an undo dates the end anew, and the next load of a colleague seems to have brought it."""
    settings.ROSTER_APPROVAL_SHARE = 0.9
    november(prorate_joiners=True)
    assert confirmed(ALICE_LEAVES.replace("11-22", "11-21")).state == State.DONE
    later = confirmed(ALICE_LEAVES)
    assert undo_or_request(load_id=later.pk, by=officer("hr-1")) is None
    other = DATES + "A002,Alan B,alan@corp.example.com,,\n"
    assert confirmed(other, officer("hr-2")).state == State.DONE
    assert request_of(confirmed(ALYSSA_JOINS))["joiners_and_leavers"] == 1


def test_a_joiner_whose_first_load_was_undone_joins_with_the_next_load(settings: Any, noon: Clock) -> None:
    """Otherwise a colleague's load, undone, dates the new number, and the old one's end is compared with nothing."""
    settings.ROSTER_APPROVAL_SHARE = 0.9
    november(prorate_joiners=True)
    first = confirmed(ALYSSA_JOINS, officer("hr-2"))
    assert undo_or_request(load_id=first.pk, by=officer("hr-2"))
    approve()
    assert RosterImport.objects.get(pk=first.pk).undone_at
    other = DATES + "A002,Alan B,alan@corp.example.com,,\n"
    assert confirmed(other, officer("hr-2")).state == State.DONE
    assert confirmed(ALYSSA_JOINS).state == State.DONE
    assert request_of(confirmed(ALICE_LEAVES))["joiners_and_leavers"] == 1


def test_an_approval_of_an_earlier_content_of_a_load_does_not_count_in_the_sums_of_the_day(settings: Any) -> None:
    """Otherwise one account asks for one leaver, and ends others under the same load's number."""
    done = confirmed(ALICE_LEAVES)
    approve()
    assert worked(done).state == State.DONE
    settings.ROSTER_APPROVAL_SHARE = 0.2
    effects.require_approval_if_large({"leaving": 1}, 9, db_now())
    RosterImport.objects.filter(pk=done.pk).update(digest="another")
    with pytest.raises(NeedsSecondPerson):
        effects.require_approval_if_large({"leaving": 1}, 9, db_now())


def test_a_move_out_of_the_campaigns_departments_counts_as_leaving(settings: Any) -> None:
    """Otherwise the old number is not red, and the new one has a lower target."""
    settings.ROSTER_APPROVAL_SHARE = 0.9
    november(prorate_joiners=True, scope=["Sales"])
    moves = "staff_no,name,email,department\nA001,Alice 艾,alice@corp.example.com,{}\n"
    assert confirmed(moves.format("Sales")).state == State.DONE
    moved = confirmed(moves.format("Other"))
    approve()
    assert worked(moved).state == State.DONE
    assert request_of(confirmed(ALYSSA_JOINS))["joiners_and_leavers"] == 1


SALES = "staff_no,name,email,department,effective_on\n"


@pytest.mark.parametrize(
    ("row", "number"),
    [
        ("A001,Alice 艾,alice@corp.example.com,Other,", 1),
        ("S001,Sam,sam@corp.example.com,Sales,", 1),
        ("A001,Alice 艾,alice@corp.example.com,Other,2026-11-10", 1),
        ("S001,Sam,sam@corp.example.com,Other,", 0),
        ("A001,Alice 艾,alice@corp.example.com,Other,2026-12-01", 0),
        ("N001,Nina,nina@corp.example.com,Sales,", 0),
    ],
    ids=["out", "in", "out, in the past", "never in", "after the end", "new"],
)
def test_a_department_that_changes_who_is_in_a_campaign_needs_two(settings: Any, row: str, number: int) -> None:
    """Otherwise one HR user takes a friend out of a result before the deadline, or puts strangers into it as red."""
    settings.ROSTER_APPROVAL_SHARE = 0.9
    november(scope=["Sales"])
    done = confirmed(SALES + row + "\n")
    effect = request_of(done) if number else done.effect
    assert (done.state == State.REQUESTED, effect.get("in_campaign", 0)) == (bool(number), number)


def test_a_leaver_who_returns_in_another_department_needs_two(settings: Any) -> None:
    """Otherwise two files do what a single file may not."""
    settings.ROSTER_APPROVAL_SHARE = 0.9
    november(scope=["Sales"])
    assert confirmed(ALICE_LEAVES).state == State.DONE
    returned = confirmed(SALES + "A001,Alice 艾,alice@corp.example.com,Other,\n")
    assert request_of(returned)["in_campaign"] == 1


def test_a_move_that_ends_before_the_deadline_needs_two(settings: Any) -> None:
    """Otherwise one HR user keeps a person out of all lists and reminders, who is back, and red, on the last day."""
    settings.ROSTER_APPROVAL_SHARE = 0.9
    november(scope=["Sales"])
    boss = "staff_no,name,email,manager_staff_no,effective_on\nA001,Alice 艾,alice@corp.example.com,D001,2026-11-29\n"
    assert confirmed(boss).state == State.DONE
    assert request_of(confirmed(SALES + "A001,Alice 艾,alice@corp.example.com,Other,\n"))["in_campaign"] == 1


@pytest.mark.parametrize(
    ("scope", "first_days", "number"),
    [
        ([], ["2026-11-29"], 1),
        ([], ["2026-11-23"], 0),
        ([], ["2026-11-23", "2026-11-29"], 1),
        ([], ["2026-12-02"], 0),
        ([], ["2026-12-02", "2026-11-29"], 1),
    ],
    ids=["last week", "time to object", "put off", "as an end now", "brought forward"],
)
def test_a_first_day_that_moves_into_the_last_week_needs_two(
    settings: Any, noon: Clock, scope: list[str], first_days: list[str], number: int
) -> None:
    """Otherwise one HR user takes a person's access until the deadline, and the person is red."""
    settings.ROSTER_APPROVAL_SHARE = 0.9
    november(scope=scope)
    noon.set("2026-11-20T12:00:00+08:00", ticks=True)
    *before, last = [confirmed(DATES + f"A002,Alan,alan@corp.example.com,{day},\n") for day in first_days]
    assert [load.state for load in before] == [State.DONE] * len(before)
    effect = request_of(last) if number else last.effect
    assert (last.state == State.REQUESTED, effect.get("in_result", 0)) == (bool(number), number)


def test_a_return_in_the_last_week_needs_two(settings: Any, noon: Clock) -> None:
    """Otherwise two loads take a person's access until the deadline: an end, and a return just before it."""
    settings.ROSTER_APPROVAL_SHARE = 0.9
    november()
    noon.set("2026-11-20T12:00:00+08:00", ticks=True)
    assert confirmed(DATES + "A002,Alan,alan@corp.example.com,,2026-11-19\n").state == State.DONE
    returned = confirmed(DATES + "A002,Alan,alan@corp.example.com,2026-11-29,\n")
    assert request_of(returned)["in_result"] == 1


LEAVES = DATES + "A001,Alice 艾,alice@corp.example.com,,{}\n"
OVER = "2026-12-01T00:05:00+08:00"


@pytest.mark.parametrize(
    ("at", "left_on", "scope", "number"),
    [
        ("2026-11-28T12:00:00+08:00", "2026-11-27", [], 1),
        ("2026-11-28T12:00:00+08:00", "2026-11-27", ["Sales"], 1),
        ("2026-11-28T12:00:00+08:00", "2026-11-27", ["Support"], 0),
        ("2026-11-28T12:00:00+08:00", "2026-11-30", [], 0),
        ("2026-11-23T12:00:00+08:00", "2026-11-22", [], 0),
        ("2026-11-10T12:00:00+08:00", "2026-11-27", [], 1),
        ("2026-11-10T12:00:00+08:00", "2026-11-27", ["Support"], 0),
        ("2026-11-10T12:00:00+08:00", "2026-11-30", [], 0),
        ("2026-10-20T12:00:00+08:00", "2026-11-27", [], 1),
        (OVER, "2026-11-20", [], 1),
        (OVER, "2026-11-30", [], 0),
    ],
    ids=[
        "last week",
        "its department",
        "other departments",
        "last day",
        "earlier",
        "planned for the last week",
        "planned in other departments",
        "planned for the last day",
        "planned before the opening",
        "over",
        "over, last day",
    ],
)
def test_an_end_that_takes_a_person_out_of_a_result_needs_two(
    settings: Any, noon: Clock, at: str, left_on: str, scope: list[str], number: int
) -> None:
    """Otherwise one HR user saves a red friend, or takes a rival out of the hand-over."""
    settings.ROSTER_APPROVAL_SHARE = 0.9
    november(scope=scope)
    noon.set(at, ticks=True)
    done = confirmed(LEAVES.format(left_on))
    effect = request_of(done) if number else done.effect
    assert (done.state == State.REQUESTED, effect.get("in_result", 0)) == (bool(number), number)


def test_a_rule_that_is_changed_for_the_time_of_a_load_hides_no_end_and_no_move(settings: Any, noon: Clock) -> None:
    """Otherwise one HR user changes the rule before the opening, loads the roster, and changes the rule back."""
    settings.ROSTER_APPROVAL_SHARE = 0.9
    noon.set("2026-10-20T12:00:00+08:00", ticks=True)
    campaign = november(scope=["Sales"])
    draft = RuleDraft(100, date(2026, 11, 1), date(2026, 11, 15), "Asia/Shanghai")
    change_rule(campaign=campaign, draft=draft, expected_version=1, by=officer("hr-1"))
    assert request_of(confirmed(LEAVES.format("2026-11-27")))["in_result"] == 1
    refuse_request(request_id=ApprovalRequest.objects.get().pk, note="no", by=officer("hr-2"))
    moved = confirmed(SALES + "S001,Sam,sam@corp.example.com,Sales,2026-11-29\n")
    assert request_of(moved)["in_campaign"] == 1


def test_an_end_that_is_put_off_into_the_last_week_needs_two(settings: Any, noon: Clock) -> None:
    """Otherwise two loads do what a single load may not: first an early end, then one in the last week."""
    settings.ROSTER_APPROVAL_SHARE = 0.9
    november()
    noon.set("2026-11-10T12:00:00+08:00", ticks=True)
    assert confirmed(LEAVES.format("2026-11-15")).state == State.DONE
    put_off = confirmed(LEAVES.format("2026-11-29"))
    assert request_of(put_off)["in_result"] == 1
    refuse_request(request_id=ApprovalRequest.objects.get().pk, note="no", by=officer("hr-2"))
    assert confirmed(LEAVES.format("2026-12-15")).state == State.DONE


def test_a_leaver_who_returns_until_the_last_week_needs_two(settings: Any, noon: Clock) -> None:
    settings.ROSTER_APPROVAL_SHARE = 0.9
    november()
    noon.set("2026-11-20T12:00:00+08:00", ticks=True)
    assert confirmed(LEAVES.format("2026-11-19")).state == State.DONE
    returned = confirmed(DATES + "A001,Alice 艾,alice@corp.example.com,2026-11-20,2026-11-29\n")
    assert request_of(returned)["in_result"] == 1


def test_who_left_before_the_cutoff_comes_back_by_two(settings: Any, noon: Clock) -> None:
    """Otherwise one HR user takes a friend out of a result for a night, and then gives the employment back."""
    settings.ROSTER_APPROVAL_SHARE = 0.9
    campaign = november()
    left = confirmed(LEAVES.format("2026-11-22"))
    assert left.state == State.DONE, "in time to be put back"
    noon.set(OVER, ticks=True)
    freeze(campaign=campaign, by=TESTER, wait=False)
    undone = undo_or_request(load_id=left.pk, by=officer("hr-2"))
    assert undone
    assert undone.payload["effect"]["in_result"] == 1
    refuse_request(request_id=undone.pk, note="no", by=officer("hr-1"))
    again = confirmed(DATES + "A001,Alice 艾,alice@corp.example.com,2026-12-01,\n")
    assert request_of(again)["in_result"] == 1
    assert not employed("A001")


def test_an_end_before_the_cutoff_of_a_frozen_campaign_needs_two(settings: Any, noon: Clock) -> None:
    """Otherwise the roster says that a person of the result had left, and one HR user has changed the past."""
    settings.ROSTER_APPROVAL_SHARE = 0.9
    campaign = november()
    noon.set(OVER, ticks=True)
    freeze(campaign=campaign, by=TESTER, wait=False)
    assert request_of(confirmed(LEAVES.format("2026-11-20")))["in_result"] == 1


def test_joiners_and_corrections_of_the_last_week_need_one_person(settings: Any, noon: Clock) -> None:
    """Otherwise each honest load at the end of a month waits for a colleague."""
    settings.ROSTER_APPROVAL_SHARE = 0.9
    november()
    noon.set("2026-11-28T12:00:00+08:00", ticks=True)
    assert confirmed(DATES + "N001,Nina,nina@corp.example.com,2026-11-27,\n").state == State.DONE
    assert confirmed(LEAVES.format("2026-12-15")).state == State.DONE
    assert confirmed(LEAVES.format("2026-12-01")).state == State.DONE


def test_the_command_ends_employments_in_the_last_week(settings: Any, noon: Clock) -> None:
    """Otherwise each leaver stops the nightly load."""
    settings.ROSTER_APPROVAL_SHARE = 0.9
    officer("hr-1")
    november()
    noon.set("2026-11-28T12:00:00+08:00", ticks=True)
    load(LEAVES.format("2026-11-26"))
    assert not employed("A001")


def test_the_command_moves_people_in_and_out_of_a_campaign(settings: Any) -> None:
    """Otherwise each transfer stops the nightly load."""
    settings.ROSTER_APPROVAL_SHARE = 0.9
    officer("hr-1")
    november(scope=["Sales"])
    load(SALES + "A001,Alice 艾,alice@corp.example.com,Other,\n")
    assert person("A001").current_department == "Other"


def test_a_returner_with_a_later_first_day_needs_two_where_the_campaign_prorates(settings: Any) -> None:
    """Otherwise one HR user ends an employment just before the opening, and begins it again with a lower target."""
    settings.ROSTER_APPROVAL_SHARE = 0.9
    assert confirmed(ALICE_LEAVES.replace("2026-11-22", "2026-10-20")).state == State.DONE
    november(prorate_joiners=True)
    returned = confirmed(DATES + "A001,Alice 艾,alice@corp.example.com,2026-11-25,\n")
    assert request_of(returned)["targets"] == 1


def test_a_first_day_put_off_beyond_a_campaign_to_come_needs_two(settings: Any) -> None:
    """Otherwise one HR user takes an employee out before the opening, and loads the person again as a joiner."""
    settings.ROSTER_APPROVAL_SHARE = 0.9
    november(prorate_joiners=True, opens_on=date(2026, 12, 1), deadline=date(2026, 12, 31))
    put_off = confirmed(DATES + "A001,Alice 艾,alice@corp.example.com,2099-01-01,\n")
    assert request_of(put_off)["targets"] == 1


def test_a_returner_who_shares_an_address_with_another_needs_two(settings: Any) -> None:
    """Otherwise HR alone gives an employee's address away: feeds count for the other, and no password link is sent."""
    settings.ROSTER_APPROVAL_SHARE = 0.9
    confirmed(DATES + "A001,Alice 艾,alice@corp.example.com,,2026-11-02\n")
    confirmed(DATES + "Z001,Zoe,alice@corp.example.com,,\n")
    returned = confirmed(DATES + "A001,Alice 艾,other@corp.example.com,,\n")
    assert request_of(returned)["shared_addresses"] == 1
    holders = Employee.objects.employed_at(db_now()).filter(email="alice@corp.example.com")
    assert list(holders.values_list("staff_no", flat=True)) == ["Z001"]


def test_the_own_department_needs_two(settings: Any) -> None:
    """Otherwise an HR user leaves a campaign of some departments alone, and can never be red."""
    settings.ROSTER_APPROVAL_SHARE = 0.9
    by = with_account(person("A001"), "hr").account.actor
    moved = confirmed("staff_no,name,email,department\nA001,Alice 艾,alice@corp.example.com,Other\n", by)
    assert request_of(moved)["role_changes"] == 1


def test_a_first_day_in_the_future_ends_somebody() -> None:
    """This once ended the whole company, because the last day stays the same."""
    done = confirmed(DATES + "A002,Alan,alan@corp.example.com,2027-01-04,\n")
    assert request_of(done) == {"leaving": 1}
    assert employed("A002")


def test_a_planned_first_day_that_is_put_off_ends_somebody(settings: Any) -> None:
    confirmed(DATES + "X001,Xenia,xenia@corp.example.com,2026-12-01,\n")
    done = confirmed(DATES + "X001,Xenia,xenia@corp.example.com,2099-12-01,\n")
    assert request_of(done) == {"leaving": 1}


def test_undoing_a_first_day_that_was_put_forward_ends_somebody(settings: Any, noon: Clock) -> None:
    confirmed(DATES + "X001,Xenia,xenia@corp.example.com,2026-12-20,\n")
    noon.set("2026-11-24T12:00:01+08:00", ticks=True)
    done = confirmed(DATES + "X001,Xenia,xenia@corp.example.com,2026-11-02,\n")
    assert (done.state, employed("X001")) == (State.DONE, True)
    request = undo_or_request(load_id=done.pk, by=officer("hr-1"))
    assert request is not None
    assert request.effect == {"leaving": 1}
    assert employed("X001")


def test_many_who_join_need_a_second_person_and_so_do_many_who_return() -> None:
    assert request_of(confirmed(ROSTER + MANY)) == {"joining": 30}
    assert not Employee.objects.filter(staff_no="N001").exists()


def test_joiners_make_no_room_for_leavers(settings: Any) -> None:
    """Approved joiners too: two of nine and thirty would be less than a tenth."""
    done = confirmed(ROSTER + MANY)
    approve()
    assert worked(done).state == State.DONE
    left = "A002,Alan,alan@corp.example.com,,2026-11-20\n"
    assert request_of(confirmed(DATES + left)) == {"leaving": 1}


def test_joiners_of_yesterday_are_colleagues(noon: Clock) -> None:
    done = confirmed(ROSTER + MANY)
    approve()
    worked(done)
    noon.set("2026-11-24T12:00:01+08:00", ticks=True)
    assert confirmed(DATES + "A002,Alan,alan@corp.example.com,,2026-11-20\n").state == State.DONE


def test_the_first_load_of_an_empty_company_needs_nobody_however_many_join() -> None:
    assert load(ROSTER + "Z001,Zoe,zoe@corp.example.com,,,\n").created == 1


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("2026-10-01", "2026-11-20"),
        ("2026-11-10", "2026-11-20"),
        ("2026-11-25", "2026-11-29"),
        ("2026-12-20", "2026-11-29"),
    ],
    ids=["from before the opening", "between two past days", "between two days to come", "from after the cut-off"],
)
def test_a_first_day_that_moves_within_a_campaign_moves_a_count(
    alice: Employee, campaign: Campaign, settings: Any, before: str, after: str
) -> None:
    """A contact is a colleague from the first day on, so results for days in between change."""
    settings.ROSTER_APPROVAL_SHARE = 1
    row = "X001,Xenia,xenia@corp.example.com,{},\n"
    assert confirmed(DATES + row.format(before)).state == State.DONE
    record_one(alice, ("email", "xenia@corp.example.com"))
    assert request_of(confirmed(DATES + row.format(after)))["counts"] == 1


def test_an_ordinary_leaver_who_is_a_contact_moves_no_count(alice: Employee, campaign: Campaign, settings: Any) -> None:
    """They were a colleague in the campaign and remain one: HR learns nothing and needs no approval."""
    settings.ROSTER_APPROVAL_SHARE = 1
    record_one(alice, ("email", "sam@corp.example.com"))
    assert confirmed(DATES + "S001,Sam,sam@corp.example.com,,2026-11-20\n").state == State.DONE


def test_a_colleague_by_somebody_else_moves_no_count(alice: Employee, campaign: Campaign, settings: Any) -> None:
    """Two people share a phone, and the other one is employed all the time."""
    settings.ROSTER_APPROVAL_SHARE = 1
    head = "staff_no,name,email,phone,started_on\n"
    both = "X001,Xenia,xenia@corp.example.com,13912345678,2026-10-01\nX002,Yan,yan@corp.example.com,13912345678,{}\n"
    assert confirmed(head + both.format("2026-10-01")).state == State.DONE
    record_one(alice, ("phone", "+8613912345678"))
    assert confirmed(head + both.format("2026-11-10")).state == State.DONE


def test_a_contact_that_has_ended_counts_too(alice: Employee, campaign: Campaign, settings: Any) -> None:
    """Results for an earlier day show whose contact the person was."""
    settings.ROSTER_APPROVAL_SHARE = 1
    [outcome] = record_one(alice, ("email", "guest@outside.example.org")).outcomes
    end_contact(contact_id=outcome.contact_id, employee=alice, by=officer("hr-1"))
    done = confirmed(ROSTER + "X001,Nobody,guest@outside.example.org,,,\n")
    assert request_of(done) == {"joining": 1, "counts": 1}


@pytest.mark.parametrize(
    ("row", "also"),
    [
        ("C001,Carol,carol@corp.example.com,,2026-11-20", {"leaving": 1}),
        ("C001,Carol,carol@corp.example.com,2026-11-20,", {"leaving": 1}),
        ("C001,Dana 董,carol@corp.example.com,,", {"renaming": 1}),
    ],
    ids=["leaves", "another first day", "another name"],
)
def test_whoever_holds_a_role_is_changed_by_two(
    company: dict[str, Employee], settings: Any, row: str, also: dict[str, int]
) -> None:
    """The second person is the one whom a page names, and is present."""
    settings.ROSTER_APPROVAL_SHARE = 1
    with_account(company["C001"], "auditor")
    assert request_of(confirmed(f"{DATES}{row}\n")) == also | {"role_changes": 1}


def test_the_return_of_somebody_with_a_role_needs_two(company: dict[str, Employee], settings: Any) -> None:
    settings.ROSTER_APPROVAL_SHARE = 1
    with_account(company["C001"], "hr")
    done = confirmed(DATES + "C001,Carol,carol@corp.example.com,,2026-11-20\n")
    approve()
    assert worked(done).state == State.DONE
    back = confirmed("staff_no,name,email\nC001,Carol,carol@corp.example.com\n")
    assert request_of(back) == {"returning": 1, "role_changes": 1}


def test_nobody_renames_themselves(company: dict[str, Employee], settings: Any) -> None:
    """This includes an account whose role was removed while its file waited."""
    settings.ROSTER_APPROVAL_SHARE = 1
    officer("hr-1")
    mine = with_account(company["A001"]).account.actor
    roster = read_roster(Table(io.StringIO("staff_no,name,email\nA001,Bob 白,alice@corp.example.com\n")))
    with pytest.raises(NeedsSecondPerson) as needs:
        load_roster(roster=roster, by=mine)
    assert needs.value.effect == {"renaming": 1, "role_changes": 1}
    assert person("A001").name == "Alice 艾"


def test_names_count_toward_the_share(settings: Any) -> None:
    renamed = "staff_no,name,email\nA002,Alain,alan@corp.example.com\n"
    done = confirmed(renamed)
    assert request_of(done) == {"renaming": 1}
    settings.ROSTER_APPROVAL_SHARE = 0.2
    approve()
    assert worked(done).state == State.DONE
    assert person("A002").name == "Alain"
    undo_load(load_id=done.pk, by=officer("hr-2"))
    assert person("A002").name == "Alan"


# -- who becomes a colleague later -----------------------------------------------------------------------------------

PHONES = "staff_no,name,email,phone,started_on,left_on\n"
LATER = "X001,Xenia,xenia@corp.example.com,{},{},\n"


def test_one_hr_user_cannot_plan_that_a_later_contact_becomes_a_colleague(
    alice: Employee, campaign: Campaign, settings: Any, noon: Clock
) -> None:
    """Otherwise a made-up line takes a contact away at a later midnight, after it counted for days."""
    settings.ROSTER_APPROVAL_SHARE = 1
    done = confirmed(PHONES + LATER.format("13912345678", "2026-11-26"))
    record_one(alice, ("phone", "+8613912345678"))
    noon.set("2026-11-26T12:00:00+08:00", ticks=True)
    process_effective_dates()
    mark()
    assert standing(campaign, alice).counted == 1
    assert request_of(done) == {"joining": 1, "future_colleagues": 1}


@pytest.mark.parametrize(
    ("row", "number"),
    [
        ("X001,Xenia,xenia@outside.example.org,,2026-11-26,", 1),
        ("X001,Xenia,xenia@corp.example.com,,2026-11-26,", 0),
        ("X001,Xenia,xenia@mail.corp.example.com,,2026-11-26,", 0),
        ("X001,Xenia,xenia@corp.example.com,13912345678,2026-11-23,", 0),
        ("A002,Alan,alan@corp.example.com,13912345678,2026-11-26,", 1),
        ("L001,Leo,leo@corp.example.com,13912340001,2026-11-26,", 1),
        ("F001,Fay,fay@corp.example.com,13912345678,2026-11-27,", 1),
        ("F001,Fay,fay@corp.example.com,13912340002,2026-11-28,", 1),
        ("F001,Faye,fay@corp.example.com,13912340002,2026-11-27,", 0),
    ],
    ids=[
        "outside address", "company's address", "subdomain", "from today", "first day put off", "leaver returns later",
        "other phone", "other day", "other name",
    ],
)  # fmt: skip
def test_identities_of_somebody_who_begins_later_need_two(settings: Any, row: str, number: int) -> None:
    settings.ROSTER_APPROVAL_SHARE = 1
    leaver = "L001,Leo,leo@corp.example.com,13912340001,2026-01-01,2026-02-01\n"
    confirmed(f"{PHONES}{leaver}F001,Fay,fay@corp.example.com,13912340002,2026-11-27,\n")
    approve()
    worked(RosterImport.objects.latest("asked_at"))
    done = confirmed(f"{PHONES}{row}\n")
    effect = request_of(done) if number else done.effect
    assert (done.state == State.REQUESTED, effect.get("future_colleagues", 0)) == (bool(number), number)


def test_a_campaign_without_the_companys_domains_makes_an_address_an_outside_one(settings: Any) -> None:
    settings.ROSTER_APPROVAL_SHARE = 1
    november(company_domains=["other.example.com"])
    done = confirmed(PHONES + LATER.format("", "2026-11-26"))
    assert request_of(done) == {"joining": 1, "future_colleagues": 1}


def test_who_begins_later_has_an_account_on_the_first_day(settings: Any, noon: Clock) -> None:
    settings.ROSTER_APPROVAL_SHARE = 1
    done = confirmed(PHONES + LATER.format("13912345678", "2026-11-26"))
    approve()
    assert worked(done).state == State.DONE
    assert not employed("X001")
    noon.set("2026-11-26T12:00:00+08:00", ticks=True)
    assert employed("X001")


def test_a_contact_who_becomes_a_colleague_with_two_persons_stops_counting(
    alice: Employee, campaign: Campaign, settings: Any, noon: Clock
) -> None:
    settings.ROSTER_APPROVAL_SHARE = 1
    done = confirmed(PHONES + LATER.format("13912345678", "2026-11-26"))
    approve()
    worked(done)
    record_one(alice, ("phone", "+8613912345678"))
    mark()
    assert standing(campaign, alice).counted == 1
    noon.set("2026-11-26T12:00:00+08:00", ticks=True)
    process_effective_dates()
    mark()
    assert standing(campaign, alice).counted == 0


# -- the bit that a request reveals --------------------------------------------------------------------------------


def test_an_unsettled_account_asks_nothing(settings: Any, company: dict[str, Employee], alice: Employee) -> None:
    """Refused requests would let it probe, without limit or trace, whether an employee recorded a phone."""
    settings.APPROVAL_COOLDOWN_DAYS = 3
    settings.ROSTER_APPROVAL_SHARE = 1
    record_one(alice, ("phone", "+8613912345001"))
    by = with_account(company["H001"], "hr").account.actor
    Account.objects.filter(pk=by.id).update(security_changed_at=db_now())
    for phone in ("+8613912345001", "+8613912345002"):
        shown = looked(f"staff_no,name,email,phone\nS001,Sam,sam@corp.example.com,{phone}\n")
        with pytest.raises(Refused) as refused:
            imports.confirm(shown, digest=shown.digest, by=by)
        assert refused.value.code == "unsettled"


def test_a_request_that_is_refused_is_one_of_three_and_stands_in_the_trail(
    settings: Any, company: dict[str, Employee], alice: Employee
) -> None:
    """Changing the own factor while the file waits leads to a refusal, and the attempt counts."""
    settings.APPROVAL_COOLDOWN_DAYS = 3
    settings.ROSTER_APPROVAL_SHARE = 1
    by = officer("hr-1")
    Account.objects.filter(pk=by.id).update(security_changed_at=None)
    for number in range(3):
        record_one(alice, ("phone", f"+861391234500{number}"))
        shown = looked(f"staff_no,name,email,phone\nS001,Sam,sam@corp.example.com,+861391234500{number}\n")
        assert imports.confirm(shown, digest=shown.digest, by=by)
        Account.objects.filter(pk=by.id).update(security_changed_at=db_now())
        assert worked(shown).state == State.REFUSED
        Account.objects.filter(pk=by.id).update(security_changed_at=None)
    alarms = AuditEntry.objects.filter(action="roster.effect_counted", detail__changes_counts=True)
    assert alarms.count() == 3
    shown = looked("staff_no,name,email,phone\nS001,Sam,sam@corp.example.com,+8613912345009\n")
    with pytest.raises(Refused) as refused:
        imports.confirm(shown, digest=shown.digest, by=by)
    assert refused.value.code == "too_many"


def test_undoing_asks_too() -> None:
    """An undo that needs a second person reveals the same bit."""
    by = officer("hr-1")
    for number in range(3):
        request_of(confirmed(DATES + f"A002,Alan,alan@corp.example.com,,2026-11-1{number}\n", by))
        refuse_request(request_id=ApprovalRequest.objects.get(decision=None).pk, note="no", by=officer("hr-2"))
    with pytest.raises(Refused) as refused:
        undo_or_request(load_id=RosterImport.objects.latest("asked_at").pk, by=by)
    assert refused.value.code == "too_many"


# -- what has passed: a campaign that closes late is judged by it --------------------------------------------------


def test_first_days_after_a_passed_cutoff_end_people_too() -> None:
    """Otherwise one person could remove people from a result that is not frozen yet."""
    assert request_of(confirmed(DATES + "A002,Alan,alan@corp.example.com,2026-11-02,\n")) == {"leaving": 1}


def test_past_days_that_move_a_frozen_campaigns_counts_need_two(
    campaign: Campaign, alice: Employee, noon: Clock, settings: Any
) -> None:
    """Otherwise HR could move a former colleague's days, and see in earlier results who has that contact."""
    ghost = "staff_no,name,email,phone,started_on,left_on\nG001,Ghost,ghost@corp.example.com,+8613912345678,{},{}\n"
    assert confirmed(ghost.format("2020-01-01", "2020-01-02")).state == State.DONE
    record_one(alice, ("phone", "+8613912345678"))
    noon.set("2026-12-01T12:00:01+08:00", ticks=True)
    assert freeze(campaign=Campaign.objects.get(), by=TESTER, wait=False)
    noon.set("2026-12-02T12:00:01+08:00", ticks=True)
    settings.ROSTER_APPROVAL_SHARE = 1
    assert request_of(confirmed(ghost.format("2026-11-02", "2026-11-05")))["counts"] == 1


def test_another_department_of_a_time_that_has_passed_is_a_move(noon: Clock, settings: Any) -> None:
    """Otherwise one person could remove people from the departments of a result."""
    dated = "staff_no,name,email,department,effective_on\nA002,Alan,alan@corp.example.com,{},{}\n"
    settings.ROSTER_APPROVAL_SHARE = 1
    assert confirmed(dated.format("New", "2026-11-10")).state == State.DONE
    noon.set("2026-11-25T12:00:01+08:00", ticks=True)
    settings.ROSTER_APPROVAL_SHARE = 0.1
    assert request_of(confirmed(dated.format("Elsewhere", "2026-10-05"))) == {"moving": 1}


def test_made_up_leavers_are_joiners() -> None:
    """Otherwise one person could put any phone on the roster, so that its contact no longer counts."""
    rows = MANY.replace(",,", ",2026-11-01,2026-11-20")
    assert request_of(confirmed(DATES + rows)) == {"joining": 30}


def test_whoever_only_stays_longer_neither_leaves_nor_returns() -> None:
    done = confirmed(DATES + "A002,Alan,alan@corp.example.com,,2099-11-20\n")
    assert request_of(done) == {"leaving": 1}
    approve()
    worked(done)
    assert confirmed(DATES + "A002,Alan,alan@corp.example.com,,2099-12-20\n").effect == {}


def test_loads_that_are_undone_count_like_others(settings: Any) -> None:
    """Otherwise one person could end and restore all employees in turn, ending their passwords and sessions."""
    settings.ROSTER_APPROVAL_SHARE = 0.15
    by = officer("hr-1")
    done = confirmed(DATES + "A001,Alice 艾,alice@corp.example.com,,2026-11-20\n", by)
    assert undo_or_request(load_id=done.pk, by=by) is None
    assert request_of(confirmed(DATES + "A002,Alan,alan@corp.example.com,,2026-11-20\n", by)) == {"leaving": 1}


def test_phones_that_people_get_are_summed() -> None:
    """Otherwise one person could register outside phones in advance, so that these contacts never count."""
    phones = "staff_no,name,email,phone\nA001,Alice 艾,alice@corp.example.com,+861391234500{}\n"
    phones += "A002,Alan,alan@corp.example.com,+861391234501{}\n"
    assert request_of(confirmed(phones.format(1, 1))) == {"phones": 2}


def test_an_undo_of_today_counts_with_what_is_loaded_today(settings: Any, noon: Clock) -> None:
    settings.ROSTER_APPROVAL_SHARE = 0.15
    by = officer("hr-1")
    done = confirmed("staff_no,name,email,department\nA001,Alice 艾,alice@corp.example.com,New\n", by)
    noon.set("2026-11-25T12:00:01+08:00", ticks=True)
    assert undo_or_request(load_id=done.pk, by=by) is None
    other = "staff_no,name,email,department\nA002,Alan,alan@corp.example.com,New\n"
    assert request_of(confirmed(other, by)) == {"moving": 1}


LAST_DAYS = effects.PERIODS.replace(
    "NOT isempty(old_periods.employed - coalesce(new_periods.employed, '{}'))",
    "new_periods.ends_at < old_periods.ends_at",
)


class TestMutants:
    """Without one protection, one person succeeds; this proves that the tests above can fail."""

    def test_last_days_alone_are_compared(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(effects, "PERIODS", LAST_DAYS)
        assert confirmed(DATES + "A002,Alan,alan@corp.example.com,2027-01-04,\n").state == State.DONE

    def test_joiners_count_as_the_employed(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(effects, "CAME", ())
        confirmed(ROSTER + MANY)
        assert confirmed(DATES + "A002,Alan,alan@corp.example.com,,2026-11-20\n").state == State.DONE

    def test_roles_are_like_everybody(
        self, company: dict[str, Employee], settings: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        settings.ROSTER_APPROVAL_SHARE = 1
        monkeypatch.setattr(effects, "ALWAYS_TWO", ("counts", "addresses"))
        with_account(company["C001"], "auditor")
        assert confirmed(DATES + "C001,Carol,carol@corp.example.com,,2026-11-20\n").state == State.DONE

    def test_existence_in_a_campaign_alone_is_compared(
        self, alice: Employee, campaign: Campaign, settings: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        settings.ROSTER_APPROVAL_SHARE = 1
        monkeypatch.setattr(affected_counts, "CHANGED_IN_CAMPAIGN", affected_counts.CHANGED_FOR_EVERY_CAMPAIGN)
        # Of a first day in the last week another rule would remain.
        monkeypatch.setattr(affected_counts, "LAST_DAYS", timedelta(0))
        row = "X001,Xenia,xenia@corp.example.com,{},\n"
        confirmed(DATES + row.format("2026-11-25"))
        record_one(alice, ("email", "xenia@corp.example.com"))
        assert confirmed(DATES + row.format("2026-11-29")).state == State.DONE


def test_a_time_zone_is_a_change_of_its_employee() -> None:
    done = confirmed("staff_no,name,email,time_zone\nA002,Alan,alan@corp.example.com,Pacific/Kiritimati\n")
    assert request_of(done) == {"time_zones": 1}


def test_a_chat_account_is_a_change_of_its_employee() -> None:
    """Another person would receive the reminders of many."""
    done = confirmed("staff_no,name,email,chat_id\nA002,Alan,alan@corp.example.com,mallory-id\n")
    assert request_of(done) == {"chat_ids": 1}
    assert person("A002").chat_id == ""


def test_an_undo_that_leaves_an_account_in_use_without_employment_needs_two(settings: Any) -> None:
    settings.ROSTER_APPROVAL_SHARE = 0.9
    done = confirmed("staff_no,name,email\nX001,Xenia,xenia@corp.example.com\n")
    with_account(person("X001"))
    request = undo_or_request(load_id=done.pk, by=officer("hr-1"))
    assert request is not None
    assert request.effect == {"leaving": 1, "used_numbers": 1}
    approve(request)
    assert not employed("X001")
    # The number stays in use: neither the next line with it nor a statement can change the address alone.
    confirmed("staff_no,name,email\nX001,Xenia,other@corp.example.com\n")
    assert person("X001").email == "xenia@corp.example.com"
    assert ApprovalRequest.objects.get(decision=None).kind == "email_change"


def test_no_statement_changes_the_address_of_a_number_in_use(settings: Any) -> None:
    settings.ROSTER_APPROVAL_SHARE = 0.9
    done = confirmed("staff_no,name,email\nX001,Xenia,xenia@corp.example.com\n")
    with_account(person("X001"))
    request = undo_or_request(load_id=done.pk, by=officer("hr-1"))
    approve(request)
    with pytest.raises(IntegrityError, match="second person"), transaction.atomic():
        Employee.objects.filter(staff_no="X001").update(email="other@corp.example.com")


def test_a_number_that_nobody_used_is_free_after_its_undo(settings: Any) -> None:
    settings.ROSTER_APPROVAL_SHARE = 0.9
    done = confirmed("staff_no,name,email\nX001,Xenia,xenia@corp.example.com\n")
    assert undo_or_request(load_id=done.pk, by=officer("hr-1")) is None
    confirmed("staff_no,name,email\nX001,Xenia,other@corp.example.com\n")
    assert person("X001").email == "other@corp.example.com"


@pytest.mark.parametrize(
    ("number", "needed"),
    [("wang.prospect", 1), ("Fang88", 1), ("\u0131lya88", 1), ("Z017", 0), ("90017", 0), ("wang prospect", 0)],
    ids=["handle", "handle in capitals", "dotless i", "form of the company's numbers", "digits", "no handle"],
)
def test_a_new_number_that_could_be_an_outsiders_handle_needs_two(settings: Any, number: str, needed: int) -> None:
    """Otherwise one HR user keeps employees from recording an outsider, by an invented joiner with the handle."""
    settings.ROSTER_APPROVAL_SHARE = 1
    done = confirmed(f"{DATES}{number},Zoe,zoe@corp.example.com,,\n")
    assert (done.state == State.REQUESTED) == bool(needed)
    assert (request_of(done) if needed else done.effect).get("handle_numbers", 0) == needed


def test_a_form_of_numbers_that_two_approved_is_free(settings: Any) -> None:
    settings.ROSTER_APPROVAL_SHARE = 1
    done = confirmed(f"{DATES}HR-1001,Zoe,zoe@corp.example.com,,\n")
    approve()
    assert worked(done).state == State.DONE
    assert confirmed(f"{DATES}IT-2002,Yan,yan@corp.example.com,,\n").state == State.DONE
