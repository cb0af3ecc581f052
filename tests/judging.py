"""The stored accuracy of a forecast, as pages show it."""

from dataclasses import asdict

from apps.campaigns.models import Campaign
from apps.forecasts.accuracy import accuracy_of
from apps.forecasts.model.backtest import Result
from apps.forecasts.model.scores import Bin
from apps.forecasts.models import ForecastAccuracy

RESULTS = (
    Result(0.2, 505, 211),
    Result(
        0.33,
        498,
        204,
        "prior",
        0.214,
        0.301,
        0.322,
        (Bin(190, 0.07, 0.1), Bin(205, 0.42, 0.4)),
        22,
        17,
        plan_changed=True,
    ),
    Result(0.5, 470, 176, "campaign", 0.187, 0.242, 0.26, (Bin(201, 0.04, 0.03), Bin(3, 0.55, 1.0)), 22, 18),
    Result(0.66, 401, 107, "campaign", 0.151, 0.149, 0.2, (Bin(26, 0.93, 0.8),), 22, 19),
    Result(0.8, 302, 8, "campaign", 0.031, 0.044, 0.05, (Bin(290, 0.02, 0.02),), 22, 22),
    Result(0.9, 4, 1, "campaign", 0.03, 0.04, 0.05, (Bin(4, 0.72, 0.25),), 22, 22),
)


def judged(campaign: Campaign) -> ForecastAccuracy:
    """With a share too early to say, one of too few people, a worse one, and one that says little."""
    return ForecastAccuracy.objects.create(campaign=campaign, has_former=False, **asdict(accuracy_of(RESULTS)))
