"""Static files of packages that ship more than browsers need: only `vendor/plotly.min.js` leaves Plotly's folder."""

from collections.abc import Iterable, Iterator
from typing import Any

from django.contrib.staticfiles.finders import BaseFinder
from django.core.files.storage import FileSystemStorage, Storage

from config.packaged import plotly_directory


class _VendorStorage(FileSystemStorage):
    """A folder whose files `collectstatic` puts below `vendor/`."""

    prefix = "vendor"


class PackagedFinder(BaseFinder):
    names = ("plotly.min.js",)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self.storage = _VendorStorage(location=str(plotly_directory()))

    def check(self, **kwargs: Any) -> list[Any]:
        return []

    def find(self, path: str, find_all: bool = False, **kwargs: Any) -> Any:
        folder, _, name = path.partition("/")
        if folder != self.storage.prefix or name not in self.names:
            return []
        found = self.storage.path(name)
        return [found] if find_all else found

    def list(self, ignore_patterns: Iterable[str] | None) -> Iterator[tuple[str, Storage]]:
        for name in self.names:
            yield name, self.storage
