"""Charts in use: shown at once, stable while they load, and readable by every means."""

from typing import Any

import brotli
import pytest
from playwright.sync_api import Response

from apps.employees.models import Employee
from tests.browser.conftest import Looked, Open

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

# What moved without anybody's doing, as a browser counts it: https://web.dev/articles/cls
MOVED = """
window.moved = 0;
new PerformanceObserver((list) => {
  for (const entry of list.getEntries()) if (!entry.hadRecentInput) window.moved += entry.value;
}).observe({ type: "layout-shift", buffered: true });
"""
# Where drawing and chart put the same things, in pixels from their box: texts by their text, bars and lines by extent.
PATHS = """(parts) => [...document.querySelectorAll('[data-chart]')].map((box) => {
  const home = box.getBoundingClientRect();
  const found = {};
  for (const one of box.querySelectorAll(parts)) {
    const { left, right, top, bottom } = one.getBoundingClientRect();
    const shown = getComputedStyle(one.parentElement).display !== 'none' && one.textContent.trim();
    if (shown) found[shown] = [(left + right) / 2 - home.left, (top + bottom) / 2 - home.top];
  }
  return found;
})"""
PLOTTED = ".xtick text, .ytick text, .annotation-text"
# Texts are set by two engines with their own idea of a line; more than this would be seen as a jump.
NEAR = 3.0


def texts(looked: Looked, parts: str) -> list[dict[str, list[float]]]:
    found: list[dict[str, list[float]]] = looked.page.evaluate(PATHS, parts)
    return found


@pytest.mark.parametrize("width", [390, 1440])
@pytest.mark.parametrize("address", ["/team/B001/", "/company/"])
def test_a_chart_takes_the_place_of_its_drawing_to_the_pixel(
    open_as: Open, bob: Employee, hr: Employee, address: str, width: int
) -> None:
    looked = open_as(hr if "company" in address else bob, width=width)
    looked.page.goto(address)
    previewed = texts(looked, ".svg-preview text")
    looked.draw()
    for before, after in zip(previewed, texts(looked, PLOTTED), strict=True):
        assert len(before) >= 3
        assert set(after) == set(before)
        for text, (x, y) in after.items():
            assert abs(x - before[text][0]) < NEAR, text
            assert abs(y - before[text][1]) < NEAR, text


def test_charts_fill_their_reserved_boxes(open_as: Open, bob: Employee) -> None:
    team = open_as(bob, width=390)
    team.page.goto("/team/B001/")
    tall = "() => [...document.querySelectorAll('[data-chart]')].map((box) => box.getBoundingClientRect().height)"
    before = team.page.evaluate(tall)
    team.draw()
    assert team.page.evaluate(tall) == before
    assert len(before) == 3
    assert min(before) >= 220
    for box in team.page.locator("[data-chart]").all():
        assert box.locator(".main-svg").first.bounding_box()["width"] > 250  # type: ignore[index]
        assert 1 <= box.locator("g.xtick").count() <= 4


@pytest.mark.parametrize(("address", "width"), [("/", 390), ("/", 1440), ("/team/B001/", 390), ("/team/B001/", 1440)])
def test_nothing_moves_while_a_page_comes_to_be(
    open_as: Open, alice: Employee, bob: Employee, address: str, width: int
) -> None:
    """A click must not miss because charts move; measured by the browser's own layout shift."""
    looked = open_as(bob if "team" in address else alice, width=width)
    looked.page.add_init_script(MOVED)
    looked.goto(address)
    looked.page.evaluate("scrollTo(0, 0)")
    looked.page.wait_for_timeout(300)
    assert looked.page.evaluate("window.moved") <= 0.01


def test_a_chart_is_there_before_its_library(open_as: Open, bob: Employee) -> None:
    """The library loads on the first movement of the reader."""
    team = open_as(bob)
    asked: list[str] = []
    team.page.on("request", lambda request: asked.append(request.url))
    team.page.goto("/team/B001/", wait_until="load")
    assert team.page.locator(".svg-preview").first.is_visible()
    assert not [address for address in asked if "plotly.min" in address or "/charts/" in address]
    team.draw()
    assert len([address for address in asked if "plotly.min" in address]) == 1
    assert not team.page.locator(".svg-preview").first.is_visible()


def test_without_scripts_the_drawing_and_the_table_are_left(open_as: Open, bob: Employee, browser: Any) -> None:
    signed = open_as(bob)
    plain = browser.new_context(
        base_url=signed.page.url.rsplit("/", 1)[0],
        java_script_enabled=False,
        storage_state=signed.page.context.storage_state(),
    )
    page = plain.new_page()
    page.goto("/team/B001/")
    assert page.locator(".svg-preview:visible").count() == 3
    page.locator(".chart-box summary").first.click()
    assert page.locator(".chart-box table").first.is_visible()
    plain.close()


def test_a_library_that_does_not_come_leaves_the_drawing(open_as: Open, alice: Employee) -> None:
    mine = open_as(alice)
    mine.page.route("**/plotly.min*.js", lambda route: route.abort())
    mine.page.goto("/")
    mine.page.mouse.move(5, 5)
    mine.page.locator("[data-chart]").scroll_into_view_if_needed()
    mine.page.wait_for_selector("[data-state=failed]")
    assert mine.page.locator(".svg-preview").is_visible()


def test_the_table_lies_where_the_chart_was_and_nothing_moves(open_as: Open, bob: Employee) -> None:
    team = open_as(bob)
    team.goto("/team/B001/")
    place = "() => [...document.querySelectorAll('.chart')].map((one) => JSON.stringify(one.getBoundingClientRect()))"
    team.page.locator(".chart-box summary").first.scroll_into_view_if_needed()
    before = team.page.evaluate(place)
    team.page.locator(".chart-box summary").first.click()
    assert team.page.locator(".chart-box table").first.is_visible()
    assert team.page.evaluate(place) == before
    assert team.problems() + team.findings() == []


def test_a_chart_changes_its_colours_with_the_theme(open_as: Open, alice: Employee) -> None:
    mine = open_as(alice)
    mine.goto("/")
    stroke = "() => getComputedStyle(document.querySelector('.js-line')).stroke"
    light = mine.page.evaluate(stroke)
    mine.page.emulate_media(color_scheme="dark")
    mine.page.wait_for_function(f"() => ({stroke})() !== '{light}'")
    assert mine.problems() == []


def test_hovering_says_the_exact_row(open_as: Open, alice: Employee) -> None:
    mine = open_as(alice)
    mine.goto("/")
    box = mine.page.locator("[data-chart] .nsewdrag").first
    box.hover(position={"x": 300, "y": 60})
    said = mine.page.wait_for_selector(".tooltip")
    assert said
    assert "in all" in (said.text_content() or "")
    assert mine.problems() == []


def test_the_arrow_keys_say_row_after_row(open_as: Open, alice: Employee) -> None:
    mine = open_as(alice)
    mine.goto("/")
    mine.page.locator("[data-chart]").focus()
    said = mine.page.locator("[data-chart] + [aria-live]")
    table = mine.page.locator(".chart-box tbody tr")
    for key, row in (
        ("Home", table.last),
        ("End", table.first),
        ("ArrowLeft", table.nth(1)),
        ("ArrowRight", table.first),
    ):
        mine.page.keyboard.press(key)
        day, _, total, *_ = row.locator("th, td").all_text_contents()
        assert (said.text_content() or "").startswith(f"{day}: {total} in all")
        assert mine.page.locator(".tooltip:visible").count() == 1
    assert mine.problems() + mine.findings() == []


def test_a_bar_leads_to_its_group_by_hand_and_by_key(open_as: Open, hr: Employee) -> None:
    company = open_as(hr)
    company.goto("/company/")
    box = company.page.locator("[data-heading=chart-departments]")
    wanted = box.locator(".live").evaluate("(place) => place.data[1].customdata[0]")
    assert wanted.startswith("/company/?department=")
    assert company.page.locator(f".chart-box a[href='{wanted}']").count() == 2, "the group's name, and its number"
    box.focus()
    company.page.keyboard.press("ArrowDown")
    company.page.keyboard.press("Enter")
    company.page.wait_for_url(f"**{wanted}")
    assert company.problems() == []


@pytest.mark.parametrize(("address", "width"), [("/", 390), ("/contacts/", 390), ("/team/B001/", 390), ("/", 1440)])
def test_a_page_without_its_charts_weighs_less_than_100_kb(
    open_as: Open, alice: Employee, bob: Employee, address: str, width: int
) -> None:
    """The number must load on a slow phone. Bytes as servers send them: pages plain, static files in brotli."""
    looked = open_as(bob if "team" in address else alice, width=width)
    answers: dict[str, int] = {}

    def weigh(answer: Response) -> None:
        body = answer.body()
        small = "/static/" in answer.url and not answer.url.endswith((".png", ".woff2"))
        answers[answer.url] = len(brotli.compress(body) if small else body) + 400  # and its headers

    looked.page.on("response", weigh)
    looked.page.goto(address, wait_until="load")
    looked.page.wait_for_timeout(300)
    assert any(one.endswith("/js/charts.js") for one in answers) or address == "/contacts/"
    assert len([one for one in answers if one.endswith(".css")]) >= 4
    assert sum(answers.values()) < 100_000, answers


def test_one_tooltip_speaks_for_all_bands_of_a_day(open_as: Open, bob: Employee) -> None:
    team = open_as(bob)
    team.goto("/team/B001/")
    box = team.page.locator("[data-heading=chart-bands]")
    box.locator(".nsewdrag").hover(position={"x": 200, "y": 100})
    tip = box.locator(".tooltip")
    tip.wait_for()
    assert tip.locator("span").count() == 5
    assert tip.locator("b").inner_text(), "the day"
    font = "(it) => getComputedStyle(it).fontFamily"
    assert tip.evaluate(font) == team.page.locator("body").evaluate(font)
    assert team.page.locator(".hoverlayer .hovertext").count() == 0
    area = tip.bounding_box()
    screen = team.page.viewport_size
    assert area
    assert screen
    assert area["x"] >= 0
    assert area["x"] + area["width"] <= screen["width"]
    assert team.problems() == []


def test_the_pointer_turns_into_a_hand_only_where_a_click_leads(open_as: Open, alice: Employee, bob: Employee) -> None:
    cursor = "(it) => getComputedStyle(it).cursor"
    mine = open_as(alice)
    mine.goto("/")
    plot = mine.page.locator("[data-chart] .nsewdrag")
    plot.hover(position={"x": 100, "y": 60})
    mine.page.locator(".tooltip:visible").wait_for()
    assert plot.evaluate(cursor) == "default", "nothing is behind the own curve"
    team = open_as(bob)
    team.goto("/team/B001/")
    plot = team.page.locator("[data-heading=chart-bands] .nsewdrag")
    plot.hover(position={"x": 200, "y": 100})
    team.page.locator(".tooltip:visible").wait_for()
    assert plot.evaluate(cursor) == "pointer"


@pytest.mark.parametrize(
    ("chart", "keys", "expected"),
    [
        # The newest day, from the people at the target down to those just below it: Alice at 99.
        ("chart-bands", ["End", "ArrowDown"], "status=band_3"),
        # From 0 to the bar of Alan's 30.
        ("chart-histogram", ["Home", *["ArrowRight"] * 6], "counted=30-34"),
    ],
)
def test_a_band_and_a_bar_lead_to_their_people(
    open_as: Open, bob: Employee, chart: str, keys: list[str], expected: str
) -> None:
    team = open_as(bob)
    team.goto("/team/B001/")
    team.page.locator(f"[data-heading={chart}]").focus()
    for key in (*keys, "Enter"):
        team.page.keyboard.press(key)
    team.page.wait_for_url(f"**{expected}*")
    assert team.page.locator("#list tbody tr").count() == 1
    assert team.problems() == []
