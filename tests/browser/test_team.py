"""Monday morning, five minutes: a manager filters, sorts, turns pages, opens a team and returns, and downloads it."""

import csv
import io
import re
from datetime import timedelta

import pytest
from django.urls import reverse
from playwright.sync_api import Page, expect

from apps.core.clock import db_now
from apps.employees.models import Employee
from tests import people
from tests.browser.conftest import Looked, Open

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

# More than one page of people, and more sub-teams than a chart shows.
LEADS, EACH = 31, 2
LONG = "Maximiliana Alexandrina " * 8


@pytest.fixture
def dana(house: str, dana: Employee) -> Employee:
    """The head of the company, with a lead for each pair of people besides Bob's and Carol's teams."""
    lines = ["staff_no,name,email,department,manager_staff_no"]
    for lead in range(LEADS):
        lines.append(f"L{lead:02},{LONG if lead == 0 else f'Lead {lead:02}'},l{lead}@corp.example.com,Sales,D001")
        lines += [
            f"P{lead:02}{n},Person {lead:02}{n},p{lead}{n}@corp.example.com,Sales,L{lead:02}" for n in range(EACH)
        ]
    people.load("\n".join(lines))
    people.mark()
    return people.with_account(dana)


def shown(page: Page) -> list[tuple[str, str]]:
    """(staff number, counted) of the rows on the page, in order."""
    found: list[list[str]] = page.evaluate(
        """() => [...document.querySelectorAll("#list tbody tr")].map((row) => [
            row.querySelector(".lead small").textContent.trim().split(" ")[0],
            row.querySelector(".meter span").textContent.trim()])"""
    )
    return [(staff_no, counted) for staff_no, counted in found]


def taken(page: Page) -> list[tuple[str, str]]:
    """The same for the CSV of the page."""
    with page.expect_download() as waiting:
        page.get_by_role("link", name="CSV").click()
    text = waiting.value.path().read_text(encoding="utf-8-sig")
    return [(line["staff_no"], line["counted"]) for line in csv.DictReader(io.StringIO(text, newline=""))]


def every_page(page: Page) -> list[tuple[str, str]]:
    """The rows from here to the last page."""
    found = shown(page)
    while (onward := page.get_by_role("link", name="Next page")).count():
        before = found[-1]
        onward.click()
        expect(page.locator("#list tbody tr").first).not_to_contain_text(found[-20][0])
        found += shown(page)
        assert found[-1] != before
    return found


def test_a_manager_finds_who_needs_help_and_takes_exactly_that_away(
    open_as: Open, dana: Employee, alice: Employee
) -> None:
    team: Looked = open_as(dana)
    page = team.page
    team.goto("/team/D001/")

    # The totals link to their people, and the list shows who has stopped.
    page.locator(".totals a", has_text="nothing new").click()
    expect(page.locator("#list h2")).to_contain_text("in this selection")
    assert ("A001", "99") not in shown(page), "she recorded today"
    expect(page.locator("#list tbody tr").first).to_contain_text("nothing new for 23 days")
    still = page.locator("#list h2").inner_text()

    # Filtered and sorted without leaving the page; the file follows.
    page.get_by_label("Show", exact=True).select_option("red")
    expect(page.locator(".tiles a.red")).to_have_attribute("aria-current", "true")
    expect(page.locator(".totals a", has_text="nothing new")).not_to_have_attribute("aria-current", "true")
    expect(page.locator("#list h2")).not_to_have_text(still)
    for order in ("ascending", "descending"):
        page.locator("#list").get_by_role("link", name="Counted").click()
        expect(page.locator("#list th[aria-sort]")).to_have_attribute("aria-sort", order)
    assert shown(page)[0] == ("A001", "99")
    file = taken(page)
    assert file == every_page(page)
    assert len(file) > 100

    # Going back retraces the steps.
    page.go_back()
    last = (len(file) - 1) // 20 * 20
    expect(page.locator("#list tbody tr").first).to_contain_text(file[last - 20][0])
    expect(page.locator("#list tbody tr")).to_have_count(20)
    team.draw()

    # Down to a team, and by the crumbs up again.
    page.get_by_label("Search").fill("Bob")
    page.get_by_role("button", name="Search").click()
    page.get_by_role("link", name=re.compile("^Bob")).click()
    expect(page.locator("h1")).to_contain_text("Team of Bob")
    assert {staff_no for staff_no, _ in shown(page)} == {"A001", "A002"}
    page.locator(".crumbs a").last.click()
    expect(page.locator("h1")).to_contain_text("Team of Dana")

    # Another day, with its own numbers in the list and in the file.
    yesterday = db_now() - timedelta(days=1)
    page.goto("/team/D001/?q=alice&sort=counted&status=all")
    page.locator(".as-of summary").click()
    page.locator("#as_of").fill(yesterday.date().isoformat())
    page.locator(".as-of button").click()
    expect(page.locator(".title .note").first).to_contain_text("as of the end of")
    assert shown(page) == taken(page) == [("A001", "0")]
    assert "q=alice" in page.url
    assert team.problems() + team.findings() == []


def test_the_head_of_a_long_list_stays_in_sight(open_as: Open, dana: Employee) -> None:
    page = open_as(dana).page
    page.goto(reverse("team", args=["D001"]))
    page.locator("#list tbody tr").nth(19).scroll_into_view_if_needed()
    page.mouse.wheel(0, 200)
    head = page.locator("#list thead th").first
    page.wait_for_function("() => document.querySelector('#list thead th').getBoundingClientRect().top === 0")
    assert head.is_visible()
    assert page.evaluate(
        "() => document.elementFromPoint(...(() => { const b = document.querySelector('#list thead a')"
        ".getBoundingClientRect(); return [b.x + 5, b.y + 5]; })()).closest('th') !== null"
    )


@pytest.mark.parametrize("leader", ["D001", "B001"])
def test_a_team_prints_on_two_pages_of_paper(open_as: Open, dana: Employee, leader: str) -> None:
    """Totals, the list, the charts: for 99 people in 33 teams as for two."""
    team = open_as(dana)
    team.goto(f"/team/{leader}/")
    paper = team.page.pdf(prefer_css_page_size=True)
    assert len(re.findall(rb"/Type\s*/Page\b(?!s)", paper)) <= 2
    team.page.emulate_media(media="print")
    note = team.page.get_by_text("the CSV has all")
    assert note.is_visible() if leader == "D001" else note.count() == 0, "what is left out is said"


def test_nothing_overlaps_on_paper(open_as: Open, dana: Employee) -> None:
    """A4 between its margins is as narrow as a phone held sideways, and still has whole rows and whole charts."""
    team = open_as(dana)
    team.goto("/team/D001/")
    team.page.emulate_media(media="print")
    team.page.set_viewport_size({"width": 688, "height": 1000})
    name = team.page.locator("#list tbody .name").first.bounding_box()
    row = team.page.locator("#list tbody tr").first.bounding_box()
    assert name
    assert row
    assert name["width"] > 20
    assert row["height"] < 30, "one line"
    outside = team.page.evaluate(
        """() => [...document.querySelectorAll(".chart")].flatMap((card) => {
            const { left, right, bottom } = card.getBoundingClientRect();
            return [...card.querySelectorAll(".svg-preview text")].filter((text) => {
                const box = text.getBoundingClientRect();
                return box.width && (box.bottom > bottom || box.right > right + 1 || box.left < left - 1);
            }).map((text) => text.textContent);
        })"""
    )
    assert outside == []
