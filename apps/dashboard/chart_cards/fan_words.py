"""A fan in words: its legend, its tooltip, and its days in the table of a chart."""

from collections.abc import Sequence
from dataclasses import replace

from django.utils.translation import gettext as _

from apps.core.sentences import join_sentences
from apps.dashboard.chart_cards.chart_card import ChartCard, cells
from apps.dashboard.charts.fan import SWATCHES, FanDay
from apps.dashboard.labels import base
from apps.dashboard.labels.forecasts import span


def with_fan(chart: ChartCard, fan: Sequence[FanDay], note: str, finding: str = "") -> ChartCard:
    """The card with the fan in its legend and words, and in its table: the days ahead above the past ones."""
    outer, inner = SWATCHES
    ahead = [cells(base.full_date(day.day), *[""] * (len(chart.header) - 1), *_values(day)) for day in fan[:0:-1]]
    no_fan = cells("", "", "")
    end = _("%(day)s: %(forecast)s.") % {"day": base.full_date(fan[-1].day), "forecast": text(fan[-1])}
    return replace(
        chart,
        note=join_sentences([chart.note, note]),
        header=(*chart.header, _("Forecast: median"), _("5 in 10 between"), _("8 in 10 between")),
        rows=[*ahead, *([*line, *no_fan] for line in chart.rows)],
        legend=[
            *chart.legend,
            ("fan-median", _("Forecast: median")),
            (inner, _("5 in 10 end here")),
            (outer, _("8 in 10 end here")),
        ],
        finding=join_sentences([finding, end]),
    )


def text(day: FanDay) -> str:
    """Of the tooltip on a day ahead."""
    median, half, most = _values(day)
    numbers = {"median": median, "half": half, "most": most}
    return _("Forecast: %(median)s (5 in 10: %(half)s, 8 in 10: %(most)s)") % numbers


def _values(day: FanDay) -> tuple[str, str, str]:
    return base.number(day.median), span(day.lower, day.upper), span(day.low, day.high)
