"""The server's SVG of a figure: the chart for readers without scripts, on slow connections, or on paper."""

import re
import xml.etree.ElementTree as ET
from datetime import date

import pytest

from apps.dashboard.charts import bands, curve, days, groups, histogram, layout
from apps.dashboard.charts.svg_preview import render_svg
from apps.localstack.paths import BASE_DIR
from tests.dashboard.test_charts import BANDS, CURVE, DEADLINE, FAN, GROUPS, OPENS, SOURCES, bar, empty, figures

PERIOD = {"opens": OPENS, "deadline": DEADLINE}


def parsed(figure: layout.Figure) -> ET.Element:
    return ET.fromstring(render_svg(figure))  # noqa: S314  (our own text)


def places(figure: layout.Figure, tag: str, **wanted: str) -> list[dict[str, str]]:
    found = [dict(one.attrib) for one in parsed(figure).iter(tag)]
    return [one for one in found if all(one.get(name) == value for name, value in wanted.items())]


@pytest.mark.parametrize("figure", [*figures().values(), *empty().values()])
def test_every_figure_has_a_drawing_without_a_style(figure: layout.Figure) -> None:
    source = render_svg(figure)
    assert parsed(figure).attrib["class"].startswith("svg-preview ")
    assert "style" not in source
    assert not re.search(r"\bon\w+=", source)
    assert not re.search(r"nan|inf\b|None", source)


@pytest.mark.parametrize("figure", [*figures().values(), *empty().values()])
def test_every_margin_has_its_rule_in_the_style_sheet(figure: layout.Figure) -> None:
    """Without the CSS rule the SVG does not match the chart that replaces it."""
    sheet = (BASE_DIR / "static" / "css" / "rows.css").read_text(encoding="utf-8")
    for side in parsed(figure).attrib["class"].split()[1:]:
        name, pixels = side.split("-")
        assert f"&.{side} {{ --{name[0]}: {pixels}px; }}" in sheet
    for room in layout.LEFT_MARGINS.values():
        assert f"&.left-{room} {{ --l: {room}px; }}" in sheet
    assert f"&.left-{layout.NAME_MARGIN} {{ --l: {layout.NARROW_NAME_MARGIN}px; }}" in sheet


def test_a_curve_runs_through_its_points() -> None:
    points = curve.curve_data([(OPENS, 0, 0), (DEADLINE, 50, 50)], **PERIOD, target=100)
    figure = curve.curve_figure(points, **PERIOD, target=100, labels=CURVE)
    (line,) = places(figure, "path", fill="none")
    assert line["d"] == "M0 1000L1000 545.5"  # 50 of the axis's 110
    assert places(figure, "line", stroke="var(--ink)")[0]["y1"] == "9.09%"  # the target: 100 of 110


def test_a_fan_is_drawn_as_closed_areas_with_one_outline() -> None:
    points = curve.curve_data([(FAN[0].day, 42, 42)], **PERIOD, target=100)
    figure = curve.curve_figure(points, **PERIOD, target=100, labels=CURVE, fan=FAN)
    for colour in ("var(--fan-80)", "var(--fan-50)"):
        (area,) = places(figure, "path", fill=colour)
        assert area["d"].count("L") == 2 * len(FAN) - 1
        assert area["d"].endswith("z")
    lines = [line["stroke"] for line in places(figure, "path", fill="none")]
    assert lines == ["var(--edge)", "var(--brand)", "var(--brand)"]
    assert [line for line in places(figure, "path", fill="none") if "stroke-dasharray" in line]


def test_bands_lie_on_each_other() -> None:
    found = bands.bands_data([(OPENS, 1, 0, 0, 0, 1), (DEADLINE, 1, 0, 0, 0, 1)])
    figure = bands.bands_figure(found, **PERIOD, **BANDS)
    ground, *_, top = places(figure, "path", fill="none")
    assert ground["d"] == "M0 509.8L1000 509.8"
    assert top["d"] == "M0 19.6L1000 19.6"


def test_bars_of_a_day_stand_on_each_other() -> None:
    found = days.sources_data([(OPENS, "csv", 50), (OPENS, "page", 50)])
    figure = days.sources_figure(found, **PERIOD, **SOURCES)
    lower, upper = places(figure, "rect")
    assert float(lower["y"][:-1]) + float(lower["height"][:-1]) == pytest.approx(100)
    assert float(upper["y"][:-1]) + float(upper["height"][:-1]) == pytest.approx(float(lower["y"][:-1]), abs=0.02)


def test_a_share_is_as_long_as_it_says() -> None:
    figure = groups.groups_figure([bar("A", 4, 1), bar("B", 4, 3), bar("C", 4, 0)], **GROUPS)
    assert [one["width"] for one in places(figure, "rect", fill="var(--band-4)")] == ["25%", "75%"]
    assert len(places(figure, "rect", fill="var(--line)")) == 3


def test_an_empty_bin_has_no_bar() -> None:
    bars = histogram.histogram_data([(0, 4, 3), (5, 9, 0), (10, None, 0)], target=10)
    words = histogram.HistogramLabels(
        "target", "median", "x", "y", lambda b: "", lambda b: "", lambda m: "", lambda b: ""
    )
    spread = histogram.Quartiles(None, None, None)
    figure = histogram.histogram_figure(bars, target=10, quartiles=spread, medians=[], labels=words)
    assert len(places(figure, "rect")) == 1


def test_a_name_stays_a_name() -> None:
    figure = groups.groups_figure([bar("<i>R&D", 3, 1)], **GROUPS)
    assert "&lt;i&gt;R&amp;D · 3" in render_svg(figure)


def test_wide_and_narrow_boxes_have_their_own_names() -> None:
    found = bands.bands_data([(OPENS, 1, 0, 0, 0, 1)])
    groups_of_texts = places(bands.bands_figure(found, **PERIOD, **BANDS), "g")
    assert [one.get("class") for one in groups_of_texts] == ["wide", "narrow", None]


@pytest.mark.parametrize(("highest", "step"), [(0, 1), (1, 1), (5, 1), (6, 2), (100, 20), (101, 50), (4213, 1000)])
def test_an_axis_of_counts_has_five_round_steps_at_most(highest: int, step: int) -> None:
    assert layout.round_step(highest) == step
    axis = layout.count_axis(highest, highest * 1.1)
    assert len(axis["tickvals"]) <= 6
    assert axis["ticktext"][-1] == f"{axis['tickvals'][-1]:,}"


@pytest.mark.parametrize(
    ("text", "most", "shown"),
    [("abc", 3, "abc"), ("abcd", 3, "ab…"), ("大客户部", 8, "大客户部"), ("大客户部", 7, "大客户…"), ("", 3, "")],
)
def test_a_name_is_cut_by_its_width(text: str, most: int, shown: str) -> None:
    assert layout.shorten(text, most) == shown


def test_a_day_is_a_place_on_the_axis() -> None:
    points = curve.curve_data([(date(2026, 11, 16), 1, 1)], **PERIOD, target=None)
    figure = curve.curve_figure(points, **PERIOD, target=None, labels=CURVE)
    assert places(figure, "svg", x="51.72%")  # 15 of 29 days
