"""Only the employee who recorded a contact ever sees it.

All employees have contacts with unique strings. Then every reader opens every address and follows every link: pages,
charts, files, the API, the admin, errors and mails. A string in another reader's response is a leaked contact.
"""

import logging
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urljoin

import pytest
from django.core import mail
from django.db import transaction
from django.test import Client

from apps.campaigns.models import Campaign
from apps.employees.models import Employee
from tests import files, people
from tests.dashboard.strict import Page
from tests.dashboard.test_authorisation import PEOPLE, declared, every_address, frank, places, signed_in
from tests.searching import search

__all__ = ["frank", "places"]
pytestmark = [pytest.mark.django_db, pytest.mark.everywhere]
WHO = ("anonymous", *PEOPLE)
MOST_PAGES = 400
OWNERS = {"A001": "employee", "A002": "colleague", "B001": "manager", "C001": "other_manager", "F001": "former_manager"}
OWNERS |= {"H001": "hr", "O001": "operator", "U001": "auditor", "S001": "nobody"}


def signs(staff_no: str) -> tuple[str, ...]:
    """The unique strings of this employee's contacts, in the forms that a page could show."""
    number = list(OWNERS).index(staff_no)
    digits = f"139{number}4{number}1{number}3{number}"[:11].ljust(11, "7")
    return (f"Canary{staff_no}", f"canary-{staff_no.lower()}", digits, f"{digits[:3]} {digits[3:7]} {digits[7:]}")


@pytest.fixture
def planted(places: dict[str, str], company: dict[str, Employee]) -> dict[str, str]:
    """Contacts of all employees, their previewed files, submitted files, and rejected lines."""
    for staff_no in OWNERS:
        employee = people.person(staff_no)
        name, word, digits, _spaced = signs(staff_no)
        people.record_one(employee, ("phone", f"+86{digits}"), name=name)
        people.record_one(employee, ("email", f"{word}@outside.example.org"), name=name)
        people.record_one(employee, ("handle", word), name=name)
        people.with_account(employee)
        files.upload(employee, f"name,handle\n{name},{word}-2\n", f"{word}.csv")
        files.handed_in(employee, f"name,phone,handle\n{name},{word}-is-no-phone,\n{name},,{word}-3\n")
    people.mark()
    return places


def whose(text: str) -> set[str]:
    """The employees whose contacts a text shows."""
    low = text.lower()
    return {OWNERS[no] for no in OWNERS if any(sign.lower() in low for sign in signs(no))}


def said(response: Any) -> str:
    content = b"".join(response.streaming_content) if response.streaming else response.content
    return content.decode("utf-8", "replace") + str(response.headers)


def crawl(client: Client, starts: list[str]) -> Iterator[tuple[str, str]]:
    """(address, full response) for these addresses and everything their pages link to."""
    waiting, seen = list(starts), set[str]()
    while waiting and len(seen) < MOST_PAGES:
        address = waiting.pop(0).partition("#")[0]
        if address in seen or not address.startswith("/") or address.startswith(("/static/", "/logout", "/login/")):
            continue
        seen.add(address)
        point = transaction.savepoint()
        response = client.get(address)
        text = said(response)
        transaction.savepoint_rollback(point)
        yield address, text
        if response.headers.get("Content-Type", "").startswith("text/html"):
            waiting += [urljoin(address, link) for link in Page(text.partition("</html>")[0] + "</html>").links]


@pytest.mark.parametrize("who", WHO)
def test_contacts_of_other_employees_are_closed(
    who: str, planted: dict[str, str], request: pytest.FixtureRequest, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    client, leaks, own = signed_in(who, request), [], 0
    for address, text in crawl(client, every_address(planted)):
        shown = whose(text)
        own += who in shown
        leaks += [f"GET {address} shows {other}'s" for other in shown - {who}]
    for line in declared():
        if line["method"] != "POST" or line["address"].endswith("*"):
            continue
        address = line["address"].format(**planted)
        point = transaction.savepoint()
        leaks += [f"POST {address} shows {other}'s" for other in whose(said(client.post(address))) - {who}]
        transaction.savepoint_rollback(point)
    assert not leaks, "\n".join(leaks)
    # Employees with contacts see their own, so the crawl did find something.
    assert bool(own) == (who != "anonymous")
    # File names appear in their owner's requests only; the log holds nothing of a contact.
    assert whose(caplog.text) == set()
    assert whose("".join(str(one.message()) for one in mail.outbox)) == set()


def by_address(address: str) -> Callable[[Client, str], Any]:
    return lambda client, word: client.get(address, {"q": word})


SEARCHED: dict[str, Callable[[Client, str], Any]] = {
    "/contacts/": search,
    "/api/v1/contacts/": lambda client, word: client.post(
        "/api/v1/contacts/search/", {"q": word}, content_type="application/json"
    ),
    **{address: by_address(address) for address in ("/team/B001/", "/company/", "/api/v1/standings/")},
}


@pytest.mark.parametrize("who", [name for name in PEOPLE if name != "employee"])
def test_searching_for_anothers_contact_equals_searching_for_an_unknown_one(
    who: str, planted: dict[str, str], request: pytest.FixtureRequest
) -> None:
    """Otherwise a guessed number would reveal whose contact it is."""
    client, told = signed_in(who, request), []
    for address in SEARCHED:
        hers, nobody = (SEARCHED[address](client, word) for word in ("canary-a001", "canary-x999"))
        if found(hers, "canary-a001") != found(nobody, "canary-x999"):
            told.append(address)
    assert not told


def found(response: Any, word: str) -> Any:
    """The content of a list without the search text."""
    if response.status_code != 200:
        return response.status_code
    if "json" in response["Content-Type"]:
        return response.json()["results"]
    return Page(response.content.decode()).words.replace(word, "")


def test_a_leak_would_be_found(planted: dict[str, str], campaign: Campaign) -> None:
    for staff_no, who in OWNERS.items():
        for sign in signs(staff_no):
            assert whose(f"<td>{sign}</td>") == {who}
