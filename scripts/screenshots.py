"""Pictures of every page of a demo company: `make screenshots` writes them to var/screenshots.

Starts a house of its own beside a running one, signs in as each role, and takes every page at three widths, light and
dark, in both languages. `--only team --width 390 --scheme dark --language zh` takes fewer.
"""

import argparse
import contextlib
import itertools
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from scripts.bootstrap import ROOT

OUTPUT = ROOT / "var" / "screenshots"
WIDTHS = (390, 768, 1440)
SCHEMES = ("light", "dark")
LANGUAGES = {"en": "en-GB", "zh": "zh-CN"}
DONE = "['drawn', 'failed'].includes(box.dataset.state)"
DRAWN = f"() => [...document.querySelectorAll('[data-chart]')].every((box) => {DONE})"
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"]


def nothing(page: Page) -> None:
    """The page as it comes."""


def bad_form(page: Page) -> None:
    page.fill("#quick-add input[name=name]", "王小明")
    page.fill("#quick-add [name=reach]", "12345")
    page.click("#quick-add button")
    page.wait_for_selector("#quick-add [aria-invalid=true]")


def first_contact(page: Page) -> None:
    page.click("#list td.lead a")
    page.wait_for_selector(".details")


def first_person(page: Page) -> None:
    page.locator("#list tr:not(:has(.leads)) td.lead a").first.click()
    page.wait_for_selector(".hero")


def adjusted_person(page: Page) -> None:
    """The person whom the oldest single adjustment is about."""
    page.locator("#list tr:has(small:has-text('·')) td.lead a").last.click()
    page.click(".details dd a")
    page.wait_for_selector(".terms")


def rule_list(page: Page) -> None:
    """The list of the rule from the opening on."""
    page.click("form.rule button")
    page.wait_for_selector("#people")


def as_of(page: Page) -> None:
    day = page.locator("#as_of").get_attribute("min")
    page.goto(f"{page.url.split('?')[0]}?as_of={day}")


class Shot(NamedTuple):
    """One page: its picture's name, who looks, the address, and what is done before the picture."""

    name: str
    role: str
    address: str
    act: Callable[[Page], None] = nothing


SHOTS = [
    Shot("login", "", "/login/"),
    Shot("set-password", "", "/set-password/x/y/"),
    Shot("me", "employee", "/"),
    Shot("me-manager", "manager", "/"),
    Shot("me-error", "employee", "/", bad_form),
    Shot("contacts", "employee", "/contacts/"),
    Shot("contacts-none", "employee", "/contacts/?q=nobody-at-all"),
    Shot("contact", "employee", "/contacts/", first_contact),
    Shot("review-ask", "employee", "/review/ask/"),
    Shot("reviews", "hr", "/company/reviews/"),
    Shot("team", "manager", "/team/"),
    Shot("team-red", "manager", "/team/?status=red"),
    Shot("team-as-of", "manager", "/team/", as_of),
    Shot("member", "manager", "/team/", first_person),
    Shot("company", "hr", "/company/"),
    Shot("adjustments", "hr", "/company/adjustments/?show=all"),
    Shot("member-adjusted", "hr", "/company/adjustments/?show=in_force", adjusted_person),
    Shot("adjustment-ask", "hr", "/company/adjustments/ask/"),
    Shot("adjustment-decide", "hr", "/company/adjustments/", first_contact),
    Shot("adjustments-by-rule", "hr", "/company/adjustments/by-rule/", rule_list),
    Shot("exports", "hr", "/exports/"),
    Shot("password", "employee", "/password/"),
    Shot("operator", "operator", "/"),
    Shot("not-found", "employee", "/nothing/"),
]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextlib.contextmanager
def house(**more: str) -> Iterator[tuple[str, dict[str, dict[str, str]]]]:
    """A demo company in a folder of its own, `more` in its environment: its address, and the sign-ins by role."""
    folder = Path(tempfile.mkdtemp(prefix="hundred-screenshots-"))
    folder.chmod(0o711)
    places = {"HUNDRED_DATA": str(folder / "house"), "HUNDRED_ENV_FILE": "", "PORT": str(free_port())}
    environment = os.environ | places | more
    with subprocess.Popen(
        [sys.executable, "-m", "config.local"], cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True
    ) as running:
        try:
            address = next((line for line in running.stdout or [] if " answers at " in line), "").partition(" at ")[2]
            if not address:
                raise SystemExit("The house did not start; what it said stands above.")
            command = [sys.executable, str(ROOT / "manage.py"), "demo_sign_ins", "--json"]
            found = json.loads(subprocess.check_output(command, env=environment, cwd=ROOT))["sign_ins"]
            yield address.split()[0].rstrip("/"), {one["role"]: one for one in reversed(found)}
        finally:
            running.terminate()
            running.wait(timeout=30)
    shutil.rmtree(folder, ignore_errors=True)


def sign_in(browser: Browser, address: str, who: dict[str, str] | None) -> dict[str, object]:
    """The cookies of somebody signed in; none for nobody."""
    context = browser.new_context(base_url=address)
    page = context.new_page()
    if who:
        page.goto("/login/")
        page.fill("input[name=username]", who["login"])
        page.fill("input[name=password]", who["password"])
        page.click("form.fields button")
        page.wait_for_url(f"{address}/")
    state: dict[str, object] = context.storage_state()  # type: ignore[assignment]
    context.close()
    return state


def take(context: BrowserContext, shot: Shot, path: Path) -> None:
    """One picture of the whole page, every chart drawn."""
    page = context.new_page()
    page.goto(shot.address)
    shot.act(page)
    page.mouse.move(5, 5)  # charts wait for somebody who is there
    for box in page.locator("[data-chart]").all():
        box.scroll_into_view_if_needed()
    page.wait_for_function(DRAWN, timeout=30_000)
    page.evaluate("scrollTo(0, 0)")
    page.screenshot(path=path, full_page=True)
    page.close()


def take_all(browser: Browser, address: str, sign_ins: dict[str, dict[str, str]], chosen: argparse.Namespace) -> int:
    taken = 0
    states = {role: sign_in(browser, address, sign_ins.get(role)) for role in {shot.role for shot in SHOTS}}
    for width, scheme, language in itertools.product(chosen.width, chosen.scheme, chosen.language):
        for shot in SHOTS:
            if chosen.only and shot.name not in chosen.only:
                continue
            context = browser.new_context(
                base_url=address,
                viewport={"width": width, "height": 844 if width < 600 else 900},
                color_scheme=scheme,
                locale=LANGUAGES[language],
                storage_state=states[shot.role],  # type: ignore[arg-type]
            )
            take(context, shot, OUTPUT / f"{shot.name}-{width}-{scheme}-{language}.png")
            context.close()
            taken += 1
    return taken


def main() -> None:
    reader = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    reader.add_argument("--only", nargs="*", choices=[shot.name for shot in SHOTS])
    reader.add_argument("--width", nargs="*", type=int, default=WIDTHS)
    reader.add_argument("--scheme", nargs="*", choices=SCHEMES, default=SCHEMES)
    reader.add_argument("--language", nargs="*", choices=[*LANGUAGES], default=[*LANGUAGES])
    chosen = reader.parse_args()
    program = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
    if not program:
        raise SystemExit("Pictures need Chromium: apt-get install chromium fonts-noto-cjk, or name it in CHROMIUM")
    OUTPUT.mkdir(parents=True, exist_ok=True)
    with house() as (address, sign_ins), sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=ARGUMENTS)
        taken = take_all(browser, address, sign_ins, chosen)
        browser.close()
    print(f"{taken} pictures in {OUTPUT.relative_to(ROOT)}")


if __name__ == "__main__":
    main()
