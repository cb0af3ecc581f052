"""Who needs help: near the top of the page, twenty to a page, with filters that are seen, removed and remembered."""

import re

import pytest
from playwright.sync_api import Page, expect

from apps.employees.models import Employee
from tests import people
from tests.browser.conftest import Open
from tests.fixtures import Clock

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def leader(house: str, bob: Employee) -> Employee:
    """Bob with 45 in his team, in two departments."""
    lines = ["staff_no,name,email,department,manager_staff_no"]
    lines += [f"M{n:02},Member {n:02},m{n}@corp.example.com,{'Service' if n % 3 else 'Sales'},B001" for n in range(43)]
    people.load("\n".join(lines))
    people.mark()
    return people.with_account(bob)


def top_of_the_list(page: Page) -> float:
    """Where the first person of the list begins, in pixels from the top of the page."""
    box = page.locator("#list tbody tr").first.bounding_box()
    assert box
    return box["y"]


@pytest.mark.parametrize(("width", "screens"), [(1440, 1), (390, 2)])
@pytest.mark.parametrize("path", ["/team/B001/", "/company/"])
def test_who_needs_help_stands_on_the_first_screens(
    open_as: Open, leader: Employee, hr: Employee, path: str, width: int, screens: int
) -> None:
    looked = open_as(hr if path == "/company/" else leader, width=width)
    looked.page.goto(path)
    height = looked.page.viewport_size["height"]
    assert top_of_the_list(looked.page) + 60 < screens * height
    assert looked.page.locator("#list tbody tr").count() <= 20
    assert looked.problems() + looked.findings() == []


@pytest.mark.parametrize("width", [320, 1440])
def test_pages_lead_both_ways_in_place(open_as: Open, leader: Employee, width: int) -> None:
    looked = open_as(leader, width=width)
    page = looked.page
    page.goto("/team/B001/")
    place = page.locator(".pager .position")
    expect(place).to_have_text("1–20 of 45")
    first = page.locator("#list tbody tr .name").first
    name = first.inner_text()
    expect(page.get_by_role("link", name="Previous page")).to_have_count(0)
    for link, expected in (
        ("Next page", "21–40 of 45"),
        ("Next page", "41–45 of 45"),
        ("Previous page", "21–40 of 45"),
        ("Previous page", "1–20 of 45"),
        ("Next page", "21–40 of 45"),
        ("First page", "1–20 of 45"),
    ):
        page.get_by_role("link", name=link).click()
        expect(place).to_have_text(expected)
    expect(first).to_have_text(name)
    assert looked.problems() + looked.findings() == []


def test_filters_are_seen_removed_and_remembered(open_as: Open, hr: Employee, leader: Employee) -> None:
    looked = open_as(hr)
    page = looked.page
    looked.goto("/company/")
    everybody = page.locator(".tiles .sum strong").inner_text()
    chips = page.get_by_role("list", name="Active filters").get_by_role("link")
    page.get_by_label("Show", exact=True).select_option("red")
    expect(chips).to_have_text([re.compile("^Red")])
    # A department is more than a filter of the list: totals and charts follow it.
    page.get_by_label("Department", exact=True).select_option("Service")
    expect(page.locator("h1")).to_have_text("Company · Service")
    expect(page.locator(".tiles .sum strong")).to_have_text("28")
    expect(chips).to_have_text([re.compile("^Red"), re.compile("^Service")])
    # Gone and back, by the navigation and by the bare address: as it was.
    page.get_by_role("navigation", name="Pages").get_by_role("link", name="My standing").click()
    page.wait_for_url("**/")
    for back in ("link", "address"):
        if back == "link":
            page.get_by_role("navigation", name="Pages").get_by_role("link", name="Company").click()
        else:
            page.goto("/company/")
        expect(page.locator("h1")).to_have_text("Company · Service")
        expect(chips).to_have_count(2)
    chips.filter(has_text="Service").click()
    expect(page.locator("h1")).to_have_text("Company")
    expect(page.locator(".tiles .sum strong")).to_have_text(everybody)
    chips.filter(has_text="Red").click()
    expect(chips).to_have_count(0)
    page.goto("/company/")
    expect(chips).to_have_count(0)
    assert looked.problems() + looked.findings() == []


@pytest.mark.parametrize("width", [320, 1440])
def test_a_manager_gets_to_those_within_reach(open_as: Open, leader: Employee, clock: Clock, width: int) -> None:
    clock.set("2026-11-30T10:00:00+08:00", ticks=True)
    looked = open_as(leader, width=width)
    page = looked.page
    page.goto("/team/B001/")
    expect(page.get_by_role("heading", name="Within reach today")).to_be_visible()
    names = page.locator("#list tbody tr .name")
    expect(names.first).to_have_text("Alice 艾")
    page.get_by_role("link", name="1 at most 5 to go").click()
    expect(names).to_have_text(["Alice 艾"])
    chips = page.get_by_role("list", name="Active filters").get_by_role("link")
    expect(chips).to_have_text([re.compile("^At most 5 to go")])
    page.goto("/team/B001/")
    expect(names).to_have_text(["Alice 艾"])
    assert looked.problems() + looked.findings() == []


def test_a_sign_in_leads_to_the_own_first_page(open_as: Open, alice: Employee, leader: Employee) -> None:
    team = open_as(leader).page
    expect(team.locator("h1")).to_contain_text("Team of Bob")
    team.locator(".menu.own summary").click()
    team.get_by_role("link", name="Settings").click()
    team.get_by_label("First page after signing in").select_option("My standing")
    team.get_by_role("button", name="Save settings").click()
    expect(team.get_by_text("Your settings are saved.")).to_be_visible()
    expect(open_as(leader).page.locator("#standing")).to_be_visible()
    expect(open_as(alice).page.locator("#standing")).to_be_visible()
