"""Actions in a browser: add, follow the number, undo, navigate by keyboard, and without scripts."""

import pytest
from playwright.sync_api import expect

from apps.contacts.models import Contact
from apps.employees.models import Employee
from tests import people
from tests.browser.conftest import Looked, Open

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def searched(mine: Looked, text: str) -> None:
    mine.page.goto("/contacts/")
    mine.page.fill("input[name=q]", text)
    mine.page.press("input[name=q]", "Enter")
    mine.page.wait_for_url("**/contacts/?*sought=*")


def test_the_hundredth_contact_shows_at_once_and_without_a_reload(open_as: Open, alice: Employee) -> None:
    mine = open_as(alice, width=390)
    mine.goto("/")
    expect(mine.page.locator("#standing .badge.red")).to_have_text("Red: 1 to go")
    mine.page.evaluate("window.sameDocument = true")
    mine.page.fill("#quick-add input[name=name]", "王小明")
    mine.page.fill("#quick-add [name=reach]", "hundredth@outside.example.org")
    mine.page.click("#quick-add button")
    expect(mine.page.locator("#standing .count strong")).to_have_text("100")
    expect(mine.page.locator("#standing .badge.red")).to_have_count(0)
    # Announced once to screen readers and shown quietly; the form stays where it was.
    expect(mine.page.locator("#announcement")).to_have_text("That was contact number 100. You have reached the target.")
    expect(mine.page.locator("#standing .summary")).to_contain_text("That was contact number 100")
    expect(mine.page.locator("#standing.arriving")).to_have_count(1)
    expect(mine.page.locator("#chart-curve")).to_have_text("You have reached the target")
    expect(mine.page.locator("#latest")).to_contain_text("王小明")
    expect(mine.page.locator("#added")).to_contain_text("王小明 is recorded.")
    expect(mine.page.locator("#quick-add [name=reach]")).to_have_value("")
    expect(mine.page.locator("#quick-add input[name=name]")).to_be_focused()
    assert mine.page.evaluate("window.sameDocument") is True
    assert mine.problems() == []


def test_a_refused_form_keeps_what_was_typed_and_takes_the_focus(open_as: Open, alice: Employee) -> None:
    mine = open_as(alice, width=390)
    mine.page.fill("#quick-add input[name=name]", "Grace")
    mine.page.fill("#quick-add [name=reach]", "12")
    mine.page.press("#quick-add [name=reach]", "Enter")
    reach = mine.page.locator("#quick-add [name=reach]")
    expect(reach).to_have_attribute("aria-invalid", "true")
    expect(reach).to_have_value("12")
    expect(reach).to_be_focused()
    expect(mine.page.locator("#quick-add input[name=name]")).to_have_value("Grace")


def test_a_pasted_list_is_recorded_in_place_and_what_failed_stays(open_as: Open, alice: Employee) -> None:
    mine = open_as(alice, width=390)
    reach = mine.page.locator("#quick-add [name=reach]")
    low = reach.bounding_box()
    reach.fill("Ann Lee ann@outside.example.org\nJust A Name\n王伟 13800138000")
    high = reach.bounding_box()
    assert low
    assert high
    assert high["height"] > low["height"] + 30
    reach.press("Enter")  # in a list it begins the next line
    expect(mine.page.locator("#added li")).to_have_count(0)
    reach.press("Control+Enter")
    expect(mine.page.locator("#added")).to_contain_text("2 recorded, 1 could not be read.")
    expect(mine.page.locator(".failed li")).to_contain_text("Line 1")
    expect(reach).to_have_value("Just A Name")
    expect(reach).to_be_focused()
    expect(mine.page.locator("#latest")).to_contain_text("王伟")
    expect(mine.page.locator("#standing .count strong")).to_have_text("101")
    assert mine.findings() == []
    reach.fill("Just A Name @just")
    reach.press("Enter")  # one line again: it is sent
    expect(mine.page.locator("#added")).to_contain_text("Just A Name is recorded.")
    assert [one for one in mine.problems() if "422" not in one] == []


def test_an_enter_that_ends_a_composition_sends_nothing(open_as: Open, alice: Employee) -> None:
    mine = open_as(alice)
    reach = mine.page.locator("#quick-add [name=reach]")
    reach.fill("@wangwei")
    enter = """(field, composing) => field.dispatchEvent(new KeyboardEvent("keydown",
        {key: "Enter", isComposing: composing, bubbles: true, cancelable: true}))"""
    assert reach.evaluate(enter, True) is True  # the keyboard keeps its default action
    expect(mine.page.locator("#added li")).to_have_count(0)
    assert reach.evaluate(enter, False) is False
    expect(mine.page.locator("#added")).to_contain_text("Recorded.")


def test_on_a_phone_the_answer_stands_beside_the_form_with_the_number(open_as: Open, alice: Employee) -> None:
    mine = open_as(alice, width=390)
    mine.page.fill("#quick-add [name=reach]", "ann@outside.example.org")
    mine.page.click("#quick-add button")
    answer = mine.page.locator("#added li")
    expect(answer).to_contain_text("Recorded. Now 100 of 100: you have reached the target.")
    expect(answer).to_be_in_viewport(ratio=1)
    expect(mine.page.locator("#quick-add button")).to_be_in_viewport(ratio=1)
    assert mine.problems() + mine.findings() == []


def test_two_clicks_record_once(open_as: Open, alice: Employee) -> None:
    mine = open_as(alice)
    mine.page.fill("#quick-add [name=reach]", "twice@outside.example.org")
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
    searched(mine, "Bob")
    mine.page.get_by_role("button", name="Not mine, end it").click()
    expect(mine.page.locator("#list .message")).to_contain_text("Bob from next door is ended.")
    mine.page.click("#list .message button")
    expect(mine.page.get_by_role("button", name="Not mine, end it")).to_be_focused()


def test_a_filter_takes_effect_at_once_and_stays_in_the_address(open_as: Open, bob: Employee) -> None:
    team = open_as(bob)
    team.goto("/team/B001/")
    team.page.evaluate("window.sameDocument = true")
    team.page.select_option("select[name=status]", "behind")
    team.page.wait_for_url("**/team/B001/?*status=behind*")
    expect(team.page.locator("#list")).to_contain_text("1 person in this selection")
    assert team.page.evaluate("window.sameDocument") is True
    assert team.problems() == []


def test_the_lists_filters_take_effect_at_once_and_can_be_cleared(open_as: Open, alice: Employee) -> None:
    mine = open_as(alice, width=1440)
    searched(mine, "guest")
    mine.page.select_option("select[name=sort]", "name")
    mine.page.wait_for_url("**/contacts/?*sort=name*")
    assert "guest" not in mine.page.url, "it may be somebody's phone, and a browser remembers addresses"
    expect(mine.page.locator(".matches")).to_contain_text("99 contacts found")
    expect(mine.page.locator("#list tbody td.lead").first).to_have_text("Guest 1")
    mine.page.click("text=Clear the filters")
    expect(mine.page.locator("input[name=q]")).to_have_value("")
    expect(mine.page.locator(".matches")).to_have_count(0)
    assert mine.problems() == []


@pytest.mark.parametrize("scripts", [True, False])
def test_on_a_phone_the_filters_are_behind_one_button_that_counts_them(
    open_as: Open, alice: Employee, scripts: bool
) -> None:
    mine = open_as(alice, width=390, java_script_enabled=scripts)
    mine.page.goto("/contacts/")
    button, source = mine.page.locator("#list summary"), mine.page.locator("select[name=source]")
    expect(source).not_to_be_visible()
    expect(button).to_have_text("Filters")
    button.click()
    source.select_option("page")
    if not scripts:
        mine.page.get_by_role("button", name="Apply").click()
    mine.page.wait_for_url("**/contacts/?*source=page*")
    expect(source).not_to_be_visible()
    expect(button).to_have_text("Filters (1)")
    if scripts:
        assert mine.problems() + mine.findings() == []


def test_on_a_phone_the_search_stays_in_view(open_as: Open, alice: Employee, bob: Employee) -> None:
    mine, team = open_as(alice, width=390), open_as(bob, width=390)
    mine.page.goto("/contacts/")
    mine.page.locator("#list tbody").nth(15).scroll_into_view_if_needed()
    expect(mine.page.locator("#list input[name=q]")).to_be_in_viewport()
    team.page.goto("/team/B001/")
    team.page.locator("#list tbody tr").last.evaluate("row => row.scrollIntoView({ block: 'center' })")
    expect(team.page.locator("#list input[name=q]")).to_be_in_viewport()


def test_on_a_wide_page_search_and_filters_stand_in_one_row(open_as: Open, alice: Employee, hr: Employee) -> None:
    for reader, path, count in ((alice, "/contacts/", 3), (hr, "/company/", 4)):
        page = open_as(reader, width=1440).page
        page.goto(path)
        fields = page.locator("#list .own-filters").locator("input[type=search]:visible, select:visible")
        expect(fields).to_have_count(count)
        assert len({round(field.bounding_box()["y"]) for field in fields.all()}) == 1  # type: ignore[index]


def test_the_keyboard_reaches_everything(open_as: Open, alice: Employee) -> None:
    mine = open_as(alice)
    mine.page.keyboard.press("Tab")
    expect(mine.page.locator(".skip").first).to_be_focused()
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
    mine.page.fill("#quick-add [name=reach]", "grace@outside.example.org")
    mine.page.click("#quick-add button")
    expect(mine.page.locator("#messages")).to_contain_text("Grace is recorded.")
    expect(mine.page.locator("#standing .count strong")).to_have_text("100")
    # The server's SVG.
    expect(mine.page.locator("[data-chart] svg.svg-preview")).to_be_visible()
    mine.page.fill("#quick-add [name=reach]", "Ann @ann\nJust A Name")
    mine.page.click("#quick-add button")
    expect(mine.page.locator("#messages")).to_contain_text("1 recorded, 1 could not be read.")
    expect(mine.page.locator("#quick-add [name=reach]")).to_have_value("Just A Name")
    mine.page.goto("/contacts/")
    mine.page.select_option("select[name=sort]", "oldest")
    mine.page.click("text=Apply")
    mine.page.wait_for_url("**/contacts/?*sort=oldest*")
    mine.page.fill("input[name=q]", "guest 7")
    mine.page.press("input[name=q]", "Enter")
    mine.page.wait_for_url("**/contacts/?*sought=*sort=oldest*")
    expect(mine.page.locator("input[name=q]")).to_have_value("guest 7")
    team = open_as(bob, java_script_enabled=False)
    team.page.goto("/team/B001/")
    team.page.select_option("select[name=status]", "done")
    team.page.click("form.own-filters button")
    expect(team.page.locator("#list tbody tr")).to_have_count(1)
