"""A team's people by band of their target, day by day."""

from collections.abc import Callable, Iterable, Sequence
from datetime import date
from typing import NamedTuple

from apps.dashboard.charts import layout

COLOURS = tuple(f"var(--band-{band})" for band in range(5))


class BandDay(NamedTuple):
    day: date
    people: tuple[int, int, int, int, int]

    @property
    def total(self) -> int:
        return sum(self.people)


def bands_data(rows: Iterable[tuple[date, int, int, int, int, int]]) -> list[BandDay]:
    """(day, people at 0-24 %, 25-49 %, 50-74 %, 75-99 %, 100 % and more) in the order of the days."""
    return [BandDay(day, (n0, n25, n50, n75, n100)) for day, n0, n25, n50, n75, n100 in rows]


def bands_figure(
    days: list[BandDay],
    *,
    opens: date,
    deadline: date,
    bands: Sequence[str],
    unit: str,
    hover_text: Callable[[BandDay, int], str],
    day_label: layout.DayLabel,
    day_text: layout.DayLabel,
    list_url: Callable[[BandDay, int], str],
) -> layout.Figure:
    """Stacked areas with the highest band at the bottom, so that progress grows from below.

    `list_url`: the address of the people of a band on a day, which a click opens.
    """
    x = [day.day.isoformat() for day in days]
    traces = [
        {
            "type": "scatter",
            "mode": "lines",
            "name": bands[band],
            "x": x,
            "y": [day.people[band] for day in days],
            "stackgroup": "bands",
            "fillcolor": COLOURS[band],
            "line": {"color": "var(--surface)", "width": 1},
            "customdata": [list_url(day, band) for day in days],
            **layout.hover(hover_text, days, band, title_of=lambda day: day_text(day.day)),
        }
        for band in reversed(range(len(COLOURS)))
    ]
    highest = max((day.total for day in days), default=0) or 1
    return layout.figure(
        traces,
        xaxis=layout.day_axis(opens, layout.last_day(deadline, days), day_label),
        yaxis=layout.count_axis(highest, highest * 1.02),
        unit=unit,
    )
