"""Authorisation of the API, with every method, a valid body, and a token per scope: authorisation.csv.

tests/authorisation.csv has these addresses too, with what a browser sends by itself. Here {contact} and {ended} are
Alice's, {token} is one she created; the leaver held a token with both scopes.
"""

import csv
import uuid
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import transaction
from django.urls import resolve

from apps.accounts.models import ApiToken, Scope
from apps.api.urls import urlpatterns
from apps.campaigns.models import Campaign
from apps.contacts.models import Contact
from apps.contacts.services.changes import end_contact
from apps.core.clock import db_now
from apps.core.files import store_file
from apps.employees.models import Employee
from apps.roster.diff import HEADER
from apps.roster.models import RosterImport
from apps.standings import effective_dates
from tests import people
from tests.api.conftest import ApiClient, with_token

pytestmark = [pytest.mark.django_db, pytest.mark.everywhere]

FILE = Path(__file__).with_name("authorisation.csv")
METHODS = ("get", "post", "put", "patch", "delete")
PEOPLE = {
    "employee": "alice",
    "colleague": "alan",
    "manager": "bob",
    "other_manager": "carol",
    "hr": "hr",
    "operator": "operator",
    "auditor": "auditor",
}
TOKENS = {
    "own_token": ("alice", Scope.OWN),
    "colleague_token": ("alan", Scope.OWN),
    "manager_reports": ("bob", Scope.REPORTS),
    "other_manager_reports": ("carol", Scope.REPORTS),
    "hr_reports": ("hr", Scope.REPORTS),
    "operator_feed": ("operator", Scope.FEED),
    "hr_roster": ("hr", Scope.ROSTER),
}
BODIES = {
    ("contacts/", "POST"): {"handle": "somebody.new"},
    ("contacts/search/", "POST"): {"q": "guest"},
    ("contacts/{contact}/", "PATCH"): {"name": "New name"},
    ("contacts/999999/", "PATCH"): {"name": "New name"},
    ("tokens/", "POST"): {"name": "another", "scopes": ["own"]},
    ("roster/", "POST"): b"staff_no,name,email\r\nN001,Nina,nina@corp.example.com\r\n",
    ("roster/{load}/apply/", "POST"): {"digest": "0" * 64},
    ("feed/", "POST"): b"staff_no,handle\r\nA001,fed\r\n",
}


def declared() -> list[dict[str, str]]:
    with FILE.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture
def places(alice: Employee, campaign: Campaign) -> dict[str, Any]:
    """The values of the placeholders."""
    people.record(alice, 2)
    contact, ended = Contact.objects.of(alice).order_by("pk").values_list("pk", flat=True)
    end_contact(contact_id=ended, employee=alice, by=people.TESTER)
    with_token(alice, Scope.OWN, name="placeholder")
    people.mark()
    header = f"\ufeff{','.join(HEADER)}\r\n".encode()
    difference = store_file(
        name="x.csv", content=[header], content_type="text/csv", expires_at=db_now() + timedelta(days=1), owner_id=None
    )
    load = RosterImport.objects.create(state="previewed", source="api", actor_label="test", difference=difference)
    token = ApiToken.objects.get(name="placeholder")
    return {"contact": contact, "ended": ended, "token": token.pk, "load": load.pk}


def leaver() -> ApiClient:
    """A token holder who has left since."""
    people.load("staff_no,name,email\nL001,Lea,lea@corp.example.com")
    client = with_token(people.person("L001"), Scope.OWN, Scope.REPORTS)
    people.load("staff_no,name,email,left_on\nL001,Lea,lea@corp.example.com,2026-11-22")
    effective_dates.process_effective_dates()
    return client


def client_of(who: str, request: pytest.FixtureRequest) -> ApiClient:
    if who == "anonymous":
        return ApiClient()
    if who == "leaver_token":
        return leaver()
    if who in TOKENS:
        name, scope = TOKENS[who]
        return with_token(request.getfixturevalue(name), scope)
    client = ApiClient()
    people.sign_in(client, request.getfixturevalue(PEOPLE[who]))
    return client


def answer(client: ApiClient, method: str, address: str, body: Any) -> int:
    """The status; afterwards the state is as before."""
    point = transaction.savepoint()
    try:
        kind = "text/csv" if isinstance(body, bytes) else "application/json"
        return int(client.call(method, address, body, content_type=kind).status_code)
    finally:
        transaction.savepoint_rollback(point)


def test_every_method_of_every_address_is_declared() -> None:
    known = set()
    for line in declared():
        path = "/api/v1/" + line["address"].partition("?")[0].format(contact=1, ended=1, token=1, load=uuid.uuid4())
        known.add((resolve(path).url_name, line["method"]))
    there = set()
    for entry in urlpatterns:
        view = getattr(entry.callback, "view_class", None)
        methods = [method for method in METHODS if view and hasattr(view, method)] or ["get"]
        there |= {(entry.name, method.upper()) for method in methods}
    assert there - known == set()


@pytest.mark.parametrize("who", ["anonymous", *PEOPLE, *TOKENS, "leaver_token"])
def test_answers_are_as_declared(who: str, places: dict[str, Any], request: pytest.FixtureRequest) -> None:
    client, wrong = client_of(who, request), []
    for line in declared():
        body = BODIES.get((line["address"], line["method"]))
        got = answer(client, line["method"], line["address"].format(**places), body)
        if got != int(line[who]):
            wrong.append(f"{who}: {line['method']} {line['address']} answered {got}, declared {line[who]}")
    assert not wrong, "\n".join(wrong)


def test_a_canary_is_seen_by_its_owner_alone(
    places: dict[str, Any], alice: Employee, request: pytest.FixtureRequest
) -> None:
    """The unique strings of Alice's contact appear in no other reader's response."""
    canary = "canary-6f1d"
    people.record_one(alice, ("email", f"{canary}@outside.example.org"), name=canary)
    reads = [line["address"].format(**places) for line in declared() if line["method"] == "GET"]
    reads += ["contacts/?limit=500", f"standings/?q={canary}"]
    seen = set()
    for who in ["anonymous", *PEOPLE, *TOKENS]:
        client = client_of(who, request)
        seen |= {who for address in reads if canary in client.call("GET", address).content.decode()}
        if canary in client.call("POST", "contacts/search/", {"q": "canary"}).content.decode():
            seen.add(f"{who} by searching")
    assert seen == {f"{who}{how}" for who in ("employee", "own_token") for how in ("", " by searching")}
