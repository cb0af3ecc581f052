"""A test client that checks every page: no inline scripts or styles, no leak, no caching, one heading."""

import csv
import io
import re
import threading
from collections.abc import Callable
from functools import wraps
from html.parser import HTMLParser
from typing import Any

from django.http import HttpResponse
from django.test import Client

from apps.fileio import csv_reader, encodings, xlsx_reader
from apps.fileio.vcards import reader as cards

# The functions that every reading of an uploaded file passes through.
PARSERS = (
    (csv_reader.Table, "__init__"), (xlsx_reader.Workbook, "__init__"), (cards, "lines_of"),
    (encodings, "refuse_binary"),
)  # fmt: skip
LEAKED = re.compile(r"\{%|\{\{|%\([a-z_]+\)s")
VOID = {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"}


class Page(HTMLParser):
    """A page as a browser parses it, as far as the rules below need it."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.problems: list[str] = []
        self.ids: set[str] = set()
        self.links: list[str] = []
        self.text: list[str] = []
        self._open: list[str] = []
        self.headings = 0
        self.feed(html)
        if self._open:
            self.problems.append(f"never closed: {self._open}")

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        values = dict(attributes)
        if tag == "style" or (tag == "script" and not values.get("src")):
            self.problems.append(f"inline <{tag}>")
        self.problems += [f"{name} on <{tag}>" for name in values if name == "style" or name.startswith("on")]
        # Browsers pass these over, a check of the HTML does not; htmx takes them by the other name too.
        self.problems += [f"{name} on <{tag}>: data-{name}" for name in values if name.startswith("hx-")]
        if (values.get("href") or "").startswith("javascript:"):
            self.problems.append("a link that runs a script")
        if (name := values.get("id")) is not None:
            if name in self.ids:
                self.problems.append(f"id {name} twice")
            self.ids.add(name)
        if tag == "a" and values.get("href"):
            self.links.append(values["href"] or "")
        self.headings += tag == "h1"
        if tag not in VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attributes)
        if tag not in VOID:
            self.handle_endtag(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag in VOID:
            return
        if not self._open or self._open.pop() != tag:
            self.problems.append(f"</{tag}> closes nothing")

    def handle_data(self, data: str) -> None:
        if self._open and self._open[-1] not in ("script", "style"):
            self.text.append(data)

    @property
    def words(self) -> str:
        """The page's text, spaces made single."""
        return " ".join(" ".join(self.text).split())


# An erasure searches every stored file.
MAY_READ_FILES = "/company/erasures/"
_asking = threading.local()


def _refused_in_a_request(parser: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(parser)
    def guarded(*given: Any, **more: Any) -> Any:
        assert not getattr(_asking, "path", ""), f"{_asking.path} reads a file: a worker does"
        return parser(*given, **more)

    return guarded


for _owner, _name in PARSERS:
    setattr(_owner, _name, _refused_in_a_request(getattr(_owner, _name)))


class StrictClient(Client):
    """Django's client; every HTML response must follow these rules, and no page may read an uploaded file."""

    def request(self, **request: Any) -> Any:
        path = request["PATH_INFO"]
        _asking.path = "" if path.startswith(MAY_READ_FILES) else path
        try:
            response = super().request(**request)
        finally:
            _asking.path = ""
        if not response.streaming and response.content and response["Content-Type"].startswith("text/html"):
            _check(response)
        return response


def _check(response: HttpResponse) -> None:
    html = response.content.decode()
    page = Page(html)
    problems = page.problems + [f"leaked: {leak}" for leak in LEAKED.findall(html)]
    if html.lstrip().startswith("<!doctype") and page.headings != 1:
        problems.append(f"{page.headings} first headings")
    if "no-store" not in response.headers.get("Cache-Control", ""):
        problems.append("may be kept by a browser")
    assert not problems, problems


def words(response: Any) -> str:
    """The text of a page."""
    return Page(response.content.decode()).words


def links(response: Any) -> list[str]:
    return Page(response.content.decode()).links


def rows(response: Any) -> list[dict[str, str]]:
    """The lines of a CSV that was answered, by the names of its columns."""
    text = b"".join(response.streaming_content).decode("utf-8-sig")
    return list(csv.DictReader(io.StringIO(text, newline="")))
