"""A script of a page that must go elsewhere: the whole page goes, and comes back to itself."""

import pytest
from django.db import OperationalError

from apps.campaigns.models import Campaign
from apps.employees.models import Employee
from tests.dashboard.conftest import SignIn
from tests.dashboard.strict import StrictClient, links, words

pytestmark = pytest.mark.django_db

SCRIPTS = [{"HX-Request": "true"}, {"X-Requested-With": "fetch"}]
SITE = "http://testserver"


@pytest.mark.parametrize("script", SCRIPTS)
@pytest.mark.parametrize(
    ("method", "address"), [("get", "/standing/"), ("get", "/charts/me.json"), ("post", "/contacts/add/")]
)
def test_without_a_session_a_script_gets_the_address_of_the_sign_in(
    client: StrictClient, script: dict[str, str], method: str, address: str
) -> None:
    answer = getattr(client, method)(address, headers={**script, "Referer": f"{SITE}/contacts/?reason=counts"})
    assert (answer.status_code, answer.content) == (204, b"")
    assert answer["HX-Redirect"] == "/login/?next=/contacts/%3Freason%3Dcounts"
    assert "no-store" in answer["Cache-Control"]


def test_htmx_says_itself_on_which_page_it_is(client: StrictClient) -> None:
    sent = {"HX-Request": "true", "HX-Current-URL": f"{SITE}/?campaign=november", "Referer": f"{SITE}/"}
    assert client.get("/standing/", headers=sent)["HX-Redirect"] == "/login/?next=/%3Fcampaign%3Dnovember"


@pytest.mark.parametrize("page", ["https://elsewhere.example.org/contacts/", "", "http://[", "nonsense"])
def test_another_site_is_no_page_to_return_to(client: StrictClient, page: str) -> None:
    answer = client.post("/contacts/add/", headers={"Referer": page})
    assert (answer.status_code, answer["Location"]) == (302, "/login/?next=/%3F")


def test_a_form_of_a_browser_returns_to_its_page(client: StrictClient) -> None:
    answer = client.post("/contacts/5/correct/", headers={"Referer": f"{SITE}/contacts/5/"})
    assert answer["Location"] == "/login/?next=/contacts/5/"


def test_a_form_that_a_script_sends_gets_the_next_page(as_: SignIn, alice: Employee, campaign: Campaign) -> None:
    client = as_(alice)
    sent = {"q": "grace"}
    assert client.post("/contacts/search/", sent).status_code == 302
    answer = client.post("/contacts/search/", sent, headers={"X-Requested-With": "fetch"})
    assert answer.status_code == 204
    assert answer["HX-Redirect"].startswith("/contacts/?sought=")


def test_an_error_page_leads_back_to_the_form(client: StrictClient, as_: SignIn, alice: Employee) -> None:
    enforcing = StrictClient(enforce_csrf_checks=True)
    refused = enforcing.post("/login/", {}, headers={"Referer": f"{SITE}/login/?next=/contacts/"})
    assert refused.status_code == 403
    assert b'href="/login/?next=/contacts/"' in refused.content
    assert b"Back to the form" in refused.content


def test_a_wrong_address_keeps_the_navigation_of_a_reader(
    as_: SignIn, client: StrictClient, alice: Employee, campaign: Campaign
) -> None:
    for address in ("/nothing/", "/?campaign=unknown", "/nothing/?as_of=nonsense"):
        answer = as_(alice).get(address)
        assert answer.status_code == 404
        assert {"/contacts/", "/exports/"} <= set(links(answer))
        assert "Page not found" in words(answer)
    stranger = client.get("/nothing/")
    assert stranger.status_code == 404
    assert "/contacts/" not in links(stranger)


def test_a_wrong_address_has_a_page_while_the_database_is_away(
    as_: SignIn, alice: Employee, campaign: Campaign, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*arguments: object) -> None:
        raise OperationalError("on purpose")

    monkeypatch.setattr("apps.campaigns.selectors.select_campaign", away)
    assert "Page not found" in words(as_(alice).get("/nothing/"))
