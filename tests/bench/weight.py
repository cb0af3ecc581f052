"""The bytes of a page with all the files that a browser fetches for it, as servers send them.

Static files are compressed once by brotli, pages and figures each time by gzip. Each response includes its headers.
"""

from __future__ import annotations

import gzip
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import brotli
from django.contrib.staticfiles import finders
from django.test import Client

from tests.bench.standings import reader

HEADERS = 400
LIBRARY = "vendor/plotly.min.js"
STATIC = "/static/"
# The places in a page that name files to fetch; charts.js fetches the last two.
NAMED = {
    ("link", "href"), ("script", "src"), ("img", "src"), ("script", "data-library"), ("div", "data-chart"),
}  # fmt: skip


class _Fetched(HTMLParser):
    """The addresses that a page makes a browser fetch, each once."""

    def __init__(self) -> None:
        super().__init__()
        self.addresses: dict[str, None] = {}

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.addresses |= {value: None for name, value in attrs if value and (tag, name) in NAMED}


def weigh(bundle: Path) -> dict[str, Any]:
    """Bytes of /company/ for HR, with its charts drawn by this script of Plotly's; `charts` is how many these are."""
    client = Client(SERVER_NAME="localhost", headers={"accept-encoding": "gzip"})
    client.force_login(reader())
    page = _get(client, "/company/")
    found = _Fetched()
    found.feed(gzip.decompress(page).decode())
    sizes = {"/company/": len(page)}
    for address in found.addresses:
        static = address.startswith(STATIC)
        sizes[address] = _static(address.removeprefix(STATIC), bundle) if static else len(_get(client, address))
    charts = sum("/charts/" in address for address in sizes)
    return {"bytes": sum(sizes.values()) + HEADERS * len(sizes), "charts": charts, "files": len(sizes) - 1 - charts}


def _get(client: Client, address: str) -> bytes:
    answer = client.get(address)
    if answer.status_code != 200:
        raise RuntimeError(f"{address} answered {answer.status_code}")
    return answer.content


def _static(name: str, bundle: Path) -> int:
    path = bundle if name == LIBRARY else Path(str(finders.find(name)))
    return len(brotli.compress(path.read_bytes()))
