"""People by share of the target: by band and day, as a histogram, and by group."""

from collections.abc import Callable
from operator import itemgetter
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from apps.core.sentences import join_sentences
from apps.dashboard.chart_cards.chart_card import Cell, ChartCard, cells, day_axis, past_days_note
from apps.dashboard.charts import bands, groups, histogram, layout
from apps.dashboard.labels import base
from apps.dashboard.labels.forecasts import span
from apps.dashboard.views.page_context import PageContext
from apps.forecasts.groups_read import Expected
from apps.reports.standings_filters import counted_range

ListUrl = Callable[[groups.GroupBar, str], str]
# The address of the list with these filters; empty for a reader who may not see single people.
PeopleUrl = Callable[..., str]


def band_days(scope: PageContext, url: str, rows: list[Any], people_url: PeopleUrl) -> ChartCard:
    data = bands.bands_data((row.day, row.n0, row.n25, row.n50, row.n75, row.n100) for row in rows)
    names = [str(name) for name in base.BANDS]

    def band_url(day: bands.BandDay, band: int) -> str:
        # The newest day is the page's own instant: its list has no day in the address.
        past = {} if day is data[-1] else {"as_of": day.day.isoformat()}
        return people_url(status=f"band_{band}", **past) if day.people[band] else ""

    return ChartCard(
        key="bands",
        title=_bands_title(data),
        note=join_sentences([_("People by the share of their target, day by day."), past_days_note(scope, lists=True)]),
        url=url,
        header=(_("Day"), *names),
        rows=[cells(base.full_date(day.day), *(base.number(n) for n in day.people)) for day in reversed(data)],
        # From the top of the stack down, as the eye meets them.
        legend=[(f"band-{band}", name) for band, name in reversed([*enumerate(names)])],
        figure=lambda: bands.bands_figure(
            data,
            **day_axis(scope),
            bands=names,
            unit=_("people"),
            hover_text=_band_hover,
            list_url=band_url,
        ),
    )


def _bands_title(data: list[bands.BandDay]) -> str:
    """How many are at the target, and the difference to a week ago, or to the first day of a young campaign."""
    if not data:
        return _("No changes yet")
    newest, before = data[-1], data[max(len(data) - 8, 0)]
    now, rise = newest.people[-1], newest.people[-1] - before.people[-1]
    numbers = {"now": base.number(now), "all": base.number(newest.total)}
    lead = ngettext("%(now)s of %(all)s is at target", "%(now)s of %(all)s are at target", now) % numbers
    if newest == before:
        return lead
    then = _("a week ago") if len(data) >= 8 else _("on %(day)s") % {"day": base.short_date(before.day)}
    labels = {"lead": lead, "then": then, "count": base.number(abs(rise))}
    if rise == 0:
        return _("%(lead)s, same as %(then)s") % labels
    return (
        _("%(lead)s, %(count)s more than %(then)s") if rise > 0 else _("%(lead)s, %(count)s fewer than %(then)s")
    ) % labels


def _band_hover(day: bands.BandDay, band: int) -> str:
    return f"{base.BANDS[band]}: {base.people(day.people[band])}"


def histogram_card(
    scope: PageContext, url: str, bins: list[Any], totals: Any, teams: list[Any], people_url: PeopleUrl
) -> ChartCard:
    """The histogram with the target line, the middle half, the median, and a point for each sub-team's median."""
    target = scope.rule.target
    bars = histogram.histogram_data(((b.low, b.high, b.people) for b in bins), target=target)
    quartiles = histogram.Quartiles(totals.quartile_1, totals.median, totals.quartile_3)
    medians = [
        histogram.Median(team.label, float(team.median or 0), team.people, scope.url("team", team.staff_no))
        for team in teams
        if team.people
    ]
    labels = _histogram_labels(target, totals.median, people_url)
    legend = [("band-2", _("below target")), ("band-4", _("at target")), ("soft", _("the middle half"))]
    if medians:
        legend.append(("diamond", _("a sub-team's median")))
    return ChartCard(
        key="histogram",
        title=_histogram_title(totals),
        note=_histogram_note(totals),
        url=url,
        header=(_("Counted contacts"), _("People")),
        rows=[cells(_range(bar), base.number(bar.people)) for bar in bars],
        legend=legend,
        figure=lambda: histogram.histogram_figure(
            bars, target=target, quartiles=quartiles, medians=medians, labels=labels
        ),
        finding="; ".join(filter(None, (labels.target, labels.median))),
    )


def _histogram_labels(target: int, median: Any, people_url: PeopleUrl) -> histogram.HistogramLabels:
    return histogram.HistogramLabels(
        target=_("target %(target)s") % {"target": base.number(target)},
        median="" if median is None else _("median %(median)s") % {"median": base.number(float(median))},
        x_unit=_("counted contacts"),
        y_unit=_("people"),
        bar_title=lambda bar: _("%(range)s counted contacts") % {"range": _range(bar)},
        bar_text=lambda bar: base.people(bar.people),
        median_text=lambda team: (
            _("median %(median)s of %(people)s")
            % {"median": base.number(team.median), "people": base.people(team.people)}
        ),
        list_url=lambda bar: people_url(counted=counted_range(bar.low, bar.high)) if bar.people else "",
    )


def _histogram_note(totals: Any) -> str:
    if not totals.people:
        return _("People by counted contacts.")
    return _("People by counted contacts; the median is %(median)s.") % {"median": base.number(totals.median)}


def _histogram_title(totals: Any) -> str:
    if totals.median is None or not totals.people:
        return _("Nothing to show")
    if totals.quartile_1 == totals.quartile_3:
        return _("Half of the people have %(median)s") % {"median": base.number(float(totals.median))}
    return _("Half of the people have between %(low)s and %(high)s") % {
        "low": base.number(round(float(totals.quartile_1))),
        "high": base.number(round(float(totals.quartile_3))),
    }


def _range(bar: histogram.Bar) -> str:
    if bar.high is None:
        return _("%(low)s or more") % {"low": base.number(bar.low)}
    return base.number(bar.low) if bar.width == 1 else f"{base.number(bar.low)}–{base.number(bar.high)}"


def group_bar(group: Any, label: str, url: str, key: str = "", expected: Expected | None = None) -> groups.GroupBar:
    """A bar of a group with its totals (reports.group_totals); `key` is the filter value of its list, if any.

    `expected`: its forecast, which is of the night: those who are at the target since then are in it at least.
    """
    median = float(group.median or 0)
    reach = None
    if expected:

        def now(people: int) -> int:
            return min(max(people, group.at_target), group.people)

        missing = expected.people - expected.number
        reach = groups.Range(now(expected.number), now(expected.low), now(expected.high), missing)
    return groups.GroupBar(label, url, group.people, group.at_target, group.red, group.counted, median, key, reach)


def group_shares(
    url: str, bars: list[groups.GroupBar], *, key: str, note: str, first: str, list_url: ListUrl | None = None
) -> ChartCard:
    """Sub-teams or departments: the share at the target, the headcount beside each name, the lowest share first.

    `list_url`: the address of the list of a group's people, also by status, or "" where there is none.
    """
    ordered = groups.groups_data(bars)
    link: ListUrl = list_url or (lambda bar, status: "")
    with_expected = any(bar.expected for bar in ordered)
    return ChartCard(
        key=key,
        title=_groups_title(ordered),
        note=note if len(ordered) <= groups.MAX_BARS else f"{note} {_first_of(len(ordered))}",
        url=url,
        header=_groups_header(first, ordered, with_expected=with_expected),
        rows=[
            cells(
                Cell(bar.label, bar.url),
                Cell(base.number(bar.people), link(bar, "")),
                Cell(f"{base.number(bar.at_target)} ({groups.whole_percent(bar)} %)", link(bar, "done")),
                *(_expected_cells(bar) if with_expected else []),
                Cell(base.number(bar.red), link(bar, "red")),
                base.number(bar.median),
                *(map(base.signed, bar.changes[1:]) if bar.changes else []),
            )
            for bar in ordered
        ],
        legend=[("band-4", _("at target")), ("mark", _("expected")), ("fan-50", _("8 in 10 end here"))]
        if with_expected
        else (),
        figure=lambda: groups.groups_figure(ordered, x_unit=_("share of people at target"), hover_text=_group_hover),
        size=_size(len(ordered)),
    )


def _groups_header(first: str, bars: list[groups.GroupBar], *, with_expected: bool) -> tuple[str, ...]:
    expected = [_("Expected at target"), _("Expected below target")] if with_expected else []
    return (first, _("People"), _("At target"), *expected, _("Red"), _("Median"), *_change_header(bars))


def _change_header(bars: list[groups.GroupBar]) -> list[str]:
    for bar in bars:
        if bar.changes:
            day = {"day": base.short_date(bar.changes.since)}
            return [_("At target since %(day)s") % day, _("Counted since %(day)s") % day]
    return []


def _expected_cells(bar: groups.GroupBar) -> tuple[str, str]:
    """How many are expected at the target, and how many are then missing; without a forecast a dash."""
    if bar.expected is None:
        return "–", "–"
    return span(bar.expected.low, bar.expected.high), base.number(bar.expected.missing)


def _first_of(count: int) -> str:
    return _("The chart shows the first %(shown)s. The table shows all %(count)s.") % {
        "shown": groups.MAX_BARS,
        "count": base.number(count),
    }


def _groups_title(ordered: list[groups.GroupBar]) -> str:
    if not ordered:
        return _("Nothing to compare")
    missing = [(bar.expected.missing, bar.label) for bar in ordered if bar.expected and bar.expected.missing]
    if missing:
        count, name = max(missing, key=itemgetter(0))
        return _("%(name)s is expected to have the most people below target (%(count)s)") % {
            "name": layout.shorten(name, 40),
            "count": base.number(count),
        }
    most = max(ordered, key=lambda bar: bar.to_go)
    if most.to_go == 0:
        return _("All employees are at target")
    return _("%(name)s has the most people below target (%(count)s)") % {
        "name": layout.shorten(most.label, 40),
        "count": base.number(most.to_go),
    }


def _group_hover(bar: groups.GroupBar) -> str:
    now = _("%(done)s of %(people)s at target, %(red)s red") % {
        "done": base.number(bar.at_target),
        "people": base.number(bar.people),
        "red": base.number(bar.red),
    }
    if bar.expected is None:
        return now
    return _("%(now)s; expected %(range)s") % {"now": now, "range": span(bar.expected.low, bar.expected.high)}


def _size(bars: int) -> str:
    """The CSS class of the smallest box that holds so many bars; the box has its height before the chart arrives."""
    return next((f"rows-{size}" for size in (4, 8, 14) if bars <= size), "rows-30")
