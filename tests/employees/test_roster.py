"""Loading a roster: who is on it, under whom, since when. A wrong tree shows people to who may not see them."""

import random
from datetime import date
from typing import Any

import pytest
from django.db import connection
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from apps.employees.imports import midnight
from apps.employees.models import Account, Employee, EmployeeIdentity, Employment, Placement, TreeNode
from apps.employees.roster import RosterRefused
from apps.ledger.models import AuditEntry, OutboxRow
from apps.ledger.services import clock
from apps.ledger.tables import UnreadableFile
from tests.fixtures import Clock
from tests.people import ROSTER, load, person, with_account

HEADER = "staff_no,name,email,manager_staff_no\n"


def boss_of(staff_no: str) -> str | None:
    manager = person(staff_no).node.manager_id
    return Employee.objects.get(pk=manager).staff_no if manager else None


def tree() -> list[tuple[Any, ...]]:
    """The whole tree by staff number, intervals included."""
    nodes = TreeNode.objects.order_by("first").values_list("employee__staff_no", "depth", "first", "last", "department")
    return list(nodes)


def employed(staff_no: str) -> bool:
    return Employee.objects.employed_at(clock()).filter(staff_no=staff_no).exists()


def counts(result: Any) -> dict[str, int]:
    names = ("created", "updated", "unchanged", "duplicate", "rejected", "left")
    return {name: getattr(result, name) for name in names if getattr(result, name)}


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
    # Person n reports to an earlier one, or to nobody: every list of numbers is a forest.
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
    """A savepoint that is always taken back."""

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
    with pytest.raises(RosterRefused, match="names nobody"):
        load(HEADER, complete=True)
    assert employed("A001")


def test_who_comes_back_is_the_same_person_with_a_second_period(company: dict[str, Employee]) -> None:
    alan = company["A002"]
    load("".join(line for line in ROSTER.splitlines(keepends=True) if not line.startswith("A002")), complete=True)
    back_at = clock()
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


# -- identities ------------------------------------------------------------------------------------------------------


def emails_of(staff_no: str) -> dict[str, bool]:
    return dict(EmployeeIdentity.objects.filter(employee__staff_no=staff_no).values_list("value", "live"))


def test_an_old_address_stays_known_as_a_colleagues(company: dict[str, Employee]) -> None:
    load("staff_no,name,email\nA001,Alice 艾,alice.ai@corp.example.com")
    assert emails_of("A001") == {"alice@corp.example.com": False, "alice.ai@corp.example.com": True}


def test_a_phone_comes_changes_and_goes_with_the_file(company: dict[str, Employee]) -> None:
    for phone, stored, live in (
        ("138 1234 5678", "+8613812345678", {"+8613812345678"}),
        ("13912345678", "+8613912345678", {"+8613912345678"}),
        ("", "", set()),
    ):
        file = f"staff_no,name,email,phone\nA001,Alice 艾,alice@corp.example.com,{phone}"
        assert counts(load(file)) == {"updated": 1}
        assert counts(load(file)) == {"unchanged": 1}
        assert person("A001").phone == stored
        phones = EmployeeIdentity.objects.filter(employee=company["A001"], kind="phone", live=True)
        assert set(phones.values_list("value", flat=True)) == live
    load("staff_no,name,email\nA001,Alice 艾,alice@corp.example.com")
    assert person("A001").phone == ""


def test_a_leavers_address_may_be_given_to_somebody_new(company: dict[str, Employee]) -> None:
    without_alan = "".join(line for line in ROSTER.splitlines(keepends=True) if not line.startswith("A002"))
    load(without_alan, complete=True)
    assert counts(load("staff_no,name,email\nA003,Alan Two,alan@corp.example.com")) == {"created": 1}
    assert emails_of("A002") == {"alan@corp.example.com": False}
    assert emails_of("A003") == {"alan@corp.example.com": True}


def test_two_people_may_swap_their_addresses(company: dict[str, Employee]) -> None:
    swapped = "staff_no,name,email\nA001,Alice 艾,alan@corp.example.com\nA002,Alan,alice@corp.example.com"
    assert counts(load(swapped)) == {"updated": 2}
    assert emails_of("A001")["alan@corp.example.com"]


def test_an_address_of_somebody_who_is_not_in_the_file_is_refused_and_named(company: dict[str, Employee]) -> None:
    result = load("staff_no,name,email\nN001,New,alice@corp.example.com")
    assert counts(result) == {"rejected": 1}
    assert (result.rejects[0].code, result.rejects[0].line) == ("email_taken", 2)
    assert "Alice 艾 (A001)" in result.rejects[0].reason


def test_an_address_is_not_freed_by_a_line_that_is_refused_itself(company: dict[str, Employee]) -> None:
    # Alice would give her address up, but her line names a manager who is not there.
    result = load(HEADER + "A001,Alice 艾,alice.ai@corp.example.com,X404\nN001,New,alice@corp.example.com,B001")
    assert {reject.code for reject in result.rejects} == {"unknown_manager", "email_taken"}
    assert emails_of("A001") == {"alice@corp.example.com": True}


def test_two_lines_with_one_address_are_refused_and_name_each_other(noon: Clock) -> None:
    result = load(
        HEADER + "1,One,same@corp.example.com,\n2,Two,SAME@corp.example.com,\n3,Three,other@corp.example.com,"
    )
    assert counts(result) == {"created": 1, "rejected": 2}
    assert [reject.code for reject in result.rejects] == ["email_shared"] * 2
    assert "Two (2, line 3)" in result.rejects[0].reason
    assert "One (1, line 2)" in result.rejects[1].reason


def test_who_reports_to_nobody_known_is_refused_with_everybody_below(noon: Clock) -> None:
    result = load(
        HEADER + "1,One,1@corp.example.com,404\n2,Two,2@corp.example.com,1\n3,Three,3@corp.example.com,2\n"
        "4,Four,4@corp.example.com,"
    )
    assert counts(result) == {"created": 1, "rejected": 3}
    assert [(reject.line, reject.code) for reject in result.rejects] == [(n, "unknown_manager") for n in (2, 3, 4)]
    assert "404" in result.rejects[0].reason


def test_the_sign_in_mail_follows_a_new_address(company: dict[str, Employee]) -> None:
    with_account(company["A001"])
    load("staff_no,name,email\nA001,Alice Neu,alice.neu@corp.example.com")
    account = Account.objects.get(employee=company["A001"])
    assert (account.email, account.display_name) == ("alice.neu@corp.example.com", "Alice Neu")


# -- files that are refused as a whole -----------------------------------------------------------------------------


def test_a_cycle_refuses_the_whole_file_and_names_the_people(noon: Clock) -> None:
    with pytest.raises(RosterRefused, match="cycle") as refused:
        load(
            HEADER
            + "1,One,1@c.example.com,2\n2,Two,2@c.example.com,3\n3,Three,3@c.example.com,1\n4,Four,4@c.example.com,"
        )
    for staff_no in "123":
        assert staff_no in str(refused.value)
    assert not Employee.objects.exists()


def test_a_cycle_with_people_of_an_earlier_file_is_refused(company: dict[str, Employee]) -> None:
    with pytest.raises(RosterRefused, match=r"D001 > \w+ > D001|B001|A001"):
        load(HEADER + "D001,Dana 董,dana@corp.example.com,A001")
    assert boss_of("D001") is None


def test_a_cycle_of_next_month_is_refused_too(company: dict[str, Employee]) -> None:
    header = "staff_no,name,email,manager_staff_no,effective_on\n"
    load(header + "B001,Bob 白,bob@corp.example.com,C001,2026-12-05")
    # Today Carol may report to Bob; from the fifth of December each would report to the other.
    with pytest.raises(RosterRefused, match="cycle"):
        load(header + "C001,Carol,carol@corp.example.com,B001,2026-11-10")
    assert boss_of("C001") == "D001"


def test_a_cycle_that_another_move_ends_in_time_is_none(company: dict[str, Employee]) -> None:
    header = "staff_no,name,email,manager_staff_no,effective_on\n"
    load(header + "B001,Bob 白,bob@corp.example.com,C001,2026-12-05")
    load(header + "C001,Carol,carol@corp.example.com,D001,2026-12-05")
    load(header + "B001,Bob 白,bob@corp.example.com,D001,2026-12-05")
    load(header + "C001,Carol,carol@corp.example.com,B001,2026-12-05")
    assert boss_of("C001") == "D001"


def test_nobody_is_their_own_manager(noon: Clock) -> None:
    result = load(HEADER + "1,One,1@c.example.com,1")
    assert [reject.code for reject in result.rejects] == ["own_manager"]


def test_two_lines_of_one_person_that_disagree_refuse_the_file(noon: Clock) -> None:
    with pytest.raises(UnreadableFile, match=r"lines 2 and 4 disagree about staff number 1 \(One\)"):
        load(HEADER + "1,One,1@c.example.com,\n2,Two,2@c.example.com,\n1,One,1@c.example.com,2")
    assert not Employee.objects.exists()


def test_two_equal_lines_of_one_person_are_one(noon: Clock) -> None:
    assert counts(load(HEADER + "1,One,1@c.example.com,\n1,One,1@C.example.com,")) == {"created": 1, "duplicate": 1}


def test_a_trial_run_changes_nothing_at_all(company: dict[str, Employee]) -> None:
    before = tree(), OutboxRow.objects.count(), AuditEntry.objects.count()
    result = load("staff_no,name,email\nA001,Alice Neu,a@corp.example.com\nN001,New,n@corp.example.com", dry_run=True)
    assert counts(result) == {"created": 1, "updated": 1}
    assert (tree(), OutboxRow.objects.count(), AuditEntry.objects.count()) == before
    assert person("A001").name == "Alice 艾"


# -- what the marks are told ---------------------------------------------------------------------------------------


def noted() -> set[str]:
    ids = OutboxRow.objects.exclude(employee_id=None).values("employee_id")
    return set(Employee.objects.filter(pk__in=ids).values_list("staff_no", flat=True))


def test_who_joins_moves_or_leaves_is_noted_and_a_new_name_is_not(company: dict[str, Employee]) -> None:
    OutboxRow.objects.all().delete()
    changed = ROSTER.replace("Bob 白,", "Robert,").replace(
        "alan@corp.example.com,,Sales,B001", "alan@corp.example.com,,Sales,C001"
    )
    changed = "".join(line for line in changed.splitlines(keepends=True) if not line.startswith("S001"))
    load(changed + "N001,New,new@corp.example.com,,Sales,B001\n", complete=True)
    assert noted() == {"A002", "S001", "N001"}
    joined = OutboxRow.objects.exclude(kind=None).values_list("kind", "digest")
    assert {(kind, bytes(digest)) for kind, digest in joined} == {
        (one.kind, bytes(one.digest)) for one in EmployeeIdentity.objects.filter(employee__staff_no="N001")
    }


def test_a_load_stands_in_the_audit_trail(noon: Clock) -> None:
    load(ROSTER)
    entry = AuditEntry.objects.get(action="roster.loaded")
    assert entry.actor_label == "test"
    assert entry.detail["created"] == 9
