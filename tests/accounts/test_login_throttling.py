"""Guesses are limited, and another person's guesses lock no owner out, even from the same office."""

import time
from typing import Any

import pytest

from apps.accounts.login_throttling import BROWSER_COOKIE, MAX_ACCOUNT_FAILURES, MAX_ADDRESS_FAILURES, WAIT
from apps.core.models import AuditEntry
from apps.employees.models import Employee
from tests import people
from tests.dashboard.strict import StrictClient, words

pytestmark = pytest.mark.django_db

OFFICE, HOME = "203.0.113.7", "198.51.100.9"


def tries(client: StrictClient, name: str = "A001", guess: str = "guess", address: str = OFFICE, **more: Any) -> Any:
    return client.post("/login/", {"username": name, "password": guess}, REMOTE_ADDR=address, **more)


def comes_in(client: StrictClient, name: str = "A001", address: str = OFFICE) -> bool:
    return tries(client, name, people.PASSWORD, address).status_code == 302


def guesses(times: int, **how: Any) -> Any:
    answer = None
    for _one in range(times):
        answer = tries(StrictClient(), **how)
    return answer


def test_the_last_guess_and_everything_after_it_are_refused(alice: Employee) -> None:
    assert guesses(MAX_ACCOUNT_FAILURES - 1).status_code == 200
    answer = guesses(1)
    assert (answer.status_code, answer["Retry-After"]) == (429, "900")
    assert "Too many attempts" in words(answer)
    assert not comes_in(StrictClient())
    assert tries(StrictClient(), guess=people.PASSWORD).status_code == 429


def test_writing_the_name_otherwise_gives_no_more_guesses(alice: Employee) -> None:
    for name in (" a001", "A001 " + 400 * " ", "a001") * 3:
        guesses(1, name=name)
    assert guesses(1, name="A001").status_code == 429


@pytest.mark.parametrize("name", ["a００1", "Ａ００１", "Ａlice@corp.example.com", "alice＠corp.example.com"])
def test_nor_do_full_width_letters(alice: Employee, name: str) -> None:
    """The form normalises them: without the same step here, each spelling would allow ten more guesses."""
    assert tries(StrictClient(), name, people.PASSWORD).status_code == 302
    for typed in (name, "A001") * (MAX_ACCOUNT_FAILURES // 2):
        answer = tries(StrictClient(), typed)
    assert answer.status_code == 429


def test_the_owner_elsewhere_is_not_shut_out(alice: Employee) -> None:
    guesses(MAX_ACCOUNT_FAILURES + 1)
    assert comes_in(StrictClient(), address=HOME)


def test_colleagues_at_the_same_address_are_not_shut_out(alice: Employee, bob: Employee) -> None:
    guesses(MAX_ACCOUNT_FAILURES + 1)
    assert comes_in(StrictClient(), "B001")


def test_the_owner_in_the_same_office_comes_in_by_a_browser_that_was_there_before(alice: Employee) -> None:
    mine = StrictClient()
    assert comes_in(mine)
    mine.post("/logout/")
    guesses(MAX_ACCOUNT_FAILURES + 1)
    assert comes_in(mine)


def test_that_browser_guesses_no_more_than_others(alice: Employee) -> None:
    mine = StrictClient()
    comes_in(mine)
    mine.post("/logout/")
    for _one in range(MAX_ACCOUNT_FAILURES):
        answer = tries(mine)
    assert answer.status_code == 429


def test_that_browser_is_known_for_its_own_account_alone(alice: Employee, bob: Employee) -> None:
    """Otherwise any account holder could guess at all other accounts."""
    mine = StrictClient()
    comes_in(mine)
    mine.post("/logout/")
    guesses(MAX_ACCOUNT_FAILURES, name="B001")
    assert not comes_in(mine, "B001")


@pytest.mark.parametrize("forged", ["x", "W10:1:x", ""])
def test_a_browser_cannot_make_itself_known(alice: Employee, forged: str) -> None:
    guesses(MAX_ACCOUNT_FAILURES)
    mine = StrictClient()
    mine.cookies[BROWSER_COOKIE] = forged
    assert not comes_in(mine)


def test_one_password_tried_at_everybody_stops_the_address(alice: Employee, bob: Employee) -> None:
    for number in range(MAX_ADDRESS_FAILURES):
        guesses(1, name=f"X{number}")
    assert not comes_in(StrictClient(), "B001")
    assert comes_in(StrictClient(), "B001", HOME)


def test_an_own_account_does_not_buy_an_address_more_guesses(alice: Employee, bob: Employee) -> None:
    for number in range(MAX_ADDRESS_FAILURES - 1):
        guesses(1, name=f"X{number}")
    assert comes_in(StrictClient(), "B001")
    assert guesses(1, name="Y").status_code == 429


def test_a_right_password_forgets_the_wrong_ones(alice: Employee) -> None:
    for _round in range(2):
        guesses(MAX_ACCOUNT_FAILURES - 1)
        assert comes_in(StrictClient())


def test_a_network_of_version_6_is_one_address(alice: Employee) -> None:
    for number in range(MAX_ACCOUNT_FAILURES):
        guesses(1, address=f"2001:db8:1:2::{number:x}")
    assert not comes_in(StrictClient(), address="2001:db8:1:2:ffff::1")
    assert comes_in(StrictClient(), address="2001:db8:1:3::1")


def test_a_forwarded_address_that_no_proxy_of_ours_wrote_changes_nothing(alice: Employee) -> None:
    for number in range(MAX_ACCOUNT_FAILURES):
        guesses(1, headers={"x-forwarded-for": f"192.0.2.{number}"})
    assert not comes_in(StrictClient())


def test_a_name_of_nobody_waits_in_the_same_words(alice: Employee) -> None:
    assert words(guesses(MAX_ACCOUNT_FAILURES, name="nobody")) == words(guesses(MAX_ACCOUNT_FAILURES))


def test_it_stands_in_the_trail_once_for_a_flood_and_without_what_nobody_is_called(alice: Employee) -> None:
    guesses(MAX_ACCOUNT_FAILURES + 5)
    guesses(MAX_ACCOUNT_FAILURES + 1, name="my secret password")
    told = AuditEntry.objects.filter(action="account.locked_out").values_list("subject_label", "origin")
    assert sorted(told) == [("", f"page {OFFICE}"), (alice.name, f"page {OFFICE}")]


def test_it_ends_by_itself(alice: Employee, monkeypatch: pytest.MonkeyPatch) -> None:
    guesses(MAX_ACCOUNT_FAILURES)
    later = time.time() + WAIT.total_seconds() + 1
    monkeypatch.setattr("django.core.cache.backends.locmem.time.time", lambda: later)
    assert comes_in(StrictClient())


@pytest.mark.parametrize("name", ["A001\0", "x" * 5000, "", "名"])
def test_no_name_breaks_it(alice: Employee, name: str) -> None:
    assert tries(StrictClient(), name=name).status_code in (200, 400)
