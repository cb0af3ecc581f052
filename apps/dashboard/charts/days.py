"""The company by day: how many people are under the target, and the contacts by source."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date
from typing import Any, NamedTuple

from apps.dashboard.charts import layout

SWATCHES = ("brand", "band-1", "band-4", "band-3", "edge")
COLOURS = tuple(f"var(--{token})" for token in SWATCHES)


class UnderDay(NamedTuple):
    day: date
    people: int


@dataclass(frozen=True)
class UnderWords:
    latest: str
    unit: str
    hover: Callable[[UnderDay], str]
    day: layout.Label


def under_data(rows: Iterable[tuple[date, int]]) -> list[UnderDay]:
    return [UnderDay(day, people) for day, people in rows]


def under_figure(days: list[UnderDay], *, opens: date, deadline: date, words: UnderWords) -> layout.Figure:
    """People under the target, and the straight line to zero at the deadline."""
    most = max((day.people for day in days), default=0) or 1
    last = max([deadline, *(day.day for day in days[-1:])])
    trace = {
        "type": "scatter",
        "mode": "lines",
        "x": [day.day.isoformat() for day in days],
        "y": [day.people for day in days],
        "line": {"color": "var(--brand)", "width": 2.5},
        "fill": "tozeroy",
        "fillcolor": "var(--brand-soft)",
        **layout.hover(words.hover, days),
    }
    shapes, notes = [], []
    if days:
        newest, end = days[-1], deadline.isoformat()
        shapes.append(layout.line(newest.day.isoformat(), newest.people, end, 0, "var(--edge)", dash="dot", width=1.8))
        late = (newest.day - opens) * 4 > (last - opens) * 3
        free = {"xanchor": "left", "yshift": 2}
        place: dict[str, Any] = {"xanchor": "right", "yanchor": "top", "yshift": -10} if late else free
        font = {"size": 13, "color": "var(--brand)", "weight": 600}
        notes.append(layout.label(newest.day.isoformat(), newest.people, words.latest, font=font, **place))
    return layout.figure(
        [trace],
        xaxis=layout.day_axis(opens, last, words.day),
        yaxis=layout.count_axis(most, most * 1.12),
        unit=words.unit,
        shapes=shapes,
        annotations=notes,
    )


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


@dataclass(frozen=True)
class SourceWords:
    unit: str
    name: Callable[[str], str]
    hover: Callable[[SourceDay, int], str]
    day: layout.Label


def sources_data(rows: Iterable[tuple[date, str, int]]) -> Sources:
    """(day, source, contacts) -> one row per day and at most five columns: the smaller sources share the last."""
    cells: dict[tuple[date, str], int] = {}
    totals: dict[str, int] = {}
    for day, source, count in rows:
        cells[day, source] = cells.get((day, source), 0) + count
        totals[source] = totals.get(source, 0) + count
    ordered = sorted(totals, key=lambda source: (-totals[source], source))
    own = ordered if len(ordered) <= len(COLOURS) else ordered[: len(COLOURS) - 1]
    names = (*own, "") if len(own) < len(ordered) else tuple(own)
    by_day: dict[date, list[int]] = {}
    for (day, source), count in sorted(cells.items()):
        row = by_day.setdefault(day, [0] * len(names))
        row[names.index(source) if source in own else len(names) - 1] += count
    return Sources(names, [SourceDay(day, tuple(counts)) for day, counts in by_day.items()])


def sources_figure(sources: Sources, *, opens: date, deadline: date, words: SourceWords) -> layout.Figure:
    """Stacked bars by day, the biggest source at the bottom."""
    x = [day.day.isoformat() for day in sources.days]
    traces = [
        {
            "type": "bar",
            "name": words.name(name),
            "x": x,
            "y": [day.counts[column] for day in sources.days],
            "marker": {"color": COLOURS[column]},
            **layout.hover(words.hover, sources.days, column),
        }
        for column, name in enumerate(sources.names)
    ]
    last = max([deadline, *(day.day for day in sources.days[-1:])])
    most = max((day.total for day in sources.days), default=0) or 1
    return layout.figure(
        traces,
        barmode="stack",
        bargap=0.2,
        xaxis=layout.day_axis(opens, last, words.day, whole=True),
        yaxis=layout.count_axis(most, most * 1.02),
        unit=words.unit,
    )
