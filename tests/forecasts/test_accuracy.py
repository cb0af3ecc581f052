"""Every reader may see how right the forecast was: the stored sums must be right, and show no single person."""

import json
import logging
from typing import Any
from unittest.mock import patch

import pytest
from celery.exceptions import SoftTimeLimitExceeded
from django.db import OperationalError

from apps.campaigns.models import Campaign
from apps.forecasts import accuracy
from apps.forecasts.accuracy import (
    ReliabilityLine,
    ShareAccuracy,
    accuracy_of,
    forecast_accuracy,
    judge_finished_campaigns,
)
from apps.forecasts.failures import MAX_FAILURES
from apps.forecasts.model.backtest import Result
from apps.forecasts.model.scores import Bin
from apps.forecasts.models import ForecastAccuracy
from apps.operations import tasks
from apps.results.freeze import freeze
from tests.crowd import at_once
from tests.fixtures import Clock
from tests.judging import RESULTS
from tests.people import ROSTER, TESTER, load, november, person, record


@pytest.fixture
def campaign(noon: Clock) -> Campaign:
    """November is over, of nine people: Alice and Alan record 40 each over its days, the others nothing."""
    noon.set("2026-10-20T12:00:00+08:00")
    load(ROSTER)
    noon.set("2026-11-01T09:00:00+08:00")
    campaign = november(target=30)
    for day in range(1, 21):
        noon.set(f"2026-11-{day:02}T10:00:00+08:00")
        record(person("A001"), 2)
        record(person("A002"), 2)
    noon.set("2026-12-01T00:00:20+08:00", ticks=True)
    return campaign


def test_sums_of_few_people_are_stored_nowhere() -> None:
    found = accuracy_of(RESULTS)
    few = found.shares[-1]
    assert (few.people, few.reached, few.brier, few.skill, few.teams) == (None, None, None, None, 0)
    assert found.shares[4].skill is None, "8 who reached it say little"
    assert found.shares[2].skill == pytest.approx(1 - 0.187 / 0.242)
    assert found.reliability == [
        ReliabilityLine(0, 10, 190 + 201 + 290, 19 + 6 + 6),
        ReliabilityLine(10, 50, 205, 82),
        # The three are joined with the line after them, the four of the last share are in no sum.
        ReliabilityLine(50, 100, 3 + 26, 3 + 21),
    ]


def test_the_last_few_are_joined_with_the_line_before() -> None:
    bins = (Bin(20, 0.05, 0.25), Bin(4, 0.95, 1.0))
    assert accuracy_of([Result(0.5, 24, 9, bins=bins)]).reliability == [ReliabilityLine(0, 100, 24, 9)]
    assert accuracy_of([Result(0.5, 4, 1, bins=(Bin(4, 0.5, 0.25),))]).reliability == []


@pytest.mark.parametrize("reached", [0, 4, 26, 30])
def test_no_sum_is_the_result_of_each(reached: int) -> None:
    """None of thirty people below the target reached it: a reader who knows one of them would see the result."""
    bins = (Bin(30, 0.5, reached / 30),)
    found = accuracy_of([Result(0.5, 30, reached, "prior", 0.01, 0.02, 0.03, bins, 3, 3)])
    assert found.shares == [ShareAccuracy(0.5, None)]
    assert found.reliability == []


def test_a_small_campaign_has_no_sums(campaign: Campaign) -> None:
    freeze(campaign=campaign, by=TESTER, wait=True)
    tasks.judge_forecasts()
    stored = forecast_accuracy(campaign)
    assert stored
    assert {share["people"] for share in stored.shares} == {None}
    assert stored.reliability == []


def test_it_is_judged_once_when_the_result_exists(campaign: Campaign, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(accuracy, "MIN_GROUP_SIZE", 0)
    tasks.judge_forecasts()
    assert forecast_accuracy(campaign) is None, "files received before the cut-off may still count"
    freeze(campaign=campaign, by=TESTER, wait=True)
    tasks.judge_forecasts()
    stored = forecast_accuracy(campaign)
    assert stored
    assert not stored.has_former
    assert [share["people"] for share in stored.shares] == [9, 9, 7, 7, 7, 7]
    assert [share["reached"] for share in stored.shares] == [2, 2, 0, 0, 0, 0]
    assert stored.shares[-1]["brier"] < 0.05
    assert all(share["skill"] is None for share in stored.shares)
    assert not any(text in json.dumps([stored.shares, stored.reliability]) for text in ("Alice", "A001", "B001"))
    tasks.judge_forecasts()
    assert ForecastAccuracy.objects.get().made_at == stored.made_at


@pytest.mark.django_db(transaction=True)
def test_workers_at_once_store_it_once(campaign: Campaign) -> None:
    freeze(campaign=campaign, by=TESTER, wait=True)
    assert at_once(*[judge_finished_campaigns] * 4) == [None] * 4
    assert ForecastAccuracy.objects.count() == 1


def fails(error: type[Exception] = ZeroDivisionError) -> Any:
    return patch.object(accuracy, "backtest", side_effect=error)


def test_a_campaign_that_fails_stops_no_other(
    campaign: Campaign, noon: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    """It is tried again on another day: each minute it would hold a worker."""
    freeze(campaign=campaign, by=TESTER, wait=True)
    with fails() as tried, caplog.at_level(logging.ERROR):
        judge_finished_campaigns()
        judge_finished_campaigns()
    assert tried.call_count == 1
    assert "forecast accuracy:november could not be made" in caplog.text
    assert not ForecastAccuracy.objects.exists()
    noon.set("2026-12-02T00:00:20+08:00", ticks=True)
    judge_finished_campaigns()
    assert ForecastAccuracy.objects.exists()


def test_a_campaign_that_always_fails_is_given_up(campaign: Campaign, noon: Clock) -> None:
    freeze(campaign=campaign, by=TESTER, wait=True)
    with fails() as tried:
        for day in range(2, 12):
            noon.set(f"2026-12-{day:02}T10:00:00+08:00")
            judge_finished_campaigns()
    assert tried.call_count == MAX_FAILURES


def test_a_task_that_takes_too_long_ends_and_is_not_begun_again_at_once(campaign: Campaign) -> None:
    freeze(campaign=campaign, by=TESTER, wait=True)
    with fails(SoftTimeLimitExceeded) as tried:
        with pytest.raises(SoftTimeLimitExceeded):
            judge_finished_campaigns()
        judge_finished_campaigns()
    assert tried.call_count == 1


def test_a_database_that_is_away_is_no_failure(campaign: Campaign) -> None:
    freeze(campaign=campaign, by=TESTER, wait=True)
    with fails(OperationalError), pytest.raises(OperationalError):
        judge_finished_campaigns()
    judge_finished_campaigns()
    assert ForecastAccuracy.objects.exists()
