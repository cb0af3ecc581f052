"""The running application with its real broker and worker, in a browser: what the hundredth contact changes, and where.

When this fails, an employee with a hundred contacts is still red, or a reader sees another's team.
"""

import csv
import io
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from apps.localstack.paths import BASE_DIR
from tests.localstack.stack import RunningStack, data_folder, environment

pytestmark = [pytest.mark.browser, pytest.mark.stack, pytest.mark.xdist_group("stack")]
# Longer than the test: the worker's message must update the number, not the sweep.
NO_SWEEP = "3600"


@pytest.fixture(scope="module")
def house() -> Iterator[RunningStack]:
    with data_folder() as data:
        running = RunningStack(data, SWEEP_INTERVAL=NO_SWEEP)
        running.wait_until_it_answers()
        yield running
        running.stop()
        if running.process.stdout:
            running.process.stdout.close()


@pytest.fixture(scope="module")
def sign_ins(house: RunningStack) -> dict[str, dict[str, str]]:
    command = [sys.executable, str(BASE_DIR / "manage.py"), "demo_sign_ins", "--json"]
    done = subprocess.run(command, env=environment(house.data), check=True, capture_output=True, text=True)
    return {one["role"]: one for one in json.loads(done.stdout)["sign_ins"]}


def signed_in(browser: Browser, house: RunningStack, who: dict[str, str]) -> tuple[BrowserContext, Page]:
    context = browser.new_context(base_url=house.address, locale="en-GB", viewport={"width": 390, "height": 844})
    page = context.new_page()
    page.goto("/login/")
    page.fill("input[name=username]", who["login"])
    page.fill("input[name=password]", who["password"])
    page.click("form.fields button")
    page.wait_for_url(lambda address: "/login/" not in address)
    return context, page


def standings(context: BrowserContext, address: str) -> dict[str, dict[str, str]]:
    """The rows of a standings CSV by staff number."""
    answer = context.request.get(address)
    assert answer.status == 200
    return {row["staff_no"]: row for row in csv.DictReader(io.StringIO(answer.body().decode("utf-8-sig")))}


def red_tile(page: Page) -> int:
    return int(page.locator(".tiles a.red strong").inner_text())


@pytest.fixture(scope="module")
def after_the_hundredth(house: RunningStack, sign_ins: dict[str, Any], browser: Browser) -> dict[str, Any]:
    """An employee at 99 adds one contact; the manager opens the page before and after."""
    manager, managers_page = signed_in(browser, house, sign_ins["manager"])
    team = f"/team/{sign_ins['manager']['login'].upper()}/"
    managers_page.goto("/team/")
    seen: dict[str, Any] = {"manager": manager, "managers_page": managers_page, "red_before": red_tile(managers_page)}
    seen["team"] = managers_page.url.split("?")[0].rstrip("/") + "/" if "/team/" in managers_page.url else team
    _, page = signed_in(browser, house, sign_ins["employee"])
    seen["before"] = page.locator("#standing").inner_text()
    page.evaluate("window.sameDocument = true")
    page.fill("#quick-add input[name=name]", "Hundredth Person")
    page.fill("#quick-add [name=reach]", "hundredth.person@gmail.com")
    page.click("#quick-add button")
    expect(page.locator("#standing .count strong")).to_have_text("100", timeout=15_000)
    seen["page"] = page
    return seen


def test_at_ninety_nine_the_page_says_red(after_the_hundredth: dict[str, Any]) -> None:
    assert "99" in after_the_hundredth["before"]
    assert "red" in after_the_hundredth["before"].lower()


def test_the_hundredth_contact_turns_the_page_without_a_reload(after_the_hundredth: dict[str, Any]) -> None:
    page = after_the_hundredth["page"]
    assert page.evaluate("window.sameDocument") is True
    expect(page.locator("#standing .badge.red")).to_have_count(0)
    assert "red" not in page.locator("#standing").inner_text().lower().split()


def test_the_managers_page_and_csv_agree_with_it(after_the_hundredth: dict[str, Any], sign_ins: dict[str, Any]) -> None:
    page = after_the_hundredth["managers_page"]
    page.goto("/team/")
    assert red_tile(page) == after_the_hundredth["red_before"] - 1
    rows = standings(after_the_hundredth["manager"], after_the_hundredth["team"] + "standings.csv")
    assert sum(row["red"] == "yes" for row in rows.values()) == red_tile(page)
    employee = next(row for no, row in rows.items() if no.lower() == sign_ins["employee"]["login"])
    assert (employee["counted"], employee["red"], employee["pace"]) == ("100", "no", "done")


def test_another_team_looks_like_one_that_does_not_exist(
    after_the_hundredth: dict[str, Any], house: RunningStack, sign_ins: dict[str, Any], browser: Browser
) -> None:
    hr, _ = signed_in(browser, house, sign_ins["hr"])
    own = standings(after_the_hundredth["manager"], after_the_hundredth["team"] + "standings.csv")
    company = standings(hr, "/company/standings.csv")
    assert len(company) > len(own)
    foreign = next(no for no in company if no not in own and no.lower() != sign_ins["manager"]["login"])
    for address in ("/team/{}/", "/team/{}/standings.csv", "/charts/member/{}.json"):
        answers = [
            after_the_hundredth["manager"].request.get(address.format(who)) for who in (foreign, "no-such-person")
        ]
        assert [answer.status for answer in answers] == [404, 404]
        texts = [a.text().replace(w, "") for a, w in zip(answers, (foreign, "no-such-person"), strict=True)]
        # The form that switches the language has a token, another one in every page.
        texts = [re.sub(r'(name="csrfmiddlewaretoken" value=)"\w{64}"', r"\1", text) for text in texts]
        assert texts[0] == texts[1]


LINES, BAD = 5000, range(7, 5000, 135)


@pytest.fixture(scope="module")
def brought(house: RunningStack, sign_ins: dict[str, Any], browser: Browser) -> dict[str, Any]:
    """An employee uploads 5,000 lines of which 37 are bad, leaves the page while they are recorded, and returns."""
    text = "First Name,Last Name,E-mail Address,Mobile Phone\r\n" + "".join(
        f"Guest,Nr {n},{'not-an-address' if n in BAD else f'brought{n}@outside.example.org'},\r\n" for n in range(LINES)
    )
    context, page = signed_in(browser, house, sign_ins["manager"])
    page.goto("/contacts/")
    page.click("text=Import a CSV or vCard file")
    page.set_input_files("input[type=file]", {"name": "guests.csv", "mimeType": "text/csv", "buffer": text.encode()})
    page.click("form[data-upload] button")
    expect(page.locator("#file-state .tiles")).to_be_visible(timeout=30_000)
    seen: dict[str, Any] = {"context": context, "page": page, "preview": page.locator("main").inner_text()}
    page.click("text=Record 4,963 contacts")
    page.wait_for_url("**/contacts/import/batch/**")
    seen["report"] = page.url
    page.goto("/")
    page.goto("/contacts/import/")
    page.click("td.lead a >> text=guests.csv")
    expect(page.locator("#import-state .tiles")).to_be_visible(timeout=60_000)
    return seen


def test_a_file_is_previewed_before_it_is_recorded(brought: dict[str, Any]) -> None:
    tiles = [line for line in brought["preview"].splitlines() if line.strip()]
    assert len(BAD) == 37
    for number, words in (("4,963", "would be recorded"), ("0", "already recorded"), ("37", "would be rejected")):
        assert tiles[tiles.index(words) - 1] == number


def test_who_left_while_it_was_recorded_finds_the_report(brought: dict[str, Any]) -> None:
    page = brought["page"]
    assert page.url == brought["report"]
    assert [tile.strip() for tile in page.locator(".tiles strong").all_inner_texts()] == ["4,963", "4,963", "0", "37"]
    assert page.locator("#people tbody tr").first.inner_text().startswith("Guest Nr")
    assert page.locator("#rejects tbody tr").count() == 37
    first = page.locator("#rejects tbody tr").first.inner_text()
    assert "9" in first
    assert "not-an-address" in first
    assert "invalid_identity" in first


def test_the_rejected_lines_can_be_downloaded(brought: dict[str, Any]) -> None:
    page = brought["page"]
    with page.expect_download() as download:
        page.click("text=Download rejected lines")
    with download.value.path().open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [int(row["line"]) for row in rows] == [n + 2 for n in BAD]
    assert {row["E-mail Address"] for row in rows} == {"not-an-address"}


def test_the_whole_file_is_taken_back(brought: dict[str, Any]) -> None:
    """Runs last: it ends the contacts of the other tests."""
    page = brought["page"]
    page.click("text=See contacts")
    expect(page.locator("main")).to_contain_text("4,963")
    page.goto(brought["report"])
    page.click("text=Undo this import")
    page.click("#import-state .fold button")
    expect(page.locator(".messages")).to_contain_text("4,963 contacts were ended")
    expect(page.locator("text=Undo this import")).to_have_count(0)
    page.goto("/contacts/?reason=ended")
    expect(page.locator("main")).to_contain_text("brought")
