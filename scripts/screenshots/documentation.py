"""The pictures of the documentation, from a new demo company per language: `make pictures` writes docs/ and docs/zh/.

The steps of the handbook are taken in their order, each on the data of the one before. `--language zh` takes one
language; `--only handbook-roster` takes those alone, which is enough for a page that needs no step before it.
"""

import argparse
import contextlib
from typing import NamedTuple

from playwright.sync_api import Browser, Page, sync_playwright

from scripts.bootstrap import ROOT
from scripts.screenshots import demo, handbook, servers
from scripts.screenshots.palette import reduced
from scripts.screenshots.servers import Server
from scripts.screenshots.taking import ARGUMENTS, LANGUAGES, opened, program, sign_in
from tests.pages.shots import Shot

FOLDERS = {"en": ROOT / "docs", "zh": ROOT / "docs" / "zh"}
# The lower edge of the last row, card or field that is whole above the greatest height.
LOWER_EDGE = """(height) => {
  const parts = document.querySelectorAll("main > *, main .card, main tr, main li, main .field, main .actions");
  const edges = [...parts].map((part) => part.getBoundingClientRect().bottom).filter((edge) => edge <= height - 8);
  return Math.ceil(Math.max(...edges)) + 8;
}"""


class Picture(NamedTuple):
    """A shot and its file's name; a phone's picture is the screen, another ends below a whole part.

    The languages are those whose documents show it.
    """

    shot: Shot
    name: str
    width: int = 1024
    height: int = 1000
    languages: tuple[str, ...] = ("en", "zh")

    @property
    def of_phone(self) -> bool:
        return self.width < 600


IN_DEMO = {shot.name: shot for shot in demo.SHOTS}
PICTURES = [
    Picture(IN_DEMO["demo-me"], "screenshot-me", 390, 844),
    Picture(IN_DEMO["demo-import"], "screenshot-import", 390, 844),
    Picture(IN_DEMO["demo-team"], "screenshot-team", 1200, 1000, languages=("en",)),
    Picture(IN_DEMO["demo-company"], "screenshot-company", 1200, 1000),
    *(Picture(shot, shot.name) for shot in handbook.SHOTS),
]
# A step whose result the next picture shows.
UNSEEN = {"handbook-question"}


def take_all(browser: Browser, server: Server, language: str, names: list[str]) -> None:
    for picture in PICTURES:
        if language not in picture.languages or (names and picture.name not in names):
            continue
        context = browser.new_context(
            base_url=server.address,
            viewport={"width": picture.width, "height": picture.height},
            color_scheme="light",
            locale=LANGUAGES[language],
        )
        with contextlib.closing(context):
            sign_in(context, server, picture.shot.reader)
            page = opened(context, picture.shot, server)
            if picture.name not in UNSEEN:
                (FOLDERS[language] / f"{picture.name}.png").write_bytes(reduced(cut(page, picture)))
                print(f"{picture.name} in {language}", flush=True)


def cut(page: Page, picture: Picture) -> bytes:
    if picture.of_phone:
        return page.screenshot()
    height = page.evaluate(LOWER_EDGE, picture.height)
    return page.screenshot(full_page=True, clip={"x": 0, "y": 0, "width": picture.width, "height": height})


def main() -> None:
    reader = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    reader.add_argument("--only", nargs="*", default=[], choices=[picture.name for picture in PICTURES], metavar="NAME")
    reader.add_argument("--language", nargs="*", choices=[*LANGUAGES], default=[*LANGUAGES])
    chosen = reader.parse_args()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program(), args=ARGUMENTS)
        for language in chosen.language:
            with servers.demo() as server:
                take_all(browser, server, language, chosen.only)
        browser.close()


if __name__ == "__main__":
    main()
