"""Records the pages and templates served during a crawl, and lists the missing ones."""

import csv
import gzip
import re
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from django.contrib.staticfiles.handlers import StaticFilesHandler
from django.http import HttpResponse
from django.test.signals import template_rendered
from django.urls import Resolver404, resolve

from apps.localstack.paths import BASE_DIR

TEMPLATES = BASE_DIR / "templates"
# Addresses of files, data and API requests, which are no pages, and of Django's admin, whose pages are Django's own.
NO_PAGES = re.compile(
    r"\.(csv|vcf|json|sig|pem|png|py|xlsx|zip)$|/file/$|^/(admin/|health/|people/|metrics$)"
    r"|^/api/v1/(?!docs/)"
)
# Sample values for the parameters of an address.
STANDING_FOR = ("1", "00000000-0000-4000-8000-000000000000", "A001")


class Seen:
    """Pages and fragments by content, their views, and their templates."""

    def __init__(self) -> None:
        self.answers: dict[str, str] = {}
        self.views: set[str] = set()
        self.templates: set[str] = set()
        self.lock = threading.Lock()

    def note(self, path: str, response: HttpResponse) -> None:
        with self.lock:
            self.views.add(view_of(path))
            if response.headers.get("Content-Type", "").startswith("text/html") and response.content:
                packed = response.headers.get("Content-Encoding") == "gzip"
                html = (gzip.decompress(response.content) if packed else response.content).decode()
                self.answers[f"{path} {response.status_code} #{len(self.answers)}"] = html

    def handler(self) -> type[StaticFilesHandler]:
        """A server's handler that records every response except static files."""
        note = self.note

        class Noting(StaticFilesHandler):
            def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
                answer = super().__call__(environ, start_response)
                if isinstance(answer, HttpResponse) and not environ["PATH_INFO"].startswith("/static/"):
                    note(environ["PATH_INFO"].encode("latin-1").decode(), answer)
                return answer

        return Noting

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Record the templates that this process renders meanwhile."""

        def rendered(template: Any, **_: Any) -> None:
            self.templates.add(str(template.name))

        template_rendered.connect(rendered)  # lasts as long as this function
        try:
            yield
        finally:
            template_rendered.disconnect(rendered)

    def missing(self) -> list[str]:
        """Addresses and templates of pages that were not served."""
        return sorted(pages() - self.views) + sorted(templates() - self.templates)


def view_of(path: str) -> str:
    """The name of the view behind an address, in which braces may stand for an id; none: the empty name."""
    for one in STANDING_FOR:
        try:
            return resolve(re.sub(r"{.*?}", one, path)).view_name
        except Resolver404:
            continue
    return ""


def pages() -> set[str]:
    """The views that return a page or a fragment."""
    with (BASE_DIR / "tests" / "authorisation.csv").open(encoding="utf-8", newline="") as lines:
        rows = [row for row in csv.DictReader(lines) if row["method"] == "GET" and not NO_PAGES.search(row["address"])]
    answered = {row["address"] for row in rows if {"200", "286"} & set(row.values())}
    return {view_of(address.partition("?")[0]) for address in answered}


def templates() -> set[str]:
    """Those of pages: a mail, whose templates are in notifications/, is none."""
    names = {str(path.relative_to(TEMPLATES)) for path in TEMPLATES.rglob("*.html")}
    return {name for name in names if not name.startswith("notifications/")}
