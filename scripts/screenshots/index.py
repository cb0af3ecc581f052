"""The index page of the screenshots."""

import html
import re
from pathlib import Path

PICTURE = re.compile(r"(?P<name>.+)-(?P<width>\d+)-(?P<scheme>light|dark)-(?P<language>en|zh)\.png")
STYLE = """body { font: 15px system-ui, sans-serif; margin: 24px; } section { margin-block: 24px; }
div { display: flex; flex-wrap: wrap; gap: 12px; align-items: start; } img { height: 320px; border: 1px solid #bbb; }
figure { margin: 0; } figcaption { font-size: 13px; color: #555; }"""


def write(folder: Path) -> Path:
    """Write index.html with all screenshots in the folder, by page; returns its path."""
    pages: dict[str, list[re.Match[str]]] = {}
    for path in sorted(folder.glob("*.png")):
        if match := PICTURE.fullmatch(path.name):
            pages.setdefault(match["name"], []).append(match)
    sections = "".join(_section(name, pictures) for name, pictures in pages.items())
    links = " ".join(f'<a href="#{html.escape(name)}">{html.escape(name)}</a>' for name in pages)
    path = folder / "index.html"
    path.write_text(
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Every page</title><style>{STYLE}</style>'
        f"</head><body><h1>Every page</h1><p>{links}</p>{sections}</body></html>",
        encoding="utf-8",
    )
    return path


def _section(name: str, pictures: list[re.Match[str]]) -> str:
    figures = "".join(
        f'<figure><a href="{html.escape(picture[0])}"><img loading="lazy" src="{html.escape(picture[0])}" alt=""></a>'
        f"<figcaption>{picture['width']} px, {picture['scheme']}, {picture['language']}</figcaption></figure>"
        for picture in sorted(
            pictures, key=lambda picture: (picture["language"], picture["scheme"], int(picture["width"]))
        )
    )
    return f'<section id="{html.escape(name)}"><h2>{html.escape(name)}</h2><div>{figures}</div></section>'
