"""What comes out of installed packages: Plotly's script, and the hash of the one style sheet it inserts."""

import base64
import hashlib
from pathlib import Path

import pytest
from django.contrib.staticfiles import finders

from config.packaged import map_style_hashes, package_directory, plotly_directory


def test_the_installed_script_is_found_and_nothing_else_of_its_folder() -> None:
    assert finders.find("vendor/plotly.min.js") == str(plotly_directory() / "plotly.min.js")
    assert finders.find("vendor/widgetbundle.js") is None
    assert finders.find("vendor/../plotly.min.js") is None


@pytest.mark.parametrize("quote", ["'", '"'])
def test_the_hash_is_that_of_the_style_sheet_as_the_browser_sees_it(tmp_path: Path, quote: str) -> None:
    css = ".maplibregl-map{font:12px 'Some Font'}.x{content:\"\\201C\"}"
    script = css.replace("\\", "\\\\").replace(quote, f"\\{quote}")
    (tmp_path / "bundle.js").write_text(f"e.textContent={quote}{script}{quote},document.head", encoding="utf-8")
    expected = base64.b64encode(hashlib.sha256(css.encode()).digest()).decode()
    assert map_style_hashes(tmp_path / "bundle.js") == [f"'sha256-{expected}'"]


def test_a_bundle_without_that_style_sheet_opens_nothing(tmp_path: Path) -> None:
    (tmp_path / "bundle.js").write_text("e.textContent='.other{}'", encoding="utf-8")
    assert map_style_hashes(tmp_path / "bundle.js") == []


def test_the_installed_bundle_has_exactly_one() -> None:
    assert len(map_style_hashes(plotly_directory() / "plotly.min.js")) == 1


def test_a_missing_package_is_named() -> None:
    with pytest.raises(ModuleNotFoundError, match="no_such_package"):
        package_directory("no_such_package")
