"""Groups of employees: departments, and the teams of direct reports."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from django.db.models import F

from apps.campaigns.population import effective_as_of
from apps.core.sql import statement
from apps.employees.models import Employee
from apps.reports.distribution import StandingBucket, contacts_counted, contacts_remaining, headcount, quantile
from apps.reports.small_groups import MIN_GROUP_SIZE, suppressed_groups
from apps.reports.standings_report import Standings
from apps.reports.summaries import TeamSummary
from apps.standings.report_people import WholeCompany

# The label of suppressed groups: no department's name begins with a blank.
OTHERS = " others"
BUCKETS = statement("reports", "group_totals", "buckets")
SUB_TEAM_ROWS = statement("reports", "group_totals", "sub_team_rows")
MEMBERS = statement("reports", "group_totals", "members")
PAST_MEMBERS = statement("reports", "group_totals", "past_members")
FROZEN_MEMBERS = statement("reports", "group_totals", "frozen_members")


@dataclass(frozen=True)
class Group:
    """A department, or the team of a direct report: headcounts by standing."""

    key: str
    label: str
    staff_no: str
    people: int
    red: int
    at_target: int
    counted: int
    median: int


def sub_teams(standings: Standings, root: Employee) -> list[Group]:
    """The teams of `root`'s direct reports, most contacts to go first. As on a team's page, its lead is no member."""
    if standings.summary and (groups := _summed_sub_teams(standings.summary, root)) is not None:
        return groups
    manager = f"{root.pk:d}::bigint"
    # By the tree of the report's instant: people may have moved since.
    if standings.result is not None:
        member = FROZEN_MEMBERS.format(campaign=standings.result.campaign_id, root=manager)
    elif standings.as_of is not None or standings.being_frozen:
        member = PAST_MEMBERS.format(root=manager, at=effective_as_of(standings.rule, standings.now))
    else:
        member = MEMBERS.format(root=manager)
    source = SUB_TEAM_ROWS.format(member=member)
    return _groups(
        standings.query(
            BUCKETS.format(
                key="head_id::text", label="head_name", staff_no="head_no", source=source, where=standings.where
            )
        )
    )


def departments(standings: Standings) -> list[Group]:
    return _groups(_by_department(standings))


def folded_departments(standings: Standings) -> list[Group]:
    """Departments for a reader who may not see single employees: small ones become one group, OTHERS, at the end.

    Empty when all together have fewer than MIN_GROUP_SIZE people.
    """
    rows = _by_department(standings)
    groups = _groups(rows)
    others = suppressed_groups({group.key: group.people for group in groups})
    if not others:
        return groups
    # Even one group of all would describe single persons.
    if sum(group.people for group in groups) < MIN_GROUP_SIZE:
        return []
    together = _groups([(OTHERS, OTHERS, "", *row[3:]) for row in rows if row[0] in others])
    return [*(group for group in groups if group.key not in others), *together]


def _by_department(standings: Standings) -> list[tuple]:
    """Buckets by department: (key, label, staff number, counted, target, exempt, people)."""
    if standings.summary and isinstance(standings.people, WholeCompany):
        rows = standings.summary.by_department()
        if rows is not None:
            return rows
    names = {"key": "department", "label": "department", "staff_no": "''"}
    return standings.query(BUCKETS.format(**names, source="listed", where=standings.where))


def _summed_sub_teams(summary: TeamSummary, root: Employee) -> list[Group] | None:
    """Sub-teams from the summaries; None when these are not valid."""
    heads = list(Employee.objects.filter(node__manager_id=root.pk, node__last__gt=F("node__first")).order_by("name"))
    rows = summary.by_head(heads) if heads else []
    if rows is None:
        return None
    named = {str(head.pk): head for head in heads}
    return _groups([(key, named[key].name, named[key].staff_no, *row) for key, _label, _staff_no, *row in rows])


def _groups(rows: Iterable[tuple]) -> list[Group]:
    """The groups of such rows: most contacts to go first, fully exempt groups last, else in the given order."""
    buckets: dict[tuple[str, str, str], list[StandingBucket]] = {}
    for key, label, staff_no, *row in rows:
        # The sum of a standing that all people have left is 0.
        if row[3]:
            buckets.setdefault((key, label, staff_no), []).append(StandingBucket(*row))
    by_priority = sorted(
        buckets.items(), key=lambda item: (all(bucket.exempt for bucket in item[1]), -contacts_remaining(item[1]))
    )
    return [
        Group(
            *names,
            people=headcount(group_buckets),
            red=headcount(bucket for bucket in group_buckets if bucket.red),
            at_target=headcount(bucket for bucket in group_buckets if bucket.at_target),
            counted=contacts_counted(group_buckets),
            median=quantile(group_buckets, 0.5),
        )
        for names, group_buckets in by_priority
    ]
