"""Screenshots of the demo company of `make run`: a new user's first pages, and the pictures of the README."""

from playwright.sync_api import Page

from tests.pages.shots import Shot


def first_contact(page: Page) -> None:
    page.click("#list td.lead a")
    page.wait_for_selector(".details")


def preview_file(page: Page) -> None:
    """A preview of a small address book with two invalid entries."""
    lines = [f"{name},{phone},{email}" for name, phone, email in ADDRESS_BOOK]
    content = "\n".join(["Name,Mobile,E-mail", *lines]).encode()
    page.set_input_files("input[type=file]", {"name": "contacts.csv", "mimeType": "text/csv", "buffer": content})
    page.click("form.fields button")
    page.wait_for_selector(".tiles")


def first_person(page: Page) -> None:
    page.locator("#list tr:not(:has(.leads)) td.lead a").first.click()
    page.wait_for_selector(".hero")


def adjusted_person(page: Page) -> None:
    """The employee of the oldest single adjustment."""
    page.locator("#list tr:has(small:has-text('·')) td.lead a").last.click()
    page.click(".details dd a")
    page.wait_for_selector(".terms")


def rule_list(page: Page) -> None:
    """The list of the late joiners' rule from the opening on."""
    page.click("form.rule button")
    page.wait_for_selector("#people")


def as_of(page: Page) -> None:
    day = page.locator("#as_of").get_attribute("min")
    page.goto(f"{page.url.split('?')[0]}?as_of={day}")


ADDRESS_BOOK = [
    ("Amara Okafor", "+44 20 7946 0958", "amara@northwind.example"),
    ("陈晓明", "138 1234 5678", ""),
    ("Diego Fuentes", "", "diego.fuentes@lumen.example"),
    ("林静怡", "139 8765 4321", "jingyi.lin@harbour.example"),
    ("Hannah Weiss", "+49 30 901820", ""),
    ("Oliver Grant", "12345", ""),
    ("Priya Raman", "", "priya@@raman.example"),
    ("王磊", "137 2468 1357", ""),
]
SHOTS = [
    Shot("demo-me", "employee", "/"),
    Shot("demo-me-manager", "manager", "/"),
    Shot("demo-contacts", "employee", "/contacts/"),
    Shot("demo-contact", "employee", "/contacts/", first_contact),
    Shot("demo-import", "employee", "/contacts/import/", preview_file),
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
