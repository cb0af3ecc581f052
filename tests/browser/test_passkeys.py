"""A passkey in a real browser with a virtual authenticator: no HR account gets in without it."""

from typing import Any

import pytest
from playwright.sync_api import Page, expect

from apps.accounts.passkeys import passkeys
from apps.accounts.services import account_for
from apps.employees.models import Employee
from tests import people
from tests.browser.conftest import Open

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def plug_in(page: Page, **more: Any) -> None:
    """A virtual authenticator whose owner always agrees."""
    tools = page.context.new_cdp_session(page)
    tools.send("WebAuthn.enable")
    about = {
        "protocol": "ctap2", "transport": "internal", "hasUserVerification": True, "isUserVerified": True,
        "automaticPresenceSimulation": True, **more,
    }  # fmt: skip
    tools.send("WebAuthn.addVirtualAuthenticator", {"options": about})


def type_password(page: Page) -> None:
    page.goto("/login/")
    page.fill("input[name=username]", "H001")
    page.fill("input[name=password]", people.PASSWORD)
    page.click("form.fields button")


@pytest.mark.parametrize("width", [390, 1440])
def test_it_is_added_signs_in_and_is_removed(open_as: Open, hr: Employee, settings: Any, width: int) -> None:
    settings.SECOND_FACTOR_ROLES = ["hr"]
    looked = open_as(None, width=width)
    page = looked.page
    plug_in(page)
    type_password(page)
    page.wait_for_url("**/second-factor/")
    page.fill("input[name=new-enrolment]", people.enrolment_code(hr))
    page.fill("input[name=new-name]", "This laptop")
    page.get_by_role("button", name="Add a passkey").click()
    expect(page.locator("#passkeys .name")).to_have_text("This laptop")
    assert looked.problems() == []
    assert looked.findings() == []

    page.context.clear_cookies()
    type_password(page)
    page.wait_for_url("**/login/second-factor/")
    assert looked.findings() == []
    page.get_by_role("button", name="Use a passkey").click()
    page.wait_for_url(lambda address: "login" not in address)
    page.goto("/company/")
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    assert passkeys(account_for(hr))[0].last_used_at is not None

    page.goto("/second-factor/")
    page.get_by_role("button", name="Remove with a passkey").click()
    page.wait_for_url("**/second-factor/")
    expect(page.get_by_role("heading", name="Add a second factor")).to_be_visible()
    assert passkeys(account_for(hr)) == []
    assert looked.problems() == []


def test_after_declining_the_passkey_the_code_still_works(open_as: Open, hr: Employee) -> None:
    looked = open_as(hr)
    page = looked.page
    plug_in(page, isUserVerified=False, hasUserVerification=True, automaticPresenceSimulation=True)
    page.goto("/second-factor/")
    page.evaluate(
        "() => { navigator.credentials.create = () => Promise.reject(new DOMException('', 'NotAllowedError')); }"
    )
    page.fill("input[name=new-enrolment]", people.enrolment_code(hr))
    page.fill("input[name=new-name]", "This laptop")
    page.get_by_role("button", name="Add a passkey").click()
    expect(page.get_by_text("Your browser did not create a passkey")).to_be_visible()
    expect(page.get_by_role("button", name="Add a passkey")).to_be_enabled()
    assert passkeys(account_for(hr)) == []


def test_without_scripts_the_page_says_what_there_is(open_as: Open, hr: Employee) -> None:
    looked = open_as(hr, java_script_enabled=False)
    looked.page.goto("/second-factor/")
    expect(looked.page.get_by_text("Passkeys need JavaScript")).to_be_visible()
    expect(looked.page.get_by_role("button", name="Add a passkey")).to_have_count(0)
