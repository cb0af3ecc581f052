"""`make crawl`: every screenshot page, in every state, both themes and languages, narrow.

A page is loaded once per language. Only two rules of axe depend on colours, so only those run in the other theme. Some
seconds per page are too many for `make test`, which checks a sample (test_pages.py).
"""

import re
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import pytest
from playwright.sync_api import Browser, BrowserContext, Error

from tests import plugin
from tests.browser.conftest import WATCH, Looked
from tests.pages import company, markup, serving, states
from tests.pages.acts import nothing
from tests.pages.seen import Seen
from tests.pages.shots import NOBODY_YET, SHOTS, Shot

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("every page")]
COLOURS = ("color-contrast", "link-in-text-block")
# A small desk's half, a phone, and a phone's page at 200 %; then the phone as it is, where the language is switched.
WIDTHS = (720, 320, 195, 390)
FITS = "() => document.documentElement.scrollWidth <= document.documentElement.clientWidth"
# The innermost of what reaches past the page's right edge, but for what scrolls in a box of its own.
STICKS_OUT = """() => {
  const edge = document.documentElement.clientWidth + 0.5;
  const boxed = (one) => one && (getComputedStyle(one).overflowX !== "visible" || boxed(one.parentElement));
  const reaches = (one) => one.getBoundingClientRect().left + Math.max(one.offsetWidth, one.scrollWidth) > edge;
  const out = [...document.body.querySelectorAll("*")]
    .filter((one) => one.checkVisibility() && reaches(one) && !boxed(one.parentElement));
  return out.filter((one) => !out.some((other) => other !== one && one.contains(other)))
    .slice(0, 4).map((one) => one.cloneNode().outerHTML.slice(0, 120)).join(" ");
}"""
# What the browser says when an answer says no; of whatever is no page, that is news.
REFUSED = re.compile(r"error: Failed to load resource: .* status of (4\d\d|50[03])")
NO_PAGE = re.compile(r"/(static|charts)/")
TEXTS = """() => {
  // Names of time zones are IANA's, in every language.
  const foreign = "script, style, code, pre, datalist, .secret, [name=time_zone], [lang=en]", texts = [document.title];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const { parentElement, data } = walker.currentNode;
    if (!parentElement.closest(foreign)) texts.push(data);
  }
  for (const name of ["aria-label", "title", "placeholder", "alt"]) {
    const named = [...document.querySelectorAll(`[${name}]`)].filter((one) => !one.closest(foreign));
    texts.push(...named.map((one) => one.getAttribute(name)));
  }
  return texts.filter((text) => text.trim());
}"""
# Typed values and program output: addresses, numbers and logins, file names, and one very long name.
TYPED = re.compile(
    r"\S+@\S+|\b[a-z]+_[a-z]+\b|\b[\w-]+(\.[a-z]+)+(/\w+)*\b|https?:\S+|\b\w*\d\w*\b|\w{40,}|\b(operator|test)\b"
)
# Chinese pages call these so too: the product, other products, forms of files, and signs.
NAMES = {
    "Hundred", "Android", "Excel", "Google", "Lark", "LibreOffice", "Outlook", "Python", "QQ", "Slack", "Teams",
    "Thunderbird", "WPS", "iPad", "iPhone", "API", "CSRF", "CSV", "HTTP", "IANA", "ISO", "JSON", "OpenAPI", "RFC",
    "HMAC", "JavaScript", "SHA", "URL", "UTC", "UTF", "XLS", "YAML", "vCard", "HR", "KB", "MB", "TLS", "XLSX", "gzip",
    # Columns, as they have to be called.
    "email", "handle", "name", "phone",
    # A language to choose, by its own name.
    "English",
    # What this browser calls itself.
    "HeadlessChrome", "Linux",
    # Encodings of old files.
    "GB", "JIS", "Shift",
    # Of the header Content-Length, on the page of the API.
    "Length",
}  # fmt: skip


class House(NamedTuple):
    """A server with the roster alone, and a record of its responses."""

    address: str
    clock: Any
    seen: Seen
    browser: Browser
    readers: dict[str, Looked]


@pytest.fixture(scope="module")
def house(browser: Browser, django_db_setup: None, django_db_blocker: Any) -> Iterator[House]:
    seen = Seen()
    readers: dict[str, Looked] = {}
    with django_db_blocker.unblock():
        with seen.watching(), serving.served(seen.handler()) as (address, clock):
            yield House(address, clock, seen, browser, readers)
            for looked in readers.values():
                looked.page.context.close()
        plugin.empty_database()


@pytest.fixture(scope="module")
def filled(house: House) -> dict[str, object]:
    return states.fill(house.clock)


def watched(context: BrowserContext) -> Looked:
    """A page of this context that reports all console messages."""
    context.add_init_script(WATCH)
    looked = Looked(context.new_page())
    looked.page.on("pageerror", lambda error: looked.errors.append(str(error)))
    looked.page.on("console", lambda said: looked.errors.append(f"{said.type}: {said.text} {said.location['url']}"))
    return looked


def looking(house: House, reader: str) -> Looked:
    """The browser of that reader, signed in; it keeps its cache for the next page."""
    if reader not in house.readers:
        context = house.browser.new_context(base_url=house.address, locale="en-GB", reduced_motion="reduce")
        looked = house.readers[reader] = watched(context)
        if reader:
            looked.sign_in(company.READERS.get(reader, company.OPERATOR))
    return house.readers[reader]


def come(looked: Looked, shot: Shot, address: str) -> None:
    looked.goto(address)
    shot.act(looked.page)
    looked.draw()


def strayed(looked: Looked, *rules: str, widths: tuple[int, ...]) -> list[str]:
    """The errors of a page as loaded, and at these widths; then axe checks `rules` alone."""
    found = [one for one in looked.problems() if not REFUSED.match(one) or NO_PAGE.search(one)]
    found += looked.findings(*rules)
    for width in widths:
        looked.page.set_viewport_size({"width": width, "height": 900})
        try:
            looked.page.wait_for_function(FITS, timeout=2_000)
        except Error:
            found.append(f"scrolls sideways at {width} px: {looked.page.evaluate(STICKS_OUT)}")
    return found + looked.problems()


def words(texts: Iterable[str]) -> set[str]:
    return {word for text in texts for word in re.findall(r"[A-Za-z]{2,}", text)}


def left_in_english(looked: Looked) -> set[str]:
    """English words on a Chinese page, except names that the page itself marks as code."""
    codes = words(looked.page.locator("code, pre").all_text_contents())
    return words(TYPED.sub(" ", text) for text in looked.page.evaluate(TEXTS)) - codes - NAMES


def look(house: House, shot: Shot, filled: dict[str, object]) -> None:
    looked = looking(house, shot.reader)
    page, address = looked.page, shot.address.format(**filled)
    page.context.clear_cookies(name="django_language")
    page.set_viewport_size({"width": 1440, "height": 900})
    page.emulate_media(color_scheme="light")
    come(looked, shot, address)
    assert page.locator("html[lang=en]").count() == 1
    found = strayed(looked, widths=WIDTHS)
    before = page.url
    page.emulate_media(color_scheme="dark")
    page.click("button[name=language][value=zh-hans]")
    page.wait_for_selector("html[lang=zh-hans]")
    if shot.act is nothing:
        assert page.url == before
        looked.draw()
    else:
        come(looked, shot, address)
    found += [f"Chinese: {one}" for one in strayed(looked, *COLOURS, widths=WIDTHS[:2])]
    # The glossary gives the English term of each Chinese one.
    if shot.name != "handbook-glossary":
        found += [f"left in English: {word}" for word in left_in_english(looked)]
    assert not found, "\n".join(found)


@pytest.mark.parametrize("shot", NOBODY_YET, ids=lambda shot: shot.name)
def test_before_there_is_a_campaign(house: House, shot: Shot) -> None:
    look(house, shot, {})


@pytest.mark.parametrize("shot", SHOTS, ids=lambda shot: shot.name)
def test_every_page_in_every_state(house: House, filled: dict[str, object], shot: Shot) -> None:
    look(house, shot, filled)


def test_all_that_was_served_is_valid_html(house: House) -> None:
    problems = markup.problems(house.seen.answers)
    assert not problems, "\n".join(problems)


def test_every_address_and_every_template_has_a_picture(house: House) -> None:
    """A new page needs its shots in tests/pages/shots.py: then it gets screenshots, and is checked here."""
    missing = house.seen.missing()
    assert not missing, "\n".join(missing)
