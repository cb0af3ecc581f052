"""HR and a frozen result, in browsers: a correction requested and granted, as the employee sees it; and the files."""

import csv
import io
import uuid
from datetime import timedelta
from pathlib import Path

import pytest
from playwright.sync_api import expect

from apps.accounts.services import account_for, grant_role
from apps.campaigns.models import Campaign
from apps.employees.models import Employee
from apps.exports import build_export, export_requests
from apps.results.freeze import freeze
from apps.results.verification import read_key, read_signature, verify
from tests import people
from tests.browser.conftest import Looked, Open
from tests.fixtures import Clock

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def second(house: str, stranger: Employee, campaign: Campaign, clock: Clock) -> Employee:
    """A second HR member, after the campaign was frozen with Alice at 99."""
    grant_role(employee=stranger, role="hr", by=people.TESTER)
    clock.set(campaign.rule.cutoff_at + timedelta(minutes=5), ticks=True)
    freeze(campaign=campaign, by=people.TESTER, wait=False)
    return stranger


@pytest.mark.parametrize("scripts", [True, False])
def test_one_asks_another_grants_and_both_versions_stay(
    open_as: Open, second: Employee, alice: Employee, hr: Employee, scripts: bool
) -> None:
    mine = open_as(alice, width=390, java_script_enabled=scripts)
    expect(mine.page.locator("#standing")).to_contain_text("Red: 1 missing")
    first = open_as(hr, width=390, java_script_enabled=scripts)
    first.page.click("nav a:has-text('Result')")
    first.page.click("text=Request a correction")
    first.page.fill("[name=reason]", "The feed came late")
    first.page.fill("[name=evidence]", "Ticket 7")
    first.page.locator("[name=staff_no_0]").press_sequentially("alic" if scripts else "A001")
    if scripts:
        first.page.get_by_role("option", name="Alice").click()
        expect(first.page.locator("[name=staff_no_0]")).to_have_value("Alice 艾 (A001)")
    first.page.fill("[name=counted_0]", "99")
    first.page.click("main form button.button")
    expect(first.page.locator("main")).to_contain_text("Nothing changes for A001.")
    expect(first.page.locator("[name=reason]")).to_have_value("The feed came late")
    first.page.fill("[name=counted_0]", "100")
    first.page.click("main form button.button")
    expect(first.page.locator("main")).to_contain_text("99 → 100")
    expect(first.page.locator("text=Another HR user has to decide")).to_be_visible()
    expect(first.page.locator("button:has-text('Approve')")).to_have_count(0)

    other = open_as(second, java_script_enabled=scripts)
    other.page.click("nav a:has-text('Result')")
    other.page.click("a:has-text('The feed came late')")
    other.page.fill("[name=answer]", "Seen in the log")
    other.page.click("button:has-text('Approve')")
    expect(other.page.locator("#messages")).to_contain_text("Approved. Version 2 is now the result.")
    if scripts:
        assert problems(first) + problems(other) + other.findings() == []

    mine.page.goto("/")
    expect(mine.page.locator("#standing")).not_to_contain_text("Red: 1 missing")
    expect(mine.page.locator("main")).to_contain_text("version 2")
    mine.page.goto("/?result=1")
    expect(mine.page.locator("#standing")).to_contain_text("Red: 1 missing")


def problems(looked: Looked) -> list[str]:
    """Errors other than the refused form of the test."""
    return [one for one in looked.problems() if "422" not in one]


def test_the_files_of_a_result_are_downloaded_and_prove_each_other(
    open_as: Open, second: Employee, tmp_path: Path
) -> None:
    office = open_as(second)
    office.page.click("nav a:has-text('Result')")
    for name in ("CSV", "Signature", "Public key", "Verifier"):
        with office.page.expect_download() as download:
            office.page.click(f"main a.button:has-text('{name}')")
        download.value.save_as(tmp_path / name)
    proof = verify(
        io.BytesIO((tmp_path / "CSV").read_bytes()),
        read_signature((tmp_path / "Signature").read_bytes()),
        read_key((tmp_path / "Public key").read_bytes()),
    )
    assert proof.verified
    with (tmp_path / "CSV").open(encoding="utf-8-sig", newline="") as file:
        red = {row["staff_no"]: row["red"] for row in csv.DictReader(file)}
    assert red["A001"] == "yes"
    office.page.goto("/company/")
    with office.page.expect_download() as download:
        office.page.locator("a[href*='standings.csv']").first.click()
    with download.value.path().open(encoding="utf-8-sig", newline="") as file:
        assert {row["staff_no"]: row["red"] for row in csv.DictReader(file)} == red


def test_a_file_that_was_waited_for_stands_there_whole_without_a_reload(
    open_as: Open, campaign: Campaign, hr: Employee
) -> None:
    """Otherwise a reader who stayed on the page has a file without its SHA-256 and cannot repeat it."""
    wish = export_requests.ExportRequest("standings")
    asked = export_requests.request_export(campaign=campaign, request=wish, key=uuid.uuid4(), by=account_for(hr).actor)
    office = open_as(hr)
    office.goto(f"/exports/{asked.pk}/")
    expect(office.page.locator("main")).to_contain_text("The file is being created")
    build_export.make_export(asked.pk, show_progress=False)
    expect(office.page.locator("main")).to_contain_text("The file has 9 lines")
    expect(office.page.locator("main")).to_contain_text("SHA-256")
    expect(office.page.locator("button:has-text('Create file again')")).to_be_visible()
    assert office.problems() + office.findings() == []
