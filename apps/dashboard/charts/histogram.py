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
    low: int
    high: int | None
    people: int
    width: int
    """Counted from `low` to `high`, both included; no `high` is the open end. `width` is what is drawn."""

    @property
    def middle(self) -> float:
        return self.low + self.width / 2


class Median(NamedTuple):
    name: str
    median: float
    people: int


@dataclass(frozen=True)
class Spread:
    """The quartiles of counted contacts, None without people."""

    quartile_1: float | None
    median: float | None
    quartile_3: float | None


@dataclass(frozen=True)
class HistogramWords:
    target: str
    median: str
    x: str
    y: str
    hover: Callable[[Bar], str]
    hover_median: Callable[[Median], str]


def histogram_data(bins: Iterable[tuple[int, int | None, int]], *, target: int) -> list[Bar]:
    """(low, high or None, people) in order -> the same with the width to draw; the open bin is as wide as the first.

    Empty bins at the end are left out, except the first one at the target, so that its emptiness shows.
    """
    rows = list(bins)
    width = next((high - low + 1 for low, high, _ in rows if high is not None), 1)
    last = max((at for at, (low, _, people) in enumerate(rows) if people or low <= target), default=-1)
    return [Bar(low, high, people, width) for low, high, people in rows[: last + 1]]


def histogram_figure(
    bars: list[Bar], *, target: int, spread: Spread, medians: list[Median], words: HistogramWords
) -> layout.Figure:
    """Bars below the target in slate, at and above it in green; the shaded part holds the middle half of the people."""
    most = max((bar.people for bar in bars), default=0) or 1
    right = max([target, *(bar.low + bar.width for bar in bars)])
    shapes = [layout.line(target, 0, target, most * TARGET_ROW, "var(--ink)")]
    notes = [layout.label(target, most * TARGET_ROW, words.target, "var(--ink)", yanchor="top", xshift=-6)]
    if spread.median is not None:
        shapes = [*_box(spread, right, most), *shapes]
        notes.append(_median(spread.median, most, words, right))
    return layout.figure(
        [_bars(bars, target, words), *_medians(medians, right, most, words)],
        hovermode="closest",
        bargap=0.12,
        xaxis={**_ticks(bars, target), "range": [0, right]},
        yaxis=layout.count_axis(most, most * TARGET_ROW),
        unit=words.y,
        x_unit=words.x,
        shapes=shapes,
        annotations=notes,
    )


def _bars(bars: list[Bar], target: int, words: HistogramWords) -> dict[str, Any]:
    return {
        "type": "bar",
        "x": [bar.middle for bar in bars],
        "y": [bar.people for bar in bars],
        "width": [bar.width * 0.88 for bar in bars],
        "marker": {
            "color": ["var(--band-4)" if bar.low >= target else "var(--band-2)" for bar in bars],
            "cornerradius": 3,
        },
        **layout.hover(words.hover, bars),
    }


def _medians(medians: list[Median], right: int, most: int, words: HistogramWords) -> list[dict[str, Any]]:
    """One point per sub-team, on a line of its own above the bars."""
    if not medians:
        return []
    points = {
        "type": "scatter",
        "mode": "markers",
        "x": [min(median.median, right) for median in medians],
        "y": [most * MEDIANS_ROW] * len(medians),
        "marker": {
            "color": "var(--surface)",
            "size": 10,
            "symbol": "diamond",
            "line": {"color": "var(--brand)", "width": 2},
        },
        "cliponaxis": False,
        **layout.hover(words.hover_median, medians),
    }
    return [points]


def _box(spread: Spread, right: int, most: int) -> list[dict[str, Any]]:
    low, high = min(spread.quartile_1 or 0, right), min(spread.quartile_3 or 0, right)
    half = {
        "type": "rect",
        "layer": "below",
        "x0": low,
        "x1": high,
        "y0": 0,
        "y1": most * MEDIAN_ROW,
        "fillcolor": "var(--brand-soft)",
        "line": {"width": 0},
    }
    middle = min(spread.median or 0, right)
    return [half, layout.line(middle, 0, middle, most * MEDIAN_ROW, "var(--brand)", dash="dash", width=1.6)]


def _median(median: float, most: int, words: HistogramWords, right: int) -> dict[str, Any]:
    """Left of its line where there is space; otherwise it would overlap the target's label."""
    left = median > right * 0.35
    return layout.label(
        min(median, right),
        most * MEDIAN_ROW,
        words.median,
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
        "tickvals": [*wide, *(place for place, _ in last)],
        "ticktext": [*map(str, wide), *(text for _, text in last)],
        "narrow": {
            "tickvals": [*narrow, *(place for place, _ in last)],
            "ticktext": [*map(str, narrow), *(text for _, text in last)],
        },
    }
