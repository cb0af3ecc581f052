"""Files that come out of installed Python packages: found without importing the package, never committed here."""

import base64
import hashlib
import importlib.util
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from django.contrib.staticfiles.finders import BaseFinder
from django.core.files.storage import FileSystemStorage, Storage

# What Plotly's script sets when it loads: `e.textContent='.maplibregl-map{...}'`, one JavaScript string.
MAP_STYLE = re.compile(r"""\.textContent=(?P<quote>['"])(?P<css>\.maplibregl-map\{.*?)(?<!\\)(?P=quote)""", re.DOTALL)


def package_directory(name: str) -> Path:
    """The directory of an installed package; raises ModuleNotFoundError when it is not installed."""
    spec = importlib.util.find_spec(name)
    if spec is None or not spec.submodule_search_locations:
        raise ModuleNotFoundError(f"The package {name} is not installed", name=name)
    return Path(spec.submodule_search_locations[0])


def plotly_directory() -> Path:
    return package_directory("plotly") / "package_data"


def map_style_hashes(bundle: Path) -> list[str]:
    """CSP sources for the style sheet that this Plotly bundle inserts by itself; empty when it inserts none."""
    found = MAP_STYLE.search(bundle.read_text(encoding="utf-8"))
    if found is None:
        return []
    css = re.sub(r"\\(['\"\\])", r"\1", found["css"])
    digest = hashlib.sha256(css.encode()).digest()
    return [f"'sha256-{base64.b64encode(digest).decode()}'"]


class PackagedFinder(BaseFinder):
    """Serves single files of packages that ship more than browsers need: `vendor/plotly.min.js`."""

    files = {"vendor/plotly.min.js": "plotly.min.js"}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self.storage = FileSystemStorage(location=str(plotly_directory()))

    def check(self, **kwargs: Any) -> list[Any]:
        return []

    def find(self, path: str, find_all: bool = False, **kwargs: Any) -> Any:
        name = self.files.get(path)
        if name is None:
            return []
        found = self.storage.path(name)
        return [found] if find_all else found

    def list(self, ignore_patterns: Iterable[str] | None) -> Iterator[tuple[str, Storage]]:
        """What `collectstatic` copies: a file's own name, and a storage whose prefix puts it below `vendor/`."""
        storage = _OneFolder(location=str(plotly_directory()))
        storage.prefix = "vendor"
        for name in self.files.values():
            yield name, storage


class _OneFolder(FileSystemStorage):
    prefix: str
