"""Pages are small on a phone, and their compressed length does not reveal their content."""

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
def test_a_page_and_its_chart_data_are_compressed_to_a_third(signed, address):
    plain, small = signed.get(address), signed.get(address, headers=ACCEPTS)
    assert (plain.status_code, small.status_code) == (200, 200)
    assert not plain.has_header("Content-Encoding")
    assert small["Content-Encoding"] == "gzip"
    assert "Accept-Encoding" in small["Vary"]
    assert len(small.content) < len(plain.content) / 3 or len(plain.content) < 10_000
    assert gzip.decompress(small.content)[:200] == plain.content[:200]


def test_the_length_of_a_page_does_not_reveal_its_content(signed):
    """The same page has varying lengths, so that a shorter response does not confirm a guessed name."""
    lengths = {len(signed.get("/charts/company/departments.json", headers=ACCEPTS).content) for _time in range(20)}
    assert len(lengths) > 5


def test_another_site_cannot_fetch_pages_with_the_users_session(settings):
    assert settings.SESSION_COOKIE_SAMESITE == settings.CSRF_COOKIE_SAMESITE == "Lax"


@pytest.mark.parametrize("address", ["/company/standings.csv", "/api/v1/standings/"])
def test_files_and_the_api_stay_as_they_are(signed, address):
    answer = signed.get(address, headers=ACCEPTS)
    assert answer.status_code == 200
    assert not answer.has_header("Content-Encoding")
    answer.close()


@pytest.mark.parametrize("address", ["/charts/company/departments.json", "/standing/"])
def test_an_unchanged_page_is_not_sent_again_compressed_or_not(signed, address):
    first = signed.get(address, headers=ACCEPTS)
    assert first["ETag"].startswith("W/")
    again = signed.get(address, headers={**ACCEPTS, "if-none-match": first["ETag"]})
    assert (again.status_code, again.content) == (304, b"")
