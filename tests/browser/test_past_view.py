"""A past view in a browser: chosen on the narrowest phone, never mistaken for now, and left with one click."""

from datetime import date, timedelta

import pytest
from playwright.sync_api import expect

from apps.core.clock import db_now
from apps.employees.models import Employee
from tests.browser.conftest import Open

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.mark.parametrize("width", [320, 390, 700, 1000, 1440])
@pytest.mark.parametrize("path", ["/team/B001/", "/team/A001/", "/company/"])
def test_the_choice_of_a_day_fits_the_screen(open_as: Open, bob: Employee, hr: Employee, path: str, width: int) -> None:
    looked = open_as(hr if path == "/company/" else bob, width=width)
    page = looked.page
    page.goto(path)
    page.locator(".as-of summary").click()
    panel, day, button = (page.locator(f".as-of {part}") for part in ("> div", "input[type=date]", "button"))
    for part in (panel, day, button):
        box = part.bounding_box()
        assert box
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= width
    # It looks like every other button of its kind.
    assert button.evaluate("(it) => getComputedStyle(it).backgroundColor") == page.evaluate(
        """() => { const other = document.createElement("button"); other.className = "button";
        document.body.append(other);
        const { backgroundColor } = getComputedStyle(other); other.remove(); return backgroundColor; }"""
    )
    assert looked.problems() + looked.findings() == []


@pytest.mark.parametrize("width", [320, 1440])
def test_a_past_view_is_marked_and_never_follows_to_own_pages(open_as: Open, bob: Employee, width: int) -> None:
    looked = open_as(bob, width=width)
    page = looked.page
    page.goto("/team/B001/?status=red")
    page.locator(".as-of summary").click()
    page.locator(".as-of").get_by_role("link", name="Yesterday").click()
    yesterday: date = db_now().date() - timedelta(days=1)
    page.wait_for_url(f"**as_of={yesterday.isoformat()}*")
    banner = page.locator("#past-view")
    expect(banner).to_contain_text("You are viewing a past day: as of the end of")
    expect(banner).to_be_in_viewport()
    # A filter of the list changes its way back, and nothing else of it.
    page.get_by_label("Search").fill("alan")
    page.get_by_role("button", name="Search").click()
    expect(banner.get_by_role("link")).to_have_attribute("href", "/team/B001/?status=red&q=alan")
    # The own pages are of now; the team keeps the day.
    nav = page.get_by_role("navigation", name="Pages")
    assert "as_of" in (nav.get_by_role("link", name="Team").get_attribute("href") or "")
    nav.get_by_role("link", name="My standing").click()
    page.wait_for_url("**/")
    expect(page.locator("#past-view")).to_have_count(0)
    page.go_back()
    page.locator("#past-view").get_by_role("link", name="Back to now").click()
    expect(page.locator("#past-view")).to_have_count(0)
    expect(page.locator("h1")).to_contain_text("Team of Bob")
    assert looked.problems() + looked.findings() == []
