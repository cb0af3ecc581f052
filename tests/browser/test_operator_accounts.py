"""An operator's day on a phone, with and without scripts: who cannot do it on a page needs a shell."""

import re
from typing import Any

import pytest
from allauth.mfa.totp.internal.auth import generate_totp_secret
from playwright.sync_api import expect

from apps.accounts.models import Role
from apps.employees.models import Employee
from tests import people
from tests.browser.conftest import Looked, Open
from tests.browser.test_passkeys import plug_in

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def seen_clean(looked: Looked, scripts: bool) -> None:
    assert not scripts or looked.problems() + looked.findings() == []


@pytest.mark.parametrize("scripts", [True, False])
def test_a_lost_phone_is_answered_with_a_code_for_the_telephone(
    open_as: Open, operator: Employee, alice: Employee, scripts: bool
) -> None:
    people.enrol(alice, generate_totp_secret())
    looked = open_as(operator, width=390, java_script_enabled=scripts)
    page = looked.page
    page.goto("/operator/")
    expect(page.locator("#versions")).to_contain_text("PostgreSQL")
    seen_clean(looked, scripts)
    page.click("main .actions >> text=Accounts")
    page.fill("main input[name=q]", "a001")
    page.press("main input[name=q]", "Enter")
    expect(page.locator("#list tbody tr")).to_have_count(1)
    seen_clean(looked, scripts)
    page.click("#list a.name")
    expect(page.locator("#factors")).to_contain_text("Authenticator app")
    seen_clean(looked, scripts)
    page.click("#factors >> text=Remove second factors")
    expect(page.locator("main")).to_contain_text("Make sure that it is the person who asks.")
    page.fill("main input[name=password]", "wrong")
    page.click("main form button.button")
    expect(page.locator("main .error")).to_have_text("This password is wrong.")
    assert not scripts or looked.findings() == []
    looked.errors.clear()  # the browser's own line about the refused form
    page.fill("main input[name=password]", people.PASSWORD)
    page.click("main form button.button")
    expect(page.locator("#code code")).to_have_text(re.compile(r"^[2-9A-Z]{4}(-[2-9A-Z]{4}){3}$"))
    expect(page.locator("#factors")).to_contain_text("An enrolment code is valid until")
    seen_clean(looked, scripts)


@pytest.mark.parametrize("scripts", [True, False])
def test_a_role_is_requested_and_approved_by_two_people(
    open_as: Open, operator: Employee, alice: Employee, hr: Employee, scripts: bool
) -> None:
    first = open_as(operator, width=390, java_script_enabled=scripts)
    page = first.page
    page.goto(f"/operator/accounts/{alice.pk}/")
    page.click("text=Request the role auditor")
    page.fill("main [name=reason]", "Audits from December.")
    page.fill("main input[name=password]", people.PASSWORD)
    seen_clean(first, scripts)
    page.click("main form button.button")
    expect(page.locator("#waiting")).to_contain_text("Role for an account")
    assert not Role.objects.filter(account__employee=alice).exists()
    second = open_as(hr, width=390, java_script_enabled=scripts)
    page = second.page
    page.goto("/company/approvals/")
    page.click("#waiting a.name")
    expect(page.locator("#details")).to_contain_text("Alice")
    seen_clean(second, scripts)
    page.fill("#decision input[name=password]", people.PASSWORD)
    page.click("#decision >> text=Approve request")
    expect(page.locator("#messages")).to_contain_text("Approved.")
    assert Role.objects.get(account__employee=alice).role == "auditor"
    seen_clean(second, scripts)


def test_a_passkey_confirms_an_act(open_as: Open, operator: Employee, alice: Employee, settings: Any) -> None:
    looked = open_as(operator, width=390)
    page = looked.page
    plug_in(page)
    page.goto("/second-factor/")
    page.fill("input[name=new-enrolment]", people.enrolment_code(operator))
    page.fill("input[name=new-name]", "This phone")
    page.get_by_role("button", name="Add a passkey").click()
    expect(page.locator("#passkeys .name")).to_have_text("This phone")
    settings.SECOND_FACTOR_ROLES = ["operator"]
    page.goto(f"/operator/accounts/{alice.pk}/end-access/")
    page.fill("main input[name=password]", people.PASSWORD)
    page.get_by_role("button", name="Confirm with a passkey").click()
    expect(page.locator("#messages")).to_contain_text("All sessions and tokens are ended.")
    assert looked.problems() + looked.findings() == []
