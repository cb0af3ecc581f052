"""The list of a team page: totals that add up, pages with their place, and filters that are shown and remembered."""

import re
from typing import Any

import pytest

from apps.campaigns.models import Campaign
from apps.employees.models import Employee
from tests import people
from tests.dashboard.conftest import SignIn
from tests.dashboard.strict import StrictClient, links, words
from tests.fixtures import Clock

pytestmark = pytest.mark.django_db

MEMBERS = 45


@pytest.fixture
def recorded(campaign: Campaign, alice: Employee) -> Campaign:
    """Bob's team is 45 people: Alice at 100, one exempt, and the others at 0 or 1."""
    lines = [f"M{n:02},Member {n:02},m{n}@corp.example.com,,Sales,B001" for n in range(MEMBERS - 2)]
    people.load(people.ROSTER + "\n".join(lines) + "\n")
    people.record(alice, 100)
    for n in range(0, MEMBERS - 2, 2):
        people.record(people.person(f"M{n:02}"), 1)
    people.adjust(campaign=campaign, employee=people.person("M07"), exempt=True)
    people.mark()
    return campaign


def listed(page: Any) -> list[str]:
    return [person.row.staff_no for person in page.context["people"]]


def address(page: Any, rel: str) -> str:
    """The page behind a link of the pager."""
    [found] = re.findall(rf'href="([^"]+)" data-hx-get="[^"]+"(?: rel="{rel}")>', page.content.decode())
    return str(found).replace("&amp;", "&").removesuffix("#list")


def test_the_totals_add_up_in_sight(as_: SignIn, bob: Employee, recorded: Campaign) -> None:
    client = as_(bob)
    page = client.get("/team/B001/")
    assert "43 red 1 at target 1 exempt 45 people in total" in words(page)
    for status, expected in (("red", 43), ("done", 1), ("exempt_below", 1), ("all", 45)):
        assert f"/team/B001/?status={status}#list" in links(page)
        assert client.get(f"/team/B001/?status={status}").context["totals_of_list"].people == expected


def test_an_auditors_totals_add_up_too(as_: SignIn, auditor: Employee, recorded: Campaign) -> None:
    assert "50 red 1 at target 1 exempt 52 people in total" in words(as_(auditor).get("/company/"))


def test_who_needs_help_stands_before_the_charts_and_the_details(
    as_: SignIn, bob: Employee, recorded: Campaign
) -> None:
    people.with_account(bob, "hr")
    for path in ("/team/B001/", "/company/"):
        html = as_(bob).get(path).content.decode()
        order = [html.index(mark) for mark in ('class="tiles"', 'id="list"', "data-chart=", 'id="data-quality"')]
        assert order == sorted(order), path


def test_each_page_says_where_it_is_and_leads_both_ways(as_: SignIn, bob: Employee, recorded: Campaign) -> None:
    client = as_(bob)
    for sort in ("help", "name", "-counted", "quiet", "department"):
        pages = [client.get("/team/B001/", {"sort": sort})]
        while "Next page" in words(pages[-1]):
            pages.append(client.get(address(pages[-1], "next")))
        assert [len(listed(page)) for page in pages] == [20, 20, 5]
        for page, place in zip(pages, ("1–20 of 45", "21–40 of 45", "41–45 of 45"), strict=True):
            assert place in words(page)
        assert "First page" not in words(pages[0])
        back = client.get(address(pages[2], "prev"))
        assert listed(back) == listed(pages[1])
        assert "21–40 of 45" in words(back)
        assert listed(client.get(address(back, "next"))) == listed(pages[2])
        assert listed(client.get(address(back, "prev"))) == listed(pages[0])
        everybody = [staff_no for page in pages for staff_no in listed(page)]
        assert len(set(everybody)) == MEMBERS, sort


def test_a_list_on_one_page_has_no_pager(as_: SignIn, bob: Employee, recorded: Campaign) -> None:
    assert b'class="pager"' not in as_(bob).get("/team/B001/?q=alice").content


def chips(page: Any) -> dict[str, str]:
    return dict(page.context["chips"])


def test_filters_are_shown_as_chips_that_remove_them(as_: SignIn, hr: Employee, recorded: Campaign) -> None:
    client = as_(hr)
    page = client.get("/company/?status=red&department=Sales&q=member&sort=name")
    assert list(chips(page)) == ["Red", "Sales", "Search: member"]
    assert "Red remove this filter" in words(page)
    without = client.get(chips(page)["Red"].removesuffix("#list"))
    assert list(chips(without)) == ["Sales", "Search: member"]
    assert without.context["filters"].sort == "name"
    only = client.get("/company/?status=red")
    assert list(chips(client.get(chips(only)["Red"].removesuffix("#list")))) == []
    assert chips(client.get("/company/?department=+")) == {"without a department": "/company/?status=all#list"}


def status(client: StrictClient, path: str) -> str:
    return str(client.get(path).context["filters"].status)


def test_a_page_remembers_the_filters_of_its_reader(
    as_: SignIn, bob: Employee, dana: Employee, recorded: Campaign
) -> None:
    people.with_account(bob, "hr")
    client = as_(bob)
    client.get("/team/B001/?status=red&sort=name&q=member")
    again = client.get("/team/B001/")
    assert (again.context["filters"].status, again.context["filters"].sort) == ("red", "name")
    assert again.context["filters"].q == "", "a name that was searched for stays in no cookie"
    assert list(chips(again)) == ["Red"]
    cookie = client.cookies["list-filters"]
    assert (cookie["path"], cookie["httponly"], cookie["samesite"]) == ("/team/B001/", True, "Lax")
    # Of this page and this person alone.
    assert status(client, "/company/") == ""
    stranger = as_(dana)
    stranger.cookies["list-filters"] = cookie.value
    assert status(stranger, "/team/B001/") == ""


def test_an_explicit_choice_replaces_what_was_remembered(as_: SignIn, bob: Employee, recorded: Campaign) -> None:
    client = as_(bob)
    client.get("/team/B001/?status=red")
    assert status(client, "/team/B001/?status=done") == "done"
    assert status(client, "/team/B001/") == "done"
    everybody = client.get("/team/B001/").context["action"]
    assert status(client, everybody) == ""
    assert status(client, "/team/B001/") == ""
    client.cookies["list-filters"] = "status=red:forged"
    assert status(client, "/team/B001/") == ""


@pytest.fixture
def last_days(recorded: Campaign) -> Campaign:
    """Two members more have 10 and 5 to go, and so has the exempt one."""
    for staff_no, counted in (("M01", 90), ("M03", 95), ("M07", 95)):
        people.record(people.person(staff_no), counted)
    people.mark()
    return recorded


def test_those_within_reach_can_be_filtered(as_: SignIn, bob: Employee, last_days: Campaign) -> None:
    client = as_(bob)
    page = client.get("/team/B001/")
    assert "2 at most 10 to go" in words(page)
    within_10 = client.get(page.context["tiles"]["within_10"].removesuffix("#list"))
    assert listed(within_10) == ["M01", "M03"], "no one is asked to help an exempt person"
    assert list(chips(within_10)) == ["At most 10 to go"]
    assert status(client, "/team/B001/") == "within_10"
    assert listed(client.get("/team/B001/?status=within_5")) == ["M03"]


def test_on_the_last_day_those_with_few_to_go_come_first(
    as_: SignIn, bob: Employee, last_days: Campaign, clock: Clock
) -> None:
    """Who has 5 to go can still make it today; who is at 0 cannot."""
    client = as_(bob)
    before = client.get("/team/B001/")
    assert listed(before)[0] == "A002"
    assert "Who needs help first" in words(before)
    clock.set("2026-11-30T09:00:00+08:00", ticks=True)
    page = client.get("/team/B001/")
    assert listed(page)[:2] == ["M03", "M01"]
    assert "Within reach today" in words(page)
    assert "1 at most 5 to go" in words(page)
    assert page.context["columns"]["to_go"].sorted == "ascending"
    # The other order is a choice of its own, which is remembered.
    client.get(page.context["columns"]["to_go"].url.removesuffix("#list"))
    assert listed(client.get("/team/B001/"))[0] == "A002"
    past = client.get("/team/B001/?as_of=2026-11-29&status=all")
    assert "Who needs help first" in words(past), "people of a past day cannot be helped today"
    clock.set("2026-12-01T09:00:00+08:00", ticks=True)
    assert "Who needs help first" in words(client.get("/team/B001/?status=all"))
