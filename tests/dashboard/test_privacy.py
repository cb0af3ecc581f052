"""All readers may read what is stored about whom; an employee sees which HR members opened their own record, and no
other.
"""

from typing import Any

import pytest
from django.test import Client

from apps.campaigns.models import Campaign
from apps.employees.models import Employee
from tests import reviewing
from tests.dashboard.conftest import SignIn

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(("language", "said"), [("en", "How to object"), ("zh-hans", "如何反对")])
def test_every_reader_gets_it_in_their_language_with_the_days_and_the_address(
    client: Client, settings: Any, language: str, said: str
) -> None:
    settings.RETENTION_DAYS, settings.PRIVACY_CONTACT, settings.COMPANY_NAME = 60, "dpo@corp.example.com", "Acme"
    page = client.get("/privacy/", headers={"accept-language": language}).content.decode()
    assert said in page
    assert "81" in page
    assert 'href="mailto:dpo@corp.example.com"' in page
    assert "Acme" in page


@pytest.mark.parametrize(
    "named", ["account in the chat product", "Your notifications", "last reminded", "offers of help", "kept for a year"]
)
def test_an_employee_reads_how_messages_are_stored(client: Client, named: str) -> None:
    assert named in client.get("/privacy/").content.decode()


@pytest.mark.parametrize(("contact", "link"), [("https://corp.example.com/privacy", True), ("", False)])
def test_an_address_of_a_page_is_one_and_none_is_said_plainly(
    client: Client, settings: Any, contact: str, link: bool
) -> None:
    settings.PRIVACY_CONTACT = contact
    page = client.get("/privacy/").content.decode()
    assert (f'href="{contact}"' in page) is link
    assert ("data-protection officer" in page) is not link


@pytest.mark.parametrize("address", ["/login/", "/contacts/", "/exports/"])
def test_every_foot_leads_there(client: Client, as_: SignIn, campaign: Campaign, alice: Employee, address: str) -> None:
    reader = client if address == "/login/" else as_(alice)
    assert 'href="/privacy/"' in reader.get(address).content.decode()


def test_an_employee_reads_which_hr_members_opened_the_record(
    as_: SignIn, campaign: Campaign, alice: Employee, alan: Employee, bob: Employee, hr: Employee
) -> None:
    review = reviewing.ask(campaign, alice)
    as_(hr).get("/team/A001/")
    as_(hr).get(f"/company/reviews/{review.pk}/")
    as_(bob).get("/team/A001/")
    mine = as_(alice).get("/privacy/looks/").content.decode()
    assert "viewed a standing" in mine
    assert "read a review" in mine
    assert mine.count("Hedda") == 2
    assert "Bob" not in mine
    assert "No one has opened your record" in as_(alan).get("/privacy/looks/").content.decode()
