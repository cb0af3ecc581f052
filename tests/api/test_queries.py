"""An address makes the same number of queries for 3 people and for 30.

The reason: at 50,000 employees a query per row is an outage. What a row needs comes with the rows. The numbers may
change; their equality may not.
"""

from typing import Any

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from apps.accounts.models import Scope
from apps.contacts.models import Contact
from apps.employees.models import Employee
from tests import people
from tests.api.conftest import ApiClient, with_token

pytestmark = pytest.mark.django_db

READ = [
    "me/standing/",
    "standings/",
    "standings/?root=LEAD1",
    "standings/?status=red&q=name&sort=name",
    "standings/?as_of=2026-11-20",
    "standings/P1/",
    "standings/P1/?as_of=2026-11-20",
    "campaigns/",
    "campaigns/november/",
    "contacts/",
    "contacts/?reason=counts",
    "contacts/{contact}/",
]


def build(size: int) -> Employee:
    """BOSS, of HR, above LEAD1.. above P0..: so many people, and as many contacts, campaigns and tokens of BOSS."""
    leads = max(1, size // 10)
    rows = [("BOSS", ""), *((f"LEAD{n}", "BOSS") for n in range(1, leads + 1))]
    rows += [(f"P{n}", f"LEAD{n % leads + 1}") for n in range(size)]
    for employee in people.company(rows).values():
        people.record(employee, 3)
    boss = people.with_account(people.person("BOSS"), "hr")
    people.record(boss, size)
    people.november()
    people.mark()
    return boss


def questions(client: ApiClient, method: str, address: str, body: Any = None) -> int:
    with CaptureQueriesContext(connection) as asked:
        response = client.call(method, address, body)
    assert response.status_code in (200, 201), (address, response.content)
    return len(asked)


def asked(size: int) -> dict[str, int]:
    """Queries by address in a company of this size, which is removed afterwards."""
    point = transaction.savepoint()
    try:
        boss = build(size)
        client = with_token(boss, Scope.OWN, Scope.REPORTS)
        client.read("me/standing/")  # what is asked once a process, or once an hour of a token, is asked now
        contact = Contact.objects.of(boss).earliest("pk").pk
        counts = {address: questions(client, "GET", address.format(contact=contact)) for address in READ}
        drafts = [{"name": f"New {n}", "handle": f"new{n}", "email": f"n{n}@new.example.org"} for n in range(size)]
        counts["record"] = questions(client, "POST", "contacts/", {"contacts": drafts})
        counts["search"] = questions(client, "POST", "contacts/search/", {"q": "guest", "reason": "counts"})
        counts["end"] = questions(client, "POST", f"contacts/{contact}/end/")
        counts["restore"] = questions(client, "POST", f"contacts/{contact}/restore/")
        counts["rename"] = questions(client, "PATCH", f"contacts/{contact}/", {"name": "Renamed"})
        return counts
    finally:
        transaction.savepoint_rollback(point)


def test_thirty_people_cost_as_many_queries_as_three(noon: object) -> None:
    few, many = asked(3), asked(30)
    assert many == few


def campaigns(number: int) -> int:
    """Queries for a list of so many campaigns: each includes its rule."""
    point = transaction.savepoint()
    try:
        for round_ in range(number):
            people.november(name=f"Round {round_}")
        return questions(with_token(people.person("A001"), Scope.REPORTS), "GET", "campaigns/")
    finally:
        transaction.savepoint_rollback(point)


def test_thirty_campaigns_cost_as_many_queries_as_three(alice: Employee) -> None:
    assert campaigns(30) == campaigns(3)
