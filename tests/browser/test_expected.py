"""What is expected at the target, on a phone and a desktop, in both languages: the sum, its fan, and how it is made."""

import re

import pytest
from playwright.sync_api import expect

from apps.campaigns.models import Campaign
from apps.employees.models import Employee
from tests import people
from tests.browser.conftest import Open
from tests.fixtures import Clock
from tests.forecasting import store_forecast

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def expecting(house: str, campaign: Campaign, clock: Clock) -> Campaign:
    """Noon on 23 November, with the forecast of the night."""
    clock.set(people.NOON, ticks=True)
    store_forecast(campaign, "2026-11-23T02:40:00+08:00", 3)
    return campaign


@pytest.mark.parametrize(("width", "scheme", "locale"), [(320, "light", "en-GB"), (390, "dark", "zh-CN")])
@pytest.mark.parametrize("path", ["/team/B001/", "/company/"])
def test_the_sum_is_read_on_a_phone(
    open_as: Open, hr: Employee, bob: Employee, expecting: Campaign, path: str, width: int, scheme: str, locale: str
) -> None:
    looked = open_as(hr if path == "/company/" else bob, width=width, scheme=scheme, locale=locale)
    looked.goto(path)
    line = looked.page.locator(".expected")
    expect(line).to_contain_text("Expected at the target" if locale == "en-GB" else "预计截止时达标")
    line.locator("summary").click()
    expect(line).to_contain_text("In 8 of 10 cases" if locale == "en-GB" else "10 次中有 8 次")
    assert looked.problems() + looked.findings() == []


def test_the_fan_is_read_by_keyboard_and_as_a_table(open_as: Open, hr: Employee, expecting: Campaign) -> None:
    looked = open_as(hr)
    looked.goto("/company/")
    page = looked.page
    card = page.locator("section:has(#chart-under)")
    card.locator(".plot").focus()
    page.keyboard.press("End")
    expect(card.locator("[aria-live]")).to_contain_text(re.compile("30 Nov.*Forecast: 16"))
    card.locator("summary").click()
    expect(card.locator("tbody tr").first).to_contain_text("14–18")
    assert looked.problems() + looked.findings() == []
