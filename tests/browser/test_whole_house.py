"""The running house with its real broker and worker, through a browser: what the hundredth contact changes, and where.

When this fails, somebody who has brought a hundred people is still told to be red, or somebody sees another's team.
"""

import csv
import io
import json
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from config.places import BASE_DIR
from tests.config.house import House, data_folder, environment

pytestmark = [pytest.mark.browser, pytest.mark.stack, pytest.mark.xdist_group("stack")]
# Longer than the test: the number must follow by the doorbell, not by the sweep.
NO_SWEEP = "3600"


@pytest.fixture(scope="module")
def house() -> Iterator[House]:
    with data_folder() as data:
        running = House(data, SWEEP_INTERVAL=NO_SWEEP)
        running.wait_until_it_answers()
        yield running
        running.stop()
        if running.process.stdout:
            running.process.stdout.close()


@pytest.fixture(scope="module")
def sign_ins(house: House) -> dict[str, dict[str, str]]:
    command = [sys.executable, str(BASE_DIR / "manage.py"), "demo_sign_ins", "--json"]
    done = subprocess.run(command, env=environment(house.data), check=True, capture_output=True, text=True)
    return {one["role"]: one for one in json.loads(done.stdout)["sign_ins"]}


def signed_in(browser: Browser, house: House, who: dict[str, str]) -> tuple[BrowserContext, Page]:
    context = browser.new_context(base_url=house.address, locale="en-GB", viewport={"width": 390, "height": 844})
    page = context.new_page()
    page.goto("/login/")
    page.fill("input[name=username]", who["login"])
    page.fill("input[name=password]", who["password"])
    page.click("form.fields button")
    page.wait_for_url(house.address.rstrip("/") + "/")
    return context, page


def standings(context: BrowserContext, address: str) -> dict[str, dict[str, str]]:
    """The rows of a standings CSV by staff number."""
    answer = context.request.get(address)
    assert answer.status == 200
    return {row["staff_no"]: row for row in csv.DictReader(io.StringIO(answer.body().decode("utf-8-sig")))}


def red_tile(page: Page) -> int:
    return int(page.locator(".tiles a.red strong").inner_text())


@pytest.fixture(scope="module")
def after_the_hundredth(house: House, sign_ins: dict[str, Any], browser: Browser) -> dict[str, Any]:
    """An employee at 99 adds one contact while the manager has looked before and looks again after."""
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
    after_the_hundredth: dict[str, Any], house: House, sign_ins: dict[str, Any], browser: Browser
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
        assert texts[0] == texts[1]
