"""Adjustments in a browser: one HR member requests, another grants, the employee's page follows; on a phone, and
without scripts.
"""

from typing import Any

import pytest
from playwright.sync_api import expect

from apps.accounts.services import grant_role
from apps.employees.models import Employee
from tests import files, people
from tests.browser.conftest import Looked, Open

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def second(house: str, stranger: Employee) -> Employee:
    """A second HR member."""
    grant_role(employee=stranger, role="hr", by=people.TESTER)
    return stranger


def ask(looked: Looked, who: str) -> None:
    looked.page.goto("/company/")
    looked.page.click("a:has-text('Adjustments')")
    looked.page.click("text=Adjust one person")
    looked.page.fill("[name=person]", who)
    looked.page.select_option("[name=kind]", "part_time")
    looked.page.select_option("[name=what]", "target")
    looked.page.fill("[name=target]", "90")
    looked.page.fill("[name=reason]", "Four days a week")


def test_one_asks_another_grants_and_the_persons_page_changes(
    open_as: Open, alice: Employee, hr: Employee, second: Employee
) -> None:
    mine = open_as(alice, width=390)
    expect(mine.page.locator("#standing .badge.red")).to_have_text("Red: 1 to go")
    first = open_as(hr, width=390)
    ask(first, "A001")
    first.page.fill("[name=target]", "")
    first.page.press("[name=reason]", "Tab")
    first.page.keyboard.press("Enter")
    expect(first.page.locator("#id_target_error")).to_contain_text("Enter the new target.")
    expect(first.page.locator("[name=reason]")).to_have_value("Four days a week")
    assert [one for one in first.problems() if "422" not in one] + first.findings() == []
    first.page.fill("[name=target]", "90")
    first.page.dblclick("text=Send request")
    expect(first.page.locator("h1")).to_have_text("Alice 艾")
    expect(first.page.locator("main")).to_contain_text("Waiting for another user")
    expect(first.page.locator("text=Approve request")).to_have_count(0)
    other = open_as(second, width=1440)
    other.page.goto("/company/")
    other.page.click("a:has-text('Adjustments')")
    other.page.click("#list td.lead a")
    expect(other.page.locator("main")).to_contain_text("Your decision")
    assert other.problems() + other.findings() == []
    other.page.dblclick("text=Approve request")
    expect(other.page.locator("main")).to_contain_text("in force")
    mine.page.goto("/")
    expect(mine.page.locator("#standing .badge.red")).to_have_count(0)
    expect(mine.page.locator("#standing .terms")).to_contain_text("Target 90 instead of 100")
    expect(mine.page.locator("#standing .terms")).to_contain_text("Four days a week")
    assert mine.problems() + mine.findings() == []


@pytest.mark.parametrize("width", [390, 1440])
def test_a_person_is_chosen_from_suggestions_by_keyboard_and_by_a_tap(
    open_as: Open, alice: Employee, hr: Employee, width: int
) -> None:
    looked = open_as(hr, width=width)
    looked.page.goto("/company/adjustments/ask/")
    field = looked.page.get_by_role("combobox", name="Who")
    field.press_sequentially("a00")
    options = looked.page.locator(".suggestions").get_by_role("option")
    expect(options).to_have_count(2)
    assert looked.problems() + looked.findings() == []
    field.press("ArrowDown")
    expect(options.first).to_have_attribute("aria-selected", "true")
    field.press("Escape")
    expect(options).to_have_count(0)
    field.fill("ALI")
    field.press("ArrowDown")
    expect(options).to_have_count(1)
    field.press("ArrowDown")
    field.press("Enter")
    expect(field).to_have_value("Alice 艾 (A001)")
    field.fill("alan@")
    options.first.click()
    expect(field).to_have_value("Alan (A002)")
    expect(options).to_have_count(0)
    assert looked.problems() == []


def test_the_whole_way_goes_without_scripts(open_as: Open, alice: Employee, hr: Employee, second: Employee) -> None:
    first = open_as(hr, java_script_enabled=False)
    ask(first, "A001")
    first.page.click("text=Send request")
    other = open_as(second, java_script_enabled=False)
    other.page.goto("/company/adjustments/")
    other.page.click("#list td.lead a")
    other.page.fill("[name=note]", "Not agreed")
    other.page.click("text=Refuse request")
    expect(other.page.locator("main")).to_contain_text("Not agreed")


LIST = "staff_no,target,until\nA001,90,\nS001,exempt,\nX999,5,\nA002,many,\n"


@pytest.mark.parametrize("scripts", [True, False], ids=["with scripts", "without scripts"])
def test_a_file_goes_from_one_hr_member_to_another(
    open_as: Open, alice: Employee, hr: Employee, second: Employee, scripts: bool
) -> None:
    """On a phone too: one HR member corrects the file on a laptop, another grants it on a phone."""
    first = open_as(hr, width=1440, java_script_enabled=scripts)
    first.page.goto("/company/adjustments/")
    first.page.click("text=Adjust from a file")
    sent = {"name": "plan.csv", "mimeType": "text/csv", "buffer": LIST.encode()}
    first.page.set_input_files("[name=file]", [sent])  # type: ignore[list-item]
    first.page.click("text=Preview file")
    expect(first.page.locator("main")).to_contain_text("The file is waiting to be read.")
    files.make_previews()
    expect(first.page.locator("#people")).to_contain_text("2 people would be adjusted")
    expect(first.page.locator("#rejects tbody tr")).to_have_count(2)
    assert first.problems() + (first.findings() if scripts else []) == []
    with first.page.expect_download() as taken:
        first.page.click("text=Download these lines")
    assert "X999" in taken.value.path().read_text(encoding="utf-8-sig")
    first.page.fill("[name=reason]", "Four days a week")
    first.page.dblclick("text=Request for 2 people")
    expect(first.page.locator("h1")).to_have_text("File plan.csv")
    expect(first.page.locator("main")).to_contain_text("Waiting for another user")
    # Sam, the second HR member, is on the list: HR members cannot grant their own adjustments.
    other = open_as(second, width=390, java_script_enabled=scripts)
    other.page.goto("/company/adjustments/")
    other.page.click("#list td.lead a")
    expect(other.page.locator("#people")).to_contain_text("1 person is left out")
    assert other.problems() + (other.findings() if scripts else []) == []
    other.page.click("text=Approve for 1 person")
    expect(other.page.locator("main")).to_contain_text("Approved for 1 person.")
    mine = open_as(alice, width=390)
    expect(mine.page.locator("#standing .terms")).to_contain_text("Target 90 instead of 100")
    expect(mine.page.locator("#standing .terms")).to_contain_text("Four days a week")


PAGES = ["/company/adjustments/", "/company/adjustments/?show=all&q=nobody", "/company/adjustments/ask/"]
PAGES += ["/company/adjustments/by-rule/?joined_after=2026-11-01", "/company/adjustments/{waiting}/"]
PAGES += ["/company/adjustments/by-file/", "/company/adjustments/by-file/{list}/"]
PAGES += ["/company/adjustments/{granted}/", "/company/adjustments/{many}/", "/team/A001/"]
SEEN_AS = [(390, "light", "en-GB"), (390, "dark", "zh-CN"), (1440, "dark", "en-GB"), (1440, "light", "zh-CN")]


@pytest.mark.parametrize(("width", "scheme", "locale"), SEEN_AS)
def test_no_page_breaks_the_policy_or_accessibility(
    open_as: Open, campaign: Any, alice: Employee, alan: Employee, hr: Employee, width: int, scheme: str, locale: str
) -> None:
    people.load("staff_no,name,email,started_on\nJ12,Jo,jo@corp.example.com,2026-11-12")
    many = people.ask_for_late_joiners(campaign)
    people.load("staff_no,name,email,started_on\nJ20,Jim,jim@corp.example.com,2026-11-20")
    granted = people.adjust(campaign=campaign, employee=alice, exempt=True, reason="x" * 200).request_id
    waiting = people.ask(campaign=campaign, employee=alan, target=40).pk
    list_ = files.adjustments(hr, LIST).pk
    looked, wrong = open_as(hr, width=width, scheme=scheme, locale=locale), []
    for address in PAGES:
        looked.goto(address.format(many=many.pk, granted=granted, waiting=waiting, list=list_))
        wrong += [f"{address}: {one}" for one in looked.problems() + looked.findings()]
    mine = open_as(alice, width=width, scheme=scheme, locale=locale)
    mine.goto("/")
    wrong += mine.problems() + mine.findings()
    assert not wrong, "\n".join(wrong)
