"""Pictures of every page, with a page to click through them: `make screenshots` writes both to var/screenshots.

Every page in every state of a company made for looking (tests/pages), and of the demo company, HR's month in it
included, each in a house of its own beside a running one: at three widths, light and dark, in both languages. `--only
me-red demo-team --width 390 --scheme dark --language zh` takes fewer; what is not taken again stays.
"""

import argparse
import contextlib
import itertools
import os
import shutil
import sys

from playwright.sync_api import Browser, Error, sync_playwright

from scripts.bootstrap import ROOT
from scripts.screenshots import demo, handbook, houses, index
from scripts.screenshots.houses import House
from scripts.screenshots.taking import ARGUMENTS, OUTPUT, sign_in, take
from tests.pages.shots import NOBODY_YET, SHOTS, Shot

WIDTHS = (390, 768, 1440)
SCHEMES = ("light", "dark")
LANGUAGES = {"en": "en-GB", "zh": "zh-CN"}
IN_DEMO = [*demo.SHOTS, *handbook.SHOTS]
NAMES = [shot.name for shot in (*IN_DEMO, *NOBODY_YET, *SHOTS)]


def take_all(browser: Browser, house: House, shots: list[Shot], chosen: argparse.Namespace) -> int:
    taken = 0
    states = {}
    for reader in {shot.reader for shot in shots}:
        with contextlib.closing(browser.new_context()) as context:
            states[reader] = sign_in(context, house, reader)
    for width, scheme, language in itertools.product(chosen.width, chosen.scheme, chosen.language):
        for shot in shots:
            context = browser.new_context(
                base_url=house.address,
                viewport={"width": width, "height": 844 if width < 600 else 900},
                color_scheme=scheme,
                locale=LANGUAGES[language],
                storage_state=states[shot.reader],
            )
            with contextlib.closing(context):
                try:
                    take(context, shot, house, f"{shot.name}-{width}-{scheme}-{language}.png")
                    taken += 1
                except Error as late:
                    # One page that does not come to what is waited for costs its own picture alone.
                    print(f"no picture of {shot.name} at {width} px: {late.message.splitlines()[0]}", file=sys.stderr)
    return taken


def wanted(shots: list[Shot], chosen: argparse.Namespace) -> list[Shot]:
    return [shot for shot in shots if not chosen.only or shot.name in chosen.only]


def main() -> None:
    reader = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    reader.add_argument("--only", nargs="*", choices=NAMES, metavar="NAME", help=f"these alone: {', '.join(NAMES)}")
    reader.add_argument("--width", nargs="*", type=int, default=WIDTHS)
    reader.add_argument("--scheme", nargs="*", choices=SCHEMES, default=SCHEMES)
    reader.add_argument("--language", nargs="*", choices=[*LANGUAGES], default=[*LANGUAGES])
    chosen = reader.parse_args()
    program = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
    if not program:
        raise SystemExit("Pictures need Chromium: apt-get install chromium fonts-noto-cjk, or name it in CHROMIUM")
    OUTPUT.mkdir(parents=True, exist_ok=True)
    taken = 0
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=ARGUMENTS)
        # The demo first: the other one gives this process an environment of its own.
        if shots := wanted(IN_DEMO, chosen):
            with houses.demo() as house:
                taken += take_all(browser, house, shots, chosen)
        if wanted([*NOBODY_YET, *SHOTS], chosen):
            with houses.company() as (house, fill):
                taken += take_all(browser, house, wanted(NOBODY_YET, chosen), chosen)
                if shots := wanted(SHOTS, chosen):
                    taken += take_all(browser, house._replace(filled=fill()), shots, chosen)
        browser.close()
    page = index.write(OUTPUT)
    print(f"{taken} pictures in {OUTPUT.relative_to(ROOT)}; look at {page.relative_to(ROOT)}")


if __name__ == "__main__":
    main()
