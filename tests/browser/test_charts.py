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
PLACES = """(parts) => [...document.querySelectorAll('[data-chart]')].map((box) => {
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
    found: list[dict[str, list[float]]] = looked.page.evaluate(PLACES, parts)
    return found


@pytest.mark.parametrize("width", [390, 1440])
@pytest.mark.parametrize("address", ["/team/B001/", "/company/"])
def test_a_chart_takes_the_place_of_its_drawing_to_the_pixel(
    open_as: Open, bob: Employee, hr: Employee, address: str, width: int
) -> None:
    looked = open_as(hr if "company" in address else bob, width=width)
    looked.page.goto(address)
    sketched = texts(looked, ".sketch text")
    looked.draw()
    for before, after in zip(sketched, texts(looked, PLOTTED), strict=True):
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
    assert team.page.locator(".sketch").first.is_visible()
    assert not [address for address in asked if "plotly.min" in address or "/charts/" in address]
    team.draw()
    assert len([address for address in asked if "plotly.min" in address]) == 1
    assert not team.page.locator(".sketch").first.is_visible()


def test_without_scripts_the_drawing_and_the_table_are_left(open_as: Open, bob: Employee, browser: Any) -> None:
    signed = open_as(bob)
    plain = browser.new_context(
        base_url=signed.page.url.rsplit("/", 1)[0],
        java_script_enabled=False,
        storage_state=signed.page.context.storage_state(),
    )
    page = plain.new_page()
    page.goto("/team/B001/")
    assert page.locator(".sketch:visible").count() == 3
    page.locator(".twins summary").first.click()
    assert page.locator(".twins table").first.is_visible()
    plain.close()


def test_a_library_that_does_not_come_leaves_the_drawing(open_as: Open, alice: Employee) -> None:
    mine = open_as(alice)
    mine.page.route("**/plotly.min*.js", lambda route: route.abort())
    mine.page.goto("/")
    mine.page.mouse.move(5, 5)
    mine.page.locator("[data-chart]").scroll_into_view_if_needed()
    mine.page.wait_for_selector("[data-state=failed]")
    assert mine.page.locator(".sketch").is_visible()


def test_the_table_lies_where_the_chart_was_and_nothing_moves(open_as: Open, bob: Employee) -> None:
    team = open_as(bob)
    team.goto("/team/B001/")
    place = "() => [...document.querySelectorAll('.picture')].map((one) => JSON.stringify(one.getBoundingClientRect()))"
    team.page.locator(".twins summary").first.scroll_into_view_if_needed()
    before = team.page.evaluate(place)
    team.page.locator(".twins summary").first.click()
    assert team.page.locator(".twins table").first.is_visible()
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
    said = mine.page.wait_for_selector(".hoverlayer .hovertext")
    assert said
    assert "in all" in (said.text_content() or "")
    assert mine.problems() == []


def test_the_arrow_keys_say_row_after_row(open_as: Open, alice: Employee) -> None:
    mine = open_as(alice)
    mine.goto("/")
    mine.page.locator("[data-chart]").focus()
    said = mine.page.locator("[data-chart] + [aria-live]")
    table = mine.page.locator(".twins tbody tr")
    for key, row in (
        ("Home", table.last),
        ("End", table.first),
        ("ArrowLeft", table.nth(1)),
        ("ArrowRight", table.first),
    ):
        mine.page.keyboard.press(key)
        day, _, total, *_ = row.locator("th, td").all_text_contents()
        assert (said.text_content() or "").startswith(f"{day}: {total} in all")
        assert mine.page.locator(".hoverlayer .hovertext").count() == 1
    assert mine.problems() + mine.findings() == []


def test_a_bar_leads_to_its_group_by_hand_and_by_key(open_as: Open, hr: Employee) -> None:
    company = open_as(hr)
    company.goto("/company/")
    box = company.page.locator("[data-heading=picture-departments]")
    wanted = box.locator(".live").evaluate("(place) => place.data[1].customdata[0]")
    assert wanted.startswith("/company/?department=")
    assert company.page.locator(f".twins a[href='{wanted}']").count() == 2, "the group's name, and its number"
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
