"""Screenshots of every page, with an index page: `make screenshots` writes both to var/screenshots.

It shows every page in every state of a test company (tests/pages) and of the demo company, including HR's month. Each
company has its own server. Widths: three; light and dark; both languages. `--only me-red demo-team --width 390 --scheme
dark --language zh` takes fewer and keeps the others.
"""

import argparse
import contextlib
import itertools
import sys

from playwright.sync_api import Browser, Error, sync_playwright

from scripts.bootstrap import ROOT
from scripts.screenshots import demo, handbook, index, servers
from scripts.screenshots.servers import Server
from scripts.screenshots.taking import ARGUMENTS, LANGUAGES, OUTPUT, program, sign_in, take
from tests.pages.shots import NOBODY_YET, SHOTS, Shot

WIDTHS = (390, 768, 1440)
SCHEMES = ("light", "dark")
IN_DEMO = [*demo.SHOTS, *handbook.SHOTS]
NAMES = [shot.name for shot in (*IN_DEMO, *NOBODY_YET, *SHOTS)]


def take_all(browser: Browser, server: Server, shots: list[Shot], chosen: argparse.Namespace) -> int:
    count = 0
    states = {}
    for reader in {shot.reader for shot in shots}:
        with contextlib.closing(browser.new_context()) as context:
            states[reader] = sign_in(context, server, reader)
    for width, scheme, language in itertools.product(chosen.width, chosen.scheme, chosen.language):
        for shot in shots:
            context = browser.new_context(
                base_url=server.address,
                viewport={"width": width, "height": 844 if width < 600 else 900},
                color_scheme=scheme,
                locale=LANGUAGES[language],
                storage_state=states[shot.reader],
            )
            with contextlib.closing(context):
                try:
                    take(context, shot, server, f"{shot.name}-{width}-{scheme}-{language}.png")
                    count += 1
                except Error as late:
                    # A page that does not load as expected loses only its own screenshot.
                    print(f"no picture of {shot.name} at {width} px: {late.message.splitlines()[0]}", file=sys.stderr)
    return count


def selected(shots: list[Shot], chosen: argparse.Namespace) -> list[Shot]:
    return [shot for shot in shots if not chosen.only or shot.name in chosen.only]


def main() -> None:
    reader = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    reader.add_argument("--only", nargs="*", choices=NAMES, metavar="NAME", help=f"these alone: {', '.join(NAMES)}")
    reader.add_argument("--width", nargs="*", type=int, default=WIDTHS)
    reader.add_argument("--scheme", nargs="*", choices=SCHEMES, default=SCHEMES)
    reader.add_argument("--language", nargs="*", choices=[*LANGUAGES], default=[*LANGUAGES])
    chosen = reader.parse_args()
    OUTPUT.mkdir(parents=True, exist_ok=True)
    count = 0
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program(), args=ARGUMENTS)
        # The demo first: the other company changes the environment of this process.
        if shots := selected(IN_DEMO, chosen):
            with servers.demo() as server:
                count += take_all(browser, server, shots, chosen)
        if selected([*NOBODY_YET, *SHOTS], chosen):
            with servers.company() as (server, fill):
                count += take_all(browser, server, selected(NOBODY_YET, chosen), chosen)
                if shots := selected(SHOTS, chosen):
                    count += take_all(browser, server._replace(filled=fill()), shots, chosen)
        browser.close()
    page = index.write(OUTPUT)
    print(f"{count} screenshots in {OUTPUT.relative_to(ROOT)}; open {page.relative_to(ROOT)}")


if __name__ == "__main__":
    main()
