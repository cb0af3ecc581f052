"""`/settings/`, and where a sign-in leads: to the page that a reader begins with."""

import pytest

from apps.accounts.services import account_for
from apps.campaigns.models import Campaign
from apps.employees.models import Employee
from tests import people
from tests.dashboard.conftest import SignIn
from tests.dashboard.strict import StrictClient, links, words

pytestmark = pytest.mark.django_db


def landing(employee: Employee, wanted: str = "") -> str:
    """Where this person's sign-in leads."""
    form = {"username": employee.staff_no, "password": people.PASSWORD, "next": wanted}
    response = StrictClient().post("/login/", form)
    assert response.status_code == 302
    return str(response["Location"])


def test_everyone_begins_with_the_page_of_their_role(
    alice: Employee, bob: Employee, auditor: Employee, campaign: Campaign
) -> None:
    assert [landing(who) for who in (alice, bob, auditor)] == ["/", "/team/", "/"]
    assert landing(bob, "/") == "/team/", "the bare address of the site wishes for no page in particular"
    assert landing(bob, "/contacts/") == "/contacts/"
    assert landing(bob, "//elsewhere.example.org/") == "/team/"


def test_hr_begins_with_the_company(hr: Employee, settings: object, campaign: Campaign) -> None:
    assert landing(hr) == "/company/"


def test_a_person_chooses_the_first_page(as_: SignIn, bob: Employee, campaign: Campaign) -> None:
    client = as_(bob)
    page = client.get("/settings/")
    assert "First page after signing in Default for my role: Team Team My standing Save settings" in words(page)
    assert "/settings/" in links(client.get("/"))
    assert "Your settings are saved." in words(client.post("/settings/", {"first_page": "me"}, follow=True))
    assert landing(bob) == "/"
    assert client.post("/settings/", {"first_page": "company"}).status_code == 422
    assert landing(bob) == "/"
    client.post("/settings/", {"first_page": ""})
    assert landing(bob) == "/team/"


def test_who_loses_a_team_begins_with_the_own_page(bob: Employee, campaign: Campaign) -> None:
    account = account_for(bob)
    account.first_page = "team-home"
    account.save(update_fields=["first_page"])
    people.load(people.ROSTER.replace(",B001", ",D001"))
    assert landing(bob) == "/"


@pytest.mark.parametrize(
    "address",
    ["/notifications/settings/", "/password/", "/second-factor/", "/sign-ins/", "/tokens/", "/privacy/looks/"],
)
def test_the_settings_list_every_page_of_the_own_account_and_each_leads_back(
    as_: SignIn, alice: Employee, campaign: Campaign, address: str
) -> None:
    client = as_(alice)
    assert address in links(client.get("/settings/"))
    page = client.get(address).content.decode()
    crumbs = page.partition('<nav class="crumbs"')[2].partition("</nav>")[0]
    assert 'href="/settings/"' in crumbs
