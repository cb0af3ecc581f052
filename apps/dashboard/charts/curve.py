"""Counted contacts by day against the target and the straight line to it."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, NamedTuple

from apps.dashboard.charts import layout
from apps.dashboard.charts.fan import FanDay, fan_labels, fan_traces

# Below this share of the highest total the labels of target, pace and days would overlap.
MIN_TARGET_SHARE = 0.25


class Point(NamedTuple):
    day: date
    recorded: int
    total: int
    pace: float | None


@dataclass(frozen=True)
class CurveLabels:
    target: str
    pace: str
    latest: str
    deadline: str
    unit: str
    hover_text: Callable[[Point], str]
    day_label: layout.DayLabel
    day_text: layout.DayLabel
    fan_text: Callable[[FanDay], str] = str
    number: Callable[[int], str] = str


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


def _share(passed: int, length: int) -> float:
    # The days go on after the deadline until there is a result: there the pace stays at the target.
    return min(1.0, max(0.0, passed / length)) if length > 0 else 1.0


def curve_figure(
    points: list[Point],
    *,
    opens: date,
    deadline: date,
    target: int | None,
    labels: CurveLabels,
    fan: Sequence[FanDay] = (),
) -> layout.Figure:
    """A filled line of the total; with a target also its line, the pace and the deadline, each labelled directly.

    `fan`: the forecast from the newest point on, with the values of the deadline beside it.
    """
    last = layout.last_day(deadline, points)
    highest = max([target or 0, *(point.total for point in points), *(day.high for day in fan)], default=0) or 1
    shapes, annotations = _target(points, opens, deadline, target, labels, fan) if target is not None else ([], [])
    if target is not None and target < MIN_TARGET_SHARE * highest:
        # Far above the target the pace lies on the axis: its label, the second one, would cover the days.
        annotations = annotations[:1]
    if points:
        annotations.append(_latest(points[-1], labels, opens, last, below=bool(fan)))
    days = layout.day_axis(opens, last, labels.day_label)
    if target is not None and last == deadline:
        for ticks in (days, days["narrow"]):
            ticks["ticktext"][-1] += f"<br>{layout.escape(labels.deadline)}"
    if fan:
        annotations += fan_labels(fan, highest * 1.1, labels.number)
    return layout.figure(
        [*(fan_traces(fan, labels.fan_text, labels.day_text) if fan else ()), *_traces(points, labels)],
        margin={"r": layout.RIGHT_WITH_LABELS if fan else layout.RIGHT},
        xaxis=days,
        yaxis=layout.count_axis(highest, highest * 1.1),
        unit=labels.unit,
        shapes=shapes,
        annotations=annotations,
    )


def _traces(points: list[Point], labels: CurveLabels) -> list[dict[str, Any]]:
    area = layout.area(points, [point.total for point in points], labels.hover_text, labels.day_text)
    newest_point = {
        "type": "scatter",
        "mode": "markers",
        "x": area["x"][-1:],
        "y": area["y"][-1:],
        "marker": {"color": "var(--brand)", "size": 9, "line": {"color": "var(--surface)", "width": 2}},
        "hoverinfo": "skip",
        # The point of the first day lies on the edge of the plot and would be cut in half.
        "cliponaxis": False,
    }
    return [area, newest_point]


def _target(
    points: list[Point], opens: date, deadline: date, target: int, labels: CurveLabels, fan: Sequence[FanDay]
) -> tuple[list[Any], list[Any]]:
    """The target, its pace and the deadline; the pace is labelled on the side away from the curve or its fan."""
    first, last = opens.isoformat(), deadline.isoformat()
    shapes = [
        layout.line(first, target, last, target, "var(--ink)"),
        layout.line(first, 0, last, target, "var(--edge)", dash="dot", width=1.6),
        layout.line(last, 0, last, target, "var(--edge)", width=1),
    ]
    # At 60 % of the period the label keeps clear of the newest total early on, and of the target's label near the end.
    label_day = opens + (deadline - opens) * 0.6
    # The label covers less than this part of the period.
    beside = [point for point in points if label_day - (deadline - opens) * 0.3 <= point.day <= label_day]
    curve_is_above = any(point.total > (point.pace or 0) for point in beside)
    if fan and label_day > fan[0].day:
        curve_is_above = next(day.median for day in fan if day.day >= label_day) > target * 0.6
    side: dict[str, Any] = {"xshift": -6, "yshift": 4}
    if curve_is_above:
        side = {"xanchor": "left", "yanchor": "top", "xshift": 6, "yshift": -4}
    annotations = [
        layout.label(first, target, labels.target, "var(--ink)", xanchor="left"),
        layout.label(label_day.isoformat(), target * 0.6, labels.pace, "var(--ink)" if fan else "var(--muted)", **side),
    ]
    return shapes, annotations


def _latest(point: Point, labels: CurveLabels, opens: date, last: date, *, below: bool) -> dict[str, Any]:
    """The newest total above its point, where a rising line leaves space; right of it a fan leaves space `below`."""
    # In the first quarter a label to the left would run over the vertical axis.
    early = (point.day - opens) * 4 < (last - opens)
    position: dict[str, Any] = {"xanchor": "left" if early else "right", "yshift": 6}
    if early and below:
        position |= {"yanchor": "top", "yshift": -4, "xshift": 4}
    return layout.label(point.day.isoformat(), point.total, labels.latest, font=layout.EMPHASISED, **position)
