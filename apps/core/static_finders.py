"""Plotly's script as the static file `vendor/plotly.min.js`, and no other file of its folder."""

from collections.abc import Iterable, Iterator
from typing import Any

from django.conf import settings
from django.contrib.staticfiles.finders import BaseFinder
from django.core.files.storage import FileSystemStorage, Storage


class _PlotlyStorage(FileSystemStorage):
    """A folder with one file, which `collectstatic` puts below `vendor/`; other files of the folder are hidden."""

    prefix = "vendor"
    name = "plotly.min.js"

    def path(self, name: str) -> str:
        if name != self.name:
            raise FileNotFoundError(name)
        return str(settings.PLOTLY_BUNDLE)


class PlotlyFinder(BaseFinder):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self.storage = _PlotlyStorage(location=str(settings.PLOTLY_BUNDLE.parent))

    def check(self, **kwargs: Any) -> list[Any]:
        return []

    def find(self, path: str, find_all: bool = False, **kwargs: Any) -> Any:
        if path != f"{self.storage.prefix}/{self.storage.name}":
            return []
        path = self.storage.path(self.storage.name)
        return [path] if find_all else path

    def list(self, ignore_patterns: Iterable[str] | None) -> Iterator[tuple[str, Storage]]:
        yield self.storage.name, self.storage
