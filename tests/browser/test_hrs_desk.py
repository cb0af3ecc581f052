"""HR's desk in a browser: files, campaigns, deputies, the roster, the trail, retention dates and the handbook."""

import csv
import io
import re
from pathlib import Path

import pytest
from playwright.sync_api import expect

from apps.accounts.services import account_for
from apps.core.audit import audit
from apps.employees.models import Employee
from tests.browser.conftest import Open

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.mark.parametrize("width", [390, 1440])
def test_a_file_without_lines_asks_before_it_is_made(open_as: Open, hr: Employee, width: int) -> None:
    looked = open_as(hr, width=width)
    looked.page.goto("/exports/new/standings/")
    looked.page.select_option("[name=department]", "Sales")
    looked.page.fill("[name=q]", "no such name")
    looked.page.click("text=Create file")
    expect(looked.page.get_by_role("alert")).to_contain_text("No line matches")
    expect(looked.page.locator("[name=department]")).to_have_value("Sales")
    assert [error for error in looked.problems() if "422" not in error] + looked.findings() == []
    looked.page.click("text=Create empty file")
    expect(looked.page.locator("main")).to_contain_text("The file has 0 lines")


@pytest.mark.parametrize(("width", "scripts"), [(390, True), (1440, True), (390, False)])
def test_a_file_is_repeated_paused_and_deleted(open_as: Open, hr: Employee, width: int, scripts: bool) -> None:
    looked = open_as(hr, width=width, java_script_enabled=scripts)
    looked.page.goto("/exports/new/standings/")
    looked.page.click("text=Schedule this file")
    looked.page.select_option("[name=repeat]", "weekly")
    looked.page.select_option("[name=weekday]", label="Friday")
    looked.page.select_option("[name=hour]", "07:00")
    assert not scripts or looked.problems() + looked.findings() == []
    looked.page.get_by_role("button", name="Create file").click()
    expect(looked.page.locator("#messages")).to_contain_text("The first file is created on")
    expect(looked.page.locator("tbody")).to_contain_text("every Friday at 07:00")
    assert not scripts or looked.problems() + looked.findings() == []
    looked.page.get_by_role("button", name="Pause").click()
    expect(looked.page.locator("tbody")).to_contain_text("paused")
    looked.page.get_by_role("button", name="Resume").click()
    expect(looked.page.locator("#messages")).to_contain_text("Resumed.")
    looked.page.get_by_role("button", name="Delete").click()
    expect(looked.page.locator("main")).to_contain_text("No scheduled files")
    assert not scripts or looked.problems() + looked.findings() == []


@pytest.mark.parametrize("width", [390, 1440])
def test_a_campaign_is_duplicated_with_joiners_pro_rata(open_as: Open, hr: Employee, width: int) -> None:
    looked = open_as(hr, width=width)
    looked.page.goto("/company/campaigns/november/")
    looked.page.click("text=Duplicate this campaign")
    expect(looked.page.locator("main")).to_contain_text("Copied from November")
    expect(looked.page.locator("[name=time_zone]")).to_have_value("Asia/Shanghai")
    looked.page.fill("[name=name]", "December")
    looked.page.fill("[name=opens_on]", "2026-12-01")
    looked.page.fill("[name=deadline]", "2026-12-31")
    looked.page.select_option("[name=time_zone]", "Europe/Berlin")
    looked.page.check("[name=prorate_joiners]")
    looked.page.get_by_role("button", name="Preview").click()
    expect(looked.page.locator("#look")).to_contain_text("has a pro-rata target")
    expect(looked.page.locator("#look")).to_contain_text("The last campaign, November, used Asia/Shanghai")
    assert looked.problems() + looked.findings() == []


@pytest.mark.parametrize("width", [390, 1440])
def test_several_deputies_are_previewed_named_ended_and_found_again(open_as: Open, hr: Employee, width: int) -> None:
    looked = open_as(hr, width=width)
    looked.page.goto("/company/deputies/")
    looked.page.click("text=Name several deputies")
    looked.page.fill("[name=lines]", "B001;S001;2026-12-20\nD001;X999;2026-12-20\nC001;A001;2026-12-20")
    looked.page.get_by_role("button", name="Preview").click()
    expect(looked.page.locator("#preview")).to_contain_text("“X999” is not the staff number")
    assert looked.problems() + looked.findings() == []
    looked.page.click("text=Name 2 deputies")
    expect(looked.page.locator("#messages")).to_contain_text("2 deputies are named.")
    expect(looked.page.locator("[name=lines]")).to_have_value("D001;X999;2026-12-20")
    looked.page.goto("/company/deputies/")
    looked.page.locator("#list tbody tr", has_text="Sam").get_by_role("button").click()
    # Sent by a script: until its answer, the page before is still there.
    expect(looked.page.locator("#messages")).to_contain_text("is no longer the deputy of")
    looked.page.click("#list .chips a:has-text('Past')")
    expect(looked.page.locator("#list tbody tr")).to_have_count(1)
    expect(looked.page.locator("#list tbody")).to_contain_text("Hedda")
    assert [error for error in looked.problems() if "422" not in error] + looked.findings() == []


def test_the_roster_comes_down_as_it_can_go_up_again(open_as: Open, hr: Employee, tmp_path: Path) -> None:
    looked = open_as(hr, width=390)
    looked.page.goto("/company/roster/")
    with looked.page.expect_download() as download:
        looked.page.click("text=Download roster")
    file = tmp_path / download.value.suggested_filename
    download.value.save_as(file)
    lines = list(csv.DictReader(io.StringIO(file.read_text("utf-8-sig"), newline="")))
    assert {line["staff_no"] for line in lines} >= {"A001", "A002", "B001"}
    looked.page.set_input_files("[name=file]", file)
    looked.page.click("text=Preview file")
    # Sent by a script: until its answer, the page before, which lists earlier loads, is still there.
    looked.page.wait_for_url(re.compile(r"/company/roster/[^/]+/"))
    expect(looked.page.locator("main")).to_contain_text("Unchanged")
    looked.page.wait_for_load_state("networkidle")
    assert looked.problems() + looked.findings() == []


@pytest.mark.parametrize("width", [390, 1440])
def test_the_trail_says_who_exactly_and_when_to_the_second(
    open_as: Open, hr: Employee, bob: Employee, width: int
) -> None:
    audit("token.created", by=account_for(bob).actor, kind="token", id=1)
    looked = open_as(hr, width=width)
    looked.page.goto("/company/audit/?about=token")
    row = looked.page.locator("#list tbody tr").first
    expect(row.locator("td").first).to_contain_text("B001")
    expect(row.locator("time")).to_have_text(re.compile(r"^\d+ [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d$"))
    assert looked.problems() + looked.findings() == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1440])
def test_the_trail_shows_before_and_after_in_a_table_of_the_readers_language(
    open_as: Open, hr: Employee, width: int, scheme: str
) -> None:
    changed = {"target": [100, 90], "deadline": ["2026-11-30", "2026-12-04"]}
    audit(
        "campaign.rule_changed", by=account_for(hr).actor, kind="campaign", id="november", label="November",
        detail={"version": 2, "reason": "太多了", "changed": changed},
    )  # fmt: skip
    looked = open_as(hr, width=width, scheme=scheme, locale="zh-CN")
    looked.page.goto("/company/audit/?about=campaign")
    looked.page.locator("#list summary").first.click()
    table = looked.page.locator("table.changes")
    expect(table.locator("tbody tr").first).to_have_text(re.compile(r"目标\s*100\s*90"))
    cells = table.locator("tbody tr").first.locator("td").all()
    tops = {cell.evaluate("cell => cell.getBoundingClientRect().top") for cell in cells}
    assert len(tops) == 1, "the old and the new value stand beside each other"
    assert looked.problems() + looked.findings() == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1440])
def test_the_handbook_opens_from_the_account_menu_without_another_host(
    open_as: Open, hr: Employee, house: str, width: int, scheme: str
) -> None:
    looked = open_as(hr, width=width, scheme=scheme)
    asked: list[str] = []
    looked.page.on("request", lambda request: asked.append(request.url))
    looked.page.goto("/company/")
    looked.page.click("details.menu.own summary")
    looked.page.click("details.menu.own a:has-text('Handbook')")
    expect(looked.page.locator("h1")).to_have_count(1)
    picture = looked.page.locator("article img").first
    picture.scroll_into_view_if_needed()
    expect(picture).to_have_js_property("complete", True)
    assert picture.evaluate("image => image.naturalWidth") > 0
    looked.page.click("article a:has-text('undo')")
    expect(looked.page).to_have_url(re.compile(r"/handbook/loading-the-roster/#undo$"))
    assert [url for url in asked if not url.startswith(house)] == []
    assert looked.problems() + looked.findings() == []


@pytest.mark.parametrize("locale", ["en-GB", "zh-CN"])
@pytest.mark.parametrize("width", [390, 1440])
def test_the_contents_of_the_handbook_stay_in_view_and_the_text_does_not_jump(
    open_as: Open, hr: Employee, width: int, locale: str
) -> None:
    looked = open_as(hr, width=width, locale=locale)
    looked.page.goto("/handbook/")
    height = looked.page.evaluate("document.documentElement.scrollHeight")
    contents = looked.page.locator("nav.contents")
    contents.locator("a[href='#6-take-files-away']").click()
    expect(looked.page).to_have_url(re.compile("#6-take-files-away$"))
    expect(looked.page.locator("[id='6-take-files-away']")).to_be_in_viewport()
    expect(contents.locator("[aria-current]")).to_have_attribute("href", "#6-take-files-away")
    if width >= 1000:
        expect(contents).to_be_in_viewport()
    else:
        assert contents.bounding_box()["y"] < 0, "on a phone the contents are above the text"
    for picture in looked.page.locator("article img").all():
        picture.scroll_into_view_if_needed()
        expect(picture).to_have_js_property("complete", True)
    assert looked.page.evaluate("document.documentElement.scrollHeight") == height
    assert looked.problems() + looked.findings() == []


@pytest.mark.parametrize("locale", ["en-GB", "zh-CN"])
def test_retention_dates_are_one_click_from_the_company(open_as: Open, hr: Employee, locale: str) -> None:
    looked = open_as(hr, width=390, locale=locale)
    looked.page.goto("/company/")
    looked.page.click("a[href^='/company/retention/']")
    expect(looked.page.locator("#campaigns tbody tr")).to_have_count(1)
    assert looked.problems() + looked.findings() == []
