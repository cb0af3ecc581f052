"""A leaver is signed out at the next request, for every way of sign-in, when only time has passed."""

from collections.abc import Callable

import pytest

from apps.accounts.api_tokens import create_token
from apps.accounts.models import Scope
from apps.accounts.services import account_for
from apps.campaigns.models import Campaign
from apps.employees.models import Employee
from tests import people
from tests.accounts.sso.conftest import Trip
from tests.dashboard.strict import StrictClient
from tests.fixtures import Clock

pytestmark = pytest.mark.django_db

# The last day is the 24th; in tests the company's days end at midnight UTC.
LAST_DAY = "2026-11-24"
LAST_SECOND, A_SECOND_LATER = "2026-11-24T23:59:59+00:00", "2026-11-25T00:00:00+00:00"
Door = Callable[[], int]


@pytest.fixture(params=["password", "provider", "token"])
def door(request: pytest.FixtureRequest, alice: Employee, campaign: Campaign, client: StrictClient) -> Door:
    """The status of a page for a session or token that was opened before Alice leaves."""
    if request.param == "token":
        _token, secret = create_token(account=account_for(alice), name="x", scopes=[Scope.OWN], by=people.TESTER)
        headers = {"authorization": f"Bearer {secret}"}
        return lambda: client.get("/api/v1/me/standing/", headers=headers).status_code
    if request.param == "provider":
        request.getfixturevalue("trip")(sub="s1", staff_no="A001")
    else:
        client.post("/login/", {"username": "A001", "password": people.PASSWORD})
    return lambda: client.get("/contacts/").status_code


def leaves(day: str) -> None:
    header, *rows = people.ROSTER.splitlines()
    people.load("\n".join([f"{header},left_on", *(f"{row},{day if row[:4] == 'A001' else ''}" for row in rows)]) + "\n")


def test_a_last_day_that_is_over_ends_everything_by_time_alone(door: Door, clock: Clock) -> None:
    leaves(LAST_DAY)
    clock.set(LAST_SECOND)
    assert door() == 200
    clock.set(A_SECOND_LATER)
    assert door() in (302, 401)


def test_a_roster_without_them_ends_everything_at_once(door: Door) -> None:
    assert door() == 200
    people.load("".join(line for line in people.ROSTER.splitlines(True) if "A001" not in line), complete=True)
    assert door() in (302, 401)


def test_an_account_that_is_switched_off_is_out_too(door: Door, alice: Employee) -> None:
    account = account_for(alice)
    account.is_active = False
    account.save(update_fields=["is_active"])
    assert door() in (302, 401)


def test_the_provider_does_not_bring_them_back(trip: Trip, clock: Clock, alice: Employee) -> None:
    leaves(LAST_DAY)
    clock.set(LAST_SECOND)
    assert trip(browser=StrictClient(), sub="s1", staff_no="A001").status_code == 302
    clock.set(A_SECOND_LATER)
    assert trip(browser=StrictClient(), sub="s1", staff_no="A001").status_code == 403
