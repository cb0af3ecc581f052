"""Loading a roster: people, managers and dates. A wrong tree shows people to unauthorised users."""

import random
from datetime import date

import pytest
from django.db import connection
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from apps.core.clock import db_now
from apps.core.models import OutboxRow
from apps.core.time_zones import midnight
from apps.employees.models import Employee, Employment, Placement
from apps.roster.load_checks import UnloadableRoster
from tests.accounts.access_log_entries import HEADER, boss_of, counts, employed, tree
from tests.fixtures import Clock
from tests.people import ROSTER, load, person


def test_a_roster_puts_everybody_under_their_manager(company: dict[str, Employee]) -> None:
    assert boss_of("A001") == "B001"
    assert boss_of("D001") is None
    assert {one.staff_no for one in Employee.objects.team_of(person("B001"))} == {"A001", "A002"}
    assert Employee.objects.team_of(person("D001")).count() == 8
    assert [one.staff_no for one in person("A001").manager_chain_below(person("D001"))] == ["B001", "A001"]
    assert person("A001").current_department == "Sales"


def test_the_same_roster_again_changes_nothing(company: dict[str, Employee]) -> None:
    OutboxRow.objects.all().delete()
    before = tree(), list(Employment.objects.values_list()), list(Placement.objects.values_list())
    assert counts(load(ROSTER)) == {"unchanged": 9}
    assert (tree(), list(Employment.objects.values_list()), list(Placement.objects.values_list())) == before
    assert not OutboxRow.objects.exists()


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(shape=st.lists(st.integers(min_value=0, max_value=8), min_size=2, max_size=12), seed=st.integers())
def test_any_order_of_rows_gives_the_same_tree(noon: Clock, shape: list[int], seed: int) -> None:
    # Person n reports to an earlier person or has no manager, so every list of numbers is a forest.
    lines = [
        f"P{n:02d},Person {n},p{n}@corp.example.com,{'' if n == 0 or not up else f'P{(up - 1) % n:02d}'}"
        for n, up in enumerate(shape)
    ]
    trees = []
    for order in (lines, random.Random(seed).sample(lines, len(lines))):
        with rolled_back():
            load(HEADER + "\n".join(order))
            trees.append(tree())
    assert trees[0] == trees[1]


class rolled_back:  # noqa: N801 - reads as a statement
    """A savepoint that always rolls back."""

    def __enter__(self) -> None:
        self.sid = connection.savepoint()

    def __exit__(self, *error: object) -> None:
        connection.savepoint_rollback(self.sid)


def test_a_manager_may_stand_later_in_the_file(noon: Clock) -> None:
    assert counts(load(HEADER + "2,Below,b@corp.example.com,1\n1,Above,a@corp.example.com,")) == {"created": 2}
    assert boss_of("2") == "1"


def test_who_is_missing_from_a_complete_file_has_left_the_day_before(company: dict[str, Employee]) -> None:
    without_alan = "".join(line for line in ROSTER.splitlines(keepends=True) if not line.startswith("A002"))
    assert counts(load(without_alan)) == {"unchanged": 8}
    assert employed("A002")
    assert counts(load(without_alan, complete=True)) == {"unchanged": 8, "left": 1}
    assert not employed("A002")
    assert Employment.objects.get(employee=company["A002"]).ends_at == midnight(date(2026, 11, 23))
    assert Employee.objects.team_of(person("B001")).filter(staff_no="A002").exists(), "a leaver stays in the tree"


def test_a_rejected_line_is_no_reason_to_call_somebody_gone(company: dict[str, Employee]) -> None:
    broken = ROSTER.replace("alan@corp.example.com", "alan at corp")
    assert counts(load(broken, complete=True)) == {"unchanged": 8, "rejected": 1}
    assert employed("A002")


def test_an_empty_complete_file_does_not_send_everybody_away(company: dict[str, Employee]) -> None:
    with pytest.raises(UnloadableRoster, match="names no employee"):
        load(HEADER, complete=True)
    assert employed("A001")


def test_who_comes_back_is_the_same_person_with_a_second_period(company: dict[str, Employee]) -> None:
    alan = company["A002"]
    load("".join(line for line in ROSTER.splitlines(keepends=True) if not line.startswith("A002")), complete=True)
    back_at = db_now()
    assert counts(load(ROSTER)) == {"updated": 1, "unchanged": 8}
    first, second = Employment.objects.filter(employee=alan).order_by("starts_at")
    assert first.ends_at == midnight(date(2026, 11, 23))
    assert second.starts_at > back_at
    assert employed("A002")
    assert Employee.objects.filter(staff_no="A002").count() == 1


def test_a_rehire_whose_file_keeps_the_first_day_of_long_ago_loads_every_time(company: dict[str, Employee]) -> None:
    header = "staff_no,name,email,started_on,left_on\n"
    load(header + "A002,Alan,alan@corp.example.com,2020-01-01,2026-06-30")
    assert not employed("A002")
    again = header + "A002,Alan,alan@corp.example.com,2020-01-01,"
    assert counts(load(again)) == {"updated": 1}
    assert employed("A002")
    assert counts(load(again)) == {"unchanged": 1}
    assert Employment.objects.filter(employee=company["A002"]).count() == 2


def test_a_last_day_before_the_known_first_one_is_refused_and_takes_nobody_along(company: dict[str, Employee]) -> None:
    load("staff_no,name,email,started_on\nA002,Alan,alan@corp.example.com,2026-11-01")
    result = load(
        "staff_no,name,email,left_on\nA002,Alan,alan@corp.example.com,2026-10-15\n"
        "A001,Alice 艾,alice@corp.example.com,2026-12-15"
    )
    assert counts(result) == {"updated": 1, "rejected": 1}
    assert [(reject.line, reject.code) for reject in result.rejects] == [(2, "left_before_start")]
    assert employed("A002")


def test_a_first_day_after_a_coming_last_one_is_refused_and_takes_nobody_along(company: dict[str, Employee]) -> None:
    """Otherwise one line about somebody who leaves this week and returns stops the load of the whole company."""
    load("staff_no,name,email,left_on\nA002,Alan,alan@corp.example.com,2027-06-30")
    result = load(
        "staff_no,name,email,started_on\nA002,Alan,alan@corp.example.com,2027-08-01\n"
        "A001,Alice 艾,alice@corp.example.com,2026-12-15"
    )
    assert counts(result) == {"updated": 1, "rejected": 1}
    assert [(reject.line, reject.code) for reject in result.rejects] == [(2, "starts_after_end")]
    assert employed("A002")


def test_the_file_from_before_a_rehire_does_not_break_the_load(company: dict[str, Employee]) -> None:
    gone = "staff_no,name,email,left_on\nA002,Alan,alan@corp.example.com,2026-06-30"
    load(gone)
    load("staff_no,name,email,left_on\nA002,Alan,alan@corp.example.com,")
    assert employed("A002")
    assert [reject.code for reject in load(gone).rejects] == ["left_before_start"]


def test_first_and_last_day_are_whole_days_of_the_company(noon: Clock) -> None:
    load("staff_no,name,email,started_on,left_on\n1,One,one@corp.example.com,2026-11-01,2026-11-24")
    period = Employment.objects.get()
    assert (period.starts_at, period.ends_at) == (midnight(date(2026, 11, 1)), midnight(date(2026, 11, 25)))
    assert employed("1")


def test_an_end_of_time_in_hrs_system_means_no_end(noon: Clock) -> None:
    load("staff_no,name,email,left_on\n1,One,one@corp.example.com,9999-12-31")
    assert employed("1")


def test_a_corrected_last_day_is_taken_over(noon: Clock) -> None:
    header = "staff_no,name,email,left_on\n"
    load(header + "1,One,one@corp.example.com,2026-11-10")
    assert counts(load(header + "1,One,one@corp.example.com,2026-11-12")) == {"updated": 1}
    assert Employment.objects.get().ends_at == midnight(date(2026, 11, 13))


def test_a_move_counts_from_the_day_it_takes_effect(company: dict[str, Employee]) -> None:
    header = "staff_no,name,email,department,manager_staff_no,effective_on\n"
    move = header + "A001,Alice 艾,alice@corp.example.com,Support,C001,2026-11-10"
    assert counts(load(move)) == {"updated": 1}
    assert boss_of("A001") == "C001"
    old, new = Placement.objects.filter(employee=company["A001"]).order_by("starts_at")
    assert old.ends_at == new.starts_at == midnight(date(2026, 11, 10))
    assert (old.manager, new.manager) == (company["B001"], company["C001"])
    assert (old.department, new.department) == ("Sales", "Support")
    assert counts(load(move)) == {"unchanged": 1}


def test_a_move_of_next_week_leaves_todays_tree_alone(company: dict[str, Employee]) -> None:
    header = "staff_no,name,email,department,manager_staff_no,effective_on\n"
    load(header + "A001,Alice 艾,alice@corp.example.com,Support,C001,2026-12-01")
    assert boss_of("A001") == "B001"


def test_a_second_move_on_one_day_corrects_the_first(company: dict[str, Employee]) -> None:
    header = "staff_no,name,email,manager_staff_no,effective_on\n"
    load(header + "A001,Alice 艾,alice@corp.example.com,C001,2026-11-10")
    load(header + "A001,Alice 艾,alice@corp.example.com,D001,2026-11-10")
    assert Placement.objects.filter(employee=company["A001"]).count() == 2
    assert boss_of("A001") == "D001"


def test_a_move_before_a_later_move_keeps_the_later_one(company: dict[str, Employee]) -> None:
    header = "staff_no,name,email,manager_staff_no,effective_on\n"
    load(header + "A001,Alice 艾,alice@corp.example.com,C001,2026-11-10")
    load(header + "A001,Alice 艾,alice@corp.example.com,D001,2026-11-05")
    managers = Placement.objects.filter(employee=company["A001"]).order_by("starts_at").values_list("manager__staff_no")
    assert [no for (no,) in managers] == ["B001", "D001", "C001"]


def test_a_file_without_a_column_leaves_what_it_does_not_say(company: dict[str, Employee]) -> None:
    load("staff_no,name,email\nA001,Alice 艾,alice@corp.example.com")
    assert boss_of("A001") == "B001"
    assert person("A001").current_department == "Sales"
