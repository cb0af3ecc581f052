"""HR never sees the people behind a number: strings in a contact appear for the employee who recorded it alone.

The crawl reads everything a review passes through: pages, files and API of HR, managers and colleagues, the audit
trail, the mail and the log.
"""

import logging
from typing import Any

import pytest
from django.core import mail
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from apps.campaigns.models import Campaign
from apps.core.models import AuditEntry
from apps.employees.models import Employee
from apps.reviews.answer_mails import send_answer_mails
from apps.reviews.models import Review
from tests import people
from tests.dashboard.conftest import SignIn
from tests.dashboard.strict import Page
from tests.reviewing import ids

pytestmark = [pytest.mark.django_db, pytest.mark.everywhere]
PLANTED = {
    "name": "Quokka Zanzibar", "email": "quokka@zanzibar-canary.example", "phone": "+8613912344321",
    "handle": "zanzibar_quokka",
}  # fmt: skip
SIGNS = ("quokka", "zanzibar", "13912344321", "139 1234 4321")
STARTS = ["/", "/review/", "/review/ask/", "/contacts/", "/team/", "/team/A001/", "/exports/", "/exports/reviews.csv"]
STARTS += ["/company/", "/company/?status=under_review", "/company/reviews/", "/company/reviews/?state=answered"]
STARTS += ["/company/reviews/?q=quokka", "/api/v1/standings/", "/api/v1/standings/A001/", "/api/v1/me/standing/"]
MOST_PAGES = 150


def found(text: str) -> list[str]:
    """Which strings of the planted contact a text shows."""
    return [sign for sign in SIGNS if sign in text.lower()]


def body(response: Any) -> str:
    return (b"".join(response.streaming_content) if response.streaming else response.content).decode()


def crawl(client: Client, *starts: str) -> dict[str, list[str]]:
    """All linked pages and files from these addresses, with the strings each shows."""
    waiting, seen = [*starts], dict[str, list[str]]()
    while waiting and len(seen) < MOST_PAGES:
        address = waiting.pop(0).partition("#")[0]
        if address in seen or not address.startswith("/") or address.startswith(("/static/", "/logout")):
            continue
        response = client.get(address)
        text = body(response)
        # The search field repeats the reader's own input.
        seen[address] = [] if "q=quokka" in address else found(text + str(response.headers))
        if response["Content-Type"].startswith("text/html"):
            waiting += Page(text).links
    return seen


@pytest.fixture
def asked(as_: SignIn, alice: Employee, campaign: Campaign) -> Review:
    """Alice's review with the planted contacts ticked, sent on her page."""
    for kind in ("email", "phone", "handle"):
        people.record_one(alice, (kind, PLANTED[kind]), name=PLANTED["name"])
    people.mark()
    as_(alice).post(
        "/review/ask/",
        {"text": "Please look.", "contact": ids(alice), "key": "00000000-0000-4000-8000-000000000001"},
    )
    return Review.objects.get()


def shown(crawled: dict[str, list[str]]) -> dict[str, list[str]]:
    return {address: signs for address, signs in crawled.items() if signs}


def test_the_recording_employee_sees_them(as_: SignIn, alice: Employee, asked: Review) -> None:
    """Otherwise the crawls below would pass because there is nothing to find."""
    seen = shown(crawl(as_(alice), "/review/"))
    assert set(SIGNS[:3]) <= {sign for signs in seen.values() for sign in signs}
    assert "/review/" in seen


@pytest.mark.parametrize("who", ["hr", "bob", "carol", "alan", "dana", "auditor", "operator"])
def test_no_other_reader_sees_them_on_any_page_or_in_any_file(
    as_: SignIn, asked: Review, who: str, request: pytest.FixtureRequest
) -> None:
    client = as_(request.getfixturevalue(who))
    seen = crawl(client, *STARTS, f"/company/reviews/{asked.pk}/", "/company/standings.csv", "/team/B001/standings.csv")
    assert len(seen) > 15
    assert shown(seen) == {}


def test_neither_does_answering_show_them_nor_what_it_leaves_behind(
    as_: SignIn, hr: Employee, asked: Review, caplog: pytest.LogCaptureFixture
) -> None:
    client, address = as_(hr), f"/company/reviews/{asked.pk}/answer/"
    sent = [("", ""), ("reason", ""), ("reason", "It is right."), ("reason", "Again.")]
    with caplog.at_level(logging.DEBUG):
        answers = [client.post(address, {"answer": way, "text": text}, follow=True) for way, text in sent]
        send_answer_mails()
    assert [response.status_code for response in answers] == [422, 422, 200, 409]
    assert [found(body(response)) for response in answers] == [[]] * 4
    assert shown(crawl(client, f"/company/reviews/{asked.pk}/", "/exports/reviews.csv")) == {}
    [told] = mail.outbox
    assert found(str(told.message()) + str(list(AuditEntry.objects.values())) + caplog.text) == []


def test_hrs_pages_never_query_a_contacts_identity(as_: SignIn, hr: Employee, asked: Review) -> None:
    client = as_(hr)
    with CaptureQueriesContext(connection) as queries:
        for address in ("/company/reviews/", f"/company/reviews/{asked.pk}/", "/exports/reviews.csv", "/company/"):
            body(client.get(address))
    asked_for = [query["sql"] for query in queries if "contacts_contact" in query["sql"]]
    assert asked_for, "the counts by reason come from there"
    for sql in asked_for:
        assert "contacts_contact.name" not in sql.replace('"', "")
        assert "identity.value" not in sql.replace('"', "")


def test_a_review_stores_no_identity_of_ticked_contacts(asked: Review) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT review::text FROM reviews_review review UNION ALL SELECT c::text FROM reviews_reviewcontact c"
        )
        stored = " ".join(text for (text,) in cursor.fetchall())
    assert stored
    assert found(stored) == []
