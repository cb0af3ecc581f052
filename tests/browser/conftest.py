"""A company on a live server, and pages that report every violation, error and unreadable part."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, Page, expect

from apps.campaigns.models import Campaign
from apps.employees.models import Employee
from tests import people

# On a busy machine, waits may take long; on a free one they take a tenth of a second.
expect.set_options(timeout=20_000)
WATCH = """
window.violations = [];
document.addEventListener("securitypolicyviolation", (event) =>
  window.violations.push(`${event.effectiveDirective} ${event.blockedURI} ${event.sourceFile}:${event.lineNumber}`));
"""
DRAWN = """() => [...document.querySelectorAll("[data-chart]")].every((box) => box.dataset.state === "drawn")"""


@dataclass
class Looked:
    """A page, with all its errors."""

    page: Page
    errors: list[str] = field(default_factory=list)

    def goto(self, address: str) -> None:
        """Open an address, and wait for everything on it."""
        self.page.goto(address)
        self.draw()

    def sign_in(self, login: str) -> None:
        """Sign in with the password of all test accounts."""
        self.page.goto("/login/")
        self.page.fill("input[name=username]", login)
        self.page.fill("input[name=password]", people.PASSWORD)
        self.page.click("form.fields button")
        self.page.wait_for_url(lambda address: "/login/" not in address)

    def draw(self) -> None:
        self.page.mouse.move(5, 5)  # charts load on the first movement
        for box in self.page.locator("[data-chart]").all():
            box.scroll_into_view_if_needed()
        self.page.wait_for_function(DRAWN, timeout=20_000)

    def problems(self) -> list[str]:
        """Policy violations, script errors and horizontal scrolling since the last call."""
        self.page.wait_for_load_state()
        found = [*self.errors, *self.page.evaluate("window.violations.splice(0)")]
        self.errors.clear()
        if self.page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth"):
            found.append("scrolls sideways")
        return found

    def findings(self, *rules: str) -> list[str]:
        """axe findings under WCAG 2.2 AA and good practice; with `rules`, only these."""
        found = Axe().run(self.page, options={"runOnly": [*rules]} if rules else None).response["violations"]
        return [f"{one['id']}: {one['nodes'][0]['html'][:200]} {one['nodes'][0]['failureSummary']}" for one in found]


@pytest.fixture
def house(
    live_server: Any, eager: None, campaign: Campaign, alice: Employee, alan: Employee, bob: Employee, hr: Employee
) -> str:
    """The address of a server with Alice at 99, one contact that does not count, and Alan at 30."""
    people.record(alice, 99)
    people.record_one(alice, ("email", "bob@corp.example.com"), name="Bob from next door")
    people.record(alan, 30)
    people.mark()
    return str(live_server.url)


Open = Callable[..., Looked]


@pytest.fixture
def open_as(browser: Browser, house: str) -> Iterator[Open]:
    """`open_as(alice, width=390)`: a browser with this reader signed in; anonymous for None."""
    contexts: list[BrowserContext] = []

    def opened(
        who: Employee | None, *, width: int = 1440, scheme: Any = "light", locale: str = "en-GB", **more: Any
    ) -> Looked:
        height = 844 if width < 600 else 900
        context = browser.new_context(
            base_url=house, viewport={"width": width, "height": height}, color_scheme=scheme, locale=locale, **more
        )
        contexts.append(context)
        context.add_init_script(WATCH)
        looked = Looked(context.new_page())
        looked.page.on("pageerror", lambda error: looked.errors.append(str(error)))
        looked.page.on("console", lambda said: looked.errors.append(said.text) if said.type == "error" else None)
        if who:
            looked.sign_in(who.staff_no)
        return looked

    yield opened
    for context in contexts:
        context.close()
