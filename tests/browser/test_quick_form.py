"""The quick form: what it understood, an undo beside the answer, and few keys."""

import pytest
from playwright.sync_api import expect

from apps.contacts.models import Contact
from apps.employees.models import Employee
from tests.browser.conftest import Open

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

UNDERSTOOD = [
    ("13912345678", "Understood: Phone +86 139 1234 5678"),
    ("Ann Lee ANN@outside.example.org", "Understood: Ann Lee · E-mail ann@outside.example.org"),
    ("@Kim", "Understood: Handle @kim"),
    ("@a\n@b\n13912345678\nJust A Name", "Understood: 3 people · Handle 2 · Phone 1 · 1 line cannot be read"),
]


@pytest.mark.parametrize("page", ["/", "/contacts/"])
def test_it_says_what_it_understood_before_anything_is_stored(open_as: Open, alice: Employee, page: str) -> None:
    mine = open_as(alice, width=390)
    mine.page.goto(page)
    mine.page.wait_for_function("window.htmx")
    for typed, understood in UNDERSTOOD:
        mine.page.fill("#quick-add [name=reach]", typed)
        expect(mine.page.locator("#understood")).to_have_text(understood, use_inner_text=True)
    assert mine.problems() + mine.findings() == []
    mine.page.fill("#quick-add [name=reach]", "")
    expect(mine.page.locator("#understood")).to_have_text("")
    assert Contact.objects.of(alice).count() == 100


@pytest.mark.parametrize("typed", ["l39 1234 5678", "Ann l3912345678"])
def test_what_is_nearly_a_number_is_asked_about_and_taken_by_one_tap(
    open_as: Open, alice: Employee, typed: str
) -> None:
    mine = open_as(alice, width=390)
    mine.page.wait_for_function("window.htmx")
    mine.page.fill("#quick-add [name=reach]", typed)
    expect(mine.page.locator("#understood")).to_contain_text("Did you mean +86 139 1234 5678?")
    mine.page.click("#quick-add > button")  # stored only as something that was understood
    expect(mine.page.locator("#quick-add [name=reach]")).to_have_attribute("aria-invalid", "true")
    mine.page.click("text=Use +86 139 1234 5678")
    expect(mine.page.locator("#quick-add [name=reach]")).to_be_focused()
    expect(mine.page.locator("#understood")).to_contain_text("Phone +86 139 1234 5678")
    mine.page.keyboard.press("Enter")
    expect(mine.page.locator("#added")).to_contain_text("recorded" if "Ann" in typed else "Recorded.")
    assert Contact.objects.of(alice).live().filter(identities__value="+8613912345678").count() == 1


def test_a_number_from_abroad_without_its_plus_is_asked_about(open_as: Open, alice: Employee) -> None:
    mine = open_as(alice)
    mine.page.wait_for_function("window.htmx")
    mine.page.fill("#quick-add [name=reach]", "49 170 1234567")
    expect(mine.page.locator("#understood")).to_contain_text("Did you mean +49 1")


@pytest.mark.parametrize("page", ["/", "/contacts/"])
def test_an_add_is_undone_beside_its_answer(open_as: Open, alice: Employee, page: str) -> None:
    mine = open_as(alice, width=390)
    mine.page.goto(page)
    mine.page.fill("#quick-add [name=reach]", "Ann @ann.lee\nBea @bea.lee")
    mine.page.click("#quick-add > button")
    answer = mine.page.locator(".messages li")
    expect(answer).to_contain_text("2 recorded.")
    if page == "/":
        expect(mine.page.locator("#standing .count strong")).to_have_text("101")
        mine.page.fill("#quick-add [name=reach]", "half ty")
    expect(answer.get_by_role("button", name="Undo")).to_be_in_viewport()
    answer.get_by_role("button", name="Undo").click()
    expect(answer).to_contain_text("Undone: 2 contacts were ended.")
    expect(answer.get_by_role("button")).to_have_count(0)
    assert Contact.objects.of(alice).live().count() == 100
    if page == "/":
        expect(mine.page.locator("#standing .count strong")).to_have_text("99")
        expect(mine.page.locator("#latest")).not_to_contain_text("Bea")
        expect(mine.page.locator("#quick-add [name=reach]")).to_have_value("half ty")
    assert mine.problems() + mine.findings() == []


@pytest.mark.parametrize("page", ["/", "/contacts/"])
def test_adding_takes_at_most_four_tabs_from_the_start_of_the_page(open_as: Open, alice: Employee, page: str) -> None:
    mine = open_as(alice)
    mine.page.goto(page)
    keyboard = mine.page.keyboard
    keyboard.press("Tab")
    keyboard.press("Tab")
    expect(mine.page.locator(".skip:focus")).to_have_text("Add a contact")
    keyboard.press("Enter")
    expect(mine.page.locator("#add_name")).to_be_focused()
    keyboard.type("Grace")
    keyboard.press("Tab")
    keyboard.type("grace@outside.example.org")
    keyboard.press("Enter")
    expect(mine.page.locator(".message.success")).to_contain_text("Grace is recorded.")


def test_the_next_step_puts_the_cursor_in_the_form(open_as: Open, alice: Employee, bob: Employee) -> None:
    mine = open_as(alice, width=390)
    mine.page.click("#standing .ways a:has-text('Add a contact')")
    expect(mine.page.locator("#add_name")).to_be_focused()
    expect(mine.page.locator("#add_name")).to_be_in_viewport()
    new = open_as(bob, width=390)
    new.page.goto("/")
    new.page.get_by_role("link", name="Paste a list").click()
    expect(new.page.locator("#add_reach")).to_be_focused()
    expect(new.page.locator("label[for=add_name]")).to_have_text("Name (optional)")


def test_lines_that_cannot_be_read_mark_their_field_alone(open_as: Open, alice: Employee) -> None:
    mine = open_as(alice, width=390)
    mine.page.fill("#quick-add [name=reach]", "Ann @ann.lee\nJust A Name\nAnother Name")
    mine.page.click("#quick-add > button")
    expect(mine.page.locator(".failed")).to_contain_text("2 could not be read")
    expect(mine.page.locator("[aria-invalid=true]")).to_have_count(1)
    expect(mine.page.locator("#add_reach")).to_have_attribute("aria-invalid", "true")
