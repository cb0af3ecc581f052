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
MANY_HANDLES, FEWEST_HANDLES = 0.2, 20


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
class Told:
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
) -> Told:
    """The indicators beside these totals. `name` and `args`: the address of the people's list; no links without it."""
    found = data_quality.quality_indicators(standings, totals)
    file = people = ended = twice = ""
    if name:
        file = scope.url("export-new", Export.Kind.DAYS, team=args[0] if args else "")
        people, ended, twice = (
            scope.url(name, *args, status=status) + "#list" for status in ("at_zero", "ended_soon", "handed_in_twice")
        )
    live = scope.as_of is None and scope.result is None and not scope.counting
    figures = [_last_day(found, file, live=live), _ended(found, ended), _duplicates(found, twice), _zero(found, people)]
    # For the whole company alone: for a team it would reveal too much about one employee.
    if live and name == "company" and (handles := handles_counted()) and handles.by_handle_alone:
        figures.append(_handles(handles))
    return Told(found.at, totals.counted, figures, file)


def _last_day(found: data_quality.QualityIndicators, url: str, *, live: bool) -> Figure:
    said = ngettext(
        "%(count)s of the contacts that count was recorded in the last 24 hours",
        "%(count)s of the contacts that count were recorded in the last 24 hours",
        found.last_day,
    ) if live else ngettext(
        "%(count)s of the contacts that count was recorded in the 24 hours before",
        "%(count)s of the contacts that count were recorded in the 24 hours before",
        found.last_day,
    )  # fmt: skip
    means = _("How much of the total is that fresh. A large share at the end is a rush, and worth a look.")
    return Figure(found.last_day, found.counted, said % _count(found.last_day), means, url, "clock")


def _ended(found: data_quality.QualityIndicators, url: str) -> Figure:
    said = ngettext(
        "%(count)s contact ended within 7 days of being recorded",
        "%(count)s contacts ended within 7 days of being recorded",
        found.churned_early,
    )
    means = _("They did not stay and do not count. The share is of them and of all that count.")
    whole = found.counted + found.churned_early
    return Figure(found.churned_early, whole, said % _count(found.churned_early), means, url, "hourglass")


def _duplicates(found: data_quality.QualityIndicators, url: str) -> Figure:
    said = ngettext(
        "%(count)s of %(all)s handed in was a duplicate and refused",
        "%(count)s of %(all)s handed in were duplicates and refused",
        found.duplicates,
    )
    means = _("The same employee had recorded that person already: nobody is counted twice.")
    numbers = {**_count(found.duplicates), "all": base.number(found.submitted)}
    return Figure(found.duplicates, found.submitted, said % numbers, means, url, "copy")


def _zero(found: data_quality.QualityIndicators, url: str) -> Figure:
    said = ngettext(
        "%(count)s of %(all)s is at 0: nobody counts for them yet",
        "%(count)s of %(all)s are at 0: nobody counts for them yet",
        found.at_zero,
    )
    means = _("A total hides who has brought nobody: what others bring does not help them.")
    numbers = {**_count(found.at_zero), "all": base.people(found.people)}
    return Figure(found.at_zero, found.people, said % numbers, means, url, "users")


def _handles(found: Handles) -> Figure:
    said = ngettext(
        "%(count)s of %(all)s live contacts is known by a handle alone",
        "%(count)s of %(all)s live contacts are known by a handle alone",
        found.by_handle_alone,
    )
    means = _(
        "No phone number or e-mail stands behind them, so nobody can check that they are real. Counted once a day."
    )
    if found.by_handle_alone >= max(MANY_HANDLES * found.contacts, FEWEST_HANDLES):
        means = _("That is many. %(means)s Ask whether these handles exist, before the deadline.") % {"means": means}
    numbers = {**_count(found.by_handle_alone), "all": base.number(found.contacts)}
    return Figure(found.by_handle_alone, found.contacts, said % numbers, means, "", "at-sign")


def _count(count: int) -> dict[str, str]:
    return {"count": base.number(count)}
