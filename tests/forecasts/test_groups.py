"""Managers and HR read sums of groups that show no single person, as they were known at the instant of the page."""

from collections import Counter
from datetime import datetime, timedelta
from itertools import pairwise
from random import Random
from typing import Any

import pytest
from django.db import DatabaseError, IntegrityError, transaction

from apps.campaigns.models import Campaign
from apps.core.clock import db_now
from apps.employees.models import TreeNode
from apps.forecasts import group_making
from apps.forecasts.group_making import Place, _never_certain, shown_teams
from apps.forecasts.groups_read import company_forecasts, team_forecasts
from apps.forecasts.model.groups import quantiles
from apps.forecasts.model.history import Counts
from apps.forecasts.model.model import LEVELS
from apps.forecasts.models import CampaignForecast, GroupForecast
from apps.standings.models import Standing
from tests import people
from tests.fixtures import Clock
from tests.forecasting import FIRST, company_of, count_at_random, count_days, forecast_now

# 66 by now: whether it will be 100 is open.
OPEN = {FIRST + timedelta(days=number): 3 for number in range(22)}


@pytest.fixture
def november(noon: Clock) -> Campaign:
    """22 days of BOSS, L0 to L4 and eight people below each have gone."""
    company_of(40)
    campaign = people.november()
    people.mark()
    count_at_random(campaign)
    return campaign


def tree(chance: Random, people: int) -> list[tuple[int, int, int]]:
    """(employee, first, last) of a random tree, in its order."""
    above = [0] + [chance.randrange(max(0, n - 12), n) for n in range(1, people)]
    below: dict[int, list[int]] = {n: [] for n in range(people)}
    for n in range(1, people):
        below[above[n]].append(n)
    nodes: list[tuple[int, int, int]] = []

    def visit(person: int) -> int:
        place = len(nodes)
        nodes.append((person, place, place))
        last = place
        for each in below[person]:
            last = visit(each)
        nodes[place] = (person, place, last)
        return last

    visit(0)
    return nodes


@pytest.mark.parametrize("seed", range(30))
def test_no_difference_of_teams_shows_fewer_than_five(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """A team without the teams inside it has five open people, or no one below the target."""
    chance = Random(seed)
    nodes = tree(chance, 150)
    counted = [chance.choice((0, 20, 20, 120, 120)) for _node in nodes]
    places = [
        Place(person, place, "", Counts(counted[place], 0, 0.0), 100)
        for person, place, _last in nodes
        # A few are exempt.
        if chance.random() < 0.9
    ]
    managers = [node for node in nodes if node[2] - node[1] >= 5]
    monkeypatch.setattr(group_making, "fetch_all", lambda statement: managers)
    still_open = [place.counts.counted == 20 for place in places]
    below = {place.employee: place.counts.counted for place in places if place.is_below}
    members = {
        team.manager: frozenset(place.employee for place in places[team.begin : team.end] if place.is_below)
        for team in shown_teams(places, still_open)
    }
    for manager, first, last in managers:
        everybody = {node[0] for node in nodes[first + 1 : last + 1]}
        assert members.get(manager, frozenset()) <= everybody
    for team in members.values():
        assert sum(below[person] > 0 for person in team) >= 5
        inside = [other for other in members.values() if other < team]
        rest = team - frozenset().union(*inside)
        assert not rest or sum(below[person] > 0 for person in rest) >= 5
    assert members, "otherwise nothing is shown at all"


@pytest.mark.django_db
def test_a_team_where_four_are_open_is_not_stored(november: Campaign) -> None:
    lead = people.person("L2")
    for number in range(16, 24):
        count_days(november, people.person(f"P{number}"), {november.rule.opens_on: 40 if number < 20 else 100})
    made = forecast_now()
    assert made
    found = team_forecasts(november, [lead.pk, people.person("BOSS").pk], as_of=db_now())
    assert found is not None
    assert lead.pk not in found
    below = found[people.person("BOSS").pk]
    assert below.people == 45
    assert below.at_target == Standing.objects.filter(counted__gte=100).exclude(employee__staff_no="BOSS").count()
    assert below.at_target <= below.low <= below.number <= below.high <= below.people


@pytest.mark.django_db
def test_who_is_nearly_certain_hides_nobody(november: Campaign) -> None:
    """Beside seven who have nothing, the forecast of a team would be that of its one person who can still reach it."""
    for number in range(8):
        count_days(november, people.person(f"P{number}"), OPEN if number == 7 else {})
    forecast_now()
    lead, boss = people.person("L0").pk, people.person("BOSS").pk
    assert set(team_forecasts(november, [lead, boss], as_of=db_now()) or {}) == {boss}


@pytest.mark.django_db
def test_a_company_of_one_open_person_is_not_stored(november: Campaign) -> None:
    for standing in Standing.objects.select_related("employee"):
        count_days(november, standing.employee, OPEN if standing.employee.staff_no == "P7" else {})
    assert forecast_now()
    assert not GroupForecast.objects.exists()


@pytest.mark.django_db
def test_a_company_of_few_open_people_has_no_fan(november: Campaign) -> None:
    for number in range(40):
        count_days(november, people.person(f"P{number}"), OPEN if number < 8 else {FIRST: 100})
    forecast_now()
    found = company_forecasts(november, as_of=db_now())
    assert found
    assert found.company
    assert found.fan == []


@pytest.mark.parametrize(
    ("ends", "wider"), [((5, 5), (4, 6)), ((2, 2), (2, 3)), ((9, 9), (8, 9)), ((5, 6), (5, 6)), ((2, 9), (2, 9))]
)
def test_a_forecast_of_a_group_is_never_certain(ends: tuple[int, int], wider: tuple[int, int]) -> None:
    """An interval without width says the same of each member."""
    assert _never_certain(*ends, 2, 9) == wider


@pytest.mark.django_db
def test_a_small_department_is_not_shown_and_not_the_rest_either(november: Campaign) -> None:
    """Sales has four, Support thirty: of 46 people twelve remain, which is a group again."""
    places = TreeNode.objects.order_by("employee__staff_no").values_list("employee_id", flat=True)
    TreeNode.objects.filter(employee_id__in=list(places[:4])).update(department="Sales")
    TreeNode.objects.filter(employee_id__in=list(places[4:34])).update(department="Support")
    for place in places:
        count_days(november, people.Employee.objects.get(pk=place), OPEN)
    forecast_now()
    found = company_forecasts(november, as_of=db_now())
    assert found
    assert found.company
    assert found.company.people == 46
    shown = {name: group.people for name, group in found.departments.items()}
    assert shown == {"Support": 30}, "company less Support is a group of sixteen"


@pytest.mark.django_db
def test_the_fan_ends_with_the_interval_of_the_company(november: Campaign) -> None:
    for number in range(40):
        more = dict.fromkeys(list(OPEN)[: number // 4], 5)
        count_days(november, people.person(f"P{number}"), OPEN | more)
    forecast_now()
    found = company_forecasts(november, as_of=db_now())
    assert found
    assert found.company
    company, first, last = found.company, found.fan[0], found.fan[-1]
    assert last.day == november.rule.deadline
    assert first.day < last.day
    assert list(last.people) == sorted(last.people)
    assert abs(last.people[0] - (company.people - company.high)) <= 1
    assert abs(last.people[4] - (company.people - company.low)) <= 1
    assert all(day.people[0] < day.people[-1] for day in found.fan)
    for before, after in pairwise(found.fan):
        assert all(a >= b for a, b in zip(before.people, after.people, strict=True))


def test_half_of_the_outcomes_of_a_large_company_lie_between_the_nodes() -> None:
    """What all share is lognormal: between 25 and 75 % lies about half the width of 10 to 90 %."""
    found = quantiles({(0.3, 0.5, 0.7): 10_000}, LEVELS)
    assert found[2] == pytest.approx(5000, abs=60)
    assert (found[3] - found[1]) / (found[4] - found[0]) == pytest.approx(0.526, abs=0.06)


@pytest.mark.django_db
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_page_on_the_past_never_reads_a_later_forecast(november: Campaign, seed: int, clock: Clock) -> None:
    chance, at = Random(seed), datetime.fromisoformat("2026-11-12T12:00:00+08:00")
    made: list[datetime] = []
    for _night in range(5):
        at += timedelta(hours=chance.randrange(1, 60))
        clock.set(at, ticks=True)
        made += [forecast.made_at for forecast in [forecast_now()] if forecast]
    assert len(made) > 1
    boss = people.person("BOSS").pk
    for _look in range(20):
        look = datetime.fromisoformat("2026-11-12T00:00:00+08:00") + timedelta(hours=chance.randrange(0, 300))
        earlier = [each for each in made if each < look]
        company, teams = company_forecasts(november, as_of=look), team_forecasts(november, [boss], as_of=look)
        assert (company is None) is (teams is None) is (not earlier)
        if company and company.company:
            assert company.company.made_at == max(earlier)
        for team in (teams or {}).values():
            assert team.made_at == max(earlier)


@pytest.mark.django_db
def test_after_the_deadline_and_when_cancelled_there_is_none(november: Campaign) -> None:
    forecast_now()
    assert company_forecasts(november, as_of=november.rule.cutoff_at) is None
    assert company_forecasts(november)
    november.state = Campaign.State.CANCELLED
    assert company_forecasts(november) is None
    assert team_forecasts(november, []) is None


@pytest.mark.django_db
@pytest.mark.parametrize(
    "columns",
    [
        {"kind": "team"},
        {"kind": "company", "department": "Sales"},
        {"kind": "department", "department": "Sales", "people": 8, "at_target": 4},
        {"kind": "department", "department": "Sales", "low": 3},
        {"kind": "department", "department": "Sales", "fan": [1]},
        {"kind": "person"},
    ],
)
def test_the_database_refuses_a_group_that_cannot_be(november: Campaign, columns: dict[str, Any]) -> None:
    made = forecast_now()
    usual = {"people": 20, "at_target": 4, "number": 10, "low": 8, "high": 12}
    with pytest.raises(IntegrityError), transaction.atomic():
        GroupForecast.objects.create(forecast=made, **usual | columns)


@pytest.mark.django_db
def test_a_forecast_is_never_changed_afterwards(november: Campaign) -> None:
    """The application's role cannot: what was said then stays what was said."""
    forecast_now()
    for model in (CampaignForecast, GroupForecast):
        with pytest.raises(DatabaseError, match="permission denied"), transaction.atomic():
            model.objects.update(**{"scale": 2} if model is CampaignForecast else {"number": 5})
    kinds = Counter(GroupForecast.objects.values_list("kind", flat=True))
    assert kinds["company"] == 1
