"""The forecast on `/` in use: a fan that is read by every means, and "What if?" with and without scripts."""

from typing import Any

import pytest
from playwright.sync_api import Page, expect

from apps.campaigns.models import Campaign
from apps.employees.models import Employee
from tests import own_forecasts
from tests.browser.conftest import Looked, Open
from tests.browser.test_charts import NEAR, PLOTTED, texts
from tests.browser.test_mine import seen

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def sixty(open_as: Open, campaign: Campaign, alan: Employee) -> Employee:
    """Alan at 60 of 100 on the 23rd, with a forecast."""
    own_forecasts.stored(campaign)
    own_forecasts.counted(campaign, alan, 60)
    return alan


def without_scripts(signed: Looked, browser: Any) -> Page:
    context = browser.new_context(
        base_url=signed.page.url.rsplit("/", 1)[0],
        java_script_enabled=False,
        storage_state=signed.page.context.storage_state(),
        locale="en-GB",
    )
    page: Page = context.new_page()
    return page


def test_the_arrows_lead_from_the_counts_into_the_days_ahead(open_as: Open, sixty: Employee) -> None:
    mine = open_as(sixty)
    mine.page.goto("/")
    previewed = texts(mine, ".svg-preview text")
    mine.draw()
    for before, after in zip(previewed, texts(mine, PLOTTED), strict=True):
        assert set(after) == set(before)
        for text, (x, y) in after.items():
            assert abs(x - before[text][0]) < NEAR, text
            assert abs(y - before[text][1]) < NEAR, text
    mine.page.locator("[data-chart]").focus()
    heard = mine.page.locator("[data-chart] + [aria-live]")
    rows = [row.locator("th, td").all_text_contents() for row in mine.page.locator(".chart-box tbody tr").all()]
    assert len(rows) == 30
    newest = next(place for place, row in enumerate(rows) if row[1])
    for key, row in (
        ("End", rows[0]),
        ("ArrowLeft", rows[1]),
        ("Home", rows[-1]),
        *[("ArrowRight", rows[place]) for place in range(len(rows) - 2, newest - 2, -1)],
    ):
        mine.page.keyboard.press(key)
        day, _recorded, total, _pace, median, half, most = row
        expected = f"{total} in all" if total else f"Forecast: {median} (5 in 10: {half}, 8 in 10: {most})"
        assert (heard.text_content() or "").startswith(f"{day}: {expected}")
        assert mine.page.locator(".tooltip:visible span").count() == 1
    assert mine.problems() + mine.findings() == []


def test_hovering_a_day_ahead_says_its_forecast(open_as: Open, sixty: Employee) -> None:
    mine = open_as(sixty)
    mine.goto("/")
    plot = mine.page.locator("[data-chart] .nsewdrag")
    area = plot.bounding_box()
    assert area
    plot.hover(position={"x": area["width"] - 30, "y": 100})
    expect(mine.page.locator(".tooltip")).to_contain_text("8 in 10")
    assert mine.problems() == []


def test_what_if_answers_while_the_slider_moves(open_as: Open, sixty: Employee) -> None:
    mine = open_as(sixty)
    mine.page.goto("/")
    answer, field, slider = (mine.page.locator(f"#{name}") for name in ("what-if", "per_day", "per_day_slider"))
    mine.page.evaluate("window.still = true")
    field.fill("0")
    expect(answer).to_contain_text("With 0 a day from today: very unlikely")
    assert slider.input_value() == "0"
    slider.focus()
    for _step in range(3):
        mine.page.keyboard.press("ArrowRight")
    expect(answer).to_contain_text("With 3 a day from today")
    assert field.input_value() == "3"
    field.fill("77")
    expect(answer).to_contain_text("Contacts a day: enter a whole number from 0 to 20.")
    field.fill("20")
    field.press("Enter")
    expect(answer).to_contain_text("With 20 a day from today: very likely")
    assert answer.get_attribute("aria-live") == "polite"
    assert field.get_attribute("aria-describedby") == "what-if"
    assert mine.page.evaluate("window.still"), "the page was left"
    assert mine.page.url.endswith("/")
    assert mine.problems() + mine.findings() == []


def test_what_if_works_without_scripts(open_as: Open, sixty: Employee, browser: Any) -> None:
    page = without_scripts(open_as(sixty), browser)
    page.goto("/")
    assert page.locator(".svg-preview path[fill='var(--fan-50)']").count() == 1
    expect(page.locator("#per_day_slider")).to_be_hidden()
    page.fill("#per_day", "5")
    page.click("#forecast button")
    assert page.url.endswith("/?per_day=5#forecast")
    expect(page.locator("#what-if")).to_contain_text("With 5 a day from today")
    page.fill("#per_day", "21")
    page.click("#forecast button")
    expect(page.locator("#what-if")).to_contain_text("Contacts a day: enter a whole number from 0 to 20.")
    expect(page.locator("#per_day")).to_have_value("21")
    page.context.close()


@pytest.mark.parametrize(
    ("width", "scheme", "locale"), [(390, "light", "en-GB"), (390, "dark", "zh-CN"), (320, "light", "zh-CN")]
)
def test_the_answer_is_on_the_first_screen_of_a_phone(
    open_as: Open, sixty: Employee, width: int, scheme: str, locale: str
) -> None:
    mine = open_as(sixty, width=width, scheme=scheme, locale=locale)
    wrong = seen(mine)
    assert not wrong or (width == 320 and all("first screen" in one for one in wrong)), wrong
    mine.page.locator("#forecast summary").click()
    assert mine.problems() + mine.findings() == []
    for part in ("#forecast", "#per_day_slider", ".legend"):
        box = mine.page.locator(part).bounding_box()
        assert box
        assert box["x"] + box["width"] <= width
    # A Chinese page has no English left in it.
    said = mine.page.locator("#standing").inner_text() + mine.page.locator("#forecast").inner_text()
    assert ("likely" in said) == (locale == "en-GB")


def test_at_the_target_the_fan_and_its_legend_go(open_as: Open, campaign: Campaign, alice: Employee) -> None:
    own_forecasts.stored(campaign)
    mine = open_as(alice)
    mine.goto("/")
    assert mine.page.locator(".chart .legend").is_visible()
    mine.page.fill("#quick-add [name=reach]", "hundredth@outside.example.org")
    mine.page.click("#quick-add button")
    expect(mine.page.locator("#standing.reached")).to_have_count(1)
    expect(mine.page.locator(".chart .legend")).to_be_hidden()
    expect(mine.page.locator("#what-if")).to_have_text("There is no forecast now.")
    expect(mine.page.locator(".chart h2")).to_have_text("You have reached the target")
    assert mine.problems() == []
