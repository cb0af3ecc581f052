"""A GET changes nothing: every API address with GET is fetched twice for every reader."""

import os

import pytest

from tests.api.conftest import ApiClient
from tests.api.test_authorisation import PEOPLE, TOKENS, client_of, declared, places
from tests.unchanged import changed_by_reading

__all__ = ["places"]
pytestmark = [pytest.mark.django_db, pytest.mark.everywhere]

EVERYBODY = ("anonymous", *PEOPLE, *TOKENS, "leaver_token")
READERS = EVERYBODY if os.environ.get("READ_AS_EVERYBODY") else ("employee", "hr", "own_token", "manager_reports")
MORE = ("contacts/?limit=500&q=guest", "standings/?q=ali&status=red&as_of=2026-11-20", "feed/", "tokens/999999/")


@pytest.mark.parametrize("who", READERS)
def test_no_answer_changes_anything(who: str, places: dict[str, int], request: pytest.FixtureRequest) -> None:
    client: ApiClient = client_of(who, request)
    addresses = dict.fromkeys([*(line["address"].format(**places) for line in declared()), *MORE])
    assert len(addresses) > 15
    assert changed_by_reading(lambda address: client.call("GET", address), addresses) == []
