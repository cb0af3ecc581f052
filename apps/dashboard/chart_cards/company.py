"""The company day by day: people under the target, and where contacts come from."""

from collections.abc import Callable, Iterable, Sequence
from datetime import date
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from apps.campaigns import rules
from apps.dashboard.chart_cards import fan_words
from apps.dashboard.chart_cards.chart_card import Cell, ChartCard, cells, day_axis, latest, past_days_note
from apps.dashboard.charts import days
from apps.dashboard.charts.fan import fan_data
from apps.dashboard.labels import base
from apps.dashboard.views.page_context import PageContext

ListUrl = Callable[[date | None], str]


def below_target_by_day(
    scope: PageContext, url: str, rows: list[tuple[date, int]], totals: Any, list_url: ListUrl | None = None,
    ahead: Iterable[tuple[date, Sequence[int]]] = (),
) -> ChartCard:  # fmt: skip
    """`list_url`: the address of the list of red employees at the end of a past day; for None as the page shows it.

    `ahead`: the forecast by day, each with five quantiles; the days that have come are left out.
    """
    data = days.below_target_data(rows)
    days_left = rules.days_left(scope.rule.cutoff_at, scope.rule.time_zone, scope.instant)
    newest = data[-1].people if data else 0
    later = [(day, people) for day, people in ahead if data and day > data[-1].day]
    fan = fan_data((data[-1].day, newest), later) if later else []
    needed_per_day = rules.needed_per_day(newest, days_left)

    def day_url(day: days.BelowTargetDay) -> str:  # The newest day is the page's own: its address has no day.
        return list_url(None if day is data[-1] else day.day) if list_url else ""

    chart = ChartCard(
        key="under",
        title=_below_target_title(newest, totals.people),
        note=f"{_below_target_note(needed_per_day)} {past_days_note(scope, lists=bool(list_url))}",
        url=url,
        header=(_("Day"), _("People below target")),
        rows=[cells(base.full_date(day.day), Cell(base.number(day.people), day_url(day))) for day in reversed(data)],
        more=(_("See these people"), list_url(None) if list_url and newest else ""),
        legend=[("dots", _("pace needed"))] if needed_per_day else (),
        figure=lambda: days.below_target_figure(
            data,
            **day_axis(scope),
            latest=latest(scope, newest),
            unit=_("people below target"),
            hover_text=lambda day: base.people(day.people),
            list_url=day_url,
            fan=fan,
            fan_text=fan_words.text,
            number=base.number,
        ),
    )
    return fan_words.with_fan(chart, fan, _("The days ahead are a forecast.")) if fan else chart


def _below_target_title(under: int, people: int) -> str:
    if not under:
        return _("All employees are at target")
    return ngettext(
        "%(under)s of %(people)s is still below target",
        "%(under)s of %(people)s are still below target",
        under,
    ) % {"under": base.number(under), "people": base.number(people)}


def _below_target_note(per_day: int | None) -> str:
    if not per_day:
        return _("People below target, by day.")
    return ngettext(
        "If %(count)s person per day reaches the target, all employees reach it in time.",
        "If %(count)s people per day reach the target, all employees reach it in time.",
        per_day,
    ) % {"count": base.number(per_day)}


def by_source(scope: PageContext, url: str, rows: list[tuple[date, str, int]], file: str = "") -> ChartCard:
    """`file`: the page that offers the file by person and day."""
    data = days.sources_data(rows)
    today = scope.instant.astimezone(scope.zone).date()
    per_day = sum(day.total for day in data.days if 0 <= (today - day.day).days < 7) / 7

    return ChartCard(
        key="sources",
        title=ngettext(
            "%(count)s contact per day over the last 7 days",
            "%(count)s contacts per day over the last 7 days",
            round(per_day),
        )
        % {"count": base.number(round(per_day))},
        note=_("Contacts recorded per day, by source."),
        url=url,
        header=(_("Day"), *(_source(name) for name in data.names)),
        rows=[cells(base.full_date(day.day), *(base.number(n) for n in day.counts)) for day in reversed(data.days)],
        more=(_("Daily counts per person"), file),
        legend=[(days.SWATCHES[column], _source(name)) for column, name in enumerate(data.names)],
        figure=lambda: days.sources_figure(
            data,
            **day_axis(scope),
            unit=_("contacts recorded"),
            source_name=_source,
            hover_text=lambda day, column: _source_hover(data, day, column),
        ),
    )


def _source(name: str) -> str:
    return str(base.SOURCES.get(name, name)) if name else _("others")


def _source_hover(data: days.Sources, day: days.SourceDay, column: int) -> str:
    return _("%(source)s: %(count)s of %(total)s") % {
        "source": _source(data.names[column]),
        "count": base.number(day.counts[column]),
        "total": base.number(day.total),
    }
