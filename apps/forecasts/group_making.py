"""The forecasts of the company, its departments and managers' teams, stored where they show no single person.

A person whose result is open is one below the target. A group needs five of them; so does what remains of it without
the stored groups inside it, or the difference of two numbers would be the forecast of a few people.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from datetime import date, timedelta
from itertools import accumulate
from typing import Any, NamedTuple

from apps.campaigns.models import CampaignRule
from apps.campaigns.rules import day_of, start_of_day
from apps.core.sql import fetch_all, statement
from apps.forecasts.model.groups import Crowd, quantiles
from apps.forecasts.model.history import Counts
from apps.forecasts.model.model import LEVELS, Model
from apps.forecasts.models import CampaignForecast, GroupForecast
from apps.reports.small_groups import MIN_GROUP_SIZE, suppressed_groups

TEAMS = statement("forecasts", "making", "teams")
# A fan of a long campaign has about so many days.
FAN_DAYS = 31
ROWS_AT_ONCE = 5000


class Place(NamedTuple):
    """An employee who is not exempt, with the position in the org tree."""

    employee: int
    position: int
    department: str
    counts: Counts
    target: int

    @property
    def is_open(self) -> bool:
        return self.counts.counted < self.target


class Team(NamedTuple):
    """A manager, and the employees below: those from `begin` to just before `end` in the order of the tree."""

    manager: int
    begin: int
    end: int


def store_groups(forecast: CampaignForecast, model: Model, places: list[Place], rule: CampaignRule) -> None:
    """`model`: for the time from when it was made. `places`: everybody, by position."""
    if sum(place.is_open for place in places) < MIN_GROUP_SIZE:
        return
    chances = [model.chances_by_node(place.counts, place.target) for place in places]
    everybody = _Ranges(chances, places)
    fan = _fan(forecast, model, places, rule)
    rows = [everybody.row(0, len(places), forecast=forecast, kind=GroupForecast.Kind.COMPANY, fan=fan)]
    for name, members in _departments(places).items():
        group = _Ranges([chances[i] for i in members], [places[i] for i in members])
        kind = GroupForecast.Kind.DEPARTMENT
        rows.append(group.row(0, len(members), forecast=forecast, kind=kind, department=name))
    for team in shown_teams(places):
        kind = GroupForecast.Kind.TEAM
        rows.append(everybody.row(team.begin, team.end, forecast=forecast, kind=kind, manager_id=team.manager))
    GroupForecast.objects.bulk_create(rows, batch_size=ROWS_AT_ONCE)


class _Ranges:
    """Makes the rows of groups that are ranges of these people."""

    def __init__(self, chances: list[tuple[float, ...]], places: list[Place]):
        self.crowd = Crowd(chances)
        self.open = list(accumulate((place.is_open for place in places), initial=0))

    def row(self, begin: int, end: int, **columns: Any) -> GroupForecast:
        expected, people = self.crowd.expected(begin, end), end - begin
        at_target = people - (self.open[end] - self.open[begin])
        # Never certain: an interval without width would be the forecast of each of them.
        low, high = min(expected.low, people - 1), max(expected.high, at_target + 1)
        number = round(expected.number)
        return GroupForecast(people=people, at_target=at_target, number=number, low=low, high=high, **columns)


def _departments(places: list[Place]) -> dict[str, list[int]]:
    """The indexes of the people of each department that is shown."""
    still_open = Counter(place.department for place in places if place.is_open)
    hidden = suppressed_groups(still_open)
    members: dict[str, list[int]] = {name: [] for name in sorted(still_open) if name not in hidden}
    for index, place in enumerate(places):
        if place.department in members:
            members[place.department].append(index)
    return members


def shown_teams(places: list[Place]) -> list[Team]:
    """The teams with a forecast: each, without the shown teams inside it, has no open person or five and more.

    A team that does not is left out itself: its people then belong to the rest of the team above.
    """
    positions = [place.position for place in places]
    still_open = list(accumulate((place.is_open for place in places), initial=0))
    shown: list[Team] = []
    # Shown teams inside those that follow, with their ends; the tree's order reversed has a manager after all below.
    inside: list[Team] = []
    for manager, first, last in reversed(fetch_all(TEAMS.format(smallest=MIN_GROUP_SIZE))):
        team = Team(manager, bisect_right(positions, first), bisect_right(positions, last))
        people = rest = still_open[team.end] - still_open[team.begin]
        below = 0
        while below < len(inside) and inside[-1 - below].begin < team.end:
            part = inside[-1 - below]
            rest -= still_open[part.end] - still_open[part.begin]
            below += 1
        if people < MIN_GROUP_SIZE or 0 < rest < MIN_GROUP_SIZE:
            continue
        if below:
            del inside[-below:]
        inside.append(team)
        shown.append(team)
    return shown


def _fan(forecast: CampaignForecast, model: Model, places: list[Place], rule: CampaignRule) -> list[list[Any]]:
    """[day, quantiles at LEVELS of the people under the target at its end], in the order of days."""
    states = Counter(model.state(place.counts, place.target) for place in places)
    fan = []
    for day in _fan_days(day_of(forecast.made_at, rule.time_zone), rule.deadline):
        end = start_of_day(day + timedelta(days=1), rule.time_zone)
        fraction = (end - forecast.made_at) / (rule.cutoff_at - forecast.made_at)
        reached = quantiles(model.chances_of_all(states, fraction), LEVELS)
        fan.append([day.isoformat(), [len(places) - number for number in reversed(reached)]])
    return fan


def _fan_days(today: date, deadline: date) -> list[date]:
    """The days to the deadline, or every so many of them; always the deadline."""
    left = (deadline - today).days
    step = -(-(left + 1) // FAN_DAYS)
    return [deadline - timedelta(days=n) for n in range(left, -1, -1) if n % step == 0]
