"""Counted contacts by day against the target and the straight line to it."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date
from typing import Any, NamedTuple

from apps.dashboard.charts import layout

# Share of the highest total below which the labels of target, pace and days would overlap.
FLAT = 0.25


class Point(NamedTuple):
    day: date
    recorded: int
    total: int
    pace: float | None


@dataclass(frozen=True)
class CurveWords:
    target: str
    pace: str
    latest: str
    deadline: str
    unit: str
    hover: Callable[[Point], str]
    day: layout.Label


def curve_data(
    days: Iterable[tuple[date, int, int]], *, opens: date, deadline: date, target: int | None
) -> list[Point]:
    """(day, recorded on it, total at its end) -> the same with the straight pace at the end of each day.

    The pace of a day is target x (days passed, this one included) / (all days). Without a target there is no pace.
    """
    length = (deadline - opens).days + 1
    return [
        Point(day, recorded, total, None if target is None else target * _share((day - opens).days + 1, length))
        for day, recorded, total in days
    ]


def _share(gone: int, length: int) -> float:
    return min(1.0, max(0.0, gone / length)) if length > 0 else 1.0


def curve_figure(
    points: list[Point], *, opens: date, deadline: date, target: int | None, words: CurveWords
) -> layout.Figure:
    """A filled line of the total; with a target also its line, the pace and the deadline, each labelled directly.

    Far above the target the pace lies on the axis and gets no label.
    """
    last = max([deadline, *(point.day for point in points[-1:])])
    highest = max([target or 0, *(point.total for point in points)], default=0) or 1
    shapes, notes = _target(points, opens, deadline, target, words) if target is not None else ([], [])
    if target is not None and target < FLAT * highest:
        notes = notes[:1]
    if points:
        notes.append(_latest(points[-1], words, opens, last))
    days = layout.day_axis(opens, last, words.day)
    if target is not None and last == deadline:
        for ticks in (days, days["narrow"]):
            ticks["ticktext"][-1] += f"<br>{layout.escape(words.deadline)}"
    return layout.figure(
        _traces(points, words),
        xaxis=days,
        yaxis=layout.count_axis(highest, highest * 1.1),
        unit=words.unit,
        shapes=shapes,
        annotations=notes,
    )


def _traces(points: list[Point], words: CurveWords) -> list[dict[str, Any]]:
    days = [point.day.isoformat() for point in points]
    area = {
        "type": "scatter",
        "mode": "lines",
        "x": days,
        "y": [point.total for point in points],
        "line": {"color": "var(--brand)", "width": 2.5, "shape": "linear"},
        "fill": "tozeroy",
        "fillcolor": "var(--brand-soft)",
        **layout.hover(words.hover, points),
    }
    end = {
        "type": "scatter",
        "mode": "markers",
        "x": days[-1:],
        "y": [point.total for point in points[-1:]],
        "marker": {"color": "var(--brand)", "size": 9, "line": {"color": "var(--surface)", "width": 2}},
        "hoverinfo": "skip",
        "cliponaxis": False,
    }
    return [area, end]


def _target(
    points: list[Point], opens: date, deadline: date, target: int, words: CurveWords
) -> tuple[list[Any], list[Any]]:
    """The target, its pace and the deadline; the pace is labelled on the side away from the curve."""
    first, last = opens.isoformat(), deadline.isoformat()
    shapes = [
        layout.line(first, target, last, target, "var(--ink)"),
        layout.line(first, 0, last, target, "var(--edge)", dash="dot", width=1.6),
        layout.line(last, 0, last, target, "var(--edge)", width=1),
    ]
    middle = opens + (deadline - opens) * 0.6
    above = any(point.total > (point.pace or 0) for point in points if point.day <= middle)
    side: dict[str, Any] = {"xshift": -6, "yshift": 4}
    if above:
        side = {"xanchor": "left", "yanchor": "top", "xshift": 6, "yshift": -4}
    notes = [
        layout.label(first, target, words.target, "var(--ink)", xanchor="left"),
        layout.label(middle.isoformat(), target * 0.6, words.pace, **side),
    ]
    return shapes, notes


def _latest(point: Point, words: CurveWords, opens: date, last: date) -> dict[str, Any]:
    """The newest total above its point, where a rising line leaves space."""
    early = (point.day - opens) * 4 < (last - opens)
    return layout.label(
        point.day.isoformat(),
        point.total,
        words.latest,
        "var(--brand)",
        xanchor="left" if early else "right",
        yshift=6,
        font={"size": 13, "color": "var(--brand)", "weight": 600},
    )
