"""Employees with counted contacts on given days, as the cached standings have them, and their forecasts."""

from datetime import date
from random import Random

from apps.campaigns.models import Campaign
from apps.core.clock import db_now
from apps.employees.models import Employee
from apps.forecasts.making import make_forecasts
from apps.forecasts.models import CampaignForecast
from apps.standings.models import DailyCount, Standing
from tests import people

FIRST, TODAY = date(2026, 11, 1), date(2026, 11, 23)


def company_of(size: int, *, team: int = 8) -> dict[str, Employee]:
    """BOSS above leads L0, L1 ..., each above `team` people P0, P1 ...; no more than `size` people P."""
    rows = [("BOSS", "")]
    rows += [(f"L{n}", "BOSS") for n in range(-(-size // team))]
    return people.company(rows + [(f"P{n}", f"L{n // team}") for n in range(size)])


def count_days(campaign: Campaign, employee: Employee, days: dict[date, int]) -> None:
    """Replace the counted contacts of an employee, in the cache alone."""
    daily = DailyCount.objects.filter(campaign=campaign, employee=employee)
    daily.delete()
    DailyCount.objects.bulk_create(
        DailyCount(campaign=campaign, employee=employee, day=day, count=count) for day, count in days.items()
    )
    counted = sum(days.values())
    standing = people.standing(campaign, employee)
    reached = db_now() if counted >= standing.target else None
    Standing.objects.filter(pk=standing.pk).update(counted=counted, target_reached_at=reached)


def count_at_random(campaign: Campaign, seed: int = 1, until: date = TODAY) -> None:
    """Everybody has counted contacts on some days before `until`; a quarter of all nearly none."""
    chance = Random(seed)
    for standing in (
        Standing.objects.filter(campaign=campaign).select_related("employee").order_by("employee__staff_no")
    ):
        pace = chance.choice((0.3, 2, 4, 6))
        days = {FIRST.replace(day=day): round(chance.uniform(0, 2 * pace)) for day in range(1, until.day)}
        count_days(campaign, standing.employee, {day: count for day, count in days.items() if count})


def forecast_now() -> CampaignForecast | None:
    """The forecast that is due now."""
    made = make_forecasts(db_now())
    return made[0] if made else None
