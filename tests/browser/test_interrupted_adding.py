"""A lost connection, a busy server or an expired session while adding: it is said, and what was typed stays."""

import re

import pytest
from playwright.sync_api import expect

from apps.contacts.models import Contact
from apps.employees.models import Employee
from tests.browser.conftest import Looked, Open
from tests.browser.interruptions import FAILURES, failing, notice, session_ends, signs_in_again, unexpected

ADD = re.compile(r"/contacts/add/(\?.*)?$")
pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def add(looked: Looked, reach: str, name: str = "") -> None:
    looked.page.fill("#quick-add input[name=name]", name)
    looked.page.fill("#quick-add [name=reach]", reach)
    looked.page.click("#quick-add > button")


def without_polling(looked: Looked) -> None:
    """Neither the standing nor a chart leads to the sign-in before the form does."""
    looked.page.route(re.compile("/standing/|/charts/|/preview/"), lambda route: route.abort())


@pytest.mark.parametrize("page", ["/", "/contacts/"])
def test_adding_says_why_it_failed_and_tries_again(open_as: Open, alice: Employee, page: str) -> None:
    mine = open_as(alice, width=390)
    mine.page.goto(page)
    add(mine, "ann@outside.example.org")
    expect(mine.page.locator(".message.success")).to_contain_text("Recorded.")
    for failure, reason in FAILURES.items():
        failing(mine.page, ADD, failure)
        add(mine, f"grace{failure}@outside.example.org", "Grace")
        expect(notice(mine.page)).to_contain_text(f"Not saved {reason}")
        expect(notice(mine.page)).to_be_in_viewport(ratio=1)
        # The answer to the attempt before is gone.
        expect(mine.page.locator(".message.success")).to_have_count(0)
        expect(mine.page.locator("#quick-add [name=reach]")).to_have_value(f"grace{failure}@outside.example.org")
        assert unexpected(mine) == []
        mine.page.unroute_all()
        notice(mine.page).get_by_role("button", name="Try again").click()
        expect(mine.page.locator(".message.success")).to_contain_text("Grace is recorded.")
        expect(notice(mine.page)).to_have_count(0)
    assert Contact.objects.of(alice).filter(name="Grace").count() == len(FAILURES)


def test_an_old_answer_goes_before_a_refusal(open_as: Open, alice: Employee) -> None:
    mine = open_as(alice, width=390)
    add(mine, "ann@outside.example.org")
    expect(mine.page.locator("#added")).to_contain_text("Recorded.")
    add(mine, "12")
    expect(mine.page.locator("#quick-add [name=reach]")).to_have_attribute("aria-invalid", "true")
    expect(mine.page.locator("#added li")).to_have_count(0)


def test_no_answer_in_time_is_said_too(open_as: Open, alice: Employee) -> None:
    mine = open_as(alice, width=390)
    mine.page.route(ADD, lambda route: None)
    mine.page.wait_for_function("window.htmx")
    mine.page.evaluate("htmx.config.timeout = 300")
    add(mine, "grace@outside.example.org")
    expect(notice(mine.page)).to_contain_text("The server did not respond in time.")
    mine.page.add_init_script("AbortSignal.timeout = () => AbortSignal.abort(new DOMException('', 'TimeoutError'))")
    mine.page.goto("/contacts/")
    add(mine, "grace@outside.example.org")
    expect(notice(mine.page)).to_contain_text("The server did not respond in time.")
    assert unexpected(mine) == []


@pytest.mark.parametrize("page", ["/", "/contacts/"])
def test_an_expired_session_leads_back_with_what_was_typed(open_as: Open, alice: Employee, page: str) -> None:
    mine = open_as(alice, width=390)
    mine.page.goto(page)
    without_polling(mine)
    session_ends(mine)
    add(mine, "grace@outside.example.org", "Grace")
    signs_in_again(mine, alice)
    mine.page.wait_for_url(lambda address: address.rstrip("?").endswith(page) and "login" not in address)
    expect(notice(mine.page)).to_contain_text("This was not saved.")
    expect(mine.page.locator("#quick-add input[name=name]")).to_have_value("Grace")
    expect(mine.page.locator("#quick-add [name=reach]")).to_have_value("grace@outside.example.org")
    mine.page.click("#quick-add > button")
    expect(mine.page.locator(".message.success")).to_contain_text("Grace is recorded.")
    mine.page.reload()
    expect(mine.page.locator("#quick-add [name=reach]")).to_have_value("")
    assert unexpected(mine) == []


def test_a_poll_with_an_expired_session_opens_the_sign_in_and_keeps_the_draft(open_as: Open, alice: Employee) -> None:
    mine = open_as(alice)
    mine.page.wait_for_function("window.htmx")
    mine.page.fill("#quick-add [name=reach]", "half an addr")
    session_ends(mine)
    mine.page.evaluate("document.dispatchEvent(new Event('recorded'))")
    signs_in_again(mine, alice)
    expect(mine.page.locator("#quick-add [name=reach]")).to_have_value("half an addr")
    expect(mine.page.locator("#standing")).to_be_visible()


def test_a_chart_with_an_expired_session_opens_the_sign_in(open_as: Open, alice: Employee) -> None:
    mine = open_as(alice)
    mine.page.route("**/standing/", lambda route: route.abort())
    session_ends(mine)
    mine.page.mouse.wheel(0, 400)
    expect(mine.page.locator("h1")).to_have_text("Sign in")


def test_the_draft_of_one_reader_is_never_shown_to_another(open_as: Open, alice: Employee, alan: Employee) -> None:
    mine = open_as(alice)
    without_polling(mine)
    session_ends(mine)
    add(mine, "grace@outside.example.org")
    signs_in_again(mine, alan)
    expect(mine.page.locator("#standing")).to_be_visible()
    mine.page.wait_for_load_state()  # by then the scripts of the page have run
    expect(mine.page.locator("#quick-add [name=reach]")).to_have_value("")
    assert "grace" not in mine.page.evaluate("JSON.stringify(sessionStorage)")


def test_signing_out_forgets_what_was_typed(open_as: Open, alice: Employee) -> None:
    mine = open_as(alice)
    mine.page.fill("#quick-add [name=reach]", "grace@outside.example.org")
    mine.page.click("details.own summary")
    mine.page.click("text=Sign out")
    expect(mine.page.locator("h1")).to_have_text("Sign in")
    assert mine.page.evaluate("sessionStorage.length") == 0


def test_a_sign_in_in_another_window_costs_one_click(open_as: Open, alice: Employee) -> None:
    mine = open_as(alice)
    mine.page.context.clear_cookies()
    other = Looked(mine.page.context.new_page())
    other.sign_in(alice.staff_no)
    add(mine, "grace@outside.example.org")
    expect(notice(mine.page)).to_contain_text("you have signed in again since")
    notice(mine.page).get_by_role("button").click()
    expect(mine.page.locator("#added")).to_contain_text("Recorded.")
