"""HR's whole month in browsers: from the roster file to a payout file that proves itself.

When this fails, HR is stuck on the way, pays by a file that is not the result, or sees an employee's contacts.
"""

import csv
import hashlib
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from apps.core.audit import SYSTEM
from apps.employees.models import Employee
from apps.results.freeze import freeze_due_campaigns
from apps.standings.effective_dates import process_effective_dates
from tests import people
from tests.browser.conftest import Looked, Open
from tests.fixtures import Clock

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
HEADER, *LINES = people.ROSTER.splitlines()
OFFICE = [line for line in LINES if line[:4] in ("D001", "H001")] + ["H002,Hugo,hugo@corp.example.com,,People,D001"]
FILE = "\n".join([HEADER, *OFFICE, *(line for line in LINES if line not in OFFICE), "X001,Without Mail,,,Sales,D001"])
OUTSIDE = ("Grace Hopper", "Ada Lovelace", "王伟")


@pytest.fixture
def house(live_server: Any, eager: None, clock: Clock) -> str:
    """Two HR members and their head on the day before the opening; no other employees and no campaign."""
    time_comes(clock, "2026-10-30T10:00:00+08:00")
    people.load("\n".join([HEADER, *OFFICE]))
    for staff_no in ("H001", "H002"):
        people.with_account(people.person(staff_no), "hr")
    return str(live_server.url)


def time_comes(clock: Clock, at: str) -> None:
    """Advance the clock to this instant, and run the workers' tasks."""
    clock.set(at, ticks=True)
    process_effective_dates()
    people.mark()
    freeze_due_campaigns(SYSTEM)


def test_hr_brings_a_company_from_its_roster_to_its_hand_over(open_as: Open, clock: Clock, tmp_path: Path) -> None:
    first, second = open_as(people.person("H001")), open_as(people.person("H002"))
    load_the_roster(first.page)
    alice, carol = (people.with_account(people.person(number)) for number in ("A001", "C001"))
    open_november(first.page)

    time_comes(clock, "2026-11-02T09:00:00+08:00")
    expect_red(first.page, 10)
    exempt(first.page, "A002", "Parental leave until spring")
    exempt(first.page, "S001", "Works abroad this autumn")
    expect_red(first.page, 10)  # a request without approval changes nothing
    grant_what_waits(second.page, 2)
    expect_red(first.page, 8)

    time_comes(clock, "2026-11-09T10:00:00+08:00")
    mine = open_as(alice, width=390)
    record(mine.page, OUTSIDE[0], "grace@outside.example.org", counted=1)
    record(mine.page, OUTSIDE[1], "ada@outside.example.org", counted=2)
    record(mine.page, "Bob from next door", "bob@corp.example.com", counted=2)
    time_comes(clock, "2026-11-18T10:00:00+08:00")
    ask_for_a_review(mine.page, "Bob is no colleague any more.", about="Bob from next door")

    time_comes(clock, "2026-11-23T12:00:00+08:00")
    expect_red(first.page, 8)
    expect(first.page.locator("#list tr", has_text="Alice 艾")).to_contain_text("Under review")
    friday, manifest = standings_as_of(first.page, "2026-11-20")
    told = {row["staff_no"]: (row["counted"], row["red"], row["under_review"]) for row in rows(friday)}
    assert (told["A001"], told["A002"], len(told)) == (("2", "yes", "yes"), ("0", "no", "no"), 10)
    assert manifest["sha256"] == hashlib.sha256(friday).hexdigest(), "the manifest is of another file"
    answer_the_review(first.page, "He still works in Sales, so he does not count.")

    time_comes(clock, "2026-11-24T09:00:00+08:00")
    mine.page.goto("/review/")
    expect(mine.page.locator("main")).to_contain_text("He still works in Sales, so he does not count.")
    record(mine.page, OUTSIDE[2], "138 0013 8000", counted=3)
    expect_red(first.page, 7)
    again, as_before = made_again(first.page)
    assert again == friday, "a file of last Friday moved with what happened since"
    assert as_before["sha256"] == manifest["sha256"]

    time_comes(clock, "2026-11-30T23:00:00+08:00")
    ask_for_a_review(open_as(carol, width=390).page, "My feed did not arrive.")
    time_comes(clock, "2026-12-01T00:05:00+08:00")
    first.page.click("nav a:has-text('Company')")
    first.page.click("nav a:has-text('Result')")
    expect(first.page.locator(".title")).to_contain_text("10 people · 7 red")
    kept = proof_of_the_result(first.page, tmp_path)
    handed, kept["signature"] = hand_over(first.page, tmp_path)
    verdicts = {row["staff_no"]: row["verdict"] for row in rows(handed.read_bytes())}
    assert {no for no, verdict in verdicts.items() if verdict == "eligible"} == {"A001", "A002", "S001"}
    assert verdicts["C001"] == "under_review", "who waits for an answer is paid nothing without a word"
    assert sorted(verdicts.values()).count("not_eligible") == 6
    status, sentence = proved(handed, **kept)
    covered = "staff_no, name, counted, target, remaining, exempt, red and verdict of all 10 people"
    assert status == 0
    assert sentence.startswith(f"{covered} match the hand-over of the frozen result of november, version 1")
    bribed = tmp_path / "bribed.csv"
    bribed.write_bytes(handed.read_bytes().replace(b",not_eligible,0,", b",eligible,3,", 1))
    status, sentence = proved(bribed, **kept)
    assert (status, "Line 4 (B001) was changed" in sentence) == (1, True)

    first.page.goto("/company/audit/?about=adjustment")
    expect(first.page.locator("#list tr", has_text="approved an adjustment")).to_have_count(2)
    expect(first.page.locator("#list tr", has_text="Hugo")).to_have_count(2)
    assert_nobody_is_named(first)
    assert first.problems() + second.problems() + mine.problems() == []


def load_the_roster(page: Page) -> None:
    """The file is previewed first; exactly the preview is applied."""
    page.click("nav a:has-text('Company')")
    page.click("a:has-text('Roster')")
    page.set_input_files("input[type=file]", {"name": "hr.csv", "mimeType": "text/csv", "buffer": FILE.encode()})
    page.click("button:has-text('Preview file')")
    for number, words in (("7", "Join"), ("0", "Leave"), ("3", "Unchanged"), ("1", "Rejected")):
        expect(page.locator(".tiles > *", has_text=words).locator("strong")).to_have_text(number)
    assert not Employee.objects.filter(staff_no="A001").exists(), "a look has loaded somebody"
    page.click("button:has-text('Apply 7 changes')")
    expect(page.locator("main")).to_contain_text("The roster is loaded.")
    assert Employee.objects.count() == 10


def open_november(page: Page) -> None:
    """The rule is shown in words before it applies."""
    page.click("nav a:has-text('Company')")
    page.click("a:has-text('Open a campaign')")
    for name, text in (("name", "November"), ("target", "3"), ("opens_on", "2026-11-01"), ("deadline", "2026-11-30")):
        page.fill(f"[name={name}]", text)
    page.select_option("[name=time_zone]", "Asia/Shanghai")
    page.click("button:has-text('Preview')")
    expect(page.locator("#look")).to_contain_text(
        "the target for each employee is to record 3 people from outside the company"
    )
    expect(page.locator("#look")).to_contain_text("10 people")
    page.click("#look button:has-text('Open campaign')")
    expect(page.locator("#messages")).to_contain_text("November is open.")


def exempt(page: Page, who: str, reason: str) -> None:
    page.goto("/company/")
    page.click("a:has-text('Adjustments')")
    page.click("a:has-text('Adjust one person')")
    page.fill("[name=person]", who)
    page.select_option("[name=kind]", "leave")
    page.select_option("[name=what]", "exempt")
    page.fill("[name=reason]", reason)
    page.click("button:has-text('Send request')")
    expect(page.locator("main")).to_contain_text("Waiting for another user")
    expect(page.locator("text=Approve request")).to_have_count(0)


def grant_what_waits(page: Page, count: int) -> None:
    """As the second HR member: each request is read before it is granted."""
    for left in range(count, 0, -1):
        page.goto("/company/")
        expect(page.locator("a:has-text('Adjustments')")).to_have_text(f"Adjustments {left}")
        page.click("a:has-text('Adjustments')")
        page.locator("#list td.lead a").first.click()
        page.click("button:has-text('Approve request')")
        expect(page.locator("main")).to_contain_text("in force")


def expect_red(page: Page, count: int) -> None:
    """The company's page and its list, after a worker has marked all touched employees."""
    people.mark()
    page.goto("/company/?status=red")
    expect(page.locator(".tiles .red strong")).to_have_text(f"{count}")
    expect(page.locator("#list .badge.red")).to_have_count(count)


def record(page: Page, name: str, reach: str, *, counted: int) -> None:
    page.goto("/")
    page.fill("#quick-add input[name=name]", name)
    page.fill("#quick-add [name=reach]", reach)
    page.click("#quick-add button")
    expect(page.locator("main")).to_contain_text(name)
    expect(page.locator("#standing .count strong")).to_have_text(f"{counted}")


def ask_for_a_review(page: Page, text: str, about: str = "") -> None:
    page.goto("/")
    page.click("a:has-text('Request a review')")
    page.fill("textarea[name=text]", text)
    if about:
        page.get_by_label(about).check()
    page.click("button:has-text('Send to HR')")
    expect(page.locator("#messages")).to_contain_text("HR has received your request.")


def answer_the_review(page: Page, text: str) -> None:
    """In time, and without having seen the ticked contacts' names."""
    page.goto("/company/")
    page.click("a:has-text('Reviews')")
    page.click("#list a.name")
    expect(page.locator("main")).to_contain_text("Reply due by Wed 25 Nov (in 2 days).")
    expect(page.locator("main")).not_to_contain_text("next door")
    page.fill("textarea[name=text]", text)
    page.click("button:has-text('Send answer')")
    expect(page.locator("#messages")).to_contain_text("Answered.")


def standings_as_of(page: Page, day: str) -> tuple[bytes, dict[str, Any]]:
    """The file of all employees as of the end of a day, and its manifest."""
    page.click("nav a:has-text('Exports')")
    page.click("main a:has-text('New file')")
    page.click("main a:has-text('Standings')")
    assert page.url.endswith("/exports/new/standings/")
    page.fill("[name=day]", day)
    page.click("button:has-text('Create file')")
    return taken(page)


def made_again(page: Page) -> tuple[bytes, dict[str, Any]]:
    """The newest file repeated for its own instant; the page says whether it is the same."""
    page.click("nav a:has-text('Exports')")
    page.locator("#past td.lead a", has_text="Standings").first.click()
    page.click("button:has-text('Create file again for the same moment')")
    expect(page.locator("main")).to_contain_text("Identical to the previous file, byte for byte.")
    return taken(page)


def taken(page: Page) -> tuple[bytes, dict[str, Any]]:
    return downloaded(page, "Download").read_bytes(), json.loads(downloaded(page, "Manifest").read_bytes())


def downloaded(page: Page, name: str) -> Path:
    with page.expect_download() as download:
        page.click(f"main a[download]:has-text('{name}')")
    return download.value.path()


def rows(content: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(content.decode("utf-8-sig").splitlines()))


def proof_of_the_result(page: Page, folder: Path) -> dict[str, Path]:
    """The verifier of any result file, downloaded from the result's page."""
    found = {"signature": "Signature", "public_key": "Public key", "verifier": "Verifier"}
    return {key: downloaded(page, name).rename(folder / key) for key, name in found.items()}


def hand_over(page: Page, folder: Path) -> tuple[Path, Path]:
    """The payout file with its own signature, reached from the result."""
    page.click(".title a:has-text('Hand over')")
    expect(page.locator(".title")).to_contain_text("final result, version 1")
    page.click("button:has-text('Create file')")
    expect(page.locator("main")).to_contain_text("The file has 10 lines")
    file = downloaded(page, "Download").rename(folder / "handover.csv")
    return file, downloaded(page, "Signature of this hand-over").rename(folder / "handover.csv.sig")


def proved(file: Path, signature: Path, public_key: Path, verifier: Path) -> tuple[int, str]:
    """The published verifier's output for a file, in a process without the application."""
    command = [sys.executable, "-I", verifier, file, "--signature", signature, "--public-key", public_key]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout.partition(", digest")[0].strip()


def assert_nobody_is_named(office: Looked) -> None:
    """No page where HR searches people shows a person outside."""
    for address in ("/company/", "/company/reviews/?state=answered", "/team/A001/", "/company/audit/", "/exports/"):
        office.goto(address)
        said = office.page.content()
        assert not [name for name in (*OUTSIDE, "next door", "outside.example.org") if name in said], address
