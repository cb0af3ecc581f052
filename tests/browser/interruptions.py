"""Failures of requests and sessions in the middle of an action, and what the page then shows."""

import re

from playwright.sync_api import Locator, Page, expect

from apps.employees.models import Employee
from tests import people
from tests.browser.conftest import Looked

# What the page says for each.
FAILURES: dict[str | int, str] = {
    "offline": "There is no connection.",
    403: "This page was open for too long",
    413: "This is too large to send in one piece.",
    429: "There were too many requests in a short time.",
    500: "Something went wrong on our side.",
    503: "Hundred is restarting",
}


def failing(page: Page, address: str | re.Pattern[str], failure: str | int) -> None:
    """From now on requests to this address fail."""
    if failure == "offline":
        page.route(address, lambda route: route.abort("internetdisconnected"))
    else:
        page.route(address, lambda route: route.fulfill(status=int(failure), body="<!doctype html>"))


def notice(page: Page) -> Locator:
    return page.locator("main .form-notice")


def session_ends(looked: Looked) -> None:
    looked.page.context.clear_cookies(name="sessionid")


def signs_in_again(looked: Looked, employee: Employee) -> None:
    """On the sign-in page that the action led to."""
    expect(looked.page.locator("h1")).to_have_text("Sign in")
    looked.page.fill("input[name=username]", employee.staff_no)
    looked.page.fill("input[name=password]", people.PASSWORD)
    looked.page.click("form.fields button.button")


def unexpected(looked: Looked) -> list[str]:
    """The problems of the page without the failures that a test has caused, which browser and htmx report."""
    caused = ("Failed to load resource", "Response Status Error", "htmx:sendError", "htmx:timeout", "htmx:afterRequest")
    return [problem for problem in looked.problems() if not any(text in problem for text in caused)]
