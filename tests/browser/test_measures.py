"""Sizes and distances that a reader sees: what is cut off or sticks together cannot be read."""

import pytest
from playwright.sync_api import expect

from apps.employees.models import Employee
from tests import rosters
from tests.browser.conftest import Open

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

SIZES = "(boxes) => boxes.map((box) => box.getBoundingClientRect().width)"
LABEL = "(cell) => getComputedStyle(cell, '::before').content"


@pytest.mark.parametrize("width", [390, 768, 1024])
def test_a_day_of_the_audit_trail_can_be_read_whole(open_as: Open, hr: Employee, width: int) -> None:
    page = open_as(hr, width=width).page
    page.goto("/company/audit/")
    assert min(page.locator("input[type=date]").evaluate_all(SIZES)) >= 130


def test_the_state_of_a_load_stands_off_the_name_of_its_file(open_as: Open, hr: Employee) -> None:
    rosters.confirmed("staff_no,name,email\nN001,Nora,n001@corp.example.com\n", "Dec.csv")
    page = open_as(hr, width=1440).page
    page.goto("/company/roster/")
    name = page.get_by_role("link", name="Dec.csv").bounding_box()
    badge = page.locator("#list .badge").first.bounding_box()
    assert name
    assert badge
    assert badge["x"] >= name["x"] + name["width"] + 8


def test_every_tick_is_of_one_size(open_as: Open, hr: Employee) -> None:
    """A tick of 13 px is missed by a finger and by the eye."""
    for reader, address in ((hr, "/company/open-campaign/"), (hr, "/tokens/"), (None, "/login/")):
        page = open_as(reader, width=390).page
        page.goto(address)
        assert set(page.locator("main input[type=checkbox]").evaluate_all(SIZES)) == {20}, address


@pytest.mark.parametrize(("locale", "label"), [("en-GB", '"To go: "'), ("zh-CN", '"还差："')])
def test_a_value_on_a_phone_has_its_label_in_the_readers_writing(
    open_as: Open, bob: Employee, locale: str, label: str
) -> None:
    page = open_as(bob, width=390, locale=locale).page
    page.goto("/team/B001/")
    cell = page.locator("#list td[data-label]").first
    expect(cell).to_be_visible()
    assert cell.evaluate(LABEL).replace('" "', "") == label


def test_a_phone_at_twice_the_size_keeps_the_bar_apart_and_paper_keeps_a_row_on_a_line(
    open_as: Open, bob: Employee
) -> None:
    page = open_as(bob, width=195).page
    page.goto("/team/B001/")
    brand, tools = (page.locator(f".bar {part}").bounding_box() for part in (".brand", ".tools"))
    assert brand
    assert tools
    assert tools["y"] >= brand["y"] + brand["height"]
    page.set_viewport_size({"width": 794, "height": 1123})
    page.emulate_media(media="print")
    spaces = page.locator("#list .badge").evaluate_all("(all) => all.map((one) => getComputedStyle(one).whiteSpace)")
    assert set(spaces) == {"nowrap"}
