"""A page makes the same number of queries for 3 people and for 30.

The reason: at 50,000 employees a query per row is an outage. Whatever a page needs per row has to come with the rows (a
join, a prefetch, a set-based report). The numbers may change; their equality may not.
"""

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from apps.contacts.models import Contact
from apps.core import clock
from apps.dashboard import encrypted_search
from apps.employees.models import Employee
from apps.reviews.models import Review
from tests import announcing, people, reviewing
from tests.dashboard.conftest import SignIn
from tests.dashboard.strict import StrictClient

pytestmark = pytest.mark.django_db

OWN = [
    "/",
    "/standing/",
    "/contacts/",
    "/contacts/?sought={sought}",
    "/contacts/?reason=counts",
    "/contacts/{contact}/",
]
OWN += ["/contacts/?sort=name&source=page", "/contacts/export.csv", "/contacts/export.vcf"]
OWN += ["/about/", "/review/", "/exports/", "/exports/my-standing.csv", "/charts/me.json", "/password/"]
TEAM = ["/team/BOSS/", "/team/BOSS/?status=red&sort=name&q=name", "/team/BOSS/standings.csv", "/team/LEAD1/"]
TEAM += ["/team/P2/", "/charts/member/P2.json", "/team/BOSS/remind/"]
TEAM += [f"/charts/team/BOSS/{key}.json" for key in ("histogram", "teams", "bands", "curve")]
COMPANY = ["/company/", "/company/?department=Sales", "/company/standings.csv"]
COMPANY += [f"/charts/company/{key}.json" for key in ("under", "departments", "histogram", "sources")]
COMPANY += ["/company/reviews/", "/company/reviews/?q=name", "/company/reviews/{review}/", "/exports/reviews.csv"]
COMPANY += ["/company/campaigns/", "/company/campaigns/november/", "/company/open-campaign/"]
COMPANY += [f"/company/campaigns/november/announcements/{page}" for page in ("", "new/", "1/")]
COMPANY += ["/company/campaigns/november/change/", "/company/remind/?status=red"]
PAST = ["/team/BOSS/?as_of=2026-11-20", "/team/P2/?as_of=2026-11-20", "/company/?as_of=2026-11-20"]


def build(size: int) -> Employee:
    """BOSS above LEAD1.. (one per ten) above P0..; each, BOSS included, has as many contacts as there are people."""
    leads = max(1, size // 10)
    rows = [("BOSS", ""), *((f"LEAD{n}", "BOSS") for n in range(1, leads + 1))]
    rows += [(f"P{n}", f"LEAD{n % leads + 1}") for n in range(size)]
    for employee in people.company(rows).values():
        people.record(employee, 3 if size == 3 else 4)
    boss = people.person("BOSS")
    people.record(boss, size)
    campaign = people.november()
    people.mark()
    announcing.published(campaign)
    for n in range(size):
        asker = people.person(f"P{n}")
        reviewing.ask(campaign, asker, contacts=reviewing.ids(asker))
    reviewing.ask(campaign, boss, contacts=reviewing.ids(boss))
    return people.with_account(boss, "hr")


def count(client: StrictClient, address: str, boss: Employee) -> int:
    contact, review = Contact.objects.of(boss).earliest("pk"), Review.objects.get(employee=boss)
    token = encrypted_search.encrypt_search("guest", reader=boss, at=clock.db_now())
    with CaptureQueriesContext(connection) as asked:
        response = client.get(address.format(contact=contact.pk, review=review.pk, sought=token))
        if response.streaming:
            b"".join(response.streaming_content)
    assert response.status_code == 200, address
    return len(asked)


def asked(as_: SignIn, size: int) -> dict[str, int]:
    """Queries by address in a company of this size, which is removed afterwards."""
    point = transaction.savepoint()
    try:
        boss = build(size)
        client = as_(boss)
        for address in (OWN[0], TEAM[0], COMPANY[0]):  # runs the queries that happen once per process
            client.get(address)
        return {address: count(client, address, boss) for address in OWN + TEAM + COMPANY + PAST}
    finally:
        transaction.savepoint_rollback(point)


def asked_to_ask(as_: SignIn, size: int) -> int:
    """Queries of the review form, which is closed while a review is open."""
    point = transaction.savepoint()
    try:
        boss = build(size)
        reviewing.withdraw(Review.objects.get(employee=boss))
        client = as_(boss)
        client.get("/review/ask/")
        return count(client, "/review/ask/", boss)
    finally:
        transaction.savepoint_rollback(point)


def test_the_review_form_makes_as_many_queries_for_thirty_contacts(as_: SignIn, noon: object) -> None:
    assert asked_to_ask(as_, 30) == asked_to_ask(as_, 3)


def test_thirty_people_cost_as_many_queries_as_three(as_: SignIn, noon: object) -> None:
    few, many = asked(as_, 3), asked(as_, 30)
    assert many == few


# Session, reader, campaigns with the clock, the number with its days, the contacts with their identities.
FIRST_PAGE = 5


def test_the_home_page_makes_five_queries(as_: SignIn, alice: Employee, noon: object) -> None:
    """On the last day fifty thousand employees open it: each further query delays all of them."""
    people.record(alice, 4)
    people.record_one(alice, ("email", "bob@corp.example.com"))
    people.november()
    people.mark()
    client = as_(alice)
    client.get("/")  # runs the queries that happen once per process
    with CaptureQueriesContext(connection) as asked:
        response = client.get("/")
    assert "does not count" in response.content.decode()
    assert len(asked) == FIRST_PAGE, [query["sql"][:80] for query in asked]
