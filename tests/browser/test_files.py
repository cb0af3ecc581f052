"""Files in a browser: rosters and corrections of HR, and a workbook of contacts, from the upload to the effect."""

import io
import re
from datetime import timedelta
from typing import Any

import openpyxl
import pytest
from playwright.sync_api import Page, expect

from apps.accounts.services import grant_role
from apps.campaigns.models import Campaign
from apps.contacts.imports import import_submission
from apps.contacts.models import Submission
from apps.employees.models import Employee
from apps.results.freeze import freeze
from tests import files, people
from tests.browser.conftest import Looked, Open
from tests.fixtures import Clock

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
EXCEL = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


@pytest.fixture
def second(house: str, stranger: Employee) -> Employee:
    """A second HR member."""
    grant_role(employee=stranger, role="hr", by=people.TESTER)
    return stranger


def workbook(*rows: list[Any]) -> bytes:
    book, content = openpyxl.Workbook(), io.BytesIO()
    for row in rows:
        book.active.append(row)
    book.save(content)
    return content.getvalue()


def send(page: Page, address: str, content: bytes, name: str) -> None:
    page.goto(address)
    kind = EXCEL if name.endswith("xlsx") else "text/csv"
    page.set_input_files("input[type=file]", {"name": name, "mimeType": kind, "buffer": content})
    page.click("button:has-text('Preview file')")
    # A script sends the file: it has arrived when its page, the answer, has been opened.
    page.wait_for_url(lambda reached: re.search(r"[0-9a-f]{8}-[0-9a-f]{4}", reached) is not None)


def clean(looked: Looked) -> None:
    """No violation, no error but a refused form, and nothing that axe finds."""
    assert [one for one in looked.problems() if "422" not in one] + looked.findings() == []


@pytest.mark.parametrize("width", [320, 1440])
def test_headings_below_a_title_are_found_and_another_row_can_be_chosen(
    open_as: Open, hr: Employee, width: int
) -> None:
    office = open_as(hr, width=width)
    rows = [["Active workers", "of the company"], ["Worker ID", "Legal First Name", "Legal Last Name", "Work Email"]]
    content = workbook(*rows, ["N001", "Nina", "Ny", "nina@corp.example.com"])
    send(office.page, "/company/roster/", content, "workers.xlsx")
    expect(office.page.locator(".tiles > *", has_text="Join").locator("strong")).to_have_text("1")
    expect(office.page.locator("#list")).to_contain_text("Nina Ny")
    chosen = office.page.get_by_label("The column headings are in")
    expect(chosen.locator("option:checked")).to_have_text(
        "Row 2: Worker ID · Legal First Name · Legal Last Name · Work Email"
    )
    clean(office)
    chosen.select_option("1")
    office.page.click("button:has-text('Update preview')")
    expect(office.page.locator("main")).to_contain_text("This file cannot be applied as it is")
    expect(chosen).to_have_value("1")
    chosen.select_option("2")
    office.page.click("button:has-text('Update preview')")
    expect(office.page.locator("#list")).to_contain_text("Nina Ny")
    clean(office)


def test_empty_cells_clear_nothing_until_hr_says_so(open_as: Open, hr: Employee) -> None:
    office = open_as(hr, width=390)
    content = "staff_no,name,email,department\nA001,Alice 艾,alice@corp.example.com,\n"
    send(office.page, "/company/roster/", content.encode(), "hr.csv")
    expect(office.page.locator("main")).to_contain_text("The roster already matches this file.")
    office.page.get_by_label("Empty cells clear the value").check()
    office.page.click("button:has-text('Update preview')")
    expect(office.page.locator("main")).to_contain_text("Values that become empty: Department: 1")
    expect(office.page.get_by_label("Empty cells clear the value")).to_be_checked()
    clean(office)


def test_a_rejected_line_shows_whose_it_is_and_what_it_says(open_as: Open, hr: Employee) -> None:
    office = open_as(hr, width=320)
    content = "staff_no,name,email,started_on\nN001,Nina,nina at corp,2026-11-02\n"
    send(office.page, "/company/roster/", content.encode(), "hr.csv")
    line = office.page.locator("#list tbody tr")
    for text in ("Nina", "N001", "nina at corp", "2026-11-02", "The e-mail is not valid."):
        expect(line).to_contain_text(text)
    clean(office)


def test_many_leavers_want_their_number_typed_and_a_second_person(
    open_as: Open, hr: Employee, second: Employee, settings: Any
) -> None:
    settings.ROSTER_APPROVAL_SHARE = 0.05
    office = open_as(hr, width=390)
    content = "\n".join(line for line in people.ROSTER.splitlines() if not line.startswith(("A001", "A002")))
    send(office.page, "/company/roster/", content.encode(), "hr.csv")
    office.page.get_by_label("This file is complete").check()
    office.page.click("button:has-text('Update preview')")
    field = office.page.get_by_label("Type 2 to confirm")
    field.fill("3")
    office.page.click("button:has-text('Apply')")
    expect(office.page.locator("#leavers_error")).to_contain_text("Type 2, the number of people who leave, to confirm.")
    expect(field).to_be_focused()
    clean(office)
    field.fill("2")
    office.page.click("button:has-text('Apply')")
    expect(office.page.locator("main")).to_contain_text("approve")
    assert Employee.objects.employed_at(people.clock.db_now()).filter(staff_no="A001").exists()


def test_a_workbook_of_contacts_is_confirmed_and_its_report_names_people(open_as: Open, alice: Employee) -> None:
    mine = open_as(alice, width=390)
    people_in_it = [["Grace Hopper", "grace@outside.example.org"], ["Bob", "bob@corp.example.com"], ["Nobody", None]]
    send(mine.page, "/contacts/import/", workbook(["name", "email"], *people_in_it), "friends.xlsx")
    files.make_previews()
    clean(mine)
    mine.page.click("button:has-text('Record')")
    mine.page.wait_for_url("**/contacts/import/batch/**")
    for submission in Submission.objects.filter(state="received"):
        import_submission(submission.pk)
    expect(mine.page.locator("#people")).to_contain_text("Grace Hopper")
    expect(mine.page.locator(".tiles > *", has_text="of them count now").locator("strong")).to_have_text("1")
    expect(mine.page.locator("#rejects tbody tr")).to_contain_text("Nobody")
    expect(mine.page.locator("#rejects tbody tr")).to_contain_text("Enter a phone number, an e-mail or a handle.")
    clean(mine)


def test_who_decides_sees_who_turns_red_or_not_and_one_of_a_list_is_ended(
    open_as: Open, hr: Employee, second: Employee
) -> None:
    first, other = open_as(hr), open_as(second, width=390)
    send(first.page, "/company/adjustments/by-file/", b"staff_no,target\nA001,90\nA002,60\n", "plan.csv")
    files.make_previews()
    first.page.fill("[name=reason]", "Four days a week")
    first.page.click("text=Request for 2 people")
    expect(first.page.locator("h1")).to_have_text("File plan.csv")
    address = first.page.url
    other.page.goto(address)
    expect(other.page.locator("#people .chips")).to_contain_text("No longer red 1")
    other.page.click("#people .chips a:has-text('No longer red')")
    expect(other.page.locator("#people tbody tr")).to_have_count(1)
    expect(other.page.locator("#people tbody tr")).to_contain_text("Alice 艾")
    clean(other)
    other.page.click("button:has-text('Approve for 2 people')")
    expect(other.page.locator("form[aria-busy]")).to_have_count(0)
    first.page.goto(address)
    clean(first)
    first.page.click("a[aria-label='Request end for Alan']")
    first.page.fill("#end [name=reason]", "Full time again")
    first.page.click("#end button:has-text('Request end')")
    expect(first.page.locator("form[aria-busy]")).to_have_count(0)
    other.page.goto("/company/adjustments/")
    other.page.click("#list td.lead a")
    expect(other.page.locator("main")).to_contain_text("stays red")
    clean(other)


@pytest.mark.parametrize("scripts", [True, False], ids=["with scripts", "without scripts"])
def test_a_correction_of_many_goes_from_one_hr_member_to_another(
    open_as: Open, hr: Employee, second: Employee, campaign: Campaign, clock: Clock, scripts: bool
) -> None:
    clock.set(campaign.rule.cutoff_at + timedelta(minutes=5), ticks=True)
    freeze(campaign=campaign, by=people.TESTER, wait=False)
    first = open_as(hr, width=390, java_script_enabled=scripts)
    first.page.goto("/company/result/")
    first.page.click("text=Correct from a file")
    content = b"staff_no,counted\nA001,100\nA002,31\nX999,5\n"
    sent = {"name": "late.csv", "mimeType": "text/csv", "buffer": content}
    first.page.set_input_files("[name=file]", [sent])
    first.page.click("button:has-text('Preview file')")
    expect(first.page.locator("main")).to_contain_text("The file")
    files.make_previews()
    if not scripts:
        first.page.reload()
    expect(first.page.locator("#people")).to_contain_text("99 → 100")
    expect(first.page.locator("#rejects tbody tr")).to_have_count(1)
    if scripts:
        clean(first)
    first.page.fill("[name=reason]", "The feed came late")
    first.page.fill("[name=evidence]", "Ticket 7")
    first.page.click("text=Request for 2 people")
    expect(first.page.locator("h1")).to_have_text("Correction")
    other = open_as(second, java_script_enabled=scripts)
    other.page.goto(first.page.url)
    expect(other.page.locator("#people .chips")).to_contain_text("No longer red 1")
    if scripts:
        clean(other)
    other.page.click("button:has-text('Approve correction')")
    expect(other.page.locator("#messages")).to_contain_text("Approved. Version 2 is now the result.")
