"""A GET changes nothing. Every declared page is fetched twice as one reader; `make fuzz` does it for all readers."""

import os
from typing import Any

import pytest

from apps.campaigns.models import Campaign
from apps.core.models import Setting
from apps.employees.models import Employee
from apps.results.freeze import freeze
from tests.dashboard.test_authorisation import WHO, every_address, frank, places, signed_in
from tests.fixtures import Clock
from tests.people import TESTER
from tests.unchanged import changed_by_reading, pages_that_write

__all__ = ["frank", "places"]
pytestmark = [pytest.mark.django_db, pytest.mark.everywhere]

FULL = bool(os.environ.get("READ_AS_EVERYBODY"))
READERS = WHO if FULL else ("anonymous", "manager", "hr")
# Query parameters, as pages link them and as a reader may invent them.
QUERIES = (
    "",
    "?as_of=2026-11-20",
    "?q=ali&status=red&sort=counted",
    "?result=1",
    "?campaign=november",
    "?before=x&page=9",
)


def read_everything(who: str, places: dict[str, str], request: pytest.FixtureRequest) -> list[str]:
    client = signed_in(who, request)

    def get(address: str) -> None:
        response: Any = client.get(address)
        if response.streaming:
            b"".join(response.streaming_content)

    queries = QUERIES if FULL else QUERIES[:1]
    addresses = [address for address in every_address(places) if not address.startswith("/api/v1/")]
    assert len(addresses) > 80
    return changed_by_reading(get, [address + query for address in addresses for query in queries])


@pytest.mark.parametrize("who", READERS)
def test_no_page_changes_anything_when_it_is_read(
    who: str, places: dict[str, str], request: pytest.FixtureRequest
) -> None:
    assert read_everything(who, places, request) == []


@pytest.mark.parametrize("who", WHO if FULL else ["auditor"])
def test_no_page_of_a_frozen_campaign_changes_anything_when_it_is_read(
    who: str, places: dict[str, str], campaign: Campaign, clock: Clock, request: pytest.FixtureRequest
) -> None:
    clock.set("2026-12-01T00:05:00+08:00", ticks=True)
    assert freeze(campaign=campaign, by=TESTER, wait=True)
    assert read_everything(who, places, request) == []


def test_a_page_that_writes_is_found(places: dict[str, str], alice: Employee, request: pytest.FixtureRequest) -> None:
    """The counterpart: otherwise the tests above could not fail."""
    client = signed_in("employee", request)
    with pages_that_write():
        found = changed_by_reading(client.get, ["/", "/privacy/", "/standing/"])
    assert Setting.objects.filter(name="pages_read").exists()
    assert {one.partition(":")[0] for one in found} == {"/", "/standing/"}
