"""The forecasts of the company, its departments and managers' teams, stored where they show no single person.

A group needs five people whose result is open (model.groups.is_open): the nearly certain protect no other. So does
what remains of it without the stored groups inside it, if anybody there is below the target; or the difference of two
numbers would be the forecast of a few people.
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
from apps.forecasts.model.groups import MAX_EXACT, Crowd, is_open, quantiles
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
    def is_below(self) -> bool:
        return self.counts.counted < self.target


class Team(NamedTuple):
    """A manager, and the employees below: those from `begin` to just before `end` in the order of the tree."""

    manager: int
    begin: int
    end: int


def store_groups(forecast: CampaignForecast, model: Model, places: list[Place], rule: CampaignRule) -> None:
    """`model`: for the time from when it was made. `places`: everybody, by position."""
    chances = [model.chances_by_node(place.counts, place.target) for place in places]
    still_open = [is_open(nodes) for nodes in chances]
    if sum(still_open) < MIN_GROUP_SIZE:
        return
    everybody = _Ranges(chances, places)
    # Of fewer people the outcomes are so few that the fan shows which of them are likely.
    fan = _fan(forecast, model, places, rule) if sum(still_open) > MAX_EXACT else []
    rows = [everybody.row(0, len(places), forecast=forecast, kind=GroupForecast.Kind.COMPANY, fan=fan)]
    for name, members in _departments(places, still_open).items():
        group = _Ranges([chances[i] for i in members], [places[i] for i in members])
        kind = GroupForecast.Kind.DEPARTMENT
        rows.append(group.row(0, len(members), forecast=forecast, kind=kind, department=name))
    for team in shown_teams(places, still_open):
        kind = GroupForecast.Kind.TEAM
        rows.append(everybody.row(team.begin, team.end, forecast=forecast, kind=kind, manager_id=team.manager))
    GroupForecast.objects.bulk_create(rows, batch_size=ROWS_AT_ONCE)


class _Ranges:
    """Makes the rows of groups that are ranges of these people."""

    def __init__(self, chances: list[tuple[float, ...]], places: list[Place]):
        self.crowd = Crowd(chances)
        self.below = list(accumulate((place.is_below for place in places), initial=0))

    def row(self, begin: int, end: int, **columns: Any) -> GroupForecast:
        expected, people = self.crowd.expected(begin, end), end - begin
        at_target = people - (self.below[end] - self.below[begin])
        low, high = _never_certain(expected.low, expected.high, at_target, people)
        number = round(expected.number)
        return GroupForecast(people=people, at_target=at_target, number=number, low=low, high=high, **columns)


def _never_certain(low: int, high: int, least: int, most: int) -> tuple[int, int]:
    """The ends of an interval, never equal: without width it would be the forecast of each of them."""
    return (low, high) if low < high else (max(low - 1, least), min(high + 1, most))


def _departments(places: list[Place], still_open: list[bool]) -> dict[str, list[int]]:
    """The indexes of the people of each department that is shown."""
    sizes: Counter[str] = Counter()
    for place, is_person_open in zip(places, still_open, strict=True):
        # Also none, where people are below the target: these are part of what remains.
        if place.is_below:
            sizes[place.department] += is_person_open
    hidden = suppressed_groups(sizes)
    members: dict[str, list[int]] = {name: [] for name in sorted(sizes) if name not in hidden}
    for index, place in enumerate(places):
        if place.department in members:
            members[place.department].append(index)
    return members


def shown_teams(places: list[Place], still_open: list[bool]) -> list[Team]:
    """The teams with a forecast: each, without the shown teams inside it, has no person below the target or five open.

    A team that does not is left out itself: its people then belong to the rest of the team above.
    """
    positions = [place.position for place in places]
    # How many before each position are open, and how many below the target.
    sums = [list(accumulate(flags, initial=0)) for flags in (still_open, (place.is_below for place in places))]
    shown: list[Team] = []
    # Shown teams inside those that follow, with their ends; the tree's order reversed has a manager after all below.
    inside: list[Team] = []
    for manager, first, last in reversed(fetch_all(TEAMS.format(smallest=MIN_GROUP_SIZE))):
        team = Team(manager, bisect_right(positions, first), bisect_right(positions, last))
        within = 0
        while within < len(inside) and inside[-1 - within].begin < team.end:
            within += 1
        parts = inside[len(inside) - within :]
        rest, rest_below = (_within(column, team) - sum(_within(column, part) for part in parts) for column in sums)
        if _within(sums[0], team) < MIN_GROUP_SIZE or (rest_below and rest < MIN_GROUP_SIZE):
            continue
        if within:
            del inside[-within:]
        inside.append(team)
        shown.append(team)
    return shown


def _within(sums: list[int], team: Team) -> int:
    return sums[team.end] - sums[team.begin]


def _fan(forecast: CampaignForecast, model: Model, places: list[Place], rule: CampaignRule) -> list[list[Any]]:
    """[day, quantiles at LEVELS of the people under the target at its end], in the order of days.

    Without the days by which it is open of fewer than five people whether they are at the target.
    """
    below = sum(place.is_below for place in places)
    states = Counter(model.state(place.counts, place.target) for place in places)
    fan = []
    for day in _fan_days(day_of(forecast.made_at, rule.time_zone), rule.deadline):
        end = start_of_day(day + timedelta(days=1), rule.time_zone)
        fraction = (end - forecast.made_at) / (rule.cutoff_at - forecast.made_at)
        chances = model.chances_of_all(states, fraction)
        if sum(number for nodes, number in chances.items() if is_open(nodes)) < MIN_GROUP_SIZE:
            continue
        under = [len(places) - number for number in reversed(quantiles(chances, LEVELS))]
        under[0], under[-1] = _never_certain(under[0], under[-1], 0, below)
        fan.append([day.isoformat(), under])
    return fan


def _fan_days(today: date, deadline: date) -> list[date]:
    """The days to the deadline, or every so many of them; always the deadline."""
    left = (deadline - today).days
    step = -(-(left + 1) // FAN_DAYS)
    return [deadline - timedelta(days=n) for n in range(left, -1, -1) if n % step == 0]
