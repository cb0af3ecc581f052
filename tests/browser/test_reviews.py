"""A review and its answer, in two browsers: the employee's, on a phone, and HR's."""

import pytest
from django.core import mail
from playwright.sync_api import expect

from apps.employees.models import Employee
from apps.reviews.answer_mails import send_answer_mails
from apps.reviews.models import Review
from tests.browser.conftest import Open

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.mark.parametrize("scripts", [True, False])
def test_a_review_is_requested_answered_and_mailed(open_as: Open, alice: Employee, hr: Employee, scripts: bool) -> None:
    mine = open_as(alice, width=390, java_script_enabled=scripts)
    mine.page.goto("/")
    mine.page.click("text=Request a review")
    mine.page.fill("textarea[name=text]", "Bob is no colleague.\nHe left years ago.")
    mine.page.fill("input[name=q]", "Bob")
    mine.page.press("input[name=q]", "Enter")
    # The answer replaces the page, and a tick before it would go.
    expect(mine.page.locator("form[aria-busy]")).to_have_count(0)
    expect(mine.page.locator("textarea[name=text]")).to_have_value("Bob is no colleague.\nHe left years ago.")
    mine.page.get_by_label("Bob from next door").check()
    mine.page.fill("input[name=q]", "Guest 7")
    mine.page.click("button:has-text('Search')")
    expect(mine.page.get_by_label("Bob from next door")).to_be_checked()
    mine.page.locator("label.choice", has_text="Guest 7").first.click()
    mine.page.click("text=Send to HR")
    expect(mine.page.locator("#messages")).to_contain_text("HR has received your request.")
    expect(mine.page.locator("main")).to_contain_text("HR replies by Mon 30 Nov (in 7 days).")
    expect(mine.page.locator("main")).to_contain_text("Bob from next door")
    assert Review.objects.get().contacts.count() == 2
    assert not scripts or mine.problems() + mine.findings() == []

    office = open_as(hr, java_script_enabled=scripts)
    office.page.goto("/company/")
    office.page.click("a:has-text('Reviews')")
    office.page.click("#list a.name")
    expect(office.page.locator("main")).to_contain_text("He left years ago.")
    expect(office.page.locator("main")).to_contain_text("A colleague")
    expect(office.page.locator("main")).not_to_contain_text("next door")
    office.page.click("text=Send answer")
    expect(office.page.locator("#id_text_error")).to_have_text("Write the reason.")
    office.page.fill("textarea[name=text]", "He came back in spring, so he does not count.")
    assert not scripts or [one for one in office.problems() if "422" not in one] + office.findings() == []
    office.page.click("text=Send answer")
    expect(office.page.locator("#messages")).to_contain_text("Answered.")

    mine.page.goto("/")
    expect(mine.page.locator("#standing")).not_to_contain_text("Under review")
    mine.page.click("text=My reviews")
    expect(mine.page.locator("main")).to_contain_text("He came back in spring")
    expect(mine.page.locator("text=Request another review")).to_be_visible()
    assert send_answer_mails() == 1
    [told] = mail.outbox
    assert told.to == ["alice@corp.example.com"]


def test_two_clicks_ask_once(open_as: Open, alice: Employee) -> None:
    mine = open_as(alice)
    mine.page.goto("/review/ask/")
    mine.page.fill("textarea[name=text]", "Please look.")
    mine.page.dblclick("text=Send to HR")
    expect(mine.page.locator("main")).to_contain_text("Please look.")
    assert Review.objects.count() == 1
