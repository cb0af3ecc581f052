"""The totals of a page beside those of the day that it is compared with."""

from collections.abc import Callable, Mapping
from types import MappingProxyType

from apps.campaigns import rules
from apps.dashboard.charts.groups import Changes
from apps.dashboard.views.page_context import PageContext
from apps.reports.group_totals import Group
from apps.reports.standings_report import Standings
from apps.reports.totals import Totals

COMPARED_TOTALS = ("people", "red", "at_target", "exempt_below", "counted")
NO_CHANGES: Mapping[str, Changes] = MappingProxyType({})


def earlier_standings(scope: PageContext, standings: Standings) -> Standings | None:
    """What the page as of the day compared with shows: who was in the team then, by its tree. None without a day.

    So a change of a total is the difference of two pages, joiners and leavers included.
    """
    if scope.since is None:
        return None
    return Standings(
        standings.campaign, standings.people, as_of=scope.since, filters=standings.filters, now=scope.now
    )  # fmt: skip


def total_changes(totals: Totals, earlier: Standings | None) -> dict[str, int] | None:
    if earlier is None:
        return None
    before = earlier.totals()
    return {name: getattr(totals, name) - getattr(before, name) for name in COMPARED_TOTALS}


def group_changes(
    groups: list[Group], earlier: Standings | None, groups_of: Callable[[Standings], list[Group]]
) -> Mapping[str, Changes]:
    """The change of each of today's groups by its key; one that was not there then comes from 0.

    `groups_of`: the groups of the earlier standings.
    """
    if earlier is None or earlier.as_of is None or not groups:
        return NO_CHANGES
    since = rules.day_of(earlier.as_of, earlier.rule.time_zone)
    before = {group.key: (group.at_target, group.counted) for group in groups_of(earlier)}
    changes = {}
    for group in groups:
        at_target, counted = before.get(group.key, (0, 0))
        changes[group.key] = Changes(since, group.at_target - at_target, group.counted - counted)
    return changes
