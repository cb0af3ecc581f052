"""The data quality indicators beside a total of contacts, in words: each figure with its meaning."""

from dataclasses import dataclass
from datetime import datetime

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from apps.contacts.services.intake_counts import HandleCount, latest_handle_count
from apps.dashboard.labels import base
from apps.dashboard.views.page_context import PageContext
from apps.exports.models import Export
from apps.reports import data_quality, standings_report
from apps.reports.totals import Totals

# HR is warned from this share of the active contacts on, and from this number.
HANDLE_SHARE, MIN_HANDLES = 0.2, 20


@dataclass(frozen=True)
class Indicator:
    """One indicator: `part` of `whole`, its sentence, and its meaning. `url`: the list behind it."""

    part: int
    whole: int
    sentence: str
    meaning: str
    url: str
    icon: str


@dataclass(frozen=True)
class DataQuality:
    as_of: datetime
    counted: int
    indicators: list[Indicator]
    url: str


def data_quality_of(
    scope: PageContext,
    standings: standings_report.Standings,
    totals: Totals,
    name: str = "",
    *args: object,
) -> DataQuality:
    """The indicators beside these totals. `name` and `args`: the address of the people's list; no links without it."""
    indicators = data_quality.quality_indicators(standings, totals)
    file = people = ended = twice = ""
    department = standings.filters.department
    if name:
        file = scope.url("export-new", Export.Kind.DAYS, team=args[0] if args else "")
        people, ended, twice = (
            scope.url(name, *args, status=status, department=department) + "#list"
            for status in ("at_zero", "ended_soon", "handed_in_twice")
        )
    live = scope.as_of is None and scope.result is None and not scope.counting
    shown = [
        _since_yesterday(indicators, file, live=live),
        _ended_early(indicators, ended),
        _duplicates(indicators, twice),
        _without_contacts(indicators, people),
    ]
    # For the whole company alone: for a team it would reveal too much about one employee.
    if live and name == "company" and not department and (handles := latest_handle_count()) and handles.handle_only:
        shown.append(_handles(handles))
    return DataQuality(indicators.at, totals.counted, shown, file)


def _since_yesterday(indicators: data_quality.QualityIndicators, url: str, *, live: bool) -> Indicator:
    sentence = ngettext(
        "%(count)s of the counted contacts was recorded today or yesterday",
        "%(count)s of the counted contacts were recorded today or yesterday",
        indicators.since_yesterday,
    ) if live else ngettext(
        "%(count)s of the counted contacts was recorded on the two days before",
        "%(count)s of the counted contacts were recorded on the two days before",
        indicators.since_yesterday,
    )  # fmt: skip
    # Invented contacts tend to come all at once, near the deadline.
    meaning = _("The share of new contacts in the total. A large share shortly before the deadline is worth checking.")
    count = indicators.since_yesterday
    return Indicator(count, indicators.counted, sentence % _count(count), meaning, url, "clock")


def _ended_early(indicators: data_quality.QualityIndicators, url: str) -> Indicator:
    sentence = ngettext(
        "%(count)s contact ended within 7 days of being recorded",
        "%(count)s contacts ended within 7 days of being recorded",
        indicators.churned_early,
    )
    meaning = _("These contacts ended early and do not count. The share is based on these and all counted contacts.")
    whole = indicators.counted + indicators.churned_early
    return Indicator(
        indicators.churned_early, whole, sentence % _count(indicators.churned_early), meaning, url, "hourglass"
    )


def _duplicates(indicators: data_quality.QualityIndicators, url: str) -> Indicator:
    sentence = ngettext(
        "%(count)s of %(all)s submitted by employees was a duplicate and was not recorded",
        "%(count)s of %(all)s submitted by employees were duplicates and were not recorded",
        indicators.duplicates,
    )
    meaning = _(
        "The same employee had already recorded that person, and each person counts once. Contacts from the "
        "messaging app are not part of this share."
    )
    numbers = {**_count(indicators.duplicates), "all": base.number(indicators.submitted)}
    return Indicator(indicators.duplicates, indicators.submitted, sentence % numbers, meaning, url, "copy")


def _without_contacts(indicators: data_quality.QualityIndicators, url: str) -> Indicator:
    sentence = ngettext(
        "%(count)s of %(all)s is at 0: no counted contacts",
        "%(count)s of %(all)s are at 0: no counted contacts",
        indicators.at_zero,
    )
    meaning = _("The total does not show that these employees have no contacts.")
    numbers = {**_count(indicators.at_zero), "all": base.people(indicators.people)}
    return Indicator(indicators.at_zero, indicators.people, sentence % numbers, meaning, url, "users")


def _handles(handles: HandleCount) -> Indicator:
    sentence = ngettext(
        "%(count)s of %(all)s active contacts has only a handle",
        "%(count)s of %(all)s active contacts have only a handle",
        handles.handle_only,
    )
    meaning = _("Without a phone number or e-mail, these contacts cannot be verified. Updated once a day.")
    if handles.handle_only >= max(HANDLE_SHARE * handles.contacts, MIN_HANDLES):
        meaning = _("This is a high share. %(means)s Check before the deadline whether these handles exist.") % {
            "means": meaning
        }
    numbers = {**_count(handles.handle_only), "all": base.number(handles.contacts)}
    return Indicator(handles.handle_only, handles.contacts, sentence % numbers, meaning, "", "at-sign")


def _count(count: int) -> dict[str, str]:
    return {"count": base.number(count)}
