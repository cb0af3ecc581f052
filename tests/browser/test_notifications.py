"""The bell, the list and the links of mails, with and without scripts, on a phone."""

import pytest
from playwright.sync_api import expect

from apps.core.clock import db_now
from apps.employees.models import Employee
from apps.notifications.models import Preference
from apps.notifications.planning import plan_notifications
from apps.notifications.unsubscribe import token
from tests.browser.conftest import Open

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.mark.parametrize("scripts", [True, False])
def test_the_bell_leads_to_the_list_and_reading_clears_its_number(
    open_as: Open, alice: Employee, scripts: bool
) -> None:
    plan_notifications(db_now())
    mine = open_as(alice, width=390, java_script_enabled=scripts)
    mine.page.goto("/")
    expect(mine.page.locator(".bell b")).to_have_text("2 unread")
    mine.page.click(".bell")
    expect(mine.page.locator("main")).to_contain_text("You reached 90 % of your target in November.")
    assert not scripts or mine.problems() + mine.findings() == []
    mine.page.locator("button:has-text('Mark as read')").first.click()
    expect(mine.page.locator(".bell b")).to_have_text("1 unread")
    mine.page.click("text=Mark all as read")
    expect(mine.page.locator(".bell b")).to_have_count(0)
    mine.page.click("text=Notification settings")
    weekly = mine.page.get_by_role("group", name="Monday summary, while you are behind the steady pace")
    weekly.get_by_label("e-mail").uncheck()
    assert not scripts or mine.problems() + mine.findings() == []
    mine.page.click("text=Save settings")
    expect(mine.page.locator("#messages")).to_contain_text("Your notification settings are saved.")
    expect(weekly.get_by_label("e-mail")).not_to_be_checked()
    assert list(Preference.objects.values_list("kind", "channel")) == [("weekly", "email")]


@pytest.mark.parametrize("scripts", [True, False])
def test_a_link_in_a_mail_switches_off_after_a_click(open_as: Open, alice: Employee, scripts: bool) -> None:
    reader = open_as(None, width=390, java_script_enabled=scripts)
    reader.page.goto(f"/notifications/unsubscribe/{token(f'e{alice.pk}', 'weekly', 'email')}/")
    expect(reader.page.locator("h1")).to_have_text("Switch off this kind of e-mail?")
    assert not scripts or reader.problems() + reader.findings() == []
    assert not Preference.objects.exists()
    reader.page.click("text=Switch off these e-mails")
    expect(reader.page.locator("h1")).to_have_text("Switched off")
    assert Preference.objects.get().employee_id == alice.pk
