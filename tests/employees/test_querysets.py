"""Employees are found by the number or address that a person types."""

import pytest
from django.core.management.base import CommandError

from apps.employees.models import Employee
from tests.commands import run

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("typed", ["A001", "a001", " a001 ", "ALICE@corp.example.com"])
def test_a_number_is_found_in_any_case(alice: Employee, typed: str) -> None:
    assert Employee.objects.find(typed) == alice


def test_of_two_numbers_that_differ_in_case_only_the_typed_one_is_meant(alice: Employee) -> None:
    # The roster refuses such numbers today; older installations may have them.
    for staff_no in ("a001", "X1y", "X1Y"):
        Employee.objects.create(staff_no=staff_no, name="Another", email=f"{staff_no}@corp.example.com")
    assert Employee.objects.find_by_staff_no("A001") == alice
    assert Employee.objects.find_by_staff_no("a001") != alice
    assert Employee.objects.find_by_staff_no("x1y") is None, "a guess could adjust the wrong person"


def test_a_number_that_looks_like_a_suggestion_does_not_take_the_place_of_who_was_picked(alice: Employee) -> None:
    picked = f"{alice.name} (A001)"
    Employee.objects.create(staff_no=picked, name="Mallory", email="mallory@corp.example.com")
    assert Employee.objects.find(picked) == alice, "an adjustment could go to another person"


@pytest.mark.parametrize("typed", ["", "404", "A001\0", "\ud800"])
def test_a_text_that_is_no_number_names_nobody(alice: Employee, typed: str) -> None:
    assert Employee.objects.find(typed) is None
    with pytest.raises(Employee.DoesNotExist):
        Employee.objects.get_by_staff_no(typed)


def test_commands_take_a_number_in_any_case(company: dict[str, Employee]) -> None:
    assert run("create_token", "a001", "--scope", "own", "--name", "x")["staff_no"] == "A001"
    assert run("revoke_token", "a001") == {"staff_no": "A001", "revoked": ["x"]}
    assert run("grant_role", "a001", "hr")["staff_no"] == "A001"
    assert list(run("invite_employees", "--staff-no", "a002", "--print")["links"]) == ["A002"]
    with pytest.raises(CommandError, match="no employee has the number a404"):
        run("revoke_token", "a404")
