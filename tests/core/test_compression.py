"""Pages come small to a phone, and how small they are tells nobody what stands in them."""

import gzip

import pytest
from django.test import Client

from apps.campaigns.models import Campaign
from apps.employees.models import Employee
from tests import people

pytestmark = pytest.mark.django_db

ACCEPTS = {"accept-encoding": "gzip, deflate, br"}


@pytest.fixture
def signed(client: Client, campaign: Campaign, hr: Employee) -> Client:
    people.mark()
    return people.sign_in(client, hr)


@pytest.mark.parametrize("address", ["/company/", "/charts/company/departments.json"])
def test_a_page_and_its_figures_come_in_a_third_of_their_bytes(signed, address):
    plain, small = signed.get(address), signed.get(address, headers=ACCEPTS)
    assert (plain.status_code, small.status_code) == (200, 200)
    assert not plain.has_header("Content-Encoding")
    assert small["Content-Encoding"] == "gzip"
    assert "Accept-Encoding" in small["Vary"]
    assert len(small.content) < len(plain.content) / 3 or len(plain.content) < 10_000
    assert gzip.decompress(small.content)[:200] == plain.content[:200]


def test_the_length_of_a_page_does_not_tell_what_stands_in_it(signed):
    """The same page has many lengths, so that a name guessed right is not seen by a shorter answer."""
    lengths = {len(signed.get("/charts/company/departments.json", headers=ACCEPTS).content) for _time in range(20)}
    assert len(lengths) > 5


def test_no_other_site_can_have_pages_fetched_as_their_reader(settings):
    assert settings.SESSION_COOKIE_SAMESITE == settings.CSRF_COOKIE_SAMESITE == "Lax"


@pytest.mark.parametrize("address", ["/company/standings.csv", "/api/v1/standings/"])
def test_files_and_the_api_stay_as_they_are(signed, address):
    answer = signed.get(address, headers=ACCEPTS)
    assert answer.status_code == 200
    assert not answer.has_header("Content-Encoding")
    answer.close()


@pytest.mark.parametrize("address", ["/charts/company/departments.json", "/standing/"])
def test_what_is_held_already_is_not_sent_again_compressed_or_not(signed, address):
    first = signed.get(address, headers=ACCEPTS)
    assert first["ETag"].startswith("W/")
    again = signed.get(address, headers={**ACCEPTS, "if-none-match": first["ETag"]})
    assert (again.status_code, again.content) == (304, b"")
