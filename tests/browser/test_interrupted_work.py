"""The same while importing a file, deciding on a request, and in any other form."""

import re
from typing import Any

import pytest
from playwright.sync_api import Route, expect

from apps.accounts.approvals import request_approval
from apps.accounts.models import ApprovalRequest
from apps.accounts.services import account_for
from apps.contacts.models import Contact, Submission
from apps.core.audit import Actor
from apps.employees.models import Employee
from apps.standings import approvable_changes
from tests import files, people
from tests.browser.conftest import Looked, Open
from tests.browser.interruptions import FAILURES, failing, notice, session_ends, signs_in_again, unexpected

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

FILE = {"name": "guests.csv", "mimeType": "text/csv", "buffer": b"name,email\nAnn,ann@outside.example.org\n"}


@pytest.fixture
def approval(hr: Employee, monkeypatch: pytest.MonkeyPatch) -> tuple[str, list[Actor]]:
    """The address of a request that waits for HR, and who has approved it."""
    approved: list[Actor] = []
    change = approvable_changes.ApprovableChange(
        effect=lambda request, now: {"leaving": 3}, apply=lambda request, by: approved.append(by)
    )
    kind = ApprovalRequest.Kind.RULE_CHANGE
    monkeypatch.setitem(approvable_changes.CHANGES, kind, change)
    request = request_approval(
        kind=kind, subject="x", label="November", payload={}, effect={"leaving": 3}, reason="as agreed",
        by=people.officer("hr-2"),
    )  # fmt: skip
    return f"/company/approvals/{request.pk}/", approved


def preview(looked: Looked) -> None:
    """Choose the file and send it for its preview."""
    looked.page.set_input_files("input[type=file]", FILE)
    looked.page.click("form[data-upload] button.button")


def worker_reads(looked: Looked) -> None:
    """What the worker does with the file that was sent."""
    looked.page.wait_for_url("**/contacts/import/*-*/")
    files.make_previews()


def test_importing_says_why_it_failed_and_tries_again(open_as: Open, alice: Employee) -> None:
    mine = open_as(alice, width=390)
    mine.page.goto("/contacts/import/")
    confirm = mine.page.get_by_role("button", name="Record 1 contact")
    mine.page.set_input_files("input[type=file]", FILE)
    send = mine.page.locator("form[data-upload] button.button")
    for address, button in (("**/contacts/import/", send), ("**/confirm/**", confirm)):
        expect(button).to_be_visible()
        for failure, reason in FAILURES.items():
            failing(mine.page, address, failure)
            button.click()
            expect(notice(mine.page)).to_contain_text(f"Not saved {reason}")
            mine.page.unroute_all()
        assert unexpected(mine) + mine.findings() == []
        notice(mine.page).get_by_role("button").click()
        if button is send:
            worker_reads(mine)
    mine.page.wait_for_url("**/contacts/import/batch/**")
    assert Submission.objects.filter(employee=alice, source="csv").count() == 1
    assert unexpected(mine) == []


def test_an_expired_session_while_importing_leads_back(open_as: Open, alice: Employee) -> None:
    mine = open_as(alice, width=390)
    mine.page.goto("/contacts/import/")
    session_ends(mine)
    preview(mine)
    signs_in_again(mine, alice)
    mine.page.wait_for_url("**/contacts/import/")
    expect(notice(mine.page)).to_have_text("The file was not sent. Choose it again.")
    expect(mine.page.locator("input[type=file]")).to_be_focused()
    preview(mine)
    worker_reads(mine)
    confirm = mine.page.get_by_role("button", name="Record 1 contact")
    expect(confirm).to_be_visible()
    session_ends(mine)
    confirm.click()
    signs_in_again(mine, alice)
    expect(mine.page.locator("h1")).to_have_text("Nothing is recorded yet")
    confirm.click()
    mine.page.wait_for_url("**/contacts/import/batch/**")


def test_a_preview_whose_poll_failed_is_polled_again(open_as: Open, alice: Employee) -> None:
    """The page would otherwise wait forever."""
    mine = open_as(alice, width=390)
    mine.page.goto("/contacts/import/")
    preview(mine)
    worker_reads(mine)
    expect(mine.page.get_by_role("button", name="Record 1 contact")).to_be_visible()
    polls: list[str] = []

    def busy(route: Any) -> None:
        polls.append(route.request.url)
        if len(polls) == 1:
            route.fulfill(status=503)
        else:
            route.fulfill(status=200, content_type="text/html", body='<p id="file-state">read</p>')

    mine.page.route("**/contacts/import/x/progress/", busy)
    mine.page.wait_for_function("window.htmx")
    mine.page.evaluate("""() => {
        document.getElementById("file-state").outerHTML = `<div id="file-state" data-hx-swap="outerHTML"
            data-hx-get="/contacts/import/x/progress/" data-hx-trigger="load delay:100ms"></div>`;
        htmx.process(document.body);
    }""")
    expect(mine.page.locator("#file-state")).to_have_text("read")
    assert len(polls) == 2


def test_approving_says_why_it_failed_and_tries_again(
    open_as: Open, hr: Employee, approval: tuple[str, list[Actor]]
) -> None:
    address, approved = approval
    office = open_as(hr)
    office.page.goto(address)
    for failure, reason in FAILURES.items():
        failing(office.page, "**/approve/**", failure)
        office.page.click("text=Approve request")
        expect(notice(office.page)).to_contain_text(f"Not saved {reason}")
        office.page.unroute_all()
    assert approved == []
    notice(office.page).get_by_role("button").click()
    expect(office.page.locator("#messages")).to_contain_text("Approved. The change is made.")
    assert approved == [account_for(hr).actor]
    assert unexpected(office) == []


def test_an_expired_session_while_deciding_keeps_the_reason_and_decides_nothing(
    open_as: Open, hr: Employee, approval: tuple[str, list[Actor]]
) -> None:
    address, approved = approval
    office = open_as(hr)
    office.page.goto(address)
    office.page.fill("[name=note]", "Not before December")
    session_ends(office)
    office.page.click("text=Approve request")
    signs_in_again(office, hr)
    expect(office.page.locator("#effect")).to_contain_text("3 employed people leave")
    expect(office.page.locator("[name=note]")).to_have_value("Not before December")
    assert approved == [], "a sign-in approves nothing"
    office.page.click("text=Refuse request")
    expect(office.page.locator("#messages")).to_contain_text("Refused. Nothing was changed.")
    assert approved == []


def test_any_other_form_comes_back_filled_too(open_as: Open, alice: Employee) -> None:
    mine = open_as(alice)
    mine.page.goto("/review/ask/")
    mine.page.fill("textarea[name=text]", "Bob is no colleague.")
    mine.page.locator("label.choice").first.click()
    session_ends(mine)
    mine.page.click("text=Send to HR")
    signs_in_again(mine, alice)
    expect(mine.page.locator("textarea[name=text]")).to_have_value("Bob is no colleague.")
    expect(mine.page.locator("label.choice input").first).to_be_checked()
    failing(mine.page, "**/review/ask/**", "offline")
    mine.page.click("text=Send to HR")
    expect(notice(mine.page)).to_contain_text("Not saved There is no connection.")
    mine.page.unroute("**/review/ask/**")
    mine.page.reload()
    expect(mine.page.locator("textarea[name=text]")).to_have_value("Bob is no colleague.")
    mine.page.click("text=Send to HR")
    expect(mine.page.locator("#messages")).to_contain_text("HR has received your request.")


def test_two_forms_with_one_address_keep_their_own_texts(open_as: Open, alice: Employee) -> None:
    contact = Contact.objects.get(name="Bob from next door")
    mine = open_as(alice)

    def doubled(route: Route) -> None:
        if route.request.method == "POST":
            return route.abort("internetdisconnected")
        page = route.fetch().text()
        [form] = re.findall(r"<form [^>]*/rename/.*?</form>", page, re.DOTALL)
        return route.fulfill(body=page.replace(form, form + form), content_type="text/html")

    mine.page.route(f"**/contacts/{contact.pk}/**", doubled)
    mine.page.goto(f"/contacts/{contact.pk}/")
    first, second = mine.page.locator("form[action*='/rename/'] [name=name]").all()
    second.fill("Robert")
    second.press("Enter")
    expect(notice(mine.page)).to_contain_text("Not saved There is no connection.")
    mine.page.reload()
    expect(second).to_have_value("Robert")
    expect(first, "its text is not that of the other form").to_have_value("Bob from next door")
