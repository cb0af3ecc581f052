"""Actions on a page before its screenshot."""

import uuid
from collections.abc import Callable
from importlib import import_module

from playwright.sync_api import Page

Act = Callable[[Page], None]


def nothing(page: Page) -> None:
    """The page without an action."""


def open_parts(page: Page) -> None:
    """Open every menu, table and fold."""
    page.evaluate("document.querySelectorAll('main details').forEach((one) => { one.open = true; })")


def open_menus(page: Page) -> None:
    page.evaluate("document.querySelectorAll('header details').forEach((one) => { one.open = true; })")


def sent(form: str) -> Act:
    """Send the form without the browser's own validation."""

    def send(page: Page) -> None:
        button = page.locator(form).locator("button:not([type=button]):not([formaction])").first
        page.eval_on_selector(form, "(form) => { form.noValidate = true; }")
        button.click()
        page.wait_for_selector("[aria-invalid=true], .error, [role=alert]")

    return send


def bad_contact(page: Page) -> None:
    page.fill("#quick-add input[name=name]", "王小明")
    page.fill("#quick-add [name=reach]", "12345")
    page.click("#quick-add button")
    page.wait_for_selector("#quick-add [aria-invalid=true]")


def bad_correction(page: Page) -> None:
    page.fill("form[action*=correct] [name=phone]", "12345")
    page.click("form[action*=correct] button")
    page.wait_for_selector("[aria-invalid=true], .error, [role=alert]")


def ended_row(page: Page) -> None:
    """End a contact of its own: the list leaves the ended ones out."""
    good_contact(page)
    page.locator("form[action*='/end/'] button").first.click()
    page.wait_for_selector("#list tbody .message")


def bad_lines(page: Page) -> None:
    page.fill("#quick-add [name=reach]", "王伟 +86 12\n李娜 +86 34")
    page.locator("#quick-add [name=reach]").press("Control+Enter")
    page.wait_for_selector(".failed")


def good_contact(page: Page) -> None:
    page.fill("#quick-add input[name=name]", "王小明")
    page.fill("#quick-add [name=reach]", f"{uuid.uuid4().hex}@outside.example.org")
    page.click("#quick-add button")
    page.wait_for_selector("#added li, #messages li")


def made_token(page: Page) -> None:
    page.fill("#make [name=name]", "工资系统")
    page.locator("#make [name=scopes]").first.check()
    page.click("#make button")
    page.wait_for_selector("#made")


def made_webhook(page: Page) -> None:
    # Each picture adds one: of two with the same address the second is refused.
    page.fill("#make [name=url]", f"https://hooks.example.com/{uuid.uuid4()}")
    page.locator("#make [name=event_types]").first.check()
    page.click("#make button")
    page.wait_for_selector("#made")


def enrolment_code(page: Page) -> None:
    page.fill("main [name=password]", "correct horse battery staple")
    page.click("main form button.button")
    page.wait_for_selector("#code")


def unsubscribed(page: Page) -> None:
    page.click("main form button")
    page.wait_for_selector("main a[href*='/notifications/settings/']")


def tested_channel(page: Page) -> None:
    """The test message of an account without an address."""
    page.click("form[action*='/notifications/test/'] button")
    page.wait_for_selector("#messages li")


def bad_room(page: Page) -> None:
    page.fill("#company [name=address]", "mailto://anyone@example.com")
    page.click("#company form.fields button")
    page.wait_for_selector("#company [aria-invalid=true]")


def own_text_missing(page: Page) -> None:
    """HR's own text for a reminder, without the text."""
    page.check("#send [name=text][value=own]")
    page.click("#send .actions button")
    page.wait_for_selector("#send .error")


def emptied_text(page: Page) -> None:
    form = "form:has([name=text_zh])"
    page.eval_on_selector(form, "(form) => { form.noValidate = true; }")
    page.fill(f"{form} [name=text_zh]", "")
    page.locator(f"{form} button").first.click()
    page.wait_for_selector("[aria-invalid=true], .error")


def schedule_of_one_day(page: Page) -> None:
    """A scheduled file of one day, which is a contradiction."""
    open_parts(page)
    page.select_option("[name=repeat]", "weekly")
    page.fill("[name=day]", "2026-11-20")
    page.eval_on_selector("main form.fields", "(form) => { form.noValidate = true; }")
    page.locator("main form.fields button").first.click()
    page.wait_for_selector("[aria-invalid=true], .error, [role=alert]")


def wrong_password(page: Page) -> None:
    page.fill("input[name=username]", "somebody")
    page.fill("input[name=password]", "wrong")
    page.click("form.fields button")
    page.wait_for_selector(".error")


def looks_for_contacts(page: Page) -> None:
    page.fill("input[name=q]", "客人")
    page.press("input[name=q]", "Enter")
    page.wait_for_selector("label.choice")


def searched_for(text: str) -> Act:
    """Search the own contacts."""

    def search(page: Page) -> None:
        page.fill("#list input[name=q]", text)
        page.press("#list input[name=q]", "Enter")
        page.wait_for_selector("#list .matches")

    return search


def joiners(page: Page) -> None:
    """The list of all employees who joined since the opening."""
    page.fill("[name=joined_after]", "2026-11-05")
    page.click("form.rule button")
    page.wait_for_selector("#people")


def refuses_mutely(page: Page) -> None:
    page.evaluate("document.querySelectorAll('form').forEach((one) => { one.noValidate = true; })")
    page.locator("[formaction*=refuse], form[action*=refuse] button").first.click()
    page.wait_for_selector("[aria-invalid=true], .error, [role=alert]")


def looks_at_a_campaign(page: Page) -> None:
    """Preview a campaign that overlaps the others."""
    page.fill("[name=name]", "冬季拓展")
    page.fill("[name=opens_on]", "2026-11-20")
    page.fill("[name=deadline]", "2027-01-15")
    page.click("main form.fields button")
    page.wait_for_selector("#look")


def looks_at_an_announcement(page: Page) -> None:
    """Preview the text of the newest version again."""
    page.click("main form.fields button")
    page.wait_for_selector("#look")


def looks_at_a_change(page: Page) -> None:
    """Preview a lower target that applies later."""
    page.fill("[name=target]", "60")
    page.fill("[name=deadline]", "2026-12-10")
    page.click("main form.fields button")
    page.wait_for_selector("#look")


def next_page(page: Page) -> None:
    """The next page of a list, which replaces the list alone."""
    page.click("#list a[rel=next]")
    page.wait_for_selector("#list .pager a[rel=prev]")


def followed(page: Page) -> None:
    """Wait for the first progress update without a reload."""
    with page.expect_response("**/progress/*"):
        pass


def looks_at_other_domains(page: Page) -> None:
    """A change of which the requester sees no counts."""
    page.fill("[name=company_domains]", "partner.example")
    page.click("main form.fields button")
    page.wait_for_selector("#look")


def factor(act: str) -> Act:
    """An action of tests.pages.factors."""
    return _of("factors", act)


def momentary(state: str) -> Act:
    """The page in a state of tests.pages.momentary."""
    return _of("momentary", state)


def _of(module: str, act: str) -> Act:
    """The action of a module that needs Django: the list of pages is read before that is ready."""

    def do(page: Page) -> None:
        getattr(import_module(f"tests.pages.{module}"), act)(page)

    return do
