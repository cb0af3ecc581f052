"""Rows per page: chosen below a list, kept in its address, remembered by the browser, and never more than a hundred."""

import gzip
import re
from typing import Any

import pytest

from apps.campaigns.models import Campaign
from apps.employees.models import Employee
from tests import people
from tests.dashboard.conftest import SignIn
from tests.dashboard.strict import StrictClient, links, words

pytestmark = pytest.mark.django_db


@pytest.fixture
def many(campaign: Campaign, alice: Employee) -> Campaign:
    """Bob's team is 120 people, and Alice has 120 contacts."""
    lines = [f"M{n:03},Member {n:03},m{n}@corp.example.com,,Sales,B001" for n in range(118)]
    people.load(people.ROSTER + "\n".join(lines) + "\n")
    people.record(alice, 120)
    people.mark()
    return campaign


def rows(page: Any) -> int:
    return len(page.context["page"].rows)


def follow(client: StrictClient, page: Any, rel: str) -> Any:
    """The page behind a link of the pager."""
    [address] = re.findall(rf'<a [^>]*href="([^"]+)"[^>]* rel="{rel}"', page.content.decode())
    return client.get(address.replace("&amp;", "&").removesuffix("#list"))


@pytest.mark.parametrize(("path", "reader"), [("/contacts/", "A001"), ("/team/B001/", "B001")])
def test_the_choice_is_kept_and_remembered(as_: SignIn, many: Campaign, path: str, reader: str) -> None:
    client = as_(people.person(reader))
    page = client.get(path)
    assert rows(page) == 20
    assert "1–20 of 120" in words(page)
    assert {f"{path}?rows={size}#list" for size in (20, 50, 100)} <= set(links(page))
    page = client.get(f"{path}?rows=50")
    assert rows(page) == 50
    page = follow(client, page, "next")
    assert "51–100 of 120" in words(page)
    assert "rows=50" in page.request["QUERY_STRING"]
    page = follow(client, page, "next")
    assert (rows(page), "101–120 of 120" in words(page)) == (20, True)
    assert rows(client.get(path)) == 50, "on the next visit, also of another list"
    assert rows(client.get(f"{path}?rows=20")) == 20
    for wrong in ("1000000", "0", "-1", "x", ""):
        assert rows(client.get(f"{path}?rows={wrong}")) == 20
    client.cookies["list-rows"] = "1000000"
    assert rows(client.get(path)) == 20


def test_the_remembered_filters_stay_when_the_size_changes(as_: SignIn, bob: Employee, many: Campaign) -> None:
    client = as_(bob)
    client.get("/team/B001/?status=red")
    page = client.get("/team/B001/?rows=100")
    assert (page.context["filters"].status, rows(page)) == ("red", 100)


def test_a_short_list_offers_no_choice(as_: SignIn, alan: Employee, many: Campaign) -> None:
    people.record(alan, 20)
    assert "Rows per page" not in words(as_(alan).get("/contacts/"))


@pytest.mark.parametrize("wrong", ["row=x", "row=-5", "row=²", "row=99999999999999"])
def test_a_page_whose_place_is_unknown_says_none(as_: SignIn, alice: Employee, many: Campaign, wrong: str) -> None:
    client = as_(alice)
    page = client.get("/contacts/")
    after = re.findall(r"after=([^&\"]+)", page.content.decode())[0]
    assert "of 120" not in words(client.get(f"/contacts/?after={after}&{wrong}"))


@pytest.mark.parametrize(("path", "reader"), [("/contacts/", "A001"), ("/team/B001/", "B001")])
def test_a_hundred_rows_weigh_little(as_: SignIn, many: Campaign, path: str, reader: str) -> None:
    """A phone on a train loads them: compressed, as browsers receive them."""
    page = as_(people.person(reader)).get(f"{path}?rows=100").content
    assert len(gzip.compress(page)) < 40_000, len(page)
