"""The description in a real browser: readable in both languages and themes, on a phone and on a desktop."""

from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
WATCH = """
window.violations = [];
document.addEventListener("securitypolicyviolation", (event) => {
  violations.push(`${event.violatedDirective} ${event.blockedURI} ${event.sourceFile}:${event.lineNumber}`);
});
"""
WIDER = "document.documentElement.scrollWidth > document.documentElement.clientWidth"


@pytest.mark.parametrize(("width", "scheme", "locale"), [(390, "light", "zh-CN"), (1440, "dark", "en-GB")])
def test_it_reads_well_and_keeps_the_content_policy(
    live_server: Any, browser: Browser, width: int, scheme: Any, locale: str
) -> None:
    context = browser.new_context(locale=locale, color_scheme=scheme, viewport={"width": width, "height": 844})
    page, errors = context.new_page(), []
    page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.add_init_script(WATCH)
    page.goto(f"{live_server.url}/api/v1/docs/")
    for details in page.locator("main details").all():
        details.locator("summary").click()
    findings = [f"{one['id']}: {one['nodes'][0]['html'][:200]}" for one in Axe().run(page).response["violations"]]
    assert findings == []
    assert page.evaluate("violations") == []
    assert errors == []
    assert not page.evaluate(WIDER)
    context.close()


def test_a_violation_would_be_seen(live_server: Any, browser: Browser) -> None:
    """The counterpart: with something inline on the page, the test above fails."""
    context = browser.new_context()
    page = context.new_page()
    page.add_init_script(WATCH)
    page.goto(f"{live_server.url}/api/v1/docs/")
    page.evaluate("document.body.insertAdjacentHTML('beforeend', '<p style=\"color: red\">inline</p>')")
    page.wait_for_function("violations.length > 0")
    assert "style-src" in page.evaluate("violations")[0]
    context.close()
