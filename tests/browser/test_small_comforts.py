"""A token to copy, a password to look at, a wrong address with the navigation, and forced colours."""

import pytest
from playwright.sync_api import expect

from apps.employees.models import Employee
from tests import people
from tests.browser.conftest import Open

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def test_a_token_is_shown_whole_and_copied_by_one_click(open_as: Open, alice: Employee) -> None:
    mine = open_as(alice, width=320)
    mine.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    mine.page.goto("/tokens/")
    mine.page.fill("#make [name=name]", "script")
    mine.page.locator("#make [name=scopes]").first.check()
    mine.page.click("#make button")
    secret = mine.page.locator("#secret")
    token = secret.input_value()
    assert secret.evaluate(
        "(field) => field.scrollWidth <= field.clientWidth && field.scrollHeight <= field.clientHeight + 1"
    )
    mine.page.click("text=Copy token")
    expect(mine.page.locator("[data-copied]")).to_be_visible()
    assert mine.page.evaluate("navigator.clipboard.readText()") == token
    assert mine.problems() + mine.findings() == []
    mine.page.goto("/tokens/")
    assert token not in mine.page.content(), "it is shown once"


def test_a_password_can_be_looked_at_and_is_sent_as_one(open_as: Open, alice: Employee) -> None:
    mine = open_as(None, width=390)
    mine.page.goto("/login/")
    password = mine.page.locator("input[name=password]")
    mine.page.fill("input[name=username]", alice.staff_no)
    password.fill(people.PASSWORD)
    expect(password).to_have_attribute("type", "password")
    mine.page.get_by_label("Show password").check()
    expect(password).to_have_attribute("type", "text")
    assert mine.problems() + mine.findings() == []
    mine.page.get_by_label("Show password").uncheck()
    expect(password).to_have_attribute("type", "password")
    mine.page.get_by_label("Show password").check()
    mine.page.click("form.fields button.button")
    expect(mine.page.locator("#standing")).to_be_visible()


def test_a_wrong_address_keeps_the_navigation(open_as: Open, alice: Employee) -> None:
    mine = open_as(alice, width=390)
    mine.page.goto("/nothing/?campaign=unknown&as_of=never")
    expect(mine.page.locator("h1")).to_have_text("Page not found")
    assert [problem for problem in mine.problems() if "404" not in problem] + mine.findings() == []
    mine.page.click(".nav a:has-text('Contacts')")
    expect(mine.page.locator("h1")).to_have_text("Contacts")
    stranger = open_as(None)
    stranger.page.goto("/nothing/")
    expect(stranger.page.locator(".nav")).to_have_count(0)


def test_with_forced_colours_the_current_page_and_filter_are_seen(
    open_as: Open, alice: Employee, bob: Employee
) -> None:
    mine = open_as(alice, forced_colors="active")
    mine.page.goto("/contacts/?reason=counts")
    border = "(link) => getComputedStyle(link).borderBlockEndColor"
    links = mine.page.locator(".nav a")
    current = mine.page.locator(".nav a[aria-current]").evaluate(border)
    assert [links.nth(n).evaluate(border) for n in range(links.count())].count(current) == 1
    outline = "(chip) => getComputedStyle(chip).outlineStyle"
    assert mine.page.locator(".chips a[aria-current]").evaluate(outline) == "solid"
    mine.page.goto("/")
    fill = "(bar) => getComputedStyle(bar).fill"
    rail, done = (mine.page.locator(f"#standing .track {part}").evaluate(fill) for part in (".rail", ".fill"))
    assert rail != done
    # What is chosen, and the legend of a chart, are more than a background that is gone.
    mine.page.goto("/contacts/?rows=50")
    assert mine.page.locator(".sizes a[aria-current]").evaluate(outline) == "solid"
    leader = open_as(bob, forced_colors="active")
    leader.page.goto("/team/B001/")
    stroke = "(swatch) => getComputedStyle(swatch).strokeWidth"
    assert {swatch.evaluate(stroke) for swatch in leader.page.locator(".legend rect.swatch").all()} == {"1px"}


@pytest.mark.parametrize("address", ["/", "/contacts/", "/contacts/import/", "/team/B001/"])
def test_the_console_stays_empty(open_as: Open, bob: Employee, address: str) -> None:
    looked = open_as(bob)
    looked.goto(address)
    looked.page.wait_for_load_state("networkidle")
    assert looked.problems() == []
