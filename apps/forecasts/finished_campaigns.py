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
from apps.standings.report_people import EmployeeIds, WholeCompany

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
        former = _before(campaign, finished)
        if former is not None:
            yield Trial(
                f"{campaign.name}, after {former.name}",
                trial.look,
                trial.reached,
                trial.teams,
                history_of(former, former.rule.cutoff_at, former.rule),
            )


def former_campaign(campaign: Campaign) -> Campaign | None:
    """The newest finished campaign that ended before this one began."""
    return _before(campaign, _finished())


def _before(campaign: Campaign, finished: list[Campaign]) -> Campaign | None:
    former = [other for other in finished if other.rule.cutoff_at <= campaign.rule.opens_at]
    return former[-1] if former else None


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
        changed = (known.target, known.deadline) != (rule.target, rule.deadline)
        return Look(history_of(campaign, at, known), max((day - known.opens_on).days, 0), changed)

    reached = {employee: result for employee, result, _team in judged}
    return Trial(campaign.name, look, reached, {employee: team for employee, _result, team in judged if team})


def history_of(campaign: Campaign, at: datetime, rule: CampaignRule, most: int | None = None) -> History:
    """The counts by day just before an instant, by the rule of that time; without exempt employees.

    `most`: of about so many people at most, the same ones at each call.
    """
    rows = Standings(campaign, WholeCompany(), as_of=at).query(ROWS)
    targets = {employee: target for employee, _counted, target, exempt, _team in rows if not exempt}
    if most and len(targets) > most:
        targets = dict(list(targets.items())[:: -(-len(targets) // most)])
    people = EmployeeIds(list(targets)) if most else WholeCompany()
    days: dict[int, dict[int, int]] = {employee: {} for employee in targets}
    for employee, day, count in Standings(campaign, people, as_of=at).query(DAYS):
        if employee in days:
            days[employee][(day - rule.opens_on).days] = count
    return History((rule.deadline - rule.opens_on).days + 1, days, targets)
