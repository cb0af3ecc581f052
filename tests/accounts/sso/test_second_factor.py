"""A provider's sign-in counts as a second factor when its token or the configuration says so."""

from typing import Any

import pytest

from apps.campaigns.models import Campaign
from apps.employees.models import Employee
from tests import people
from tests.accounts.sso.conftest import Trip
from tests.dashboard.strict import StrictClient

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _for_hr(settings: Any, campaign: Campaign) -> None:
    settings.SECOND_FACTOR_ROLES = ["hr"]


@pytest.mark.parametrize("amr", [None, ["pwd"], "pwd", ["MFA"], {"mfa": 1}])
def test_a_token_that_does_not_say_so_is_one_factor(trip: Trip, client: StrictClient, hr: Employee, amr: Any) -> None:
    trip(sub="s1", staff_no="H001", amr=amr)
    assert client.get("/company/")["Location"] == "/second-factor/"


def test_a_token_that_says_so_is_two(trip: Trip, client: StrictClient, hr: Employee) -> None:
    trip(sub="s1", staff_no="H001", amr=["pwd", "mfa"])
    assert client.get("/company/").status_code == 200


def test_a_provider_that_always_asks_is_two(trip: Trip, client: StrictClient, hr: Employee, settings: Any) -> None:
    settings.OIDC_SECOND_FACTOR = True
    trip(sub="s1", staff_no="H001")
    assert client.get("/company/").status_code == 200


def test_a_factor_of_this_house_is_asked_for_after_the_provider_too(
    trip: Trip, client: StrictClient, hr: Employee
) -> None:
    people.enrol(hr, "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP")
    assert trip("/company/", sub="s1", staff_no="H001")["Location"] == "/login/second-factor/"
    assert client.get("/company/").status_code == 302
