"""Each night a forecast: once, of what was known then, after the recount, and anew when the rule has changed."""

from datetime import date, timedelta
from typing import Any

import pytest
from celery.exceptions import SoftTimeLimitExceeded

from apps.campaigns.models import Campaign
from apps.campaigns.rule_draft import RuleDraft
from apps.core import enqueue
from apps.core.clock import db_now
from apps.core.models import Job
from apps.forecasts import making
from apps.forecasts.failures import MAX_FAILURES
from apps.forecasts.making import due_campaigns, make_forecasts
from apps.forecasts.model.history import History, take_snapshot
from apps.forecasts.model.learning import learn
from apps.forecasts.model.model import scale_of
from apps.forecasts.models import CampaignForecast, GroupForecast
from apps.operations import tasks
from apps.standings.models import DailyCount, Standing
from apps.standings.rule_changes import change_rule
from apps.standings.start_run import begin_nightly_recount
from tests import people
from tests.crowd import at_once
from tests.fixtures import Clock
from tests.forecasting import FIRST, TODAY, company_of, count_at_random, count_days, forecast_now

pytestmark = pytest.mark.django_db


@pytest.fixture
def november(noon: Clock) -> Campaign:
    """22 days of 46 employees have gone, and a morning on which P0 recorded 3."""
    company_of(40)
    campaign = people.november()
    people.mark()
    count_at_random(campaign)
    days = DailyCount.objects.filter(campaign=campaign, employee__staff_no="P0")
    count_days(campaign, people.person("P0"), dict(days.values_list("day", "count")) | {TODAY: 3})
    return campaign


def known(campaign: Campaign) -> History:
    """The daily counts of all who are not exempt."""
    targets = dict(
        Standing.objects.filter(campaign=campaign, exempt=False)
        .order_by("employee__node__first")
        .values_list("employee", "target")
    )
    days: dict[int, dict[int, int]] = {employee: {} for employee in targets}
    for daily in DailyCount.objects.filter(campaign=campaign, employee__in=days):
        days[daily.employee_id][(daily.day - FIRST).days] = daily.count
    return History(30, days, targets)


def test_the_sums_of_the_database_give_the_model_that_the_backtest_judges(november: Campaign) -> None:
    """The exempt take no part, and a morning is no pace."""
    Standing.objects.filter(employee__staff_no="P5").update(exempt=True)
    made, history = forecast_now(), known(november)
    assert made
    assert len(history.days) == 45
    snapshot = take_snapshot(history, 22)
    learned = learn(history, 22, snapshot)
    assert learned
    model = made.model(november.rule, november.rule.opens_at + timedelta(days=22))
    assert model.parameters == learned.parameters
    assert model.scale == pytest.approx(scale_of(snapshot, learned.parameters))
    assert (
        made.frame.counts(history.days[people.person("P0").pk].items())
        == snapshot.people[list(history.days).index(people.person("P0").pk)]
    )
    assert (made.day, made.gone, made.basis, made.former) == (TODAY, 22, "campaign", None)


def test_a_night_has_one_forecast_however_often_and_late_it_is_asked_for(november: Campaign, clock: Clock) -> None:
    for _time in range(3):
        tasks.make_forecasts()
    clock.set("2026-11-24T02:29:00+08:00", ticks=True)
    tasks.make_forecasts()
    assert CampaignForecast.objects.count() == 1
    clock.set("2026-11-26T12:00:00+08:00", ticks=True)
    tasks.make_forecasts()
    days = CampaignForecast.objects.order_by("made_at").values_list("day", flat=True)
    assert list(days) == [date(2026, 11, 23), date(2026, 11, 26)]


@pytest.mark.django_db(transaction=True)
def test_of_two_workers_one_makes_it(november: Campaign) -> None:
    results = at_once(*[tasks.make_forecasts] * 3)
    assert [result for result in results if result is not None] == []
    assert CampaignForecast.objects.count() == 1
    assert GroupForecast.objects.filter(kind="company").count() == 1


def test_a_worker_that_dies_has_stored_only_its_attempt(
    november: Campaign, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without it a forecast that needs too much memory would kill one worker after the other."""

    def die(*arguments: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(making, "store_groups", die)
        with pytest.raises(KeyboardInterrupt):
            make_forecasts(db_now())
    assert not CampaignForecast.objects.exists()
    assert due_campaigns(db_now()) == []
    clock.set("2026-11-24T12:00:00+08:00", ticks=True)
    assert due_campaigns(db_now())
    assert make_forecasts(db_now())
    assert not Job.objects.filter(job__endswith="failed", period="2026-11-24"), "a success is no attempt that failed"


def failing(monkeypatch: pytest.MonkeyPatch, slug: str, error: type[Exception] = ZeroDivisionError) -> list[str]:
    """The forecast of this campaign fails; returns the campaigns that were tried."""
    tried: list[str] = []
    made = making.store_groups

    def store(forecast: CampaignForecast, *arguments: Any) -> None:
        tried.append(forecast.campaign.slug)
        if forecast.campaign.slug == slug:
            raise error
        made(forecast, *arguments)

    monkeypatch.setattr(making, "store_groups", store)
    return tried


def test_a_campaign_that_fails_stops_no_other_and_waits_for_the_next_night(
    november: Campaign, clock: Clock, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The sweep comes every few seconds: it would hold a worker for ever."""
    other = people.november(name="Other", slug="other")
    people.mark()
    count_at_random(other)
    tried = failing(monkeypatch, november.slug)
    for _time in range(3):
        tasks.make_forecasts()
    assert sorted(tried) == ["november", "other"]
    assert "forecast:november, rule 1 could not be made" in caplog.text
    assert [made.campaign for made in CampaignForecast.objects.all()] == [other]
    assert due_campaigns(db_now()) == []
    clock.set("2026-11-24T12:00:00+08:00", ticks=True)
    assert november in due_campaigns(db_now())


def test_a_campaign_that_always_fails_is_given_up_until_its_rule_changes(
    november: Campaign, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried = failing(monkeypatch, november.slug)
    for day in range(23, 29):
        clock.set(f"2026-11-{day}T12:00:00+08:00", ticks=True)
        tasks.make_forecasts()
    assert len(tried) == MAX_FAILURES
    draft = RuleDraft(target=90, opens_on=FIRST, deadline=november.rule.deadline, time_zone="Asia/Shanghai")
    change_rule(campaign=november, draft=draft, expected_version=1, reason="x", by=people.TESTER)
    people.mark()
    assert due_campaigns(db_now())


def test_a_task_that_takes_too_long_ends_and_is_not_begun_again_at_once(
    november: Campaign, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried = failing(monkeypatch, november.slug, SoftTimeLimitExceeded)
    with pytest.raises(SoftTimeLimitExceeded):
        make_forecasts(db_now())
    assert make_forecasts(db_now()) == []
    assert len(tried) == 1


def test_the_sweep_asks_for_it_until_it_is_made(november: Campaign, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    monkeypatch.setattr(enqueue, "_after_commit", lambda task, *arguments: asked.append(task))
    tasks.sweep()
    assert enqueue.MAKE_FORECASTS in asked
    tasks.make_forecasts()
    asked.clear()
    tasks.sweep()
    assert enqueue.MAKE_FORECASTS not in asked


def test_it_waits_for_the_recount(november: Campaign) -> None:
    begin_nightly_recount(november, "tonight")
    assert forecast_now() is None
    # The facts have no contacts: the recount finds that the cache differs, and starts a run that repairs it.
    people.mark()
    assert forecast_now() is None
    people.mark()
    count_at_random(november)
    assert forecast_now()


@pytest.mark.parametrize(
    ("day", "due"),
    [("2026-11-06", True), ("2026-11-05", False), ("2026-11-29", True), ("2026-11-30", False), ("2026-12-01", False)],
)
def test_nothing_new_is_made_too_early_or_on_the_last_day(
    november: Campaign, clock: Clock, day: str, due: bool
) -> None:
    clock.set(f"{day}T03:00:00+08:00", ticks=True)
    assert bool(due_campaigns(db_now())) is due


@pytest.mark.parametrize("state", ["closing", "cancelled"])
def test_only_an_open_campaign_has_one(november: Campaign, state: str) -> None:
    Campaign.objects.update(state=state)
    assert due_campaigns(db_now()) == []


def test_too_few_contacts_are_too_early_to_say_and_asked_once_a_night(noon: Clock) -> None:
    company_of(40)
    people.november()
    people.mark()
    assert forecast_now() is None
    assert due_campaigns(db_now()) == []
    noon.set("2026-11-24T12:00:00+08:00", ticks=True)
    assert due_campaigns(db_now())


def test_a_moved_deadline_has_a_fresh_forecast_at_once(november: Campaign) -> None:
    first = forecast_now()
    draft = RuleDraft(target=100, opens_on=FIRST, deadline=date(2026, 12, 10), time_zone="Asia/Shanghai")
    change_rule(campaign=november, draft=draft, expected_version=1, reason="x", by=people.TESTER)
    assert due_campaigns(db_now()) == [], "all employees are evaluated first"
    people.mark()
    count_at_random(november)
    second = forecast_now()
    assert first
    assert second
    assert (first.day, first.rule_version, second.day, second.rule_version) == (TODAY, 1, TODAY, 2)


def test_a_former_campaign_is_its_basis(noon: Clock) -> None:
    """What its people did is stored as sums of all of them."""
    noon.set("2026-09-20T12:00:00+08:00")
    company_of(40)
    noon.set("2026-10-01T09:00:00+08:00", ticks=True)
    october = people.november(
        name="October", target=3, opens_on=date(2026, 10, 1), deadline=date(2026, 10, 30), slug="october"
    )
    for day in (2, 4, 7, 12, 24, 25):
        noon.set(f"2026-10-{day:02}T09:00:00+08:00", ticks=True)
        for number in range(0, 40, 1 + day % 3):
            people.record(people.person(f"P{number}"))
    noon.set("2026-11-01T09:00:00+08:00", ticks=True)
    november = people.november()
    noon.set("2026-11-23T12:00:00+08:00", ticks=True)
    people.mark()
    count_at_random(november)
    made = forecast_now()
    assert made
    assert (made.basis, made.former, made.rule_version) == ("former", october, 1)
    people_alike, reached = (sum(column) for column in zip(*made.alike, strict=True))
    assert 10 <= people_alike <= 46
    assert 0 < reached < people_alike
