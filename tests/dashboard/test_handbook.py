"""`/handbook/`: HR reads the handbook without another host, and each of its links leads somewhere."""

import re

import pytest

from apps.campaigns.models import Campaign
from apps.dashboard.views.company.handbook import PAGES
from apps.employees.models import Employee
from tests.dashboard.conftest import SignIn

pytestmark = pytest.mark.django_db


def test_hr_opens_the_handbook_from_every_page(as_: SignIn, campaign: Campaign, hr: Employee, bob: Employee) -> None:
    client = as_(hr)
    for address in ("/", "/company/", "/exports/"):
        assert 'href="/handbook/"' in client.get(address).content.decode()
    assert "A month with Hundred" in client.get("/handbook/").content.decode()
    assert 'href="/handbook/"' not in as_(bob).get("/").content.decode()


@pytest.mark.parametrize("name", PAGES)
def test_every_link_and_picture_of_a_document_is_there(as_: SignIn, hr: Employee, name: str) -> None:
    client = as_(hr)
    page = client.get(f"/handbook/{name}/").content.decode()
    text = page[page.index("<article") : page.index("</article>")]
    for source in re.findall(r'<img src="([^"]+)"', text):
        assert client.get(source).status_code == 200, source
    for address in re.findall(r'<a href="([^"]*)"', text):
        path, _mark, anchor = address.partition("#")
        assert path.startswith("/handbook/") or (anchor and not path), f"{address} needs another host"
        target = client.get(path).content.decode() if path else page
        assert not anchor or f'id="{anchor}"' in target, address
    assert "<script" not in text
    assert "&lt;p&gt;" not in text, "layout for the repository's own pages"


def test_no_other_document_is_served(as_: SignIn, hr: Employee) -> None:
    client = as_(hr)
    for address in ("/handbook/deployment/", "/handbook/nothing/", "/handbook/nothing.png"):
        assert client.get(address).status_code == 404
