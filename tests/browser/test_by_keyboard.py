"""Without a mouse: an employee's main way from the sign-in on, with a visible focus at every step."""

import pytest
from playwright.sync_api import Page, expect

from apps.employees.models import Employee
from tests import people
from tests.browser.conftest import Open

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

# What the focus is on, and whether its place can be seen: an outline, and no other part of the page above it.
FOCUSED = """() => {
  const one = document.activeElement, style = getComputedStyle(one);
  const { top, bottom, left, right } = one.getBoundingClientRect();
  const above = document.elementFromPoint((left + right) / 2, (top + bottom) / 2);
  // The button in a field for a day draws a ring of the browser's own.
  const browsers = one.type === "date" && !one.matches(":focus-visible");
  return {
    what: `${one.tagName} ${one.name || one.textContent.trim().slice(0, 30)}`,
    ringed: browsers || (style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2),
    covered: !above || !(one === above || one.contains(above) || above.contains(one)),
    last: one === document.body,
  };
}"""


def walk(page: Page, steps: int = 60) -> list[str]:
    """Tab through the whole page; returns the elements whose focus was not visible."""
    unseen = []
    for _ in range(steps):
        page.keyboard.press("Tab")
        found = page.evaluate(FOCUSED)
        if found["last"]:
            return unseen
        if not found["ringed"] or found["covered"]:
            unseen.append(found["what"])
    return unseen


def to(page: Page, selector: str, steps: int = 60) -> None:
    """Tab until the element has the focus."""
    for _ in range(steps):
        page.keyboard.press("Tab")
        if page.evaluate("(selector) => document.activeElement.matches(selector)", selector):
            return
    raise AssertionError(f"the keyboard does not come to {selector}")


def test_from_the_sign_in_to_the_hundredth_contact(open_as: Open, alice: Employee) -> None:
    mine = open_as(None, width=1440)
    page = mine.page
    page.goto("/login/")
    to(page, "input[name=username]")
    page.keyboard.type(alice.staff_no)
    to(page, "input[name=password]")
    page.keyboard.type(people.PASSWORD)
    page.keyboard.press("Enter")
    expect(page.locator("#standing .badge.red")).to_have_text("Red: 1 to go")
    to(page, "#quick-add input[name=name]")
    page.keyboard.type("Grace")
    to(page, "#quick-add [name=reach]")
    page.keyboard.type("grace@outside.example.org")
    page.keyboard.press("Enter")
    expect(page.locator("#announcement")).to_contain_text("You have reached the target.")
    expect(page.locator("#announcement")).to_have_attribute("aria-live", "polite")
    expect(page.locator("#quick-add input[name=name]")).to_be_focused()
    assert mine.problems() == []


@pytest.mark.parametrize("width", [390, 1440])
@pytest.mark.parametrize("address", ["/", "/contacts/", "/company/adjustments/ask/"])
def test_the_focus_is_always_seen(open_as: Open, hr: Employee, address: str, width: int) -> None:
    looked = open_as(hr, width=width)
    looked.page.goto(address)
    assert walk(looked.page) == []


def test_nothing_moves_with_reduced_motion(open_as: Open, hr: Employee) -> None:
    looked = open_as(hr, reduced_motion="reduce")
    moving = """() => [...document.querySelectorAll('*')].filter((one) => {
      const { transitionDuration, animationName, scrollBehavior } = getComputedStyle(one);
      const slow = transitionDuration.split(', ').some((time) => parseFloat(time) > 0);
      return slow || animationName !== 'none' || scrollBehavior === 'smooth';
    }).map((one) => `${one.tagName} ${one.className}`)"""
    for address in ("/", "/contacts/", "/company/", "/contacts/import/"):
        looked.page.goto(address)
        assert looked.page.evaluate(moving) == [], address
