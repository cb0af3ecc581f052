"""How right the forecast of a finished campaign was: calculated once from its result, and stored as sums."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import date

from apps.campaigns.models import Campaign
from apps.campaigns.rules import day_of
from apps.core.clock import db_now
from apps.core.locks import advisory_lock
from apps.forecasts.failures import State, may_try, noted, states
from apps.forecasts.finished_campaigns import trials
from apps.forecasts.model import scores
from apps.forecasts.model.backtest import Result, backtest
from apps.forecasts.models import ForecastAccuracy
from apps.reports.small_groups import MIN_GROUP_SIZE

TENTHS = scores.BINS


@dataclass(frozen=True)
class ShareAccuracy:
    """One share of the time. `people`: those under the target then; None when too few of them did or did not reach it.

    The scores are None when it was too early to say, `skill` also where it would mostly be chance.
    """

    share: float
    people: int | None
    reached: int | None = None
    basis: str | None = None
    brier: float | None = None
    straight_line: float | None = None
    skill: float | None = None
    teams: int = 0
    covered: int = 0
    plan_changed: bool = False


@dataclass(frozen=True)
class ReliabilityLine:
    """Forecasts between two chances, in per cent, from all shares together, and how many came true."""

    low: int
    high: int
    forecasts: int
    came_true: int


@dataclass(frozen=True)
class Accuracy:
    shares: list[ShareAccuracy]
    reliability: list[ReliabilityLine]


def accuracy_of(results: Sequence[Result]) -> Accuracy:
    """The sums of a backtest that everybody may read: of MIN_GROUP_SIZE people and more who reached the target, and as
    many who did not, or a sum would be the result of each. A share without them is in no sum.
    """
    shown = [result for result in results if _both(result.at_target_later, result.people)]
    return Accuracy([_share(result) for result in results], _reliability(shown))


def _both(reached: int, people: int) -> bool:
    return min(reached, people - reached) >= MIN_GROUP_SIZE


def _share(result: Result) -> ShareAccuracy:
    if not _both(result.at_target_later, result.people):
        return ShareAccuracy(result.share, None, plan_changed=result.plan_changed)
    return ShareAccuracy(
        result.share, result.people, result.at_target_later, result.basis, result.brier, result.straight_line,
        result.skill if result.is_conclusive else None, result.teams, result.covered,
        result.plan_changed,
    )  # fmt: skip


def _reliability(results: Sequence[Result]) -> list[ReliabilityLine]:
    """A line for each tenth; tenths of a few people are joined with the next ones, at the end with those before."""
    pending: list[int] = []
    groups: list[list[int]] = []
    for tenth in range(TENTHS):
        pending.append(tenth)
        if _is_large(results, pending):
            groups.append(pending)
            pending = []
    if groups:
        groups[-1] += pending
    return [_line(results, tenths) for tenths in groups]


def _bins(result: Result, tenths: list[int]) -> list[tuple[int, float]]:
    """How many forecasts of these tenths there were, and which part came true."""
    return [
        (each.people, each.observed) for each in result.bins if min(int(each.forecast * TENTHS), TENTHS - 1) in tenths
    ]


def _is_large(results: Sequence[Result], tenths: list[int]) -> bool:
    # A person has a forecast at each share: only those of one share are certainly different people.
    return any(_both(line.came_true, line.forecasts) for line in (_line([result], tenths) for result in results))


def _line(results: Sequence[Result], tenths: list[int]) -> ReliabilityLine:
    bins = [each for result in results for each in _bins(result, tenths)]
    low, high = tenths[0] * 100 // TENTHS, (tenths[-1] + 1) * 100 // TENTHS
    came_true = sum(round(people * observed) for people, observed in bins)
    return ReliabilityLine(low, high, sum(people for people, _observed in bins), came_true)


def judge_finished_campaigns() -> None:
    """Store the accuracy of each campaign that has a result and none yet. Concurrent calls are safe.

    One that failed is tried again on another day.
    """
    with advisory_lock("forecast accuracy") as acquired:
        if not acquired:
            return
        waiting = Campaign.objects.filter(state=Campaign.State.FROZEN, forecast_accuracy=None)
        campaigns = list(waiting.prefetch_related("rules").order_by("pk"))
        untried = may_try([(_job(campaign), _today(campaign)) for campaign in campaigns])
        for campaign in campaigns:
            if _job(campaign) in untried:
                with noted(_job(campaign), _today(campaign)):
                    _judge(campaign)


def _job(campaign: Campaign) -> str:
    return f"forecast accuracy:{campaign.slug}"


def _today(campaign: Campaign) -> date:
    return day_of(db_now(), campaign.rule.time_zone)


def _judge(campaign: Campaign) -> None:
    # The last trial has the former campaign, where there is one: it is the forecast that people saw.
    trial = list(trials(campaign))[-1]
    stored = asdict(accuracy_of(backtest(trial)))
    # Behind a connection pool the lock may not protect: the first result stays.
    ForecastAccuracy.objects.get_or_create(
        campaign=campaign, defaults={"has_former": trial.former is not None, **stored}
    )


def forecast_accuracy(campaign: Campaign) -> ForecastAccuracy | None:
    """The stored accuracy; None before the result, and for a minute after it."""
    return ForecastAccuracy.objects.filter(campaign=campaign).first()


def accuracy_state(campaign: Campaign) -> State:
    """Whether the accuracy of a frozen campaign without one is calculated now, on another day, or no more."""
    return states([(_job(campaign), _today(campaign))])[_job(campaign)]
