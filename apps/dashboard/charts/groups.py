"""Sub-teams or departments side by side: the share of people at the target, now and expected, with the headcount."""

from collections.abc import Callable, Iterable
from datetime import date
from typing import Any, NamedTuple

from apps.dashboard.charts import layout

MAX_BARS = 30
# Columns for a group's name and headcount together, as many as fit into the margins of `layout`; longer names are cut.
NAME_LENGTH, NARROW_NAME_LENGTH = 27, 15


class Range(NamedTuple):
    """How many of a group are at the target at the deadline: as expected, and from `low` to `high` in 8 of 10 cases.

    `missing`: how many are expected below it.
    """

    number: int
    low: int
    high: int
    missing: int


class Changes(NamedTuple):
    """How a group changed since the end of a day: people at the target, and counted contacts."""

    since: date
    at_target: int
    counted: int


class GroupBar(NamedTuple):
    label: str
    url: str
    people: int
    at_target: int
    red: int
    counted: int
    median: float
    key: str = ""
    expected: Range | None = None
    changes: Changes | None = None

    @property
    def share(self) -> float:
        return self.share_of(self.at_target)

    @property
    def expected_share(self) -> float:
        """At the deadline, where it is estimated; else now."""
        return self.share_of(self.expected.number) if self.expected else self.share

    def share_of(self, people: int) -> float:
        return 100 * people / self.people if self.people else 0.0

    @property
    def to_go(self) -> int:
        return self.people - self.at_target


def groups_data(groups: Iterable[GroupBar]) -> list[GroupBar]:
    """By what the bars show: the lowest share first, as expected; then most people below the target."""
    return sorted(groups, key=lambda group: (group.expected_share, group.share, -group.to_go, group.label, group.url))


def groups_figure(groups: list[GroupBar], *, x_unit: str, hover_text: Callable[[GroupBar], str]) -> layout.Figure:
    """Horizontal bars of the first 30 groups (the table has all); a click opens the group's address."""
    shown = groups[:MAX_BARS]
    return layout.figure(
        _traces(shown, hover_text),
        barmode="overlay",
        # Along the row: a bar of 0 % has no area that a pointer could meet.
        hovermode="y",
        margin={"l": layout.NAME_MARGIN, "r": layout.RIGHT_WITH_LABELS},
        narrow={"margin": {"l": layout.NARROW_NAME_MARGIN}},
        xaxis=layout.x_axis(
            range=[0, 100],
            tickvals=[0, 50, 100],
            ticktext=["0 %", "50 %", "100 %"],
            narrow={"tickvals": [0, 100], "ticktext": ["0 %", "100 %"]},
        ),
        yaxis=_names(shown),
        annotations=[
            layout.label(
                100, row, f"{whole_percent(group)} %", "var(--ink)", xanchor="left", yanchor="middle", xshift=8
            )
            for row, group in enumerate(shown)
        ],
        shapes=[shape for row, group in enumerate(shown) if group.expected for shape in _expected(row, group)],
        x_unit=x_unit,
    )


def _expected(row: int, group: GroupBar) -> list[dict[str, Any]]:
    """The interval beyond the bar, and a line at the expected share."""
    number, low, high, _missing = group.expected or Range(0, 0, 0, 0)
    interval = {
        "type": "rect",
        "layer": "above",
        "x0": group.share_of(low),
        "x1": group.share_of(high),
        "y0": row - 0.25,
        "y1": row + 0.25,
        "fillcolor": "var(--fan-50)",
        "line": {"width": 0},
    }
    at = group.share_of(number)
    return [interval, layout.line(at, row - 0.38, at, row + 0.38, "var(--ink)", width=2)]


def _traces(shown: list[GroupBar], hover_text: Callable[[GroupBar], str]) -> list[dict[str, Any]]:
    """A track of 100 % for each group, and its share on it."""
    bar = {"type": "bar", "orientation": "h", "y": list(range(len(shown))), "width": 0.5}
    rail = {
        **bar,
        "x": [100] * len(shown),
        "marker": {"color": "var(--line)", "cornerradius": 3},
        "hoverinfo": "skip",
    }
    share = {
        **bar,
        "x": [group.share for group in shown],
        "marker": {"color": "var(--band-4)", "cornerradius": 3},
        # charts.js opens this address at a click.
        "customdata": [group.url for group in shown],
        **layout.hover(hover_text, shown, title_of=lambda group: group.label),
    }
    return [rail, share]


def _names(shown: list[GroupBar]) -> dict[str, Any]:
    return layout.axis(
        # From high to low, so that the first group stands at the top.
        range=[max(len(shown), 1) - 0.5, -0.5],
        tickvals=list(range(len(shown))),
        ticktext=[_name(group, NAME_LENGTH) for group in shown],
        narrow={"ticktext": [_name(group, NARROW_NAME_LENGTH) for group in shown]},
        tickfont={"size": 13, "color": "var(--ink)"},
    )


def _name(group: GroupBar, max_columns: int) -> str:
    people = f" · {group.people:,}"
    return layout.escape(layout.shorten(group.label, max_columns - len(people)) + people)


def whole_percent(group: GroupBar) -> int:
    """Whole per cent, but 100 only when all are at the target, and 0 only when none is."""
    whole = round(group.share)
    whole = min(whole, 99) if group.to_go else whole
    return max(whole, 1) if group.at_target else 0
