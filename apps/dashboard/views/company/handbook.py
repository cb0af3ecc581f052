"""`/handbook/`: HR's handbook and the documents it leads to, from docs/, without another host. For HR alone."""

import re
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path, PurePosixPath
from struct import unpack
from typing import Any

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.safestring import SafeString
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_safe

from apps.dashboard.views.company.company import hr_scope
from apps.dashboard.views.page_context import PageContext, render

FIRST = "hr-handbook"
# Every document here in the order of the list beside the text; links to others become plain text.
PAGES: dict[str, Any] = {
    FIRST: _("HR's handbook"),
    "loading-the-roster": _("Load the roster"),
    "counting-rules": _("How it counts"),
    "exports": _("Files"),
    "roles": _("Roles"),
    "privacy": _("Personal data"),
    "glossary": _("Glossary"),
}
# A translated document is in docs/zh/, with its own pictures where the pages' text matters.
FOLDERS = {"en": "", "zh-hans": "zh"}
HEADINGS = {"h2": 2, "h3": 3}


@dataclass
class Section:
    """A heading in the list of contents, with the headings below it."""

    anchor: str
    text: str
    sections: list["Section"] = field(default_factory=list)


@dataclass(frozen=True)
class Document:
    title: str
    html: SafeString
    sections: list[Section]


@require_safe
def index(request: HttpRequest) -> HttpResponse:
    return page(request, FIRST)


@require_safe
def page(request: HttpRequest, name: str) -> HttpResponse:
    scope = hr_scope(request)
    if name not in PAGES:
        raise Http404("There is no such document")
    wanted, languages = _language(request), _languages_of(name)
    language = wanted if wanted in languages else "en"
    context = {
        "document": _document(name, language),
        "language": language,
        "only_english": wanted != language,
        "others": [(code, _address_in(scope, name, code)) for code in languages if code != language],
        "pages": [(title, scope.url("handbook-page", slug), slug == name) for slug, title in PAGES.items()],
    }
    return render(scope, "company/handbook.html", context)


def _language(request: HttpRequest) -> str:
    """The language of the address, else of the pages."""
    asked = request.GET.get("language", "")
    language = asked if asked in FOLDERS else get_language() or ""
    return language if language in FOLDERS else "en"


def _address_in(scope: PageContext, name: str, language: str) -> str:
    return scope.url("handbook-page", name, language=language)


def _languages_of(name: str) -> list[str]:
    return [language for language in FOLDERS if _source(name, language).is_file()]


@require_safe
def picture(request: HttpRequest, name: str) -> HttpResponse:
    hr_scope(request)
    path = _picture(name)
    if not path.is_file():
        raise Http404("There is no such picture")
    return HttpResponse(path.read_bytes(), content_type="image/png")


def _picture(name: str) -> Path:
    """The file of a picture: `zh-handbook-roster` is the Chinese one of `handbook-roster`."""
    folder, _dash, rest = name.partition("-")
    translated = folder in FOLDERS.values() and folder
    path: Path = settings.BASE_DIR / "docs" / (f"{folder}/{rest}.png" if translated else f"{name}.png")
    return path


@cache
def _document(name: str, language: str) -> Document:
    # Here, so that only the handbook pays for the import.
    from markdown_it import MarkdownIt

    parser = MarkdownIt("commonmark", {"html": True}).enable("table")
    # HTML in a document is layout for the repository's own pages.
    parser.add_render_rule("html_block", lambda *_arguments: "")
    parser.add_render_rule("html_inline", lambda *_arguments: "")
    tokens = parser.parse(_source(name, language).read_text(encoding="utf-8"))
    # The page shows the title above the list of contents.
    title, tokens = _plain(tokens[1]), tokens[3:]
    # A translation has the anchors of the English document, to which other documents lead.
    anchors = [section.anchor for section in _flat(_document(name, "en").sections)] if language != "en" else []
    sections = _prepare(tokens, anchors, FOLDERS[language])
    # The documents belong to the program: their HTML is as trusted as a template's.
    html = SafeString(parser.renderer.render(tokens, parser.options, {}))  # nosec B703 # see above
    return Document(title, html, sections)


def _prepare(tokens: list[Any], anchors: list[str], folder: str) -> list[Section]:
    """Give the headings anchors, the pictures sizes, and links their addresses here; returns the contents."""
    sections: list[Section] = []
    given = iter(anchors)
    for opening, inline, closing in zip(tokens, tokens[1:], tokens[2:], strict=False):
        if opening.type == "heading_open" and opening.tag in HEADINGS:
            section = Section(next(given, _anchor(inline.content)), _plain(inline))
            opening.attrSet("id", section.anchor)
            (sections[-1].sections if opening.tag == "h3" and sections else sections).append(section)
        if opening.type == "th_open" and not inline.content:
            # A screen reader announces a header without text.
            opening.tag = closing.tag = "td"
        _rewrite(inline.children or [], folder)
    return sections


def _flat(sections: list[Section]) -> list[Section]:
    return [part for section in sections for part in (section, *section.sections)]


def _plain(inline: Any) -> str:
    return "".join(token.content for token in inline.children)


def _source(name: str, language: str) -> Path:
    path: Path = settings.BASE_DIR / "docs" / FOLDERS[language] / f"{name}.md"
    return path


def _anchor(heading: str) -> str:
    """The anchor by which other documents name a heading."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def _rewrite(tokens: list[Any], folder: str) -> None:
    """Point links and pictures to this application; a link to anything else becomes plain text."""
    open_links: list[bool] = []
    for token in tokens:
        if token.type == "image":
            _place(token, folder)
        elif token.type == "link_open":
            address = _address(token.attrGet("href"))
            open_links.append(bool(address))
            token.attrSet("href", address)
            token.hidden = not address
        elif token.type == "link_close":
            token.hidden = not open_links.pop()


def _place(image: Any, folder: str) -> None:
    """The picture in the document's language where there is one; its size keeps the text below in its place."""
    name = PurePosixPath(image.attrGet("src")).stem
    if folder and _picture(f"{folder}-{name}").is_file():
        name = f"{folder}-{name}"
    width, height = _size(_picture(name))
    image.attrs |= {"src": reverse("handbook-picture", args=[name]), "width": width, "height": height}
    image.attrSet("loading", "lazy")


def _size(path: Path) -> tuple[int, int]:
    """Width and height of a PNG in pixels, from its first chunk."""
    with path.open("rb") as file:
        width, height = unpack(">II", file.read(24)[16:])
    return width, height


def _address(href: str) -> str:
    path, _mark, anchor = href.partition("#")
    # A translation is in a folder below.
    name = PurePosixPath(path).stem if path.endswith(".md") else path
    if path and name not in PAGES:
        return ""
    return (reverse("handbook-page", args=[name]) if path else "") + (f"#{anchor}" if anchor else "")
