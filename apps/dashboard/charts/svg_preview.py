"""A figure as a small SVG: shown at once, without scripts, and on paper.

It reads the same dictionary as Plotly, so both agree, and it stretches with its box: lengths are per cent of the axes,
texts and points keep their size. Lengths and colours are attributes, never styles; colours stay token names. It
supports only what the figures of this package contain.
"""

from collections.abc import Iterable, Sequence
from datetime import date, datetime
from functools import lru_cache
from typing import Any

from apps.dashboard.charts import layout as charts_layout

DASHES = {"dot": "3 3", "dash": "9 9"}
# Steps across and up the square of a path, which is stretched over the axes.
GRAIN = 1000
# Pixels from a label's position to its baseline, for letters of 12.
BASELINES = {"top": 13, "middle": 4, "bottom": -5}
ANCHORS = {"left": "start", "center": "middle", "right": "end"}
ASIDE = {"left": 2, "center": 0, "right": -2}


def render_svg(figure: charts_layout.Figure) -> str:
    """The SVG source. Texts in a figure are escaped already; everything else is generated here."""
    layout, traces = figure["layout"], figure["data"]
    plane = _Plane(layout)
    margin = layout["margin"]
    classes = f"sketch left-{margin['l']} right-{margin['r']} top-{margin['t']} bottom-{margin['b']}"
    parts = [
        *(_shape(plane, shape) for shape in layout["shapes"] if shape["layer"] == "below"),
        *_grid(plane, layout["yaxis"]),
        *_bars(plane, traces, stacked=layout.get("barmode") == "stack"),
        *_paths(plane, traces),
        *(_shape(plane, shape) for shape in layout["shapes"] if shape["layer"] != "below"),
        *_points(plane, traces),
        *_ticks(plane, layout),
        *(_label(plane, label) for label in layout["annotations"]),
    ]
    return f'<svg class="{classes}" aria-hidden="true" focusable="false">{"".join(parts)}</svg>'


class _Plane:
    """The position of a value between the ends of its axis, from the left and from the top: 0 to 1 inside."""

    def __init__(self, layout: dict[str, Any]) -> None:
        self.ends = {name: [_number(end) for end in layout[f"{name}axis"]["range"]] for name in "xy"}

    def x(self, value: Any) -> float:
        low, high = self.ends["x"]
        return (_number(value) - low) / ((high - low) or 1)

    def y(self, value: Any) -> float:
        low, high = self.ends["y"]
        return 1 - (_number(value) - low) / ((high - low) or 1)


def _number(value: Any) -> float:
    """A number, or a day or instant as days."""
    return _days(value) if isinstance(value, str) else float(value)


@lru_cache(maxsize=4096)
def _days(value: str) -> float:
    moment = datetime.fromisoformat(value)
    return date.toordinal(moment) + moment.hour / 24


def _share(part: float) -> str:
    return f"{round(100 * part, 2):g}%"


def _grid(plane: _Plane, axis: dict[str, Any]) -> Iterable[str]:
    if not axis["showgrid"]:
        return []
    heights = (_share(plane.y(value)) for value in axis["tickvals"])
    return [f'<line x2="100%" y1="{at}" y2="{at}" stroke="{axis["gridcolor"]}"/>' for at in heights]


def _shape(plane: _Plane, shape: dict[str, Any]) -> str:
    x0, x1 = plane.x(shape["x0"]), plane.x(shape["x1"])
    y0, y1 = plane.y(shape["y0"]), plane.y(shape["y1"])
    if shape["type"] == "rect":
        return _rectangle(x0, min(y0, y1), x1 - x0, abs(y1 - y0), shape["fillcolor"])
    line = shape["line"]
    dash = f' stroke-dasharray="{DASHES[line["dash"]]}"' if line["dash"] in DASHES else ""
    ends = f'x1="{_share(x0)}" y1="{_share(y0)}" x2="{_share(x1)}" y2="{_share(y1)}"'
    return f'<line {ends} stroke="{line["color"]}" stroke-width="{line["width"]}"{dash}/>'


def _rectangle(x: float, y: float, width: float, height: float, colour: str, radius: int = 0) -> str:
    place = f'x="{_share(x)}" y="{_share(y)}" width="{_share(width)}" height="{_share(height)}"'
    rounded = f' rx="{radius}"' if radius else ""
    return f'<rect {place}{rounded} fill="{colour}"/>'


def _bars(plane: _Plane, traces: Sequence[dict[str, Any]], *, stacked: bool) -> Iterable[str]:
    """Bars from 0, or stacked; empty ones are not drawn."""
    ground: dict[Any, float] = {}
    for trace in traces:
        if trace["type"] != "bar":
            continue
        marker, flat = trace["marker"], trace.get("orientation") == "h"
        for at, (along, length) in enumerate(zip(*(trace[name] for name in ("yx" if flat else "xy")), strict=True)):
            width = trace["width"][at] if isinstance(trace.get("width"), list) else trace.get("width", 0.8)
            colour = marker["color"][at] if isinstance(marker["color"], list) else marker["color"]
            low = ground.get(along, 0) if stacked else 0
            ground[along] = low + length
            if length:
                yield _bar(plane, along, width, low, low + length, flat, colour, marker.get("cornerradius", 0))


def _bar(plane: _Plane, along: Any, width: float, low: float, high: float, flat: bool, colour: str, radius: int) -> str:
    near, far = _number(along) - width / 2, _number(along) + width / 2
    if flat:
        top, bottom = sorted((plane.y(near), plane.y(far)))
        return _rectangle(plane.x(low), top, plane.x(high) - plane.x(low), bottom - top, colour, radius)
    x, y = plane.x(near), plane.y(high)
    return _rectangle(x, y, plane.x(far) - x, plane.y(low) - y, colour, radius)


def _paths(plane: _Plane, traces: Sequence[dict[str, Any]]) -> Iterable[str]:
    """Lines and the areas under them, in a square that is stretched; strokes keep their width."""
    ground: dict[Any, float] = {}
    drawn = []
    for trace in traces:
        if trace["type"] != "scatter" or trace["mode"] != "lines" or not trace["x"]:
            continue
        stacked = "stackgroup" in trace
        base = [ground.get(x, 0.0) if stacked else 0.0 for x in trace["x"]]
        over = [low + high for low, high in zip(base, trace["y"], strict=True)]
        if stacked:
            ground |= zip(trace["x"], over, strict=True)
        line, line_at = _corners(plane, trace["x"], over), trace["line"]
        if "fillcolor" in trace:
            back = _corners(plane, trace["x"], base)[::-1]
            drawn.append(f'<path d="M{"L".join([*line, *back])}z" fill="{trace["fillcolor"]}"/>')
        stroke = f'stroke="{line_at["color"]}" stroke-width="{line_at["width"]}"'
        drawn.append(f'<path d="M{"L".join(line)}" {stroke} vector-effect="non-scaling-stroke" fill="none"/>')
    if not drawn:
        return []
    square = f'viewBox="0 0 {GRAIN} {GRAIN}" preserveAspectRatio="none" width="100%" height="100%"'
    return [f'<svg {square} overflow="visible" stroke-linejoin="round">{"".join(drawn)}</svg>']


def _corners(plane: _Plane, xs: Sequence[Any], ys: Sequence[float]) -> list[str]:
    return [f"{round(GRAIN * plane.x(x))} {round(GRAIN * plane.y(y), 1):g}" for x, y in zip(xs, ys, strict=True)]


def _points(plane: _Plane, traces: Sequence[dict[str, Any]]) -> Iterable[str]:
    for trace in traces:
        if trace["type"] != "scatter" or trace["mode"] != "markers":
            continue
        marker = trace["marker"]
        half = marker["size"] / 2
        form = f'<circle r="{half:g}"/>'
        if marker.get("symbol") == "diamond":
            half *= 1.3  # Plotly's diamonds are as much wider
            form = f'<path d="M0 {-half:g}L{half:g} 0 0 {half:g} {-half:g} 0z"/>'
        colours = (
            f'fill="{marker["color"]}" stroke="{marker["line"]["color"]}" stroke-width="{marker["line"]["width"]}"'
        )
        for x, y in zip(trace["x"], trace["y"], strict=True):
            place = f'x="{_share(plane.x(x))}" y="{_share(plane.y(y))}"'
            yield f'<svg {place} overflow="visible" {colours}>{form}</svg>'


def _ticks(plane: _Plane, layout: dict[str, Any]) -> Iterable[str]:
    """The tick labels of both axes, for a wide and for a narrow box; CSS shows one of them."""
    for name, one in (("x", _below), ("y", _beside)):
        axis = layout[f"{name}axis"]
        font = axis.get("tickfont", {})
        colour = f' fill="{font["color"]}" font-size="{font["size"]}"' if font else ""
        for group, ticks in _sizes(axis):
            texts = "".join(one(plane, *tick) for tick in zip(ticks["tickvals"], ticks["ticktext"], strict=True))
            yield f"<g{group}{colour}>{texts}</g>"


def _sizes(axis: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    if "narrow" not in axis:
        return [("", axis)]
    return [(' class="wide"', axis), (' class="few"', axis | axis["narrow"])]


def _below(plane: _Plane, value: Any, text: str) -> str:
    x, (first, *more) = _share(plane.x(value)), text.split("<br>")
    lines = first + "".join(f'<tspan x="{x}" dy="16">{line}</tspan>' for line in more)
    return f'<text x="{x}" y="100%" dy="19" text-anchor="middle">{lines}</text>'


def _beside(plane: _Plane, value: Any, text: str) -> str:
    return f'<text dx="-8" y="{_share(plane.y(value))}" dy="4" text-anchor="end">{text}</text>'


def _label(plane: _Plane, label: dict[str, Any]) -> str:
    x = label["x"] if label.get("xref") == "paper" else plane.x(label["x"])
    y = 1 - label["y"] if label.get("yref") == "paper" else plane.y(label["y"])
    right = label.get("xshift", 0) + ASIDE[label["xanchor"]]
    down = BASELINES[label["yanchor"]] - label.get("yshift", 0)
    place = f'x="{_share(x)}" y="{_share(y)}" dx="{right}" dy="{down}" text-anchor="{ANCHORS[label["xanchor"]]}"'
    font = label["font"]
    look = f'fill="{font["color"]}" font-size="{font["size"]}"' + (' font-weight="600"' if "weight" in font else "")
    return f"<text {place} {look}>{label['text']}</text>"
