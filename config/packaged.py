"""Files that come out of installed Python packages: found without importing the package, never committed here."""

import base64
import hashlib
import importlib.util
import re
from pathlib import Path

# What Plotly's script sets when it loads: `e.textContent='.maplibregl-map{...}'`, one JavaScript string.
MAP_STYLE = re.compile(r"""\.textContent=(?P<quote>['"])(?P<css>\.maplibregl-map\{.*?)(?<!\\)(?P=quote)""", re.DOTALL)


def package_directory(name: str) -> Path:
    """The directory of an installed package; raises ModuleNotFoundError when it is not installed."""
    spec = importlib.util.find_spec(name)
    if spec is None or not spec.submodule_search_locations:
        raise ModuleNotFoundError(f"The package {name} is not installed", name=name)
    return Path(next(iter(spec.submodule_search_locations)))


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
