"""`/handbook/`: HR's handbook and the documents it leads to, from docs/, without another host. For HR alone."""

import re
from functools import cache
from pathlib import Path
from typing import Any

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.safestring import SafeString
from django.views.decorators.http import require_safe

from apps.dashboard.views.company.company import hr_scope
from apps.dashboard.views.page_context import render

FIRST = "hr-handbook"
# Every document here in the order of the list beside the text; links to others become plain text.
PAGES = {
    FIRST: "HR's handbook",
    "loading-the-roster": "Load the roster",
    "counting-rules": "How it counts",
    "exports": "Files",
    "roles": "Roles",
    "privacy": "Personal data",
    "glossary": "Glossary",
}


@require_safe
def index(request: HttpRequest) -> HttpResponse:
    return page(request, FIRST)


@require_safe
def page(request: HttpRequest, name: str) -> HttpResponse:
    scope = hr_scope(request)
    if name not in PAGES:
        raise Http404("There is no such document")
    context = {
        "text": _as_html(name),
        "title": PAGES[name],
        "pages": [(title, scope.url("handbook-page", slug), slug == name) for slug, title in PAGES.items()],
    }
    return render(scope, "company/handbook.html", context)


@require_safe
def picture(request: HttpRequest, name: str) -> HttpResponse:
    hr_scope(request)
    path = settings.BASE_DIR / "docs" / f"{name}.png"
    if not path.is_file():
        raise Http404("There is no such picture")
    return HttpResponse(path.read_bytes(), content_type="image/png")


@cache
def _as_html(name: str) -> SafeString:
    # Here, so that only the handbook pays for the import.
    from markdown_it import MarkdownIt

    parser = MarkdownIt("commonmark", {"html": True}).enable("table")
    # HTML in a document is layout for the repository's own pages.
    parser.add_render_rule("html_block", lambda *_arguments: "")
    parser.add_render_rule("html_inline", lambda *_arguments: "")
    tokens = parser.parse(_source(name).read_text(encoding="utf-8"))
    for opening, inline, closing in zip(tokens, tokens[1:], tokens[2:], strict=False):
        if opening.type == "heading_open":
            opening.attrSet("id", _anchor(inline.content))
        if opening.type == "th_open" and not inline.content:
            # A screen reader announces a header without text.
            opening.tag = closing.tag = "td"
        _rewrite(inline.children or [])
    # The documents belong to the program: their HTML is as trusted as a template's.
    return SafeString(parser.renderer.render(tokens, parser.options, {}))  # nosec B703 # see above


def _source(name: str) -> Path:
    path: Path = settings.BASE_DIR / "docs" / f"{name}.md"
    return path


def _anchor(heading: str) -> str:
    """The anchor by which other documents name a heading."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def _rewrite(tokens: list[Any]) -> None:
    """Point links and pictures to this application; a link to anything else becomes plain text."""
    open_links: list[bool] = []
    for token in tokens:
        if token.type == "image":
            token.attrSet("src", reverse("handbook-picture", args=[Path(token.attrGet("src")).stem]))
            token.attrSet("loading", "lazy")
        elif token.type == "link_open":
            address = _address(token.attrGet("href"))
            open_links.append(bool(address))
            token.attrSet("href", address)
            token.hidden = not address
        elif token.type == "link_close":
            token.hidden = not open_links.pop()


def _address(href: str) -> str:
    path, _mark, anchor = href.partition("#")
    name = path.removesuffix(".md")
    if path and name not in PAGES:
        return ""
    return (reverse("handbook-page", args=[name]) if path else "") + (f"#{anchor}" if anchor else "")
