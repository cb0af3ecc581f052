"""Pictures of the demo company of `make run`: what a newcomer meets, and what the README shows."""

from playwright.sync_api import Page

from tests.pages.shots import Shot


def first_contact(page: Page) -> None:
    page.click("#list td.lead a")
    page.wait_for_selector(".details")


def first_person(page: Page) -> None:
    page.locator("#list tr:not(:has(.leads)) td.lead a").first.click()
    page.wait_for_selector(".hero")


def adjusted_person(page: Page) -> None:
    """The person whom the oldest single adjustment is about."""
    page.locator("#list tr:has(small:has-text('·')) td.lead a").last.click()
    page.click(".details dd a")
    page.wait_for_selector(".terms")


def rule_list(page: Page) -> None:
    """The list of the rule from the opening on."""
    page.click("form.rule button")
    page.wait_for_selector("#people")


def as_of(page: Page) -> None:
    day = page.locator("#as_of").get_attribute("min")
    page.goto(f"{page.url.split('?')[0]}?as_of={day}")


SHOTS = [
    Shot("demo-me", "employee", "/"),
    Shot("demo-me-manager", "manager", "/"),
    Shot("demo-contacts", "employee", "/contacts/"),
    Shot("demo-contact", "employee", "/contacts/", first_contact),
    Shot("demo-reviews", "hr", "/company/reviews/"),
    Shot("demo-team", "manager", "/team/"),
    Shot("demo-team-red", "manager", "/team/?status=red"),
    Shot("demo-team-as-of", "manager", "/team/", as_of),
    Shot("demo-member", "manager", "/team/", first_person),
    Shot("demo-company", "hr", "/company/"),
    Shot("demo-adjustments", "hr", "/company/adjustments/?show=all"),
    Shot("demo-member-adjusted", "hr", "/company/adjustments/?show=in_force", adjusted_person),
    Shot("demo-adjustment-decide", "hr", "/company/adjustments/", first_contact),
    Shot("demo-adjustments-by-rule", "hr", "/company/adjustments/by-rule/", rule_list),
    Shot("demo-exports", "hr", "/exports/"),
]
