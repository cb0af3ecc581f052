"""Counted contacts by day against target and pace: one employee's, and a team's."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import date
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from apps.core.sentences import join_sentences
from apps.dashboard.chart_cards import fan_words
from apps.dashboard.chart_cards.chart_card import Cell, ChartCard, cells, latest
from apps.dashboard.charts import curve
from apps.dashboard.charts.fan import FanDay, fan_data
from apps.dashboard.labels import base
from apps.dashboard.views.page_context import PageContext
from apps.dashboard.views.standing.standing_card import Card, last_week

# By day, the counts that 1, 2.5, 5, 7.5 and 9 of 10 outcomes reach at most.
Ahead = Iterable[tuple[date, Sequence[int]]]


def own_curve(scope: PageContext, card: Card, rows: list[Any], ahead: Ahead = ()) -> ChartCard:
    """`ahead`: the reader's forecast for the days after the last one; no other curve may show it."""
    fan = fan_data((rows[-1].day, rows[-1].total), ahead) if rows else []
    fan = fan if len(fan) > 1 else []
    address, title = scope.url("chart-me"), _own_title(card)
    chart = replace(standing_curve(scope, card, rows, url=address, title=title, fan=fan), live=True)
    if not fan:
        return chart
    counted = _("%(counted)s counted so far.") % {"counted": base.number(card.row.counted)}
    return fan_words.with_fan(chart, fan, _("The days ahead are a forecast that only you see."), counted)


def _own_title(card: Card) -> str:
    if card.row.remaining == 0:
        return _("You have reached the target")
    if card.row.exempt:
        return _("Counted contacts by day")
    if card.period.ended:
        missing = ngettext(
            "%(count)s was missing at the deadline", "%(count)s were missing at the deadline", card.row.remaining
        )
        return missing % {"count": base.number(card.row.remaining)}
    if card.period.days_left == 1:
        # "On pace" beside "Red: 1 to go" would contradict it.
        return _("%(count)s more needed today") % {"count": base.number(card.row.remaining)}
    if card.row.pace == "behind" and card.gap > 0:
        return _("You are %(count)s behind pace") % {"count": base.number(card.gap)}
    if card.row.pace == "ahead" and card.gap < 0:
        return _("You are %(count)s ahead of pace") % {"count": base.number(-card.gap)}
    return _("You are on pace")


def member_curve(scope: PageContext, staff_no: str, card: Card, rows: list[Any]) -> ChartCard:
    title = card.pace_text or (_("Target reached") if card.row.remaining == 0 else _("Counted contacts by day"))
    return standing_curve(scope, card, rows, url=scope.url("chart-member", staff_no), title=title)


def _by_day(scope: PageContext) -> str:
    if scope.result:
        return _("Counted contacts by the day they were recorded, according to the result.")
    if scope.day:
        text = _("Counted contacts by the day they were recorded, as they counted at the end of %(day)s.")
        return text % {"day": base.full_date(scope.day)}
    return _("Counted contacts by the day they were recorded, as they count now.")


def standing_curve(
    scope: PageContext, card: Card, rows: list[Any], *, url: str, title: str, fan: Sequence[FanDay] = ()
) -> ChartCard:
    """One employee's counted contacts against the target and the straight pace; `fan`: how they may go on."""
    rule, row = scope.rule, card.row
    points = curve.curve_data(_days(rows), opens=rule.opens_on, deadline=rule.deadline, target=row.target)

    labels = curve.CurveLabels(
        target=_("target %(target)s") % {"target": base.number(row.target)},
        pace=_("steady pace"),
        latest=latest(scope, row.counted),
        deadline=_("deadline"),
        unit=_("counted contacts"),
        hover_text=_curve_hover,
        day_label=base.short_date,
        day_text=base.full_date,
        fan_text=fan_words.text,
        number=base.number,
    )
    return ChartCard(
        key="curve",
        title=title,
        note=_by_day(scope),
        url=url,
        header=(_("Day"), _("Recorded"), _("Total counted"), _("Steady pace")),
        rows=[
            cells(base.full_date(p.day), base.number(p.recorded), base.number(p.total), f"{p.pace or 0:.1f}")
            for p in reversed(points)
        ],
        figure=lambda: curve.curve_figure(
            points, opens=rule.opens_on, deadline=rule.deadline, target=row.target, labels=labels, fan=fan
        ),
    )


def _curve_hover(point: curve.Point) -> str:
    numbers = {"total": base.number(point.total), "recorded": base.number(point.recorded)}
    return _("%(total)s in all, %(recorded)s on this day") % numbers


def _days(rows: list[Any]) -> list[tuple[date, int, int]]:
    return [(row.day, row.recorded, row.total) for row in rows]


def team_curve(scope: PageContext, url: str, rows: list[Any], targets: int) -> ChartCard:
    """A whole team's counted contacts by day against the sum of its targets, 0 where all are exempt, and its pace."""
    rule, target = scope.rule, targets or None
    points = curve.curve_data(_days(rows), opens=rule.opens_on, deadline=rule.deadline, target=target)
    total = points[-1].total if points else 0
    week = round(7 * last_week(rows, scope.instant.astimezone(scope.zone).date()))

    labels = curve.CurveLabels(
        target=_("all targets together %(target)s") % {"target": base.number(targets)},
        pace=_("steady pace"),
        latest=base.number(total),
        deadline=_("deadline"),
        unit=_("counted contacts"),
        hover_text=_curve_hover,
        day_label=base.short_date,
        day_text=base.full_date,
    )
    return ChartCard(
        key="curve",
        title=ngettext(
            "%(total)s contact counts, %(week)s from the last seven days",
            "%(total)s contacts count, %(week)s of them from the last seven days",
            total,
        )
        % {"total": base.number(total), "week": base.number(week)},
        note=join_sentences([_by_day(scope), _("Contacts above a person's target are included.") if target else ""]),
        url=url,
        header=(_("Day"), _("Recorded"), _("Total counted"), *([_("Steady pace")] if target else [])),
        rows=[_team_row(p) for p in reversed(points)],
        figure=lambda: curve.curve_figure(
            points, opens=rule.opens_on, deadline=rule.deadline, target=target, labels=labels
        ),
    )


def _team_row(point: curve.Point) -> list[Cell]:
    pace = [] if point.pace is None else [base.number(round(point.pace))]
    return cells(base.full_date(point.day), base.number(point.recorded), base.number(point.total), *pace)
