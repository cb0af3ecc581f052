"""The company day by day: people under the target, and where contacts come from."""

from collections.abc import Callable
from datetime import date
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from apps.campaigns import rules
from apps.dashboard.chart_cards.chart_card import Cell, ChartCard, cells, latest
from apps.dashboard.charts import days, layout
from apps.dashboard.labels import base
from apps.dashboard.views.page_context import PageContext

Listed = Callable[[date | None], str]


def under_by_day(
    scope: PageContext, url: str, rows: list[tuple[date, int]], totals: Any, listed: Listed | None = None
) -> ChartCard:
    """`listed`: returns the address of the list of red employees at the end of a past day, or as the page shows it for
    None.
    """
    rule = scope.rule
    data = days.under_data(rows)
    left = rules.days_left(rule.cutoff_at, rule.time_zone, scope.look)
    newest = data[-1].people if data else 0
    each_day = rules.needed_per_day(newest, left)

    def figure() -> layout.Figure:
        labels = days.UnderWords(
            latest=latest(scope, newest),
            unit=_("people under the target"),
            hover=lambda day: f"{base.full_date(day.day)}: {base.people(day.people)}",
            day=base.short_date,
        )
        return days.under_figure(data, opens=rule.opens_on, deadline=rule.deadline, words=labels)

    def people(day: days.UnderDay) -> Cell:
        last_counted_on = day is data[-1]
        return Cell(base.number(day.people), listed(None if last_counted_on else day.day) if listed else "")

    title = ngettext(
        "%(under)s of %(people)s is still under the target",
        "%(under)s of %(people)s are still under the target",
        newest,
    ) % {"under": base.number(newest), "people": base.number(totals.people)}
    note = ngettext(
        "%(count)s person a day would bring everybody there in time.",
        "%(count)s people a day would bring everybody there in time.",
        each_day or 0,
    ) % {"count": base.number(each_day or 0)}
    return ChartCard(
        key="under",
        title=title if newest else _("Everybody is at the target"),
        note=note if each_day else _("People under the target, by day."),
        url=url,
        head=(_("Day"), _("People under the target")),
        rows=[cells(base.full_date(day.day), people(day)) for day in reversed(data)],
        more=(_("Who they are"), listed(None) if listed and newest else ""),
        legend=[("dots", _("pace needed"))] if each_day else (),
        figure=figure,
    )


def by_source(scope: PageContext, url: str, rows: list[tuple[date, str, int]], file: str = "") -> ChartCard:
    """`file`: the page that offers the file by person and day."""
    rule = scope.rule
    data = days.sources_data(rows)
    today = scope.look.astimezone(scope.zone).date()
    week = sum(day.total for day in data.days if 0 <= (today - day.day).days < 7) / 7

    def figure() -> layout.Figure:
        labels = days.SourceWords(
            unit=_("contacts recorded"),
            name=_source,
            hover=lambda day, column: _source_hover(data, day, column),
            day=base.short_date,
        )
        return days.sources_figure(data, opens=rule.opens_on, deadline=rule.deadline, words=labels)

    return ChartCard(
        key="sources",
        title=ngettext(
            "%(count)s contact a day in the last week", "%(count)s contacts a day in the last week", round(week)
        )
        % {"count": base.number(round(week))},
        note=_("Contacts recorded per day, by the way they came in."),
        url=url,
        head=(_("Day"), *(_source(name) for name in data.names)),
        rows=[cells(base.full_date(day.day), *(base.number(n) for n in day.counts)) for day in reversed(data.days)],
        more=(_("File by person and day"), file),
        legend=[(days.SWATCHES[column], _source(name)) for column, name in enumerate(data.names)],
        figure=figure,
    )


def _source(name: str) -> str:
    return str(base.SOURCES.get(name, name)) if name else _("others")


def _source_hover(data: days.Sources, day: days.SourceDay, column: int) -> str:
    return _("%(day)s, %(source)s: %(count)s of %(total)s") % {
        "day": base.full_date(day.day),
        "source": _source(data.names[column]),
        "count": base.number(day.counts[column]),
        "total": base.number(day.total),
    }
