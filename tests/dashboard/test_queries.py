"""A page asks the database the same number of questions for 3 people and for 30.

The reason: at 50,000 employees a question per row is an outage. Whatever a page needs of each row has to come with the
rows (a join, a prefetch, a set-based report). The numbers themselves are free to change; that they are equal is not.
"""

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from apps.contacts.models import Contact
from apps.employees.models import Employee
from tests import people
from tests.dashboard.conftest import SignIn
from tests.dashboard.strict import StrictClient

pytestmark = pytest.mark.django_db

OWN = ["/", "/standing/", "/contacts/", "/contacts/?q=guest", "/contacts/?reason=counts", "/contacts/{contact}/"]
OWN += ["/contacts/?sort=name&source=page", "/contacts/export.csv", "/contacts/export.vcf"]
OWN += ["/exports/", "/exports/my-standing.csv", "/charts/me.json", "/password/"]
TEAM = ["/team/BOSS/", "/team/BOSS/?status=red&sort=name&q=name", "/team/BOSS/standings.csv", "/team/LEAD1/"]
TEAM += ["/team/P2/", "/charts/member/P2.json"]
TEAM += [f"/charts/team/BOSS/{key}.json" for key in ("histogram", "teams", "bands", "curve")]
COMPANY = ["/company/", "/company/?department=Sales", "/company/standings.csv"]
COMPANY += [f"/charts/company/{key}.json" for key in ("under", "departments", "histogram", "sources")]
PAST = ["/team/BOSS/?as_of=2026-11-20", "/team/P2/?as_of=2026-11-20", "/company/?as_of=2026-11-20"]


def build(size: int) -> Employee:
    """BOSS above LEAD1.. (one for each ten) above P0..; everybody, BOSS included, has as many contacts as people."""
    leads = max(1, size // 10)
    rows = [("BOSS", ""), *((f"LEAD{n}", "BOSS") for n in range(1, leads + 1))]
    rows += [(f"P{n}", f"LEAD{n % leads + 1}") for n in range(size)]
    for employee in people.company(rows).values():
        people.record(employee, 3 if size == 3 else 4)
    boss = people.person("BOSS")
    people.record(boss, size)
    people.november()
    people.mark()
    return people.with_account(boss, "hr")


def count(client: StrictClient, address: str, boss: Employee) -> int:
    contact = Contact.objects.of(boss).earliest("pk")
    with CaptureQueriesContext(connection) as asked:
        response = client.get(address.format(contact=contact.pk))
        if response.streaming:
            b"".join(response.streaming_content)
    assert response.status_code == 200, address
    return len(asked)


def asked(as_: SignIn, size: int) -> dict[str, int]:
    """Questions by address in a company of this size, which is gone afterwards."""
    point = transaction.savepoint()
    try:
        boss = build(size)
        client = as_(boss)
        for address in (OWN[0], TEAM[0], COMPANY[0]):  # what is asked once a process is asked now
            client.get(address)
        return {address: count(client, address, boss) for address in OWN + TEAM + COMPANY + PAST}
    finally:
        transaction.savepoint_rollback(point)


def test_thirty_people_are_asked_for_like_three(as_: SignIn, noon: object) -> None:
    few, many = asked(as_, 3), asked(as_, 30)
    assert many == few
