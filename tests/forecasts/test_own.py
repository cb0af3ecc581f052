"""An employee reads the own chance: it never falls by more contacts, and is certain only when nothing can change."""

import json
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.campaigns.models import Campaign, CampaignRule
from apps.forecasts.models import CampaignForecast
from apps.forecasts.own import OwnForecast, own_forecast
from apps.reports.own_page import own_standing
from apps.reports.standings_report import Standings
from apps.standings.report_people import OneEmployee
from tests import people
from tests.fixtures import Clock
from tests.forecasting import FIRST, TODAY, company_of, count_at_random, count_days, forecast_now

NOVEMBER = Campaign(pk=1, slug="november", state=Campaign.State.OPEN)
RULE = CampaignRule(
    campaign=NOVEMBER, version=1, target=100, time_zone="Asia/Shanghai", opens_on=FIRST, deadline=date(2026, 11, 30),
    opens_at=datetime(2026, 10, 31, 16, tzinfo=UTC), cutoff_at=datetime(2026, 11, 30, 16, tzinfo=UTC),
)  # fmt: skip
NOON = datetime(2026, 11, 23, 4, tzinfo=UTC)
STORED = {
    "id": 1, "campaign_id": 1, "day": "2026-11-23", "rule_version": 1, "made_at": "2026-11-22T18:40:00+00:00",
    "basis": "campaign", "former_id": None, "base": 0.5, "each": 0.25, "recency": 0.3, "growth": 1.0, "shared_sd": 0.5,
    "scale": 1.5, "gone": 22, "elapsed": 22, "begins": 15, "recent_factor": 22 / 7, "file_size": 12, "alike": [],
}  # fmt: skip
DAYS = st.dictionaries(st.integers(0, 22), st.integers(1, 60), max_size=23)
# From the night of the forecast to the deadline.
INSTANTS = st.integers(0, 189 * 60 - 1).map(lambda minutes: NOON - timedelta(hours=9) + timedelta(minutes=minutes))


def of(days: dict[int, int], *, now: datetime = NOON, target: int = 100, **columns: Any) -> OwnForecast:
    given_days = [(FIRST + timedelta(days=day), count) for day, count in sorted(days.items())]
    found = own_forecast(NOVEMBER, RULE, given_days, target, now=now, row=json.dumps(STORED | columns))
    assert found
    return found


@given(DAYS, st.integers(0, 22), INSTANTS)
def test_one_contact_more_never_lowers_the_chance(days: dict[int, int], day: int, now: datetime) -> None:
    more = of(days | {day: days.get(day, 0) + 1}, now=now)
    before = of(days, now=now)
    assert more.chance >= before.chance - 1e-9
    assert all(after >= earlier for after, earlier in zip(more.counts, before.counts, strict=True))
    assert more.what_if(3) >= before.what_if(3) - 1e-9


@given(DAYS, st.integers(0, 30), INSTANTS)
def test_one_a_day_more_never_lowers_the_chance(days: dict[int, int], per_day: int, now: datetime) -> None:
    found = of(days, now=now)
    assert found.what_if(per_day + 1) >= found.what_if(per_day) - 1e-9


@given(DAYS, INSTANTS, st.integers(1, 300), st.integers(0, 2000))
def test_nothing_is_certain_before_the_deadline(days: dict[int, int], now: datetime, target: int, per_day: int) -> None:
    """Also at the target: contacts may still end."""
    found = of(days, now=now, target=target)
    assert 0 < found.chance < 1
    assert 0 < found.what_if(per_day) < 1


@given(DAYS, INSTANTS)
def test_the_fan_rises_from_what_is_counted_to_the_final_count(days: dict[int, int], now: datetime) -> None:
    found, counted = of(days, now=now), sum(days.values())
    today = (now + timedelta(hours=8)).date()
    assert [each.day for each in found.fan] == [
        today + timedelta(days=n) for n in range(1, (RULE.deadline - today).days + 1)
    ]
    lines = [(counted,) * 5, *(each.counts for each in found.fan)]
    for before, after in pairwise(lines):
        assert all(earlier <= later for earlier, later in zip(before, after, strict=True))
    if found.fan:
        assert found.fan[-1].counts == found.counts
    assert of(days, now=now).fan == found.fan


def test_less_time_leaves_less_to_expect() -> None:
    days = dict.fromkeys(range(22), 3)
    morning, evening = of(days), of(days, now=NOON + timedelta(days=5))
    assert morning.chance > evening.chance
    assert morning.counts > evening.counts


def test_more_a_day_makes_it_likely() -> None:
    """70 counted and 8 days left: 30 more need about 4 a day."""
    found = of(dict.fromkeys(range(14), 5))
    chances = [found.what_if(per_day) for per_day in (0, 2, 4, 6, 10)]
    assert chances == sorted(chances)
    assert chances[0] < 0.01
    assert 0.3 < chances[2] < 0.8
    assert chances[4] > 0.95


@pytest.mark.parametrize(
    ("state", "now", "columns"),
    [
        ("frozen", NOON, {}),
        ("cancelled", NOON, {}),
        ("open", RULE.cutoff_at, {}),
        ("open", RULE.opens_at - timedelta(hours=1), {}),
        ("open", NOON, {"rule_version": 2}),
        ("open", NOON - timedelta(days=1), {}),
    ],
)
def test_there_is_none_that_would_mislead(state: str, now: datetime, columns: dict[str, Any]) -> None:
    """Neither after the end, nor by another rule, nor one made later."""
    campaign = Campaign(pk=1, state=state)
    assert own_forecast(campaign, RULE, [], 100, now=now, row=json.dumps(STORED | columns)) is None
    assert own_forecast(campaign, RULE, [], 100, now=now, row=None) is None


@pytest.mark.parametrize(
    ("outcome", "words"),
    [
        ([20, 14], "About 7 in 10 people with as many"),
        ([20, 0], "Fewer than 1 in 10"),
        ([20, 20], "More than 9 in 10"),
        ([9, 5], None),
    ],
)
def test_it_says_how_it_went_for_people_alike(outcome: list[int], words: str | None) -> None:
    """Fewer than ten would say little, and could be known."""
    tenths = [[0, 0]] * 6 + [outcome] + [[0, 0]] * 3
    found = of({3: 65}, basis="former", former_id=2, alike=tenths)
    assert (found.people_alike or "").startswith(words or "") is True
    assert (found.people_alike is None) is (words is None)
    assert found.rough is False
    assert of({3: 65}).rough is True


@pytest.mark.django_db
def test_the_own_page_reads_it_with_its_standing(noon: Clock, django_assert_num_queries: Any) -> None:
    company_of(40)
    november, now = people.november(), noon.now()
    people.mark()
    count_at_random(november)
    employee = people.person("P1")
    count_days(november, employee, {FIRST: 30, TODAY: 4})
    forecast_now()
    now = noon.now()
    standing = own_standing(Standings(november, OneEmployee(employee), now=now), employee)
    assert standing
    days = [(day.day, day.recorded) for day in standing.days]
    with django_assert_num_queries(0):
        found = own_forecast(november, november.rule, days, 100, now=now, row=standing.forecast)
    with django_assert_num_queries(1):
        read = own_forecast(november, november.rule, days, 100, now=now)
    assert found
    assert read
    assert (found.chance, found.counts, found.made_at) == (read.chance, read.counts, read.made_at)
    assert CampaignForecast.objects.get().made_at == found.made_at
