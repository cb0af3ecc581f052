"""Takes one screenshot of one page as one user."""

import os
import shutil

from playwright.sync_api import BrowserContext, Page, StorageState

from scripts.bootstrap import ROOT
from scripts.screenshots.servers import Server
from tests.pages.shots import Shot

LANGUAGES = {"en": "en-GB", "zh": "zh-CN"}
OUTPUT = ROOT / "var" / "screenshots"
DONE = "['drawn', 'failed'].includes(box.dataset.state)"
DRAWN = f"() => [...document.querySelectorAll('[data-chart]')].every((box) => {DONE})"
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"]


def program() -> str:
    """The path of Chromium."""
    path = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
    if not path:
        raise SystemExit("Pictures need Chromium: apt-get install chromium fonts-noto-cjk, or name it in CHROMIUM")
    return path


def sign_in(context: BrowserContext, server: Server, reader: str) -> StorageState:
    """The cookies of this context after its user has signed in; none without a user."""
    if reader:
        page = context.new_page()
        login, password = server.sign_ins[reader]
        page.goto(f"{server.address}/login/")
        page.fill("input[name=username]", login)
        page.fill("input[name=password]", password)
        page.click("form.fields button")
        page.wait_for_url(lambda address: "/login/" not in address)  # the first page depends on the role
        page.close()
    return context.storage_state()


def take(context: BrowserContext, shot: Shot, server: Server, name: str) -> None:
    """Take a screenshot of the whole page."""
    page = opened(context, shot, server)
    page.screenshot(path=OUTPUT / name, full_page=True)
    page.close()


def opened(context: BrowserContext, shot: Shot, server: Server) -> Page:
    """The page after its action, at its top, with every chart drawn."""
    page = context.new_page()
    page.goto(shot.address.format(**server.filled))
    shot.act(page)
    page.mouse.move(5, 5)  # charts load when the pointer moves
    for box in page.locator("[data-chart]").all():
        box.scroll_into_view_if_needed()
    page.wait_for_function(DRAWN, timeout=30_000)
    page.evaluate("scrollTo(0, 0)")
    return page
