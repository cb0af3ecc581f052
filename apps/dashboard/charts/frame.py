"""What all figures share: the layout, the axes and few, readable ticks."""

from collections.abc import Callable, Sequence
from datetime import date, timedelta
from typing import Any

Figure = dict[str, Any]
Label = Callable[[date], str]

CLEAR = "rgba(0,0,0,0)"
WIDE_TICKS = 6
NARROW_TICKS = 3


def figure(data: list[dict[str, Any]], **layout: Any) -> Figure:
    """A figure with the house's quiet layout; `layout` is laid over it, one level deep."""
    base: dict[str, Any] = {
        "paper_bgcolor": CLEAR,
        "plot_bgcolor": CLEAR,
        "font": {"color": "var(--muted)", "size": 12},
        "margin": {"l": 44, "r": 26, "t": 12, "b": 30},
        "showlegend": False,
        "hovermode": "x",
        "hoverlabel": {
            "bgcolor": "var(--surface)",
            "bordercolor": "var(--edge)",
            "font": {"color": "var(--ink)", "size": 13},
            "align": "left",
        },
        "xaxis": axis(),
        "yaxis": axis(gridcolor="var(--line)", showgrid=True, rangemode="tozero", tickformat=",d"),
        "shapes": [],
        "annotations": [],
    }
    for key, value in layout.items():
        base[key] = {**base[key], **value} if isinstance(base.get(key), dict) else value
    return {"data": data, "layout": base}


def axis(**settings: Any) -> dict[str, Any]:
    return {
        "fixedrange": True,
        "showgrid": False,
        "zeroline": False,
        "showline": False,
        "ticks": "",
        "automargin": True,
        "ticklabeloverflow": "allow",
        "tickangle": 0,
        "title": {"text": ""},
        **settings,
    }


def titled(text: str) -> dict[str, Any]:
    return {"text": text, "font": {"size": 12, "color": "var(--muted)"}, "standoff": 8}


def day_axis(first: date, last: date, label: Label) -> dict[str, Any]:
    """A date axis from `first` to `last`; `narrow` holds the fewer ticks that a phone draws instead."""
    wide, narrow = day_ticks(first, last, WIDE_TICKS), day_ticks(first, last, NARROW_TICKS)
    return axis(
        type="date",
        range=[first.isoformat(), last.isoformat()],
        tickvals=[day.isoformat() for day in wide],
        ticktext=[label(day) for day in wide],
        narrow={"tickvals": [day.isoformat() for day in narrow], "ticktext": [label(day) for day in narrow]},
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
    """Plotly reads its texts as a little HTML; a name may contain `<` and must stay a name."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def shorten(text: str, most: int) -> str:
    return text if len(text) <= most else text[: most - 1].rstrip() + "…"


def hover(texts: Sequence[str]) -> dict[str, Any]:
    """The exact row under the pointer, already put into words."""
    return {"hovertext": [escape(text) for text in texts], "hoverinfo": "text"}
