"""A stored forecast of November, and counted contacts that one employee's forecast is made from."""

from datetime import date
from typing import Any

from apps.campaigns.models import Campaign
from apps.core.clock import db_now
from apps.employees.models import Employee
from apps.forecasts.models import CampaignForecast
from tests.forecasting import count_days


def stored(campaign: Campaign, **terms: Any) -> CampaignForecast:
    """The forecast of the night to 23 November: 22 days have gone, and a person goes on about as before."""
    model = {"base": 0.35, "each": 0.25, "recency": 0.3, "growth": 1.05, "shared_sd": 0.3, "scale": 1.5}
    frame = {"gone": 22, "elapsed": 22, "begins": 15, "recent_factor": 22 / 7, "file_size": 9}
    night = {"day": date(2026, 11, 23), "rule_version": campaign.rule.version, "made_at": db_now(), "basis": "prior"}
    return CampaignForecast.objects.create(campaign=campaign, **night | model | frame | terms)


def counted(campaign: Campaign, employee: Employee, total: int) -> None:
    """So many counted contacts, spread over the 22 days before today."""
    share, rest = divmod(total, 22)
    days = {date(2026, 11, n + 1): share + (n < rest) for n in range(22)}
    count_days(campaign, employee, {day: count for day, count in days.items() if count})
