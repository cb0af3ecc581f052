"""The distribution of a team around the target."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, NamedTuple

from apps.dashboard.charts import layout

# Rows above the bars, as multiples of the tallest: sub-teams' medians, the median's name, the target's name.
MEDIANS_ROW = 1.1
MEDIAN_ROW = 1.33
TARGET_ROW = 1.5


class Bar(NamedTuple):
    """Counted from `low` to `high`, both included; no `high` is the open end. `width` is what is drawn."""

    low: int
    high: int | None
    people: int
    width: int

    @property
    def middle(self) -> float:
        return self.low + self.width / 2


class Median(NamedTuple):
    name: str
    median: float
    people: int
    url: str = ""


@dataclass(frozen=True)
class Quartiles:
    """The quartiles of counted contacts, None without people."""

    quartile_1: float | None
    median: float | None
    quartile_3: float | None


@dataclass(frozen=True)
class HistogramLabels:
    target: str
    median: str
    x_unit: str
    y_unit: str
    bar_title: Callable[[Bar], str]
    bar_text: Callable[[Bar], str]
    median_text: Callable[[Median], str]
    list_url: Callable[[Bar], str]


def histogram_data(bins: Iterable[tuple[int, int | None, int]], *, target: int) -> list[Bar]:
    """(low, high or None, people) in order -> the same with the width to draw; the open bin is as wide as the first.

    Empty bins at the end are left out, except the first one at the target, so that its emptiness shows.
    """
    rows = list(bins)
    width = next((high - low + 1 for low, high, _ in rows if high is not None), 1)
    last = max((index for index, (low, _, people) in enumerate(rows) if people or low <= target), default=-1)
    return [Bar(low, high, people, width) for low, high, people in rows[: last + 1]]


def histogram_figure(
    bars: list[Bar], *, target: int, quartiles: Quartiles, medians: list[Median], labels: HistogramLabels
) -> layout.Figure:
    """Bars below the target in slate, at and above it in green; the shaded part holds the middle half of the people."""
    highest = max((bar.people for bar in bars), default=0) or 1
    right = max([target, *(bar.low + bar.width for bar in bars)])
    shapes = [layout.line(target, 0, target, highest * TARGET_ROW, "var(--ink)")]
    annotations = [layout.label(target, highest * TARGET_ROW, labels.target, "var(--ink)", yanchor="top", xshift=-6)]
    if quartiles.median is not None:
        # Before the target's line in the list, and so drawn below it.
        shapes = [*_middle_half(quartiles, right, highest), *shapes]
        annotations.append(_median(quartiles.median, highest, labels, right))
    return layout.figure(
        [_bars(bars, target, labels), *_medians(medians, right, highest, labels)],
        # Medians lie above the bars: along the axis a bar would hide them from the pointer.
        hovermode="closest",
        bargap=0.12,
        xaxis={**_ticks(bars, target), "range": [0, right]},
        yaxis=layout.count_axis(highest, highest * TARGET_ROW),
        unit=labels.y_unit,
        x_unit=labels.x_unit,
        shapes=shapes,
        annotations=annotations,
    )


def _bars(bars: list[Bar], target: int, labels: HistogramLabels) -> dict[str, Any]:
    return {
        "type": "bar",
        "x": [bar.middle for bar in bars],
        "y": [bar.people for bar in bars],
        "width": [bar.width * 0.88 for bar in bars],
        "marker": {
            "color": ["var(--band-4)" if bar.low >= target else "var(--band-2)" for bar in bars],
            "cornerradius": 3,
        },
        # charts.js opens this address at a click.
        "customdata": [labels.list_url(bar) for bar in bars],
        **layout.hover(labels.bar_text, bars, title_of=labels.bar_title),
    }


def _medians(medians: list[Median], right: int, highest: int, labels: HistogramLabels) -> list[dict[str, Any]]:
    """One point per sub-team, on a line of its own above the bars."""
    if not medians:
        return []
    points = {
        "type": "scatter",
        "mode": "markers",
        # A median beyond the last bar stands at the edge: an axis long enough for it would squeeze all bars.
        "x": [min(median.median, right) for median in medians],
        "y": [highest * MEDIANS_ROW] * len(medians),
        "marker": {
            "color": "var(--surface)",
            "size": 10,
            "symbol": "diamond",
            "line": {"color": "var(--brand)", "width": 2},
        },
        "cliponaxis": False,
        "customdata": [median.url for median in medians],
        **layout.hover(labels.median_text, medians, title_of=lambda median: median.name),
    }
    return [points]


def _middle_half(quartiles: Quartiles, right: int, highest: int) -> list[dict[str, Any]]:
    low, high = min(quartiles.quartile_1 or 0, right), min(quartiles.quartile_3 or 0, right)
    half = {
        "type": "rect",
        "layer": "below",
        "x0": low,
        "x1": high,
        "y0": 0,
        "y1": highest * MEDIAN_ROW,
        "fillcolor": "var(--brand-soft)",
        "line": {"width": 0},
    }
    middle = min(quartiles.median or 0, right)
    return [half, layout.line(middle, 0, middle, highest * MEDIAN_ROW, "var(--brand)", dash="dash", width=1.6)]


def _median(median: float, highest: int, labels: HistogramLabels, right: int) -> dict[str, Any]:
    """Left of its line where there is space; otherwise it would overlap the target's label."""
    left = median > right * 0.35
    return layout.label(
        min(median, right),
        highest * MEDIAN_ROW,
        labels.median,
        "var(--brand)",
        yanchor="top",
        xanchor="right" if left else "left",
        xshift=-6 if left else 6,
    )


def _ticks(bars: list[Bar], target: int) -> dict[str, Any]:
    """Quarters of the target and the open end, labelled; on a phone three at most."""
    wide = sorted({round(target * step / 4) for step in range(5)})
    last = [(bar.middle, f"{bar.low}+") for bar in bars[-1:] if bar.high is None]
    narrow = [0, target] if last else sorted({0, target // 2, target})
    return {
        "tickvals": [*wide, *(position for position, _ in last)],
        "ticktext": [*map(str, wide), *(text for _, text in last)],
        "narrow": {
            "tickvals": [*narrow, *(position for position, _ in last)],
            "ticktext": [*map(str, narrow), *(text for _, text in last)],
        },
    }
