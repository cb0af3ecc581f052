"""Distribution, curves and groups: the data of the charts and of their tables."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cached_property
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from apps.core.read_replica import read_rows
from apps.core.sql import sql_literal
from apps.employees.models import Employee
from apps.reports.distribution import StandingBucket, contacts_remaining, counted, headcount, quantile
from apps.reports.small_groups import MIN_GROUP_SIZE, suppressed_groups
from apps.reports.summaries import TeamSummary, heads_of
from apps.standings.metrics import figures_sql
from apps.standings.population import People, WholeCompany

if TYPE_CHECKING:
    from apps.campaigns.models import Campaign, CampaignRule
    from apps.reports.standings_report import Filters
    from apps.results.models import FrozenResult

# Bins of a twentieth of the target, up to half above it; the last bin is open.
BINS_PER_TARGET, BINS = 20, 30
# The label of suppressed groups: no department's name begins with a blank.
OTHERS = " others"


@dataclass(frozen=True)
class Bin:
    """People whose counted lies in [low, high]; the last bin has no high."""

    low: int
    high: int | None
    people: int


@dataclass(frozen=True)
class Bands:
    """People by share of the target at the end of a local day: under 25, 50, 75, 100 %, and 100 % or more."""

    day: date
    n0: int
    n25: int
    n50: int
    n75: int
    n100: int


@dataclass(frozen=True)
class Day:
    """Counted contacts recorded on a local day, and the sum up to its end."""

    day: date
    recorded: int
    total: int


@dataclass(frozen=True)
class Group:
    """A department, or the team of a direct report including that report: headcounts by standing."""

    key: str
    label: str
    staff_no: str
    people: int
    red: int
    at_target: int
    counted: int
    median: int


# Buckets of equal standing by group, from employee rows or from summaries.
GROUPED = """
SELECT {key}, {label} AS label, {staff_no}, counted, target, exempt, count(*)::int FROM {source} WHERE {where}
GROUP BY 1, 2, 3, 4, 5, 6 ORDER BY label
"""
SUMMED = """
SELECT {key} AS key, {key} AS label, '' AS staff_no, low, high, exempt, sum(n)::int AS n FROM figure
GROUP BY 1, 4, 5, 6 ORDER BY 1
"""


class TeamReport:
    """The grouped queries of Standings."""

    if TYPE_CHECKING:
        campaign: Campaign
        rule: CampaignRule
        people: People
        filters: Filters
        as_of: datetime | None
        result: FrozenResult | None
        being_frozen: bool

        @property
        def now(self) -> datetime: ...

        @property
        def summary(self) -> TeamSummary | None: ...

        @property
        def where(self) -> str: ...

        @property
        def buckets(self) -> list[StandingBucket]: ...

        def ask(self, select: str, ctes: str = "") -> list[tuple]: ...

    def histogram(self) -> list[Bin]:
        """People by counted contacts; every bin, also empty ones."""
        width = max(self.rule.target // BINS_PER_TARGET, 1)
        people: Counter[int] = Counter()
        for bucket in self.buckets:
            people[min(bucket.counted // width, BINS)] += bucket.people
        closed = [Bin(n * width, (n + 1) * width - 1, people[n]) for n in range(BINS)]
        return [*closed, Bin(BINS * width, None, people[BINS])]

    def bands_by_day(self) -> list[Bands]:
        """People by band at the end of every local day from the opening to today."""
        standing, bands = [headcount(self.buckets), 0, 0, 0, 0], []
        by_day: dict[date, list[tuple[int, int, int]]] = {}
        for day, was, band, _exempt, count in self._steps:
            by_day.setdefault(day, []).append((was, band, count))
        for day in self.days():
            for was, band, count in by_day.get(day, ()):
                standing[was] -= count
                standing[band] += count
            bands.append(Bands(day, *standing))
        return bands

    def curve(self) -> list[Day]:
        """Counted contacts by the local day they were recorded, as they count now, from the opening to today."""
        curve, total = [], 0
        for day in self.days():
            total += self.by_day.get(day, 0)
            curve.append(Day(day, self.by_day.get(day, 0), total))
        return curve

    def under_target_by_day(self) -> list[tuple[date, int]]:
        """People under their target at the end of every local day, without the exempt."""
        reached: Counter[date] = Counter()
        for day, _was, band, exempt, count in self._steps:
            reached[day] += count if band == 4 and not exempt else 0
        people, left = headcount(bucket for bucket in self.buckets if not bucket.exempt), []
        for day in self.days():
            people -= reached[day]
            left.append((day, people))
        return left

    @cached_property
    def by_day(self) -> dict[date, int]:
        """Counted contacts by the local day they were recorded; days without any may be missing."""
        return dict(self._figures("counted", "SELECT day, sum(n)::int FROM figure GROUP BY 1"))

    @cached_property
    def _steps(self) -> list[tuple]:
        """How many people passed between quarters of the target, by day: (day, was, reached, exempt, n)."""
        return self._figures("step", "SELECT day, low, high, exempt, sum(n)::int FROM figure GROUP BY 1, 2, 3, 4")

    def by_source(self) -> list[tuple[date, str, int]]:
        """Contacts recorded in the campaign's period by local day and source, counted or not."""
        until = sql_literal(min(self.now, self.rule.cutoff_at))
        if self.result is None and self.people == WholeCompany() and self.rule.opens_at == _quarter(self.rule.opens_at):
            return read_rows(self._tallied())
        return self.ask(
            f"SELECT (recorded_at AT TIME ZONE {sql_literal(self.rule.time_zone)})::date AS day, source, count(*)::int"
            " FROM contacts_contact WHERE employee_id IN (SELECT id FROM chosen)"
            f" AND recorded_at >= {sql_literal(self.rule.opens_at)}"
            f" AND recorded_at < {until}{self._stored_by_then()} GROUP BY 1, 2 ORDER BY 1, 2"
        )

    def _tallied(self) -> str:
        """The same for the whole company: pre-counted quarters of an hour, plus the contacts of the last one."""
        until, zone = min(self.now, self.rule.cutoff_at), sql_literal(self.rule.time_zone)
        last = sql_literal(_quarter(until))
        return f"""SELECT (at AT TIME ZONE {zone})::date AS day, source, sum(n)::int FROM (
                SELECT quarter AS at, source, n FROM contacts_intakecount
                WHERE quarter >= {sql_literal(self.rule.opens_at)} AND quarter < {last}
                UNION ALL SELECT recorded_at, source, 1 FROM contacts_contact
                WHERE recorded_at >= {last} AND recorded_at < {sql_literal(until)}) tallied
            GROUP BY 1, 2 HAVING sum(n) > 0 ORDER BY 1, 2"""

    def sub_teams(self, root: Employee) -> list[Group]:
        """The teams of `root`'s direct reports, each including its lead, most contacts to go first."""
        if self.summary and (groups := self._summed_heads(self.summary, root)) is not None:
            return groups
        if self.result is not None:
            member = _frozen_members(root, self.result.campaign_id)
        else:
            member = _members(root, self._look())
        return _groups(self.ask(_sub_teams(member, self.where)))

    def departments(self) -> list[Group]:
        """Departments, most contacts to go first."""
        return _groups(self._by_department())

    def folded_departments(self) -> list[Group]:
        """The same for a reader who may not see single employees: small departments become one group, OTHERS, at the
        end.

        Empty when all together have fewer than MIN_GROUP_SIZE people.
        """
        rows = self._by_department()
        groups = _groups(rows)
        others = suppressed_groups({group.key: group.people for group in groups})
        if not others:
            return groups
        if sum(group.people for group in groups) < MIN_GROUP_SIZE:
            return []
        together = _groups([(OTHERS, OTHERS, "", *row[3:]) for row in rows if row[0] in others])
        return [*(group for group in groups if group.key not in others), *together]

    def _by_department(self) -> list[tuple]:
        """Buckets by department: (key, label, staff number, counted, target, exempt, people)."""
        rows = None
        if self.summary and isinstance(self.people, WholeCompany):
            rows = self.summary.by_department(SUMMED.format(key="key"))
        if rows is None:
            names = {"key": "department", "label": "department", "staff_no": "''"}
            rows = self.ask(GROUPED.format(**names, source="listed", where=self.where))
        return rows

    def _summed_heads(self, summary: TeamSummary, root: Employee) -> list[Group] | None:
        """Sub-teams from the summaries; None when these are not valid or the teams are too small."""
        heads = heads_of(root)
        rows = summary.by_head(heads, SUMMED.format(key="key::text"))
        if rows is None:
            return None
        of_head: dict[str, list[tuple]] = {str(head.id): [] for head in heads}
        for row in rows:
            of_head[row[0]].append(row[3:])
        return _groups(
            [(str(head.id), head.name, head.staff_no, *row) for head in heads for row in of_head[str(head.id)]]
        )

    def _figures(self, kind: str, select: str) -> list[tuple]:
        """The rows of a SELECT over `figure`: one metric (metrics.py) of the employees that match the filters."""
        if self.summary and (rows := self.summary.figures(kind, select)) is not None:
            return rows
        # Named columns, so that no other column of `listed` shadows one.
        people = f"(SELECT employee_id, counted, target, exempt FROM listed WHERE {self.where})"
        return self.ask(select, f", figure AS ({figures_sql(kind, people=people, days='days')})")

    def _stored_by_then(self) -> str:
        return f" AND stored_at <= {sql_literal(self.result.snapshot_at)}" if self.result is not None else ""

    def _look(self) -> str | None:
        past = self.as_of is not None or self.being_frozen
        return sql_literal(min(self.now, self.rule.cutoff_at)) if past else None

    def days(self) -> list[date]:
        """The local days from the opening to today, or to the deadline when that is past."""
        last = min(self.now.astimezone(ZoneInfo(self.rule.time_zone)).date(), self.rule.deadline)
        return [self.rule.opens_on + timedelta(days=n) for n in range((last - self.rule.opens_on).days + 1)]


def _quarter(at: datetime) -> datetime:
    """The beginning of its quarter of an hour: local days of all time zones begin at one."""
    return at - (at - datetime(1970, 1, 1, tzinfo=UTC)) % timedelta(minutes=15)


def _groups(rows: Iterable[tuple]) -> list[Group]:
    """The groups of such rows: most contacts to go first, fully exempt groups last, else in the given order."""
    buckets: dict[tuple[str, str, str], list[StandingBucket]] = {}
    for key, label, staff_no, *row in rows:
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
            at_target=headcount(bucket for bucket in group_buckets if bucket.counted >= bucket.target),
            counted=counted(group_buckets),
            median=quantile(group_buckets, 0.5),
        )
        for names, group_buckets in by_priority
    ]


def _sub_teams(member: str, where: str) -> str:
    """The SELECT of sub-teams; `member` is a SELECT of (head_id, employee_id)."""
    source = f"""(SELECT listed.*, member.head_id, head.name AS head_name, head.staff_no AS head_no
        FROM listed JOIN ({member}) member USING (employee_id)
        JOIN employees_employee head ON head.id = head_id) member"""
    return GROUPED.format(key="head_id::text", label="head_name", staff_no="head_no", source=source, where=where)


def _members(root: Employee, look: str | None) -> str:
    """The members of each report's team: by today's tree, or by the placements at an instant."""
    if look is None:
        return f"""SELECT head.employee_id AS head_id, node.employee_id FROM employees_treenode head
            JOIN employees_treenode node ON node.first BETWEEN head.first AND head.last
            WHERE head.manager_id = {root.pk:d}::bigint AND head.last > head.first"""
    return f"""SELECT head_id, employee_id FROM (WITH RECURSIVE branch(head_id, employee_id) AS (
        SELECT employee_id, employee_id FROM employees_placement head WHERE manager_id = {sql_literal(root.pk)}
            AND in_force(starts_at, ends_at, {look})
        UNION ALL
        SELECT branch.head_id, place.employee_id FROM branch JOIN employees_placement place
            ON place.manager_id = branch.employee_id AND in_force(place.starts_at, place.ends_at, {look})
        ) SELECT head_id, employee_id, count(*) OVER (PARTITION BY head_id) AS size FROM branch) sized
        WHERE size > 1"""


def _frozen_members(root: Employee, campaign_id: int) -> str:
    """The same at the cut-off of a frozen campaign."""
    return f"""SELECT head.employee_id AS head_id, node.employee_id FROM results_frozenorgposition head
        JOIN results_frozenorgposition node ON node.campaign_id = head.campaign_id
         AND node.first BETWEEN head.first AND head.last
        WHERE head.campaign_id = {campaign_id} AND head.manager_id = {sql_literal(root.pk)}
          AND head.last > head.first"""
