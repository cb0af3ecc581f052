"""Addresses and phones of a roster: their past, present and future owners."""

import io

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from apps.accounts.models import Account
from apps.employees.models import Employee, EmployeeIdentity
from apps.fileio.csv_reader import Table
from apps.roster.loading import RosterResult, load_roster
from apps.roster.parser import read_roster
from tests.accounts.access_log_entries import HEADER, boss_of, counts
from tests.fixtures import Clock
from tests.people import ROSTER, TESTER, load, person, with_account


def emails_of(staff_no: str) -> dict[str, bool]:
    return dict(EmployeeIdentity.objects.filter(employee__staff_no=staff_no).values_list("value", "live"))


def test_an_old_address_stays_known_as_a_colleagues(company: dict[str, Employee]) -> None:
    load("staff_no,name,email\nA001,Alice 艾,alice.ai@corp.example.com")
    assert emails_of("A001") == {"alice@corp.example.com": False, "alice.ai@corp.example.com": True}


def test_a_phone_comes_and_changes_with_the_file(company: dict[str, Employee]) -> None:
    for phone, stored, live in (
        ("138 1234 5678", "+8613812345678", {"+8613812345678"}),
        ("13912345678", "+8613912345678", {"+8613912345678"}),
    ):
        file = f"staff_no,name,email,phone\nA001,Alice 艾,alice@corp.example.com,{phone}"
        assert counts(load(file)) == {"updated": 1}
        assert counts(load(file)) == {"unchanged": 1}
        assert person("A001").phone == stored
        phones = EmployeeIdentity.objects.filter(employee=company["A001"], kind="phone", live=True)
        assert set(phones.values_list("value", flat=True)) == live
    load("staff_no,name,email\nA001,Alice 艾,alice@corp.example.com")
    assert person("A001").phone == "+8613912345678"


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
    # Alice would give up her address, but her line names a missing manager.
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
    assert [(one.line, one.code, one.dependents, one.cause) for one in result.rejects] == [
        (2, "unknown_manager", 2, 0), (3, "manager_rejected", 0, 2), (4, "manager_rejected", 0, 2),
    ]  # fmt: skip
    assert [one.reason for one in result.rejects] == [
        "no employee has the number 404",
        "the manager One (1, line 2) is not loaded",
        "the manager Two (2, line 3) is not loaded",
    ]


def test_a_manager_whom_nobody_knows_is_named_once_however_many_name_him(noon: Clock) -> None:
    result = load(HEADER + "".join(f"{n},N{n},{n}@corp.example.com,{404 if n < 4 else 2}\n" for n in range(1, 8)))
    assert counts(result) == {"rejected": 7}
    assert [(one.line, one.code) for one in result.rejects if not one.cause] == [(2, "unknown_manager")]
    assert result.rejects[0].dependents == 6
    assert {one.cause for one in result.rejects[1:]} == {2}


def test_a_manager_whose_row_is_refused_is_not_called_unknown(noon: Clock) -> None:
    result = load(
        HEADER
        + "1,One,no address,\n2,Two,2@corp.example.com,1\n3,Three,3@corp.example.com,2\n4,Four,4@corp.example.com,"
    )
    assert counts(result) == {"created": 1, "rejected": 3}
    assert [(one.line, one.code, one.dependents) for one in result.rejects if not one.cause] == [
        (2, "invalid_identity", 2)
    ]
    assert result.rejects[1].reason == "the manager One (1, line 2) is not loaded"


def statements(text: str) -> tuple[int, RosterResult]:
    """The number of statements of a load, and its result."""
    with CaptureQueriesContext(connection) as asked:
        result = load(text)
    return len(asked), result


def test_a_long_chain_below_an_unknown_manager_takes_as_many_statements_as_a_short_one(noon: Clock) -> None:
    """With one pass per link, a small file would block all other writers for minutes."""

    def chain(length: int) -> tuple[int, RosterResult]:
        return statements(HEADER + "".join(f"{n},N{n},{n}@corp.example.com,{n + 1}\n" for n in range(length)))

    (short, _few), (long, many) = chain(2), chain(60)
    assert long == short
    assert counts(many) == {"rejected": 60}
    assert [(one.line, one.code, one.cause) for one in many.rejects] == [
        *((line, "manager_rejected", 61) for line in range(2, 61)), (61, "unknown_manager", 0),
    ]  # fmt: skip
    assert many.rejects[-1].dependents == 59


def test_a_chain_of_passed_on_addresses_takes_as_many_statements_as_a_short_one(noon: Clock) -> None:
    load(HEADER + "".join(f"{n},N{n},{n}@corp.example.com,\n" for n in range(60)))

    def chain(length: int) -> tuple[int, RosterResult]:
        rows = [f"{n},N{n},{n + 1}@corp.example.com,\n" for n in range(length - 1)]
        return statements(HEADER + "".join(rows) + f"{length - 1},N,free@corp.example.com,404\n")

    (short, _few), (long, many) = chain(2), chain(60)
    assert long == short
    assert [one.code for one in many.rejects] == ["email_taken"] * 59 + ["unknown_manager"]
    assert many.rejects[0].reason == "the e-mail of N1 (1)"


def test_managers_and_addresses_in_one_chain_are_refused_with_its_end(noon: Clock) -> None:
    load(HEADER + "A,Anna,a@corp.example.com,\nB,Bert,b@corp.example.com,\n")
    result = load(
        HEADER + "4,Four,4@corp.example.com,A\nA,Anna,b@corp.example.com,\nB,Bert,new@corp.example.com,3\n"
        "3,Three,3@corp.example.com,404\n5,Five,5@corp.example.com,A\n"
    )  # fmt: skip
    # Four and Five report to Anna, who is on the roster even if her row is rejected.
    assert counts(result) == {"created": 2, "rejected": 3}
    assert {one.line: one.code for one in result.rejects} == {
        3: "email_taken", 4: "manager_rejected", 5: "unknown_manager",
    }  # fmt: skip


def without_unknown_managers(text: str) -> RosterResult:
    roster = read_roster(Table(io.StringIO(text)))
    roster.without_unknown_managers = True
    return load_roster(roster=roster, by=TESTER)


def test_people_of_an_unknown_manager_may_be_loaded_without_one(company: dict[str, Employee]) -> None:
    rows = "1,One,1@corp.example.com,404\n2,Two,2@corp.example.com,1\nA001,Alice 艾,alice@corp.example.com,405\n"
    result = without_unknown_managers(HEADER + rows + "5,Five,no address,\n6,Six,6@corp.example.com,5")
    assert counts(result) == {"created": 3, "updated": 1, "rejected": 1}
    assert result.without_manager == [(2, "404"), (4, "405"), (6, "5")]
    assert [boss_of(staff_no) for staff_no in ("1", "2", "A001", "6")] == [None, "1", None, None]


LEAVERS = "staff_no,name,email,started_on,left_on\n"


@pytest.mark.parametrize("leaver_first", [True, False])
def test_the_address_of_a_leaver_may_be_somebody_elses_in_the_same_file(noon: Clock, leaver_first: bool) -> None:
    rows = ["1,Old,info@corp.example.com,2020-01-01,2024-06-30", "2,New,info@corp.example.com,2024-07-01,"]
    rows = rows if leaver_first else rows[::-1]
    file = LEAVERS + "\n".join(rows)
    assert counts(load(file)) == {"created": 2}
    assert emails_of("1") == {"info@corp.example.com": False}
    assert emails_of("2") == {"info@corp.example.com": True}
    assert counts(load(file)) == {"unchanged": 2}
    assert EmployeeIdentity.objects.count() == 2


def test_a_leavers_line_takes_nobodys_address_away(company: dict[str, Employee]) -> None:
    assert counts(load(LEAVERS + "9,Old,alice@corp.example.com,2020-01-01,2024-06-30")) == {"created": 1}
    assert emails_of("A001") == {"alice@corp.example.com": True}
    assert emails_of("9") == {"alice@corp.example.com": False}


def test_who_leaves_in_this_file_hands_the_address_on(company: dict[str, Employee]) -> None:
    rows = "A001,Alice 艾,alice@corp.example.com,,2026-10-31\n9,New,alice@corp.example.com,2026-11-01,"
    assert counts(load(LEAVERS + rows)) == {"created": 1, "updated": 1}
    assert emails_of("A001") == {"alice@corp.example.com": False}
    assert emails_of("9") == {"alice@corp.example.com": True}


def test_of_two_leavers_the_last_one_has_the_address(noon: Clock) -> None:
    rows = "1,A,x@corp.example.com,,2024-06-30\n2,B,x@corp.example.com,,2025-06-30\n3,C,x@corp.example.com,,2023-06-30"
    assert counts(load(LEAVERS + rows)) == {"created": 3}
    assert [emails_of(n)["x@corp.example.com"] for n in "123"] == [False, True, False]


def test_two_who_stay_share_no_address_whoever_left(noon: Clock) -> None:
    rows = "1,A,x@corp.example.com,,2024-06-30\n2,B,x@corp.example.com,,\n3,C,x@corp.example.com,,2030-06-30"
    result = load(LEAVERS + rows)
    assert counts(result) == {"created": 1, "rejected": 2}
    assert [(one.line, one.code) for one in result.rejects] == [(3, "email_shared"), (4, "email_shared")]


def test_the_sign_in_mail_follows_a_new_address(company: dict[str, Employee]) -> None:
    with_account(company["A001"])
    load("staff_no,name,email\nA001,Alice Neu,alice.neu@corp.example.com")
    account = Account.objects.get(employee=company["A001"])
    assert (account.email, account.display_name) == ("alice.neu@corp.example.com", "Alice Neu")
