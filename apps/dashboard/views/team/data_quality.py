"""The data quality indicators beside a total of contacts, in words: each figure with its meaning."""

from dataclasses import dataclass
from datetime import datetime

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from apps.contacts.services.intake_counts import Handles, handles_counted
from apps.dashboard.labels import base
from apps.dashboard.views.page_context import PageContext
from apps.exports.models import Export
from apps.reports import data_quality, standings_report

# HR is warned from this share of the active contacts on, and from this number.
HANDLE_SHARE, MIN_HANDLES = 0.2, 20


@dataclass(frozen=True)
class Figure:
    """One indicator: `part` of `whole`, its sentence, and its meaning. `url`: the list behind it."""

    part: int
    whole: int
    says: str
    means: str
    url: str
    icon: str


@dataclass(frozen=True)
class MeterView:
    """The indicators of a page, and their instant."""

    at: datetime
    counted: int
    figures: list[Figure]
    url: str


def meter_of(
    scope: PageContext,
    standings: standings_report.Standings,
    totals: standings_report.Totals,
    name: str = "",
    *args: object,
) -> MeterView:
    """The indicators beside these totals. `name` and `args`: the address of the people's list; no links without it."""
    indicators = data_quality.quality_indicators(standings, totals)
    file = people = ended = twice = ""
    if name:
        file = scope.url("export-new", Export.Kind.DAYS, team=args[0] if args else "")
        people, ended, twice = (
            scope.url(name, *args, status=status) + "#list" for status in ("at_zero", "ended_soon", "handed_in_twice")
        )
    live = scope.as_of is None and scope.result is None and not scope.counting
    figures = [
        _last_day(indicators, file, live=live),
        _ended(indicators, ended),
        _duplicates(indicators, twice),
        _zero(indicators, people),
    ]
    # For the whole company alone: for a team it would reveal too much about one employee.
    if live and name == "company" and (handles := handles_counted()) and handles.by_handle_alone:
        figures.append(_handles(handles))
    return MeterView(indicators.at, totals.counted, figures, file)


def _last_day(indicators: data_quality.QualityIndicators, url: str, *, live: bool) -> Figure:
    sentence = ngettext(
        "%(count)s of the contacts that count was recorded in the last 24 hours",
        "%(count)s of the contacts that count were recorded in the last 24 hours",
        indicators.last_day,
    ) if live else ngettext(
        "%(count)s of the contacts that count was recorded in the 24 hours before",
        "%(count)s of the contacts that count were recorded in the 24 hours before",
        indicators.last_day,
    )  # fmt: skip
    means = _("How much of the total is that fresh. A large share at the end is a rush, and worth a look.")
    return Figure(indicators.last_day, indicators.counted, sentence % _count(indicators.last_day), means, url, "clock")


def _ended(indicators: data_quality.QualityIndicators, url: str) -> Figure:
    sentence = ngettext(
        "%(count)s contact ended within 7 days of being recorded",
        "%(count)s contacts ended within 7 days of being recorded",
        indicators.churned_early,
    )
    means = _("They did not stay and do not count. The share is of them and of all that count.")
    whole = indicators.counted + indicators.churned_early
    return Figure(indicators.churned_early, whole, sentence % _count(indicators.churned_early), means, url, "hourglass")


def _duplicates(indicators: data_quality.QualityIndicators, url: str) -> Figure:
    sentence = ngettext(
        "%(count)s of %(all)s handed in was a duplicate and refused",
        "%(count)s of %(all)s handed in were duplicates and refused",
        indicators.duplicates,
    )
    means = _("The same employee had recorded that person already: nobody is counted twice.")
    numbers = {**_count(indicators.duplicates), "all": base.number(indicators.submitted)}
    return Figure(indicators.duplicates, indicators.submitted, sentence % numbers, means, url, "copy")


def _zero(indicators: data_quality.QualityIndicators, url: str) -> Figure:
    sentence = ngettext(
        "%(count)s of %(all)s is at 0: nobody counts for them yet",
        "%(count)s of %(all)s are at 0: nobody counts for them yet",
        indicators.at_zero,
    )
    means = _("A total hides who has brought nobody: what others bring does not help them.")
    numbers = {**_count(indicators.at_zero), "all": base.people(indicators.people)}
    return Figure(indicators.at_zero, indicators.people, sentence % numbers, means, url, "users")


def _handles(handles: Handles) -> Figure:
    sentence = ngettext(
        "%(count)s of %(all)s live contacts is known by a handle alone",
        "%(count)s of %(all)s live contacts are known by a handle alone",
        handles.by_handle_alone,
    )
    means = _(
        "No phone number or e-mail stands behind them, so nobody can check that they are real. Counted once a day."
    )
    if handles.by_handle_alone >= max(HANDLE_SHARE * handles.contacts, MIN_HANDLES):
        means = _("That is many. %(means)s Ask whether these handles exist, before the deadline.") % {"means": means}
    numbers = {**_count(handles.by_handle_alone), "all": base.number(handles.contacts)}
    return Figure(handles.by_handle_alone, handles.contacts, sentence % numbers, means, "", "at-sign")


def _count(count: int) -> dict[str, str]:
    return {"count": base.number(count)}
