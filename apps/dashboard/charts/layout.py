"""What all figures share: layout, axes and ticks."""

from collections.abc import Callable, Iterable, Sequence
from datetime import date, timedelta
from itertools import accumulate
from typing import Any
from unicodedata import east_asian_width

Figure = dict[str, Any]
DayLabel = Callable[[date], str]

TRANSPARENT = "rgba(0,0,0,0)"
WIDE_TICKS = 6
NARROW_TICKS = 3
EMPHASISED = {"size": 13, "color": "var(--brand)", "weight": 600}
# Pixels around the axes. They are fixed, so that the server's SVG (`svg_preview`) and the chart that replaces it match.
# `rows.css` has the same numbers as classes, for the content security policy allows no style in a page.
LEFT_MARGINS = {3: 40, 5: 52, 7: 66, 9: 80, 13: 104}  # characters of the longest label -> room for it
NAME_MARGIN, NARROW_NAME_MARGIN = 212, 132
RIGHT = 30
RIGHT_WITH_LABELS = 48
TOP, TOP_WITHOUT_TITLE = 30, 6
BOTTOM, BOTTOM_TWO_LINES = 28, 46


def figure(data: list[dict[str, Any]], *, unit: str = "", x_unit: str = "", **layout: Any) -> Figure:
    """A figure with the common layout; `layout` is merged into it, one level deep.

    `unit` labels the vertical axis, above it and horizontal; `x_unit` the horizontal one, below it.
    """
    base: dict[str, Any] = {
        "paper_bgcolor": TRANSPARENT,
        "plot_bgcolor": TRANSPARENT,
        "font": {"color": "var(--muted)", "size": 12},
        "showlegend": False,
        # At one place, all traces together; charts.js shows them in one tooltip.
        "hovermode": "x",
        "xaxis": x_axis(),
        "yaxis": axis(),
        "shapes": [],
        "annotations": [],
    }
    for key, value in layout.items():
        base[key] = {**base[key], **value} if isinstance(base.get(key), dict) else value
    margin = _margin(base, unit=unit, x_unit=x_unit) | base.get("margin", {})
    return {
        "data": data,
        "layout": base | {"margin": margin, "annotations": _with_axis_titles(base, margin, unit, x_unit)},
    }


def _margin(layout: dict[str, Any], *, unit: str, x_unit: str) -> dict[str, Any]:
    longest = max(map(len, layout["yaxis"].get("ticktext", ())), default=0)
    two_lines = x_unit or any("<br>" in text for text in layout["xaxis"].get("ticktext", ()))
    return {
        "l": next(
            (room for characters, room in LEFT_MARGINS.items() if longest <= characters), max(LEFT_MARGINS.values())
        ),
        "r": RIGHT,
        "t": TOP if unit else TOP_WITHOUT_TITLE,
        "b": BOTTOM_TWO_LINES if two_lines else BOTTOM,
        "pad": 0,
    }


def _with_axis_titles(layout: dict[str, Any], margin: dict[str, Any], unit: str, x_unit: str) -> list[dict[str, Any]]:
    paper = {"xref": "paper", "yref": "paper"}
    names = list(layout["annotations"])
    if unit:
        names.append(label(0, 1, unit, xanchor="left", xshift=6 - margin["l"], yshift=8, **paper))
    if x_unit:
        names.append(label(0.5, 0, x_unit, xanchor="center", yanchor="top", yshift=-25, **paper))
    return names


def axis(**settings: Any) -> dict[str, Any]:
    return {
        # No zoom: on a phone a drag over a chart scrolls the page.
        "fixedrange": True,
        "showgrid": False,
        "zeroline": False,
        "showline": False,
        "ticks": "outside",
        "ticklen": 5,
        "tickcolor": TRANSPARENT,
        # Plotly would move the axes after drawing, away from the server's SVG below them.
        "automargin": False,
        "ticklabeloverflow": "allow",
        "tickangle": 0,
        **settings,
    }


def x_axis(**settings: Any) -> dict[str, Any]:
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


def day_axis(first: date, last: date, day_label: DayLabel, *, full_days: bool = False) -> dict[str, Any]:
    """A date axis from `first` to `last`; `narrow` holds the fewer ticks of a phone.

    `full_days`: with space for a bar around the middle of the first and the last day.
    """

    def ticks(days: list[date]) -> dict[str, Any]:
        return {"tickvals": [day.isoformat() for day in days], "ticktext": [escape(day_label(day)) for day in days]}

    return x_axis(
        type="date",
        range=[f"{first - timedelta(days=1)}T12:00", f"{last}T12:00"]
        if full_days
        else [first.isoformat(), last.isoformat()],
        narrow=ticks(day_ticks(first, last, NARROW_TICKS)),
        **ticks(day_ticks(first, last, WIDE_TICKS)),
    )


def day_ticks(first: date, last: date, max_ticks: int) -> list[date]:
    """At most `max_ticks` days, evenly spaced, both ends among them."""
    days = max((last - first).days, 0)
    steps = min(max_ticks - 1, days)
    if steps <= 0:
        return [first]
    return [first + timedelta(days=round(days * step / steps)) for step in range(steps + 1)]


def last_day(deadline: date, days: Sequence[Any]) -> date:
    """The end of a day axis: the deadline, or the newest day where the data go on after it."""
    return max([deadline, *(day.day for day in days[-1:])])


def area(days: Sequence[Any], values: list[int], text_of: Callable[..., str], day_text: DayLabel) -> dict[str, Any]:
    return {
        "type": "scatter",
        "mode": "lines",
        "x": [day.day.isoformat() for day in days],
        "y": values,
        "line": {"color": "var(--brand)", "width": 2.5},
        "fill": "tozeroy",
        "fillcolor": "var(--brand-soft)",
        **hover(text_of, days, title_of=lambda day: day_text(day.day)),
    }


def band(
    days: Sequence[date], low: Sequence[int], high: Sequence[int], colour: str, edge: str = TRANSPARENT
) -> dict[str, Any]:
    """The area between two lines by day, as one closed shape; `edge` is the colour of its outline."""
    there = [day.isoformat() for day in days]
    return {
        "type": "scatter",
        "mode": "lines",
        "x": [*there, *reversed(there)],
        "y": [*high, *reversed(low)],
        "line": {"color": edge, "width": 1},
        "fill": "toself",
        "fillcolor": colour,
        "hoverinfo": "skip",
    }


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
        "bgcolor": TRANSPARENT,
        **settings,
    }


def escape(text: str) -> str:
    """Plotly reads its texts as a small subset of HTML; a name with `<` must stay a name."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def shorten(text: str, max_columns: int) -> str:
    """At most `max_columns` columns; a Chinese character takes two."""
    columns = list(accumulate(2 if east_asian_width(letter) in "WF" else 1 for letter in text))
    if not columns or columns[-1] <= max_columns:
        return text
    return text[: sum(column < max_columns for column in columns)].rstrip() + "…"


def hover(
    text_of: Callable[..., str], rows: Iterable[Any], *args: Any, title_of: Callable[[Any], str]
) -> dict[str, Any]:
    """The tooltip of each point: its line, `text_of(row, *args)`, below the heading that all traces there share.

    Made on demand (`with_hover_text`), and drawn by charts.js: Plotly only reports the point under the pointer.
    """
    rows = list(rows)
    return {
        "hovertext": (text_of(row, *args) for row in rows),
        "meta": (title_of(row) for row in rows),
        "hoverinfo": "none",
    }


def with_hover_text(figure: Figure) -> Figure:
    """The figure for Plotly, with the texts of the tooltips. The SVG needs none, so they are added only here."""
    lazy = ("hovertext", "meta")
    data = [trace | {key: list(trace[key]) for key in lazy if key in trace} for trace in figure["data"]]
    return figure | {"data": data}
