"""The same request sent many times at once has one effect, in any order, and never a server error."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest
from django.db import connection

from apps.accounts.models import Scope
from apps.campaigns.models import Campaign
from apps.contacts.models import Contact, Submission
from apps.employees.models import Employee
from tests.api.conftest import ApiClient, with_token

pytestmark = pytest.mark.django_db(transaction=True)
AT_ONCE, ROUNDS = 8, 5


def all_at_once(ask: Callable[[int], Any]) -> list[Any]:
    """`ask(0)` .. `ask(7)`, each in a thread with a database connection of its own, released together."""
    start = Barrier(AT_ONCE)

    def one(number: int) -> Any:
        start.wait(timeout=30)
        try:
            return ask(number)
        finally:
            connection.close()

    with ThreadPoolExecutor(AT_ONCE) as threads:
        return list(threads.map(one, range(AT_ONCE)))


@pytest.fixture
def clients(alice: Employee, campaign: Campaign) -> list[ApiClient]:
    """Clients of one employee, each with its own token."""
    return [with_token(alice, Scope.OWN, name=f"number {number}") for number in range(AT_ONCE)]


def test_one_person_sent_by_many_is_recorded_once(clients: list[ApiClient], alice: Employee) -> None:
    for round_ in range(ROUNDS):
        body = {"handle": f"hana{round_}"}
        answers = all_at_once(lambda number, body=body: clients[number].call("POST", "contacts/", body))
        assert sorted(answer.status_code for answer in answers) == [200] * (AT_ONCE - 1) + [201]
        codes = sorted(answer.json()["outcomes"][0]["code"] for answer in answers)
        assert codes == ["created"] + ["duplicate"] * (AT_ONCE - 1)
        assert Contact.objects.of(alice).live().count() == round_ + 1


def test_one_request_repeated_at_once_answers_the_same_to_all(clients: list[ApiClient], alice: Employee) -> None:
    for round_ in range(ROUNDS):
        body = {"contacts": [{"handle": f"hana{round_}"}, {"handle": f"yuki{round_}"}, {"phone": "1"}]}
        headers = {"idempotency-key": f"round {round_}"}
        answers = all_at_once(
            lambda number, body=body, headers=headers: clients[number].call("POST", "contacts/", body, **headers)
        )
        assert [answer.status_code for answer in answers] == [201] * AT_ONCE
        assert len({answer.content for answer in answers}) == 1
        assert Contact.objects.of(alice).count() == 2 * (round_ + 1)
        assert Submission.objects.filter(employee=alice).count() == round_ + 1


def test_one_key_with_other_contacts_at_once_is_of_one_request(clients: list[ApiClient], alice: Employee) -> None:
    for round_ in range(ROUNDS):
        headers = {"idempotency-key": f"round {round_}"}
        answers = all_at_once(
            lambda number, round_=round_, headers=headers: clients[number].call(
                "POST", "contacts/", {"handle": f"hana{round_}.{number}"}, **headers
            )
        )
        assert sorted(answer.status_code for answer in answers) == [201] + [422] * (AT_ONCE - 1)
        assert Contact.objects.of(alice).count() == round_ + 1


def test_one_contact_ended_by_many_ends_once(clients: list[ApiClient]) -> None:
    contact = clients[0].send("contacts/", {"handle": "hana"}, 201)["outcomes"][0]["contact"]
    for _round in range(ROUNDS):
        ended = all_at_once(lambda number: clients[number].call("POST", f"contacts/{contact}/end/").status_code)
        assert sorted(ended) == [200] + [409] * (AT_ONCE - 1)
        back = all_at_once(lambda number: clients[number].call("POST", f"contacts/{contact}/restore/").status_code)
        assert sorted(back) == [200] + [409] * (AT_ONCE - 1)
