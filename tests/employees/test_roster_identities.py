"""Addresses and phones of a roster: whose they are, were, and become."""

from apps.employees.models import Account, Employee, EmployeeIdentity
from tests.employees.looks import HEADER, counts
from tests.fixtures import Clock
from tests.people import ROSTER, load, person, with_account


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
