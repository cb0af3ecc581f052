"""People by share of the target: by band and day, as a histogram, and by group."""

from collections.abc import Callable
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from apps.dashboard.chart_cards.chart_card import Cell, ChartCard, cells
from apps.dashboard.charts import bands, groups, histogram, layout
from apps.dashboard.labels import base
from apps.dashboard.views.page_context import PageContext

Listed = Callable[[groups.GroupBar, str], str]


def band_days(scope: PageContext, url: str, rows: list[Any]) -> ChartCard:
    rule = scope.rule
    data = bands.bands_data((row.day, row.n0, row.n25, row.n50, row.n75, row.n100) for row in rows)

    def figure() -> layout.Figure:
        labels = bands.BandWords(bands=base.BANDS, unit=_("people"), hover=_band_hover, day=base.short_date)
        return bands.bands_figure(data, opens=rule.opens_on, deadline=rule.deadline, words=labels)

    return ChartCard(
        key="bands",
        title=_bands_title(data),
        note=_("People by the share of their target, day by day."),
        url=url,
        head=(_("Day"), *base.BANDS),
        rows=[cells(base.full_date(day.day), *(base.number(n) for n in day.people)) for day in reversed(data)],
        legend=[(f"band-{band}", base.BANDS[band]) for band in reversed(range(len(base.BANDS)))],
        figure=figure,
    )


def _bands_title(data: list[bands.BandDay]) -> str:
    """How many are at the target, and the difference to a week ago, or to the first day of a young campaign."""
    if not data:
        return _("Nobody has moved yet")
    newest, before = data[-1], data[max(len(data) - 8, 0)]
    now, rise = newest.people[-1], newest.people[-1] - before.people[-1]
    numbers = {"now": base.number(now), "all": base.number(newest.total)}
    lead = ngettext("%(now)s of %(all)s is at the target", "%(now)s of %(all)s are at the target", now) % numbers
    if newest == before:
        return lead
    then = _("a week ago") if len(data) >= 8 else _("on %(day)s") % {"day": base.short_date(before.day)}
    labels = {"lead": lead, "then": then, "count": base.number(abs(rise))}
    if rise == 0:
        return _("%(lead)s, as %(then)s") % labels
    return (
        _("%(lead)s, %(count)s more than %(then)s") if rise > 0 else _("%(lead)s, %(count)s fewer than %(then)s")
    ) % labels


def _band_hover(day: bands.BandDay, band: int) -> str:
    numbers = {"day": base.full_date(day.day), "band": base.BANDS[band], "people": base.people(day.people[band])}
    return _("%(day)s, %(band)s: %(people)s") % numbers


def spread(scope: PageContext, url: str, bins: list[Any], totals: Any, teams: list[Any]) -> ChartCard:
    """The histogram with the target line, the middle half, the median, and a point for each sub-team's median."""
    target = scope.rule.target
    bars = histogram.histogram_data(((b.low, b.high, b.people) for b in bins), target=target)
    box = histogram.Spread(totals.quartile_1, totals.median, totals.quartile_3)
    medians = [histogram.Median(team.label, float(team.median or 0), team.people) for team in teams if team.people]

    target_text = _("target %(target)s") % {"target": base.number(target)}
    median_text = (
        _("median %(median)s") % {"median": base.number(float(totals.median))} if totals.median is not None else ""
    )

    def figure() -> layout.Figure:
        labels = histogram.HistogramWords(
            target=target_text,
            median=median_text,
            x=_("counted contacts"),
            y=_("people"),
            hover=lambda bar: f"{_range(bar)}: {base.people(bar.people)}",
            hover_median=lambda one: (
                _("%(name)s: median %(median)s of %(people)s")
                % {"name": one.name, "median": base.number(one.median), "people": base.people(one.people)}
            ),
        )
        return histogram.histogram_figure(bars, target=target, spread=box, medians=medians, words=labels)

    legend = [("band-2", _("below the target")), ("band-4", _("at the target")), ("soft", _("the middle half"))]
    if medians:
        legend.append(("diamond", _("a sub-team's median")))
    return ChartCard(
        key="histogram",
        title=_spread_title(totals),
        note=_("People by counted contacts; the median is %(median)s.") % {"median": base.number(totals.median)}
        if totals.people
        else _("People by counted contacts."),
        url=url,
        head=(_("Counted contacts"), _("People")),
        rows=[cells(_range(bar), base.number(bar.people)) for bar in bars],
        legend=legend,
        figure=figure,
        gist="; ".join(filter(None, (target_text, median_text))),
    )


def _spread_title(totals: Any) -> str:
    if totals.median is None or not totals.people:
        return _("Nobody to show")
    if totals.quartile_1 == totals.quartile_3:
        return _("Half of the people are at %(median)s") % {"median": base.number(float(totals.median))}
    return _("Half of the people are between %(low)s and %(high)s") % {
        "low": base.number(round(float(totals.quartile_1))),
        "high": base.number(round(float(totals.quartile_3))),
    }


def _range(bar: histogram.Bar) -> str:
    if bar.high is None:
        return _("%(low)s and more") % {"low": base.number(bar.low)}
    return base.number(bar.low) if bar.width == 1 else f"{base.number(bar.low)}–{base.number(bar.high)}"


def side_by_side(
    url: str, bars: list[groups.GroupBar], *, key: str, note: str, first: str, listed: Listed | None = None
) -> ChartCard:
    """Sub-teams or departments: the share at the target, the headcount beside each name, most contacts to go first.

    `listed`: returns the address of the list of a group's people, also by status, or "" where there is none.
    """
    ordered = groups.groups_data(bars)
    of: Listed = listed or (lambda bar, status: "")

    def figure() -> layout.Figure:
        labels = groups.GroupWords(x=_("share of people at the target"), hover=_group_hover)
        return groups.groups_figure(ordered, words=labels)

    return ChartCard(
        key=key,
        title=_groups_title(ordered),
        note=note if len(ordered) <= groups.MAX_BARS else f"{note} {_first_of(len(ordered))}",
        url=url,
        head=(first, _("People"), _("At the target"), _("Red"), _("Median")),
        rows=[
            cells(
                Cell(bar.label, bar.url),
                Cell(base.number(bar.people), of(bar, "")),
                Cell(f"{base.number(bar.at_target)} ({groups.whole_percent(bar)} %)", of(bar, "done")),
                Cell(base.number(bar.red), of(bar, "red")),
                base.number(bar.median),
            )
            for bar in ordered
        ],
        figure=figure,
        size=_size(len(ordered)),
    )


def _first_of(count: int) -> str:
    return _("The chart shows the first %(shown)s, the table all %(count)s.") % {
        "shown": groups.MAX_BARS,
        "count": base.number(count),
    }


def _groups_title(ordered: list[groups.GroupBar]) -> str:
    if not ordered:
        return _("Nobody to compare")
    if ordered[0].to_go == 0:
        return _("Everybody is at the target")
    return _("%(name)s has most people still to go: %(count)s") % {
        "name": layout.shorten(ordered[0].label, 40),
        "count": base.number(ordered[0].to_go),
    }


def _group_hover(bar: groups.GroupBar) -> str:
    return _("%(name)s: %(done)s of %(people)s at the target, %(red)s red") % {
        "name": bar.label,
        "done": base.number(bar.at_target),
        "people": base.number(bar.people),
        "red": base.number(bar.red),
    }


def _size(bars: int) -> str:
    return next((f"rows-{size}" for size in (4, 8, 14) if bars <= size), "rows-30")
