"""Files of installed Python packages: located without importing the package, never committed here."""

import base64
import hashlib
import importlib.util
import re
from pathlib import Path

from django.core.exceptions import ImproperlyConfigured

# Plotly's script sets this when it loads: `e.textContent='.maplibregl-map{...}'`, one JavaScript string.
MAP_STYLE = re.compile(r"""\.textContent=(?P<quote>['"])(?P<css>\.maplibregl-map\{.*?)(?<!\\)(?P=quote)""", re.DOTALL)


_PLOTLY_ADVICE = "`make plotly-basic` fetches the small one; without PLOTLY_BUNDLE the packaged one is served."


def package_directory(name: str) -> Path:
    """The directory of an installed package; raises ModuleNotFoundError when it is not installed."""
    # `find_spec` reads no code of the package: importing plotly takes a second.
    spec = importlib.util.find_spec(name)
    if spec is None or not spec.submodule_search_locations:
        raise ModuleNotFoundError(f"The package {name} is not installed", name=name)
    return Path(next(iter(spec.submodule_search_locations)))


def plotly_directory() -> Path:
    return package_directory("plotly") / "package_data"


def plotly_bundle(chosen: str) -> Path:
    """Plotly's script: the installed package's, or the file that an installation chose.

    Raises ImproperlyConfigured, with advice, when the file is not a readable Plotly script; without it the charts would
    silently stay static.
    """
    if not chosen:
        return plotly_directory() / "plotly.min.js"
    bundle = Path(chosen).resolve()
    try:
        with bundle.open(encoding="utf-8") as file:
            if "plotly.js" in file.read(500):
                return bundle
    except (OSError, UnicodeDecodeError) as error:
        raise ImproperlyConfigured(f"PLOTLY_BUNDLE cannot be read: {error}. {_PLOTLY_ADVICE}") from error
    raise ImproperlyConfigured(f"PLOTLY_BUNDLE names {bundle}, which is not a Plotly script. {_PLOTLY_ADVICE}")


def map_style_hashes(bundle: Path) -> list[str]:
    """CSP sources for the style sheet that this Plotly bundle inserts; empty when it inserts none."""
    match = MAP_STYLE.search(bundle.read_text(encoding="utf-8"))
    if match is None:
        return []
    # The browser hashes the text after JavaScript has read its escapes.
    css = re.sub(r"\\(['\"\\])", r"\1", match["css"])
    digest = hashlib.sha256(css.encode()).digest()
    return [f"'sha256-{base64.b64encode(digest).decode()}'"]
