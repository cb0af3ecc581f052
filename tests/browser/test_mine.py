"""`/` in its usual states: readable on the first screen of a phone, without layout shift, axe finding or scroll."""

from datetime import date

import pytest
from playwright.sync_api import expect

from apps.campaigns.models import Campaign
from apps.employees.models import Employee
from apps.results.freeze import freeze
from tests import people
from tests.browser.conftest import Looked, Open
from tests.fixtures import Clock

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

AFTER = "2026-12-01T00:05:00+08:00"
# Layout shift without user action, and how low the answers reach: on a phone the navigation takes 60 pixels.
SHIFTED = """() => new Promise((resolve) => new PerformanceObserver((list) =>
  resolve(list.getEntries().reduce((sum, one) => sum + (one.hadRecentInput ? 0 : one.value), 0)))
  .observe({ type: "layout-shift", buffered: true }) || setTimeout(() => resolve(0), 500))"""
ANSWERS = "#standing .count strong, #standing .badges, #standing .summary li"


def seen(mine: Looked, address: str = "/") -> list[str]:
    """The problems of the page at this address."""
    mine.goto(address)
    wrong = [*mine.problems(), *mine.findings()]
    if (shift := mine.page.evaluate(SHIFTED)) > 0.01:
        wrong.append(f"shifted by {shift}")
    low = [box["y"] + box["height"] for one in mine.page.locator(ANSWERS).all() if (box := one.bounding_box())]
    if low and max(low) > 844 - 60:
        wrong.append(f"the answers end at {max(low)}, below the first screen")
    return [f"{address}: {one}" for one in wrong]


@pytest.mark.parametrize(("locale", "scheme"), [("en-GB", "light"), ("zh-CN", "dark")])
def test_every_state_is_read_on_the_first_screen_of_a_phone(
    open_as: Open, alice: Employee, alan: Employee, bob: Employee, clock: Clock, locale: str, scheme: str
) -> None:
    november = Campaign.objects.get(slug="november")
    people.november(name="Later", slug="later", opens_on=date(2026, 12, 5), deadline=date(2026, 12, 31))
    people.november(name="Board only", slug="board", scope=["Board"])
    people.adjust(campaign=november, employee=alan, exempt=True, reason="Parental leave " * 5)
    people.mark()
    wrong = []
    for who, addresses in (
        (bob, ["/?campaign=november"]),  # no contacts
        (alan, ["/?campaign=november"]),  # exempt
        (alice, ["/?campaign=november", "/?campaign=later", "/?campaign=board"]),
    ):
        mine = open_as(who, width=390, scheme=scheme, locale=locale)
        for address in addresses:
            wrong += seen(mine, address)
    clock.set(AFTER, ticks=True)
    wrong += seen(mine, "/?campaign=november")
    freeze(campaign=november, by=people.TESTER, wait=False)
    wrong += seen(mine, "/?campaign=november")
    assert not wrong, "\n".join(wrong)


def test_at_four_hundred_per_cent_nothing_is_cut_off(open_as: Open, alice: Employee) -> None:
    """1280 pixels at 400 % are 320: what reflows there reflows at 200 % too."""
    mine = open_as(alice, width=320)
    mine.goto("/")
    assert mine.problems() == []
    for one in mine.page.locator(ANSWERS).all():
        box = one.bounding_box()
        assert box
        assert box["x"] + box["width"] <= 320


def test_the_first_one_turns_a_page_that_helps_to_begin_into_one_with_a_curve(open_as: Open, bob: Employee) -> None:
    mine = open_as(bob, width=390)
    mine.goto("/")
    expect(mine.page.locator(".start")).to_have_count(1)
    mine.page.fill("#quick-add input[name=name]", "王小明")
    mine.page.fill("#quick-add [name=reach]", "first@outside.example.org")
    mine.page.click("#quick-add button")
    expect(mine.page.locator("#messages")).to_contain_text("王小明 is recorded.")
    expect(mine.page.locator("#standing .count strong")).to_have_text("1")
    expect(mine.page.locator(".start")).to_have_count(0)
    mine.draw()
    assert mine.problems() == []


def test_who_wants_no_motion_gets_none_at_the_hundredth(open_as: Open, alice: Employee) -> None:
    mine = open_as(alice, width=390, reduced_motion="reduce")
    mine.goto("/")
    mine.page.fill("#quick-add [name=reach]", "hundredth@outside.example.org")
    mine.page.click("#quick-add button")
    expect(mine.page.locator("#standing.arriving")).to_have_count(1)
    assert mine.page.evaluate("getComputedStyle(document.getElementById('standing')).animationName") == "none"
