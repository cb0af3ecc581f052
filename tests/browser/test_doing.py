"""What people do, in a browser: add, follow the number, take back, find their way by keyboard, and without scripts."""

import pytest
from playwright.sync_api import expect

from apps.contacts.models import Contact
from apps.employees.models import Employee
from tests import people
from tests.browser.conftest import Open

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def test_the_hundredth_contact_is_said_at_once_and_without_a_reload(open_as: Open, alice: Employee) -> None:
    mine = open_as(alice, width=390)
    mine.goto("/")
    expect(mine.page.locator("#standing .badge.red")).to_have_text("Red: 1 to go")
    mine.page.evaluate("window.sameDocument = true")
    mine.page.fill("#quick-add input[name=name]", "王小明")
    mine.page.fill("#quick-add input[name=reach]", "hundredth@outside.example.org")
    mine.page.click("#quick-add button")
    expect(mine.page.locator("#standing .count strong")).to_have_text("100")
    expect(mine.page.locator("#standing .badge.red")).to_have_count(0)
    expect(mine.page.locator("#announcement")).to_contain_text("You have reached the target.")
    expect(mine.page.locator("#picture-curve")).to_have_text("You have reached the target")
    expect(mine.page.locator("#latest")).to_contain_text("王小明")
    expect(mine.page.locator("#messages")).to_contain_text("王小明 is recorded.")
    expect(mine.page.locator("#quick-add input[name=reach]")).to_have_value("")
    expect(mine.page.locator("#quick-add input[name=name]")).to_be_focused()
    assert mine.page.evaluate("window.sameDocument") is True
    assert mine.problems() == []


def test_a_refused_form_keeps_what_was_typed_and_takes_the_focus(open_as: Open, alice: Employee) -> None:
    mine = open_as(alice, width=390)
    mine.page.fill("#quick-add input[name=name]", "Grace")
    mine.page.fill("#quick-add input[name=reach]", "12")
    mine.page.press("#quick-add input[name=reach]", "Enter")
    reach = mine.page.locator("#quick-add input[name=reach]")
    expect(reach).to_have_attribute("aria-invalid", "true")
    expect(reach).to_have_value("12")
    expect(reach).to_be_focused()
    expect(mine.page.locator("#quick-add input[name=name]")).to_have_value("Grace")


def test_two_clicks_record_once(open_as: Open, alice: Employee) -> None:
    mine = open_as(alice)
    mine.page.fill("#quick-add input[name=reach]", "twice@outside.example.org")
    mine.page.dblclick("#quick-add button")
    expect(mine.page.locator("#standing .count strong")).to_have_text("100")
    assert Contact.objects.of(alice).filter(identities__value="twice@outside.example.org").count() == 1


def test_the_number_follows_what_happens_elsewhere(open_as: Open, alice: Employee) -> None:
    mine = open_as(alice)
    people.record(alice)
    people.mark()
    mine.page.evaluate("document.dispatchEvent(new Event('recorded'))")
    expect(mine.page.locator("#standing .count strong")).to_have_text("100")


def test_an_end_is_undone_from_its_message(open_as: Open, alice: Employee) -> None:
    mine = open_as(alice, width=390)
    mine.page.goto("/contacts/?q=Bob")
    mine.page.click("text=End")
    expect(mine.page.locator("#messages")).to_contain_text("Bob from next door is ended.")
    mine.page.click("#messages button")
    expect(mine.page.locator("#messages")).to_contain_text("Bob from next door is back.")


def test_a_filter_takes_effect_at_once_and_stays_in_the_address(open_as: Open, bob: Employee) -> None:
    team = open_as(bob)
    team.goto("/team/B001/")
    team.page.evaluate("window.sameDocument = true")
    team.page.select_option("select[name=status]", "behind")
    team.page.wait_for_url("**/team/B001/?*status=behind*")
    expect(team.page.locator("#list")).to_contain_text("1 person in this selection")
    assert team.page.evaluate("window.sameDocument") is True
    assert team.problems() == []


def test_the_keyboard_reaches_everything(open_as: Open, alice: Employee) -> None:
    mine = open_as(alice)
    mine.page.keyboard.press("Tab")
    expect(mine.page.locator(".skip")).to_be_focused()
    mine.page.keyboard.press("Enter")
    expect(mine.page.locator("main")).to_be_focused()
    menu = mine.page.locator("details.menu").last
    menu.locator("summary").focus()
    mine.page.keyboard.press("Enter")
    expect(menu.locator("form button")).to_be_visible()
    mine.page.keyboard.press("Escape")
    expect(menu.locator("form button")).not_to_be_visible()
    expect(menu.locator("summary")).to_be_focused()


def test_the_language_is_switched_in_place(open_as: Open, alice: Employee) -> None:
    mine = open_as(alice)
    mine.page.goto("/contacts/?reason=counts")
    mine.page.click("text=中文")
    expect(mine.page.locator("h1")).to_have_text("联系人")
    assert mine.page.url.endswith("/contacts/?reason=counts")
    mine.page.click("button[lang=en]")
    expect(mine.page.locator("h1")).to_have_text("Contacts")


def test_without_scripts_everything_is_there(open_as: Open, alice: Employee, bob: Employee) -> None:
    mine = open_as(alice, java_script_enabled=False)
    mine.page.fill("#quick-add input[name=name]", "Grace")
    mine.page.fill("#quick-add input[name=reach]", "grace@outside.example.org")
    mine.page.click("#quick-add button")
    expect(mine.page.locator("#messages")).to_contain_text("Grace is recorded.")
    expect(mine.page.locator("#standing .count strong")).to_have_text("100")
    expect(mine.page.locator("[data-chart]")).not_to_be_visible()
    team = open_as(bob, java_script_enabled=False)
    team.page.goto("/team/B001/")
    team.page.select_option("select[name=status]", "done")
    team.page.click("form.filters button")
    expect(team.page.locator("#list tbody tr")).to_have_count(1)
