"""The figures of digests: a manager's team, and the company for HR. Sums, and names of those who need help first."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from apps.campaigns.models import Campaign
from apps.core.mailed_names import mailed_name
from apps.core.sentences import join_names
from apps.employees.models import Employee
from apps.notifications.facts import Facts
from apps.reports.standings_report import Standings
from apps.reports.totals import Totals
from apps.standings.report_people import Team, WholeCompany

# The most people that a digest names.
MAX_NAMED = 5


def digest_lines(facts: Facts, now: datetime, *, with_names: bool = True) -> list[str]:
    """The lines of a digest at the moment of sending; nothing for other kinds. Without `with_names` sums alone."""
    lines = LINES.get(facts.kind)
    return lines(facts, now, with_names) if lines else []


def _team_lines(facts: Facts, now: datetime, with_names: bool) -> list[str]:
    """For the manager of the team: names and numbers of the own people, as on the team's page, and no contact."""
    manager = Employee.objects.select_related("node").get(pk=facts.employee_id or 0)
    campaign = Campaign.objects.get(pk=facts.campaign_id or 0)
    standings = Standings(campaign, Team(manager, None), now=now)
    rows = [row for row in standings.page("help", limit=MAX_NAMED).rows if row.red] if with_names else []
    totals = standings.totals()
    lines = _totals_lines(totals)
    if rows:
        named = join_names(f"{mailed_name(row.name)} ({row.counted}/{row.target})" for row in rows)
        lines.append(_("Who needs help first: %(people)s.") % {"people": named})
    week = sum(day.recorded for day in standings.curve() if day.day > facts.local_day(now) - timedelta(days=7))
    text = ngettext(
        "%(number)s contact that counts came in the last seven days.",
        "%(number)s contacts that count came in the last seven days.", week,
    )  # fmt: skip
    return [*lines, text % {"number": week}, *_stalled_line(totals)]


def _company_lines(facts: Facts, now: datetime, with_names: bool) -> list[str]:
    totals = Standings(Campaign.objects.get(pk=facts.campaign_id or 0), WholeCompany(), now=now).totals()
    return [*_totals_lines(totals), *_stalled_line(totals)]


def _totals_lines(totals: Totals) -> list[str]:
    numbers = {
        "people": totals.people, "red": totals.red, "done": totals.at_target, "exempt": totals.exempt_below,
        "pace": totals.keeping_pace,
    }  # fmt: skip
    return [
        _("%(people)s people: %(red)s below target, %(done)s at target, %(exempt)s exempt.") % numbers,
        _("%(pace)s of the people below target are on pace or ahead.") % numbers,
    ]


def _stalled_line(totals: Totals) -> list[str]:
    text = ngettext(
        "%(number)s person below target has had no new contact for a week.",
        "%(number)s people below target have had no new contact for a week.", totals.still,
    )  # fmt: skip
    return [text % {"number": totals.still}] if totals.still else []


LINES: dict[str, Callable[[Facts, datetime, bool], list[str]]] = {
    "team_digest": _team_lines,
    "company_digest": _company_lines,
}
