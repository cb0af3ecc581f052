"""One picture of one page, as one reader has it."""

from playwright.sync_api import BrowserContext, StorageState

from scripts.bootstrap import ROOT
from scripts.screenshots.houses import House
from tests.pages.shots import Shot

OUTPUT = ROOT / "var" / "screenshots"
DONE = "['drawn', 'failed'].includes(box.dataset.state)"
DRAWN = f"() => [...document.querySelectorAll('[data-chart]')].every((box) => {DONE})"
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"]


def sign_in(context: BrowserContext, house: House, reader: str) -> StorageState:
    """The cookies of this context once its reader has signed in; none for nobody."""
    if reader:
        page = context.new_page()
        login, password = house.sign_ins[reader]
        page.goto(f"{house.address}/login/")
        page.fill("input[name=username]", login)
        page.fill("input[name=password]", password)
        page.click("form.fields button")
        page.wait_for_url(f"{house.address}/")
        page.close()
    return context.storage_state()


def take(context: BrowserContext, shot: Shot, house: House, name: str) -> None:
    """One picture of the whole page, every chart drawn."""
    page = context.new_page()
    page.goto(shot.address.format(**house.filled))
    shot.act(page)
    page.mouse.move(5, 5)  # charts wait for somebody who is there
    for box in page.locator("[data-chart]").all():
        box.scroll_into_view_if_needed()
    page.wait_for_function(DRAWN, timeout=30_000)
    page.evaluate("scrollTo(0, 0)")
    page.screenshot(path=OUTPUT / name, full_page=True)
    page.close()
