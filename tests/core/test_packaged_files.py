"""Files of installed packages: Plotly's script, and the hash of the one style sheet that it inserts."""

import base64
import hashlib
from pathlib import Path
from typing import Any

import pytest
from django.contrib.staticfiles import finders
from django.core.exceptions import ImproperlyConfigured

from apps.core.packaged_files import map_style_hashes, package_directory, plotly_bundle, plotly_directory
from apps.core.static_finders import PlotlyFinder
from scripts import plotly_basic


def test_only_the_installed_script_is_found_in_its_folder() -> None:
    assert finders.find("vendor/plotly.min.js") == str(plotly_directory() / "plotly.min.js")
    assert finders.find("vendor/widgetbundle.js") is None
    assert finders.find("vendor/../plotly.min.js") is None


@pytest.mark.parametrize("quote", ["'", '"'])
def test_the_hash_matches_the_style_sheet_in_the_browser(tmp_path: Path, quote: str) -> None:
    css = ".maplibregl-map{font:12px 'Some Font'}.x{content:\"\\201C\"}"
    script = css.replace("\\", "\\\\").replace(quote, f"\\{quote}")
    (tmp_path / "bundle.js").write_text(f"e.textContent={quote}{script}{quote},document.head", encoding="utf-8")
    expected = base64.b64encode(hashlib.sha256(css.encode()).digest()).decode()
    assert map_style_hashes(tmp_path / "bundle.js") == [f"'sha256-{expected}'"]


def test_a_bundle_without_that_style_sheet_adds_no_csp_source(tmp_path: Path) -> None:
    (tmp_path / "bundle.js").write_text("e.textContent='.other{}'", encoding="utf-8")
    assert map_style_hashes(tmp_path / "bundle.js") == []


def test_the_installed_bundle_has_exactly_one_style_sheet() -> None:
    assert len(map_style_hashes(plotly_directory() / "plotly.min.js")) == 1


def test_a_missing_package_is_named() -> None:
    with pytest.raises(ModuleNotFoundError, match="no_such_package"):
        package_directory("no_such_package")


def test_an_installation_can_choose_its_bundle(tmp_path: Path, settings: Any) -> None:
    chosen = tmp_path / "basic.js"
    chosen.write_text("/** plotly.js (basic - minified) v4.1.1 */", encoding="utf-8")
    settings.PLOTLY_BUNDLE = plotly_bundle(str(chosen))
    finder = PlotlyFinder()
    assert finder.find("vendor/plotly.min.js") == str(chosen)
    assert finder.find("vendor/basic.js") == []
    ((name, storage),) = finder.list(None)
    assert name == "plotly.min.js"
    with storage.open(name) as script:
        assert script.read() == chosen.read_bytes()


@pytest.mark.parametrize("content", [None, b"<html>not found</html>", b"\xff\xfe\x00"])
def test_an_unusable_bundle_stops_the_start(tmp_path: Path, content: bytes | None) -> None:
    """With such a file no chart would become interactive, and no error would say so."""
    if content is not None:
        (tmp_path / "bundle.js").write_bytes(content)
    with pytest.raises(ImproperlyConfigured, match=r"PLOTLY_BUNDLE.*make plotly-basic"):
        plotly_bundle(str(tmp_path / "bundle.js"))


def test_the_small_bundle_has_the_installed_version() -> None:
    """The static charts, the policy and the style sheet were tested with this version alone."""
    beginning = (plotly_directory() / "plotly.min.js").read_text(encoding="utf-8")[:500]
    assert f"plotly.js v{plotly_basic.VERSION}" in beginning


def test_an_archive_that_was_changed_is_not_unpacked(tmp_path: Path) -> None:
    (tmp_path / "archive.tgz").write_bytes(b"something else")
    with pytest.raises(SystemExit, match="not the archive that was tried"):
        plotly_basic.unpack(tmp_path / "archive.tgz", tmp_path / "bundle.js")
    assert not (tmp_path / "bundle.js").exists()


def test_a_missing_npm_gives_a_clear_sentence(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(SystemExit, match="needs npm"):
        plotly_basic.fetch(tmp_path / "bundle.js")
