"""A forecast on a chart by day: its median, and the areas in which 5 and 8 of 10 outcomes lie."""

from collections.abc import Callable, Iterable, Sequence
from datetime import date
from typing import Any, NamedTuple

from apps.dashboard.charts import layout

# The outer area and the inner one: they differ in lightness from each other and from the ground.
SWATCHES = ("fan-80", "fan-50")
COLOURS = tuple(f"var(--{token})" for token in SWATCHES)
EDGE = "var(--edge)"
MEDIAN = "var(--brand)"
# Ends of the areas nearer to the median than this share of the axis are not labelled: the texts would overlap.
MIN_LABEL_DISTANCE = 0.075


class FanDay(NamedTuple):
    """Values at the end of a day: 8 of 10 outcomes lie from `low` to `high`, 5 of 10 from `lower` to `upper`."""

    day: date
    low: int
    lower: int
    median: int
    upper: int
    high: int


def fan_data(start: tuple[date, int], days: Iterable[tuple[date, Iterable[int]]]) -> list[FanDay]:
    """The known value at the `start`, where the fan is a point, then (day, five values) in the order of the days."""
    day, known = start
    return [FanDay(day, known, known, known, known, known), *(FanDay(day, *values) for day, values in days)]


def fan_traces(
    fan: Sequence[FanDay], hover_text: Callable[[FanDay], str], day_text: layout.DayLabel
) -> list[dict[str, Any]]:
    """Both areas, and the median with a tooltip on each day but the first: the start has one of its own."""
    days, outer, inner = [day.day for day in fan], COLOURS[0], COLOURS[1]
    first = fan[0]
    return [
        layout.band(days, [day.low for day in fan], [day.high for day in fan], outer, edge=EDGE),
        layout.band(days, [day.lower for day in fan], [day.upper for day in fan], inner),
        {
            "type": "scatter",
            "mode": "lines",
            "x": [day.isoformat() for day in days],
            "y": [day.median for day in fan],
            "line": {"color": MEDIAN, "width": 2, "dash": "dot"},
            **layout.hover(
                lambda day: "" if day is first else hover_text(day), fan, title_of=lambda day: day_text(day.day)
            ),
        },
    ]


def fan_labels(fan: Sequence[FanDay], top: float, number: Callable[[int], str]) -> list[dict[str, Any]]:
    """The last day's values beside their ends, right of the plot; `top`: the end of the vertical axis."""
    last = fan[-1]
    apart = [value for value in (last.low, last.high) if abs(value - last.median) >= MIN_LABEL_DISTANCE * top]
    side: dict[str, Any] = {"xanchor": "left", "yanchor": "middle", "xshift": 4}
    day = last.day.isoformat()
    return [
        *(layout.label(day, value, number(value), **side) for value in apart),
        layout.label(day, last.median, number(last.median), font=layout.EMPHASISED, **side),
    ]
