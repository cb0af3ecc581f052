"""The stored forecasts of groups at an instant: sums of five people and more.

Company and departments are for HR. Teams are for managers: beside the department, a team would show who leads it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime

from apps.campaigns.models import Campaign
from apps.core.clock import db_now
from apps.forecasts.model.learning import Basis
from apps.forecasts.models import CampaignForecast, GroupForecast


@dataclass(frozen=True)
class Expected:
    """How many of these people end at the target: as expected, and the ends of the 80 % interval.

    `at_target`: how many were there when it was made.
    """

    people: int
    at_target: int
    number: int
    low: int
    high: int
    basis: Basis
    made_at: datetime

    @property
    def rough(self) -> bool:
        return self.basis is not Basis.FORMER


@dataclass(frozen=True)
class UnderDay:
    """People under the target at the end of a day, at each of model.LEVELS."""

    day: date
    people: tuple[int, ...]


@dataclass(frozen=True)
class CompanyForecasts:
    """The company, None with fewer than five people whose result is open; its fan up to the deadline, empty with few of
    them; and by name the departments with five and more.
    """

    company: Expected | None
    fan: list[UnderDay]
    departments: dict[str, Expected]


def company_forecasts(campaign: Campaign, *, as_of: datetime | None = None) -> CompanyForecasts | None:
    """None where none was made; also after the deadline, for a cancelled campaign, and just after a change of rule.

    `as_of`: the instant of the page; a forecast made later is never used. By default now.
    """
    forecast = _newest(campaign, as_of)
    if forecast is None:
        return None
    rows = list(forecast.groups.filter(kind__in=[GroupForecast.Kind.COMPANY, GroupForecast.Kind.DEPARTMENT]))
    company = next((row for row in rows if row.kind == GroupForecast.Kind.COMPANY), None)
    return CompanyForecasts(
        company=_expected(company, forecast) if company else None,
        fan=[UnderDay(date.fromisoformat(day), tuple(people)) for day, people in company.fan] if company else [],
        departments={row.department: _expected(row, forecast) for row in rows if row is not company},
    )


def team_forecasts(
    campaign: Campaign, manager_ids: Iterable[int], *, as_of: datetime | None = None
) -> dict[int, Expected] | None:
    """By the manager's id, everybody below, direct and indirect; those that show no single person.

    None where no forecast was made, as company_forecasts.
    """
    forecast = _newest(campaign, as_of)
    if forecast is None:
        return None
    # A team has no department: with it the condition is the index's whole key.
    rows = forecast.groups.filter(kind=GroupForecast.Kind.TEAM, department="", manager__in=list(manager_ids))
    return {row.manager_id: _expected(row, forecast) for row in rows if row.manager_id is not None}


def _newest(campaign: Campaign, as_of: datetime | None) -> CampaignForecast | None:
    at = as_of or db_now()
    rule = campaign.rule_at(at)
    if campaign.state == Campaign.State.CANCELLED or not rule.in_period(at):
        return None
    newest = CampaignForecast.objects.newest(campaign, at)
    return newest if newest is not None and newest.rule_version == rule.version else None


def _expected(row: GroupForecast, forecast: CampaignForecast) -> Expected:
    return Expected(row.people, row.at_target, row.number, row.low, row.high, Basis(forecast.basis), forecast.made_at)
