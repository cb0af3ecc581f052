"""A figure as a small SVG: shown at once, without scripts, and on paper.

It reads the same dictionary as Plotly, so both agree, and it stretches with its box: lengths are per cent of the axes,
texts and points keep their size. Lengths and colours are attributes, never styles; colours stay token names. It
supports only what the figures of this package contain.
"""

from collections.abc import Iterable, Sequence
from datetime import date, datetime
from functools import lru_cache
from typing import Any

from apps.dashboard.charts.layout import TRANSPARENT, Figure

DASHES = {"dot": "3 3", "dash": "9 9"}
# A path cannot have per cent in its coordinates: it is drawn in a square of this size, which CSS stretches.
PATH_UNITS = 1000
# Pixels from a label's position to its baseline, for letters of 12.
BASELINES = {"top": 13, "middle": 4, "bottom": -5}
ANCHORS = {"left": "start", "center": "middle", "right": "end"}
ANCHOR_OFFSETS = {"left": 2, "center": 0, "right": -2}


def render_svg(figure: Figure) -> str:
    """The SVG source. Texts in a figure are escaped already; everything else is generated here."""
    layout, traces = figure["layout"], figure["data"]
    scale = _Scale(layout)
    margin = layout["margin"]
    classes = f"svg-preview left-{margin['l']} right-{margin['r']} top-{margin['t']} bottom-{margin['b']}"
    parts = [
        *(_shape(scale, shape) for shape in layout["shapes"] if shape["layer"] == "below"),
        *_grid(scale, layout["yaxis"]),
        *_bars(scale, traces, stacked=layout.get("barmode") == "stack"),
        *_paths(scale, traces),
        *(_shape(scale, shape) for shape in layout["shapes"] if shape["layer"] != "below"),
        *_points(scale, traces),
        *_ticks(scale, layout),
        *(_label(scale, label) for label in layout["annotations"]),
    ]
    return f'<svg class="{classes}" aria-hidden="true" focusable="false">{"".join(parts)}</svg>'


class _Scale:
    """Maps values to shares of the plot: x from the left, y from the top, 0 to 1 between the ends of an axis."""

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


def _grid(scale: _Scale, axis: dict[str, Any]) -> Iterable[str]:
    if not axis["showgrid"]:
        return []
    heights = (_share(scale.y(value)) for value in axis["tickvals"])
    return [f'<line x2="100%" y1="{y}" y2="{y}" stroke="{axis["gridcolor"]}"/>' for y in heights]


def _shape(scale: _Scale, shape: dict[str, Any]) -> str:
    x0, x1 = scale.x(shape["x0"]), scale.x(shape["x1"])
    y0, y1 = scale.y(shape["y0"]), scale.y(shape["y1"])
    if shape["type"] == "rect":
        return _rectangle(x0, min(y0, y1), x1 - x0, abs(y1 - y0), shape["fillcolor"])
    line = shape["line"]
    dash = f' stroke-dasharray="{DASHES[line["dash"]]}"' if line["dash"] in DASHES else ""
    ends = f'x1="{_share(x0)}" y1="{_share(y0)}" x2="{_share(x1)}" y2="{_share(y1)}"'
    return f'<line {ends} stroke="{line["color"]}" stroke-width="{line["width"]}"{dash}/>'


def _rectangle(x: float, y: float, width: float, height: float, colour: str, radius: int = 0) -> str:
    position = f'x="{_share(x)}" y="{_share(y)}" width="{_share(width)}" height="{_share(height)}"'
    rounded = f' rx="{radius}"' if radius else ""
    return f'<rect {position}{rounded} fill="{colour}"/>'


def _bars(scale: _Scale, traces: Sequence[dict[str, Any]], *, stacked: bool) -> Iterable[str]:
    """Bars from 0, or stacked; empty ones are not drawn."""
    stack_base: dict[Any, float] = {}
    for trace in traces:
        if trace["type"] != "bar":
            continue
        marker, horizontal = trace["marker"], trace.get("orientation") == "h"
        axes = "yx" if horizontal else "xy"
        for index, (category, length) in enumerate(zip(*(trace[axis] for axis in axes), strict=True)):
            width = trace["width"][index] if isinstance(trace.get("width"), list) else trace.get("width", 0.8)
            colour = marker["color"][index] if isinstance(marker["color"], list) else marker["color"]
            low = stack_base.get(category, 0) if stacked else 0
            stack_base[category] = low + length
            if length:
                yield _bar(scale, category, width, low, low + length, horizontal, colour, marker.get("cornerradius", 0))


def _bar(
    scale: _Scale, category: Any, width: float, low: float, high: float, horizontal: bool, colour: str, radius: int
) -> str:
    near, far = _number(category) - width / 2, _number(category) + width / 2
    if horizontal:
        top, bottom = sorted((scale.y(near), scale.y(far)))
        return _rectangle(scale.x(low), top, scale.x(high) - scale.x(low), bottom - top, colour, radius)
    x, y = scale.x(near), scale.y(high)
    return _rectangle(x, y, scale.x(far) - x, scale.y(low) - y, colour, radius)


def _paths(scale: _Scale, traces: Sequence[dict[str, Any]]) -> Iterable[str]:
    """Lines and the areas under them, in a square that is stretched; strokes keep their width."""
    stack_base: dict[Any, float] = {}
    drawn = []
    for trace in traces:
        if trace["type"] != "scatter" or trace["mode"] != "lines" or not trace["x"]:
            continue
        stacked = "stackgroup" in trace
        base = [stack_base.get(x, 0.0) if stacked else 0.0 for x in trace["x"]]
        over = [low + high for low, high in zip(base, trace["y"], strict=True)]
        if stacked:
            stack_base |= zip(trace["x"], over, strict=True)
        line, style = _path_points(scale, trace["x"], over), trace["line"]
        if "fillcolor" in trace:
            # A closed shape has its lower side itself; else it is the line below, or the axis.
            closed = trace.get("fill") == "toself"
            back = [] if closed else _path_points(scale, trace["x"], base)[::-1]
            drawn.append(f'<path d="M{"L".join([*line, *back])}z" fill="{trace["fillcolor"]}"/>')
        if style["color"] == TRANSPARENT:
            continue
        dash = f' stroke-dasharray="{DASHES[style["dash"]]}"' if "dash" in style else ""
        stroke = f'stroke="{style["color"]}" stroke-width="{style["width"]}"{dash}'
        drawn.append(f'<path d="M{"L".join(line)}" {stroke} vector-effect="non-scaling-stroke" fill="none"/>')
    if not drawn:
        return []
    square = f'viewBox="0 0 {PATH_UNITS} {PATH_UNITS}" preserveAspectRatio="none" width="100%" height="100%"'
    return [f'<svg {square} overflow="visible" stroke-linejoin="round">{"".join(drawn)}</svg>']


def _path_points(scale: _Scale, xs: Sequence[Any], ys: Sequence[float]) -> list[str]:
    return [
        f"{round(PATH_UNITS * scale.x(x))} {round(PATH_UNITS * scale.y(y), 1):g}" for x, y in zip(xs, ys, strict=True)
    ]


def _points(scale: _Scale, traces: Sequence[dict[str, Any]]) -> Iterable[str]:
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
            position = f'x="{_share(scale.x(x))}" y="{_share(scale.y(y))}"'
            yield f'<svg {position} overflow="visible" {colours}>{form}</svg>'


def _ticks(scale: _Scale, layout: dict[str, Any]) -> Iterable[str]:
    """The tick labels of both axes, for a wide and for a narrow box; CSS shows one of them."""
    for name, draw_tick in (("x", _x_tick), ("y", _y_tick)):
        axis = layout[f"{name}axis"]
        font = axis.get("tickfont", {})
        colour = f' fill="{font["color"]}" font-size="{font["size"]}"' if font else ""
        for group, ticks in _sizes(axis):
            texts = "".join(draw_tick(scale, *tick) for tick in zip(ticks["tickvals"], ticks["ticktext"], strict=True))
            yield f"<g{group}{colour}>{texts}</g>"


def _sizes(axis: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    if "narrow" not in axis:
        return [("", axis)]
    return [(' class="wide"', axis), (' class="narrow"', axis | axis["narrow"])]


def _x_tick(scale: _Scale, value: Any, text: str) -> str:
    x, (first, *more) = _share(scale.x(value)), text.split("<br>")
    lines = first + "".join(f'<tspan x="{x}" dy="16">{line}</tspan>' for line in more)
    return f'<text x="{x}" y="100%" dy="19" text-anchor="middle">{lines}</text>'


def _y_tick(scale: _Scale, value: Any, text: str) -> str:
    return f'<text dx="-8" y="{_share(scale.y(value))}" dy="4" text-anchor="end">{text}</text>'


def _label(scale: _Scale, label: dict[str, Any]) -> str:
    x = label["x"] if label.get("xref") == "paper" else scale.x(label["x"])
    y = 1 - label["y"] if label.get("yref") == "paper" else scale.y(label["y"])
    right = label.get("xshift", 0) + ANCHOR_OFFSETS[label["xanchor"]]
    down = BASELINES[label["yanchor"]] - label.get("yshift", 0)
    position = f'x="{_share(x)}" y="{_share(y)}" dx="{right}" dy="{down}" text-anchor="{ANCHORS[label["xanchor"]]}"'
    font = label["font"]
    style = f'fill="{font["color"]}" font-size="{font["size"]}"' + (' font-weight="600"' if "weight" in font else "")
    return f"<text {position} {style}>{label['text']}</text>"
