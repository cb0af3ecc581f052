"""Finished campaigns of this installation as trials of the forecast: what was known at each share of their time."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from apps.campaigns.models import Campaign, CampaignRule
from apps.core.clock import db_now
from apps.forecasts.model.backtest import Look, Trial
from apps.forecasts.model.history import History
from apps.reports.standings_report import Standings
from apps.standings.report_people import WholeCompany

ROWS = "SELECT employee_id, counted, target, exempt, manager_staff_no FROM listed ORDER BY staff_no"
DAYS = "SELECT employee_id, day, count FROM days"


def trials(only: Campaign | None = None) -> Iterator[Trial]:
    """A trial of every finished campaign, or of one; again with a former campaign that ended before it began."""
    finished = _finished()
    for campaign in finished:
        if only is not None and campaign.pk != only.pk:
            continue
        trial = _trial(campaign)
        yield trial
        former = [other for other in finished if other.rule.cutoff_at <= campaign.rule.opens_at]
        if former:
            newest = former[-1]
            yield Trial(
                f"{campaign.name}, after {newest.name}",
                trial.look,
                trial.reached,
                trial.teams,
                _history(newest, newest.rule.cutoff_at, newest.rule),
            )


def _finished() -> list[Campaign]:
    """The campaigns after their cut-off that were not cancelled, in the order of their cut-offs."""
    states = [Campaign.State.OPEN, Campaign.State.CLOSING, Campaign.State.FROZEN]
    campaigns = Campaign.objects.filter(state__in=states).prefetch_related("rules")
    now = db_now()
    return sorted(
        (campaign for campaign in campaigns if campaign.versions and campaign.rule.cutoff_at <= now),
        key=lambda campaign: (campaign.rule.cutoff_at, campaign.pk),
    )


def _trial(campaign: Campaign) -> Trial:
    rule = campaign.rule
    rows = Standings(campaign, WholeCompany(), as_of=rule.cutoff_at).query(ROWS)
    judged = [(employee, counted >= target, team) for employee, counted, target, exempt, team in rows if not exempt]

    def look(share: float) -> Look:
        days = (rule.deadline - rule.opens_on).days + 1
        day = rule.opens_on + timedelta(days=int(days * share))
        at = datetime.combine(day, time(), tzinfo=ZoneInfo(rule.time_zone))
        known = campaign.rule_at(at)
        return Look(_history(campaign, at, known), max((day - known.opens_on).days, 0))

    reached = {employee: result for employee, result, _team in judged}
    return Trial(campaign.name, look, reached, {employee: team for employee, _result, team in judged if team})


def _history(campaign: Campaign, at: datetime, rule: CampaignRule) -> History:
    """The counts by day just before an instant, by the rule of that time; without exempt employees."""
    standings = Standings(campaign, WholeCompany(), as_of=at)
    rows = standings.query(ROWS)
    targets = {employee: target for employee, _counted, target, exempt, _team in rows if not exempt}
    days: dict[int, dict[int, int]] = {employee: {} for employee in targets}
    for employee, day, count in standings.query(DAYS):
        if employee in days:
            days[employee][(day - rule.opens_on).days] = count
    return History((rule.deadline - rule.opens_on).days + 1, days, targets)
