"""Contrast inside charts, in both themes; paper has the light one. Low contrast makes a chart unreadable.

The figures name tokens, so their colours are those of `tokens.css`: WCAG 2.2 requires 4.5:1 for texts and 3:1 for
elements that must be distinguished.
"""

import re
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import pytest

from apps.dashboard.charts import layout
from apps.dashboard.charts.bands import COLOURS as BAND_COLOURS
from apps.dashboard.charts.days import COLOURS as SOURCE_COLOURS
from apps.dashboard.charts.fan import COLOURS as FAN_COLOURS
from apps.dashboard.charts.fan import EDGE, MEDIAN
from apps.localstack.paths import BASE_DIR
from tests.dashboard.test_charts import figures, walk

THEMES = ("light", "dark")
# Decorative elements: a grid, the rest of a bar, the shade under a curve, the edge between two areas.
QUIET = {"--line", "--brand-soft", "--surface", *(colour[4:-1] for colour in FAN_COLOURS)}
# Possible backgrounds of a text or a line.
GROUNDS = ("--surface", "--brand-soft")
PRINT = (BASE_DIR / "static" / "css" / "print.css").read_text(encoding="utf-8")


def tokens() -> dict[str, tuple[str, str]]:
    sheet = (BASE_DIR / "static" / "css" / "tokens.css").read_text(encoding="utf-8")
    found = re.findall(r"(--[\w-]+): light-dark\((#[0-9a-f]{6}), (#[0-9a-f]{6})\)", sheet)
    return {name: (light, dark) for name, light, dark in found}


TOKENS = tokens()


def brightness(colour: str) -> float:
    """Relative luminance: https://www.w3.org/TR/WCAG22/#dfn-relative-luminance"""
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def lightness(colour: str) -> float:
    return float(116 * brightness(colour) ** (1 / 3) - 16)


def contrast(one: str, other: str, theme: str) -> float:
    low, high = sorted(brightness(TOKENS[name][THEMES.index(theme)]) for name in (one, other))
    return (high + 0.05) / (low + 0.05)


def colours_of(value: Any) -> set[str]:
    return {leaf[4:-1] for leaf in walk(value) if isinstance(leaf, str) and leaf.startswith("var(")}


def fonts(value: Any) -> Iterator[dict[str, Any]]:
    """All fonts in a figure, at any depth."""
    if isinstance(value, dict):
        for key, one in value.items():
            if key in ("font", "tickfont"):
                yield one
            else:
                yield from fonts(one)
    elif isinstance(value, list):
        for one in value:
            yield from fonts(one)


def marks(figure: layout.Figure) -> set[str]:
    """The colours of traces and lines, without texts and decorative elements."""
    return colours_of([figure["data"], figure["layout"]["shapes"]]) - QUIET


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("kind", [*figures()])
def test_texts_in_charts_can_be_read(kind: str, theme: str) -> None:
    found = {one["color"][4:-1] for one in fonts(figures()[kind]["layout"])}
    assert "--muted" in found
    weak = {(text, ground) for text in found for ground in GROUNDS if contrast(text, ground, theme) < 4.5}
    assert not weak


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("kind", [*figures()])
def test_marks_in_charts_can_be_seen(kind: str, theme: str) -> None:
    found = marks(figures()[kind])
    assert found
    assert not {mark for mark in found if contrast(mark, "--surface", theme) < 3}


@pytest.mark.parametrize("theme", THEMES)
def test_lines_over_a_shade_can_be_seen(theme: str) -> None:
    """The pace runs over the shade under the curve as well."""
    for shape in figures()["curve"]["layout"]["shapes"]:
        assert contrast(shape["line"]["color"][4:-1], "--brand-soft", theme) >= 3


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("kind", ["bands", "sources"])
def test_areas_of_one_chart_differ_in_lightness(kind: str, theme: str) -> None:
    """Also a colour-blind reader, and paper, tell them apart: by ten steps of the eye's hundred (CIE L*)."""
    tokens = {"bands": BAND_COLOURS, "sources": SOURCE_COLOURS}[kind]
    found = sorted(lightness(TOKENS[token[4:-1]][THEMES.index(theme)]) for token in tokens)
    assert len(found) == 5
    assert min(high - low for low, high in pairwise(found)) >= 9


@pytest.mark.parametrize("theme", THEMES)
def test_the_areas_of_a_fan_differ_and_its_lines_and_names_can_be_read(theme: str) -> None:
    grounds = ["--surface", *(colour[4:-1] for colour in FAN_COLOURS)]
    found = sorted(lightness(TOKENS[token][THEMES.index(theme)]) for token in grounds)
    assert min(high - low for low, high in pairwise(found)) >= 9
    assert contrast(EDGE[4:-1], "--surface", theme) >= 3
    for ground in grounds:
        assert contrast(MEDIAN[4:-1], ground, theme) >= 3
        assert contrast("--ink", ground, theme) >= 4.5


def test_paper_has_the_light_theme() -> None:
    assert ":root { color-scheme: light;" in PRINT
    assert not re.search(r"--(?!m:|s:|l:|xl:|xxl:|hero:)[\w-]+:", PRINT)
