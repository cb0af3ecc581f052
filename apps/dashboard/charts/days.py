"""The company by day: how many people are below the target, and the contacts by source."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, NamedTuple

from apps.dashboard.charts import layout
from apps.dashboard.charts.fan import FanDay, fan_labels, fan_traces

# Colours of the sources by size: all differ in lightness, neighbours most, which also a colour-blind reader sees.
SWATCHES = ("band-4", "band-2", "band-0", "band-3", "band-1")
COLOURS = tuple(f"var(--{token})" for token in SWATCHES)


class BelowTargetDay(NamedTuple):
    day: date
    people: int


def below_target_data(rows: Iterable[tuple[date, int]]) -> list[BelowTargetDay]:
    return [BelowTargetDay(day, people) for day, people in rows]


def below_target_figure(
    days: list[BelowTargetDay],
    *,
    opens: date,
    deadline: date,
    latest: str,
    unit: str,
    hover_text: Callable[[BelowTargetDay], str],
    day_label: layout.DayLabel,
    day_text: layout.DayLabel,
    list_url: Callable[[BelowTargetDay], str],
    fan: Sequence[FanDay] = (),
    fan_text: Callable[[FanDay], str] = str,
    number: Callable[[int], str] = str,
) -> layout.Figure:
    """People below the target, and the straight line to zero at the deadline. `latest` labels the newest day.

    `list_url`: the address of these people, which a click opens; empty where there is none. `fan`: the forecast from
    the newest day on, with the values of the deadline beside it.
    """
    highest = max([*(day.people for day in days), *(day.high for day in fan)], default=0) or 1
    last = layout.last_day(deadline, days)
    shapes, annotations = _pace_and_latest(days, opens, deadline, latest) if days else ([], [])
    if fan:
        annotations += fan_labels(fan, highest * 1.12, number)
    return layout.figure(
        [
            *(fan_traces(fan, fan_text, day_text) if fan else ()),
            layout.area(days, [day.people for day in days], hover_text, day_text)
            | {"customdata": [list_url(day) for day in days]},
        ],
        margin={"r": layout.RIGHT_WITH_LABELS if fan else layout.RIGHT},
        xaxis=layout.day_axis(opens, last, day_label),
        yaxis=layout.count_axis(highest, highest * 1.12),
        unit=unit,
        shapes=shapes,
        annotations=annotations,
    )


def _pace_and_latest(days: list[BelowTargetDay], opens: date, deadline: date, latest: str) -> tuple[list, list]:
    """The line to zero at the deadline, and the label of the newest day."""
    newest, last = days[-1], layout.last_day(deadline, days)
    day, end = newest.day.isoformat(), deadline.isoformat()
    # In the last quarter a label to the right would leave the figure.
    late = (newest.day - opens) * 4 > (last - opens) * 3
    right = {"xanchor": "left", "yshift": 2}
    position: dict[str, Any] = {"xanchor": "right", "yanchor": "top", "yshift": -10} if late else right
    line = layout.line(day, newest.people, end, 0, "var(--edge)", dash="dot", width=1.8)
    return [line], [layout.label(day, newest.people, latest, font=layout.EMPHASISED, **position)]


class SourceDay(NamedTuple):
    day: date
    counts: tuple[int, ...]

    @property
    def total(self) -> int:
        return sum(self.counts)


@dataclass(frozen=True)
class Sources:
    """The sources in the chart, biggest first, and the days; "" stands for all smaller ones together."""

    names: tuple[str, ...]
    days: list[SourceDay]


def sources_data(rows: Iterable[tuple[date, str, int]]) -> Sources:
    """(day, source, contacts) -> one row per day and at most five columns: the smaller sources share the last."""
    cells: dict[tuple[date, str], int] = {}
    totals: dict[str, int] = {}
    for day, source, count in rows:
        cells[day, source] = cells.get((day, source), 0) + count
        totals[source] = totals.get(source, 0) + count
    # By name where two are equal: otherwise two pages of the same data could differ in their colours.
    ordered = sorted(totals, key=lambda source: (-totals[source], source))
    # One column is left for the rest, but only where there is a rest: a fifth source keeps its own name.
    own = ordered if len(ordered) <= len(COLOURS) else ordered[: len(COLOURS) - 1]
    names = (*own, "") if len(own) < len(ordered) else tuple(own)
    by_day: dict[date, list[int]] = {}
    for (day, source), count in sorted(cells.items()):
        row = by_day.setdefault(day, [0] * len(names))
        row[names.index(source) if source in own else len(names) - 1] += count
    return Sources(names, [SourceDay(day, tuple(counts)) for day, counts in by_day.items()])


def sources_figure(
    sources: Sources,
    *,
    opens: date,
    deadline: date,
    unit: str,
    source_name: Callable[[str], str],
    hover_text: Callable[[SourceDay, int], str],
    day_label: layout.DayLabel,
    day_text: layout.DayLabel,
) -> layout.Figure:
    """Stacked bars by day, the biggest source at the bottom."""
    x = [day.day.isoformat() for day in sources.days]
    traces = [
        {
            "type": "bar",
            "name": source_name(name),
            "x": x,
            "y": [day.counts[column] for day in sources.days],
            "marker": {"color": COLOURS[column]},
            **layout.hover(hover_text, sources.days, column, title_of=lambda day: day_text(day.day)),
        }
        for column, name in enumerate(sources.names)
    ]
    highest = max((day.total for day in sources.days), default=0) or 1
    return layout.figure(
        traces,
        barmode="stack",
        bargap=0.2,
        xaxis=layout.day_axis(opens, layout.last_day(deadline, sources.days), day_label, full_days=True),
        yaxis=layout.count_axis(highest, highest * 1.02),
        unit=unit,
    )
