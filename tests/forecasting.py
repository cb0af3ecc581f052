"""Employees with counted contacts on given days, as the cached standings have them, and their forecasts."""

from datetime import date, datetime
from random import Random

from apps.campaigns.models import Campaign
from apps.core.clock import db_now
from apps.employees.models import Employee
from apps.forecasts.making import make_forecasts
from apps.forecasts.models import CampaignForecast, GroupForecast
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


def store_forecast(campaign: Campaign, at: str, low: int) -> None:
    """A forecast of this instant: of 21 people in the company and in Bob's team, `low` to `low + 4` at the target."""
    made_at = datetime.fromisoformat(at)
    forecast = CampaignForecast.objects.create(
        campaign=campaign, day=made_at.date(), rule_version=campaign.rule.version, made_at=made_at, basis="campaign",
        base=0.35, each=0.25, recency=0.3, growth=1.05, shared_sd=0.5, scale=1, gone=20, elapsed=20, begins=15,
        recent_factor=1, file_size=5,
    )  # fmt: skip
    numbers = {"people": 21, "at_target": 1, "number": low + 2, "low": low, "high": low + 4}
    under = [17 - low, 18 - low, 19 - low, 20 - low, 21 - low]
    fan = [[made_at.date().isoformat(), [16, 17, 18, 19, 20]], [campaign.rule.deadline.isoformat(), under]]
    GroupForecast.objects.create(forecast=forecast, kind="company", fan=fan, **numbers)
    GroupForecast.objects.create(forecast=forecast, kind="team", manager=people.person("B001"), **numbers)
