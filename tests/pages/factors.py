"""Accounts with a second factor, for the pages about them.

A reader signs in before there is one, so that no authenticator is needed; the session then gets the value of a shown
factor.
"""

from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import generate_totp_secret
from django.conf import settings
from playwright.sync_api import Page

from apps.accounts.enrolment import has_factor
from apps.accounts.models import Account
from apps.accounts.passkeys import AUTHENTICATOR_TYPE
from apps.accounts.second_factors import SESSION_FACTOR_KEY, add_app, adding_factor, has_app
from apps.accounts.sessions import SessionStore
from tests import people
from tests.pages.company import account


def with_app_and_passkey(page: Page) -> None:
    """The reader has both, and has shown one."""
    found = _with_passkey(page, "guarded")
    if not has_app(found):
        add_app(account=found, secret=generate_totp_secret())
    _shown(page)


def with_passkey(page: Page) -> None:
    """The reader has a passkey alone, and has shown it."""
    _with_passkey(page, "keyed")
    _shown(page)


def added_elsewhere(page: Page) -> None:
    """The reader was signed in before a factor was added in another browser."""
    found = account("late")
    if not has_factor(found):
        add_app(account=found, secret=generate_totp_secret())
    page.reload()


def wrong_code(page: Page) -> None:
    """A reader with both tries to remove them with a wrong code."""
    with_app_and_passkey(page)
    form = page.locator("form[action*=remove]")
    form.locator("[name=code]").fill("000000")
    form.locator("button:not([type=button])").first.click()
    page.wait_for_selector("[aria-invalid=true]")


def asked(page: Page) -> None:
    """The password was right; the page waits for the second factor."""
    found = _with_passkey(page, "asked")
    page.fill("input[name=username]", found.login)
    page.fill("input[name=password]", people.PASSWORD)
    page.click("form.fields button")
    page.wait_for_url("**/second-factor/**")


def _with_passkey(page: Page, reader: str) -> Account:
    found = account(reader)
    if not Authenticator.objects.filter(user=found, type=AUTHENTICATOR_TYPE).exists():
        data = {"name": "蓝色钥匙", "host": page.evaluate("location.hostname"), "id": "00", "credential": "00"}
        with adding_factor(found, kind="passkey", enrolment_code=""):
            Authenticator.objects.create(
                user=found, type=AUTHENTICATOR_TYPE, data=data | {"counter": 0, "verified": True}
            )
    return found


def _shown(page: Page) -> None:
    [key] = [one["value"] for one in page.context.cookies() if one["name"] == settings.SESSION_COOKIE_NAME]
    session = SessionStore(key)
    session[SESSION_FACTOR_KEY] = True
    session.save()
    page.reload()
