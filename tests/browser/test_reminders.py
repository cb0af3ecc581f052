"""A manager reminds and offers help, and the employee answers: on a phone, with and without scripts."""

import pytest
from playwright.sync_api import expect

from apps.accounts.services import account_for
from apps.core.clock import db_now
from apps.employees.models import Employee
from apps.notifications.models import HelpOffer, Reminder
from apps.notifications.planning import plan_notifications
from tests import reminding
from tests.browser.conftest import Open

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.mark.parametrize("scripts", [True, False])
def test_a_reminder_and_an_offer_of_help_reach_the_employee(
    open_as: Open, alice: Employee, bob: Employee, scripts: bool
) -> None:
    reminding.text()
    his = open_as(bob, width=390, java_script_enabled=scripts)
    his.page.goto("/team/B001/?status=red")
    his.page.click("text=/Remind th(is|ese)/")
    expect(his.page.locator("h1")).to_have_text("Remind people")
    expect(his.page.locator("#recipients")).to_contain_text("Alice")
    assert not scripts or his.problems() + his.findings() == []
    his.page.locator("#send button").click()
    expect(his.page.locator("#messages")).to_contain_text("reminded.")
    assert Reminder.objects.get().sender_id == account_for(bob).pk
    his.page.goto("/team/A001/")
    his.page.get_by_label("What you offer").select_option("training")
    assert not scripts or his.problems() + his.findings() == []
    his.page.locator("#help button").click()
    expect(his.page.locator("#help")).to_contain_text("waiting for an answer")
    plan_notifications(db_now())
    hers = open_as(alice, width=390, java_script_enabled=scripts)
    hers.page.goto("/notifications/")
    expect(hers.page.locator("main")).to_contain_text("Shall we talk?")
    hers.page.goto("/")
    assert not scripts or hers.problems() + hers.findings() == []
    hers.page.locator(".help-offer button").first.click()
    expect(hers.page.locator("#messages")).to_contain_text("sees that you accept.")
    expect(hers.page.locator(".help-offer")).to_have_count(0)
    assert HelpOffer.objects.get().state == "accepted"
