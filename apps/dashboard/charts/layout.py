"""What all figures share: layout, axes and ticks."""

from collections.abc import Callable, Iterable
from datetime import date, timedelta
from itertools import accumulate
from typing import Any
from unicodedata import east_asian_width

Figure = dict[str, Any]
Label = Callable[[date], str]

CLEAR = "rgba(0,0,0,0)"
WIDE_TICKS = 6
NARROW_TICKS = 3
# Pixels around the axes. They are fixed, so that the server's drawing (`svg_preview`) and the chart that replaces it
# match. `rows.css` has the same numbers as classes.
LEFTS = {3: 40, 5: 52, 7: 66, 9: 80, 13: 104}  # characters of the longest label -> room for it
NAMES, NARROW_NAMES = 212, 132
RIGHT = 30
WIDE_RIGHT = 48  # room for a label behind every bar
TOP, FLAT_TOP = 30, 6  # with and without the axis's name above it
BOTTOM, DEEP_BOTTOM = 28, 46  # one line under the axis, or two


def figure(data: list[dict[str, Any]], *, unit: str = "", x_unit: str = "", **layout: Any) -> Figure:
    """A figure with the common layout; `layout` is merged into it, one level deep.

    `unit` labels the vertical axis, above it and horizontal; `x_unit` the horizontal one, below it.
    """
    base: dict[str, Any] = {
        "paper_bgcolor": CLEAR,
        "plot_bgcolor": CLEAR,
        "font": {"color": "var(--muted)", "size": 12},
        "showlegend": False,
        "hovermode": "x",
        "hoverlabel": {
            "bgcolor": "var(--surface)",
            "bordercolor": "var(--edge)",
            "font": {"color": "var(--ink)", "size": 13},
            "align": "left",
        },
        "xaxis": below(),
        "yaxis": axis(),
        "shapes": [],
        "annotations": [],
    }
    for key, value in layout.items():
        base[key] = {**base[key], **value} if isinstance(base.get(key), dict) else value
    margin = _margin(base, unit=unit, x_unit=x_unit) | base.get("margin", {})
    return {"data": data, "layout": base | {"margin": margin, "annotations": _named(base, margin, unit, x_unit)}}


def _margin(layout: dict[str, Any], *, unit: str, x_unit: str) -> dict[str, Any]:
    longest = max(map(len, layout["yaxis"].get("ticktext", ())), default=0)
    two_lines = x_unit or any("<br>" in text for text in layout["xaxis"].get("ticktext", ()))
    return {
        "l": next((room for most, room in LEFTS.items() if longest <= most), max(LEFTS.values())),
        "r": RIGHT,
        "t": TOP if unit else FLAT_TOP,
        "b": DEEP_BOTTOM if two_lines else BOTTOM,
        "pad": 0,
    }


def _named(layout: dict[str, Any], margin: dict[str, Any], unit: str, x_unit: str) -> list[dict[str, Any]]:
    paper = {"xref": "paper", "yref": "paper"}
    names = list(layout["annotations"])
    if unit:
        names.append(label(0, 1, unit, xanchor="left", xshift=6 - margin["l"], yshift=8, **paper))
    if x_unit:
        names.append(label(0.5, 0, x_unit, xanchor="center", yanchor="top", yshift=-25, **paper))
    return names


def axis(**settings: Any) -> dict[str, Any]:
    return {
        "fixedrange": True,
        "showgrid": False,
        "zeroline": False,
        "showline": False,
        "ticks": "outside",
        "ticklen": 5,
        "tickcolor": CLEAR,
        "automargin": False,
        "ticklabeloverflow": "allow",
        "tickangle": 0,
        **settings,
    }


def below(**settings: Any) -> dict[str, Any]:
    """A horizontal axis whose labels keep clear of the 0 beside it."""
    return axis(ticklen=4, **settings)


def count_axis(highest: float, top: float) -> dict[str, Any]:
    """A vertical axis from 0 to `top` with at most five round whole numbers up to `highest`."""
    step = round_step(highest)
    values = list(range(0, int(highest) + 1, step))
    return axis(
        range=[0, top],
        showgrid=True,
        gridcolor="var(--line)",
        tickvals=values,
        ticktext=[f"{value:,}" for value in values],
    )


def round_step(highest: float) -> int:
    """The smallest of 1, 2 or 5 times a power of ten that reaches `highest` in five steps."""
    magnitude = 1
    while True:
        for step in (magnitude, 2 * magnitude, 5 * magnitude):
            if step * 5 >= highest:
                return step
        magnitude *= 10


def day_axis(first: date, last: date, label: Label, *, whole: bool = False) -> dict[str, Any]:
    """A date axis from `first` to `last`; `narrow` holds the fewer ticks of a phone.

    `whole`: with space for a bar around the middle of the first and the last day.
    """
    wide, narrow = day_ticks(first, last, WIDE_TICKS), day_ticks(first, last, NARROW_TICKS)
    return below(
        type="date",
        range=[f"{first - timedelta(days=1)}T12:00", f"{last}T12:00"]
        if whole
        else [first.isoformat(), last.isoformat()],
        tickvals=[day.isoformat() for day in wide],
        ticktext=[escape(label(day)) for day in wide],
        narrow={"tickvals": [day.isoformat() for day in narrow], "ticktext": [escape(label(day)) for day in narrow]},
    )


def day_ticks(first: date, last: date, most: int) -> list[date]:
    """At most `most` days, evenly spaced, both ends among them."""
    days = max((last - first).days, 0)
    steps = min(most - 1, days)
    if steps <= 0:
        return [first]
    return [first + timedelta(days=round(days * step / steps)) for step in range(steps + 1)]


def line(x0: Any, y0: Any, x1: Any, y1: Any, colour: str, dash: str = "solid", width: float = 1.2) -> dict[str, Any]:
    return {
        "type": "line",
        "layer": "above",
        "x0": x0,
        "y0": y0,
        "x1": x1,
        "y1": y1,
        "line": {"color": colour, "width": width, "dash": dash},
    }


def label(x: Any, y: Any, text: str, colour: str = "var(--muted)", **settings: Any) -> dict[str, Any]:
    """Text beside a line or a point: a direct label instead of a legend."""
    return {
        "x": x,
        "y": y,
        "text": escape(text),
        "showarrow": False,
        "font": {"size": 12, "color": colour},
        "xanchor": "right",
        "yanchor": "bottom",
        "bgcolor": CLEAR,
        **settings,
    }


def escape(text: str) -> str:
    """Plotly reads its texts as a small subset of HTML; a name with `<` must stay a name."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def shorten(text: str, most: int) -> str:
    """At most `most` columns; a Chinese character takes two."""
    columns = list(accumulate(2 if east_asian_width(letter) in "WF" else 1 for letter in text))
    if not columns or columns[-1] <= most:
        return text
    return text[: sum(column < most for column in columns)].rstrip() + "…"


def hover(say: Callable[..., str], rows: Iterable[Any], *of: Any) -> dict[str, Any]:
    """The row for the pointer; `say(row, *of)` makes its text on demand (`with_hover_text`)."""
    return {"hovertext": (escape(say(row, *of)) for row in rows), "hoverinfo": "text"}


def with_hover_text(figure: Figure) -> Figure:
    """The figure for Plotly, with the hover texts. The SVG needs none, so they are added only here."""
    data = figure["data"]
    traces = [{**trace, "hovertext": list(trace["hovertext"])} if "hovertext" in trace else trace for trace in data]
    return figure | {"data": traces}
