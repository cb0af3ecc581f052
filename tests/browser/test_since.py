"""Changes since an earlier day in a browser: chosen on the narrowest phone, filtered, and removed again."""

from datetime import date, timedelta

import pytest
from playwright.sync_api import expect

from apps.campaigns.models import Campaign
from apps.core.clock import db_now
from apps.employees.models import Employee
from tests.browser.conftest import Open

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.mark.parametrize("width", [320, 1440])
def test_a_comparison_is_chosen_filtered_and_removed(
    open_as: Open, bob: Employee, campaign: Campaign, width: int
) -> None:
    looked = open_as(bob, width=width)
    page = looked.page
    page.goto("/team/B001/?status=red")
    page.locator(".since summary").click()
    panel = page.locator(".since > div").bounding_box()
    assert panel
    assert panel["x"] >= 0
    assert panel["x"] + panel["width"] <= width
    page.locator(".since").get_by_role("link", name="Yesterday").click()
    yesterday: date = db_now().date() - timedelta(days=1)
    page.wait_for_url(f"**since={yesterday.isoformat()}*")
    chip = page.locator("#compared a")
    expect(chip).to_contain_text("Changes since the end of")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert looked.problems() + looked.findings() == []
    if width < 600:
        page.locator(".own-filters summary").click()
    page.locator("#change").select_option("stalled")
    expect(page.locator("#list .chips")).to_contain_text("Red without progress")
    # The way back keeps the other filters, and no filter by change.
    expect(chip).to_have_attribute("href", "/team/B001/?status=red")
    chip.click()
    page.wait_for_url("**/team/B001/?status=red")
    expect(page.locator("#compared a")).to_have_count(0)


def test_a_comparison_works_without_scripts(open_as: Open, bob: Employee, campaign: Campaign) -> None:
    page = open_as(bob, width=390, java_script_enabled=False).page
    page.goto("/team/B001/")
    page.locator(".since summary").click()
    yesterday = (db_now().date() - timedelta(days=1)).isoformat()
    page.locator("#since").fill(yesterday)
    page.get_by_role("button", name="Show changes").click()
    expect(page.locator("#compared a")).to_contain_text("Changes since the end of")
    assert f"since={yesterday}" in page.url
