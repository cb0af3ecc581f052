"""Distribution and curves: the data of the charts and of their tables."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cached_property
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from apps.core.read_replica import read_rows
from apps.core.sql import sql_literal, statement
from apps.reports.distribution import StandingBucket, headcount
from apps.reports.summaries import TeamSummary
from apps.standings.metrics import figures_sql
from apps.standings.report_people import People, WholeCompany

if TYPE_CHECKING:
    from apps.campaigns.models import Campaign, CampaignRule
    from apps.reports.standings_filters import Filters
    from apps.results.models import FrozenResult

# Bins of a twentieth of the target, up to half above it; the last bin is open.
BINS_PER_TARGET, BINS = 20, 30
SOURCES = statement("reports", "sources", "contacts")
COMPANY_SOURCES = statement("reports", "sources", "company_contacts")


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


class TeamReport:
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
        def is_filtered(self) -> bool: ...

        @property
        def buckets(self) -> list[StandingBucket]: ...

        def query(self, select: str, ctes: str = "") -> list[tuple]: ...

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
        # All begin below a quarter of their target; each step moves people to another band.
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
            # Band 4 is the target or more.
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
        values = {
            "zone": sql_literal(self.rule.time_zone),
            "opens_at": sql_literal(self.rule.opens_at),
            "until": sql_literal(until := min(self.now, self.rule.cutoff_at)),
        }
        # The stored counts know no employee and no freeze, and begin at whole quarters of an hour.
        is_company = self.people == WholeCompany() and not self.is_filtered
        if self.result is None and is_company and self.rule.opens_at == _quarter(self.rule.opens_at):
            return read_rows(COMPANY_SOURCES.format(**values, last_quarter=sql_literal(_quarter(until))))
        # What was stored after the freeze is not part of its result.
        stored = f"stored_at <= {sql_literal(self.result.snapshot_at)}" if self.result is not None else "true"
        members = f"SELECT employee_id FROM listed WHERE {self.where}" if self.is_filtered else "SELECT id FROM chosen"
        return self.query(SOURCES.format(**values, stored=stored, members=members))

    def _figures(self, kind: str, select: str) -> list[tuple]:
        """The rows of a SELECT over `figure`: one metric (metrics.py) of the employees that match the filters."""
        if self.summary and (rows := self.summary.figures(kind, select)) is not None:
            return rows
        # Named columns, so that no other column of `listed` shadows one.
        people = f"(SELECT employee_id, counted, target, exempt FROM listed WHERE {self.where})"
        return self.query(select, f", figure AS ({figures_sql(kind, people=people, days='days')})")

    def days(self) -> list[date]:
        """The local days from the opening to today, or to the deadline when that is past."""
        last = min(self.now.astimezone(ZoneInfo(self.rule.time_zone)).date(), self.rule.deadline)
        return [self.rule.opens_on + timedelta(days=n) for n in range((last - self.rule.opens_on).days + 1)]


def _quarter(at: datetime) -> datetime:
    """The beginning of its quarter of an hour: local days of all time zones begin at one."""
    return at - (at - datetime(1970, 1, 1, tzinfo=UTC)) % timedelta(minutes=15)
