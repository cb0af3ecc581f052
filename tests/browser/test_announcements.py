"""An announcement, from HR's form to an employee's phone, with and without scripts."""

import pytest
from playwright.sync_api import expect

from apps.campaigns.models import AnnouncementRead, Campaign
from apps.employees.models import Employee
from tests import announcing, people
from tests.browser.conftest import Open

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.mark.parametrize("scripts", [True, False])
def test_two_hr_users_publish_it_and_an_employee_reads_it_once(
    open_as: Open, campaign: Campaign, alice: Employee, hr: Employee, scripts: bool
) -> None:
    people.with_account(people.person("D001"), "hr")
    office = open_as(hr, java_script_enabled=scripts)
    office.page.goto("/company/campaigns/november/")
    office.page.click("a:has-text('Announcements')")
    office.page.click("text=New announcement")
    for name, value in announcing.TEXTS.items():
        office.page.fill(f"[name={name}]", value)
    office.page.click("button:has-text('Preview')")
    expect(office.page.locator("#look")).to_contain_text("Each of us knows somebody.")
    assert not scripts or office.problems() + office.findings() == []
    office.page.click("text=Request publication")
    expect(office.page.locator("#messages")).to_contain_text("The announcement is waiting for a second HR user.")
    expect(office.page.locator("text=Publish announcement")).to_have_count(0)

    other = open_as(people.person("D001"), width=390, java_script_enabled=scripts)
    other.page.goto("/company/campaigns/")
    other.page.click("text=Open the request")
    expect(other.page.locator("text=Publish announcement")).to_be_visible()
    assert not scripts or other.problems() + other.findings() == []
    other.page.click("text=Publish announcement")
    expect(other.page.locator("#messages")).to_contain_text("Published.")
    expect(other.page.locator("#readers")).to_contain_text("9")

    mine = open_as(alice, width=390, scheme="dark", java_script_enabled=scripts)
    mine.page.goto("/")
    expect(mine.page.locator("#announced")).to_contain_text("Li Wei")
    assert not scripts or mine.problems() + mine.findings() == []
    mine.page.get_by_role("button", name="I have read it").press("Enter")
    expect(mine.page.locator("#announced")).to_have_count(0)
    assert AnnouncementRead.objects.get().employee_id == alice.pk
    mine.page.locator("main").get_by_role("link", name="About this campaign").click()
    expect(mine.page.locator("#announced")).to_contain_text("You have read this.")
    assert not scripts or mine.problems() + mine.findings() == []
