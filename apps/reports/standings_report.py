"""Standings of a population in one campaign, now or as of a past instant: rows, totals, distribution, curves."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any, NamedTuple

from apps.campaigns import rules
from apps.campaigns.models import Campaign
from apps.core.clock import db_now
from apps.core.identity import clean_text
from apps.core.read_replica import read_rows
from apps.core.sql import sql_literal
from apps.reports.activity_facts import churned_early_sql, submissions_sql
from apps.reports.cursors import decode_cursor, encode_cursor
from apps.reports.distribution import StandingBucket, contacts_remaining, counted, headcount, quantile
from apps.reports.fast_path import none_pending_sql, query_if
from apps.reports.frozen_query import frozen_sources
from apps.reports.indexed_pages import BY_COLUMN, indexed_page, page_by_column, page_by_priority
from apps.reports.summaries import TeamSummary, team_summary_for
from apps.reports.team_report import TeamReport
from apps.results.models import FrozenResult
from apps.reviews.models import under_review_sql
from apps.standings.base_query import base_ctes
from apps.standings.population import OneEmployee, People, Team, WholeCompany

# Red with no new counted contact for a week. `active_recently` also excludes employees in their first days of
# employment.
STALLED = f"red AND NOT moved AND quiet_days >= {rules.STALLED_AFTER_DAYS}"
STATUS = {
    "red": "red",
    "not_red": "NOT red",
    "to_go": "counted < target",
    "exempt": "exempt",
    "at_zero": "counted = 0",
    "updating": "pending_since IS NOT NULL",
    # The facts answer these two: Standings.where.
    "ended_soon": "true",
    "handed_in_twice": "true",
    "under_review": "under_review",
    "keeping_pace": "pace IN ('ahead', 'on_pace')",
    "still": STALLED,
    **{word: f"pace = '{word}'" for word in rules.PACES},
}
# The sort keys of a page, each ascending; the staff number makes the order total.
NEED = ["(NOT red)::int", "-remaining"]
SORTS = {
    "help": NEED,
    "remaining_per_day": NEED,
    "name": ["name"],
    "counted": ["counted"],
    "-counted": ["-counted"],
    "department": ["department", "-remaining"],
    "staff_no": [],
    "quiet": ["(NOT red)::int", "-coalesce(quiet_days, 0)"],
}


def order_of(sort: str) -> list[str]:
    """The ORDER BY of `listed`, as SQL, each ascending. An unknown sort falls back to priority."""
    return [*SORTS.get(sort, NEED), "staff_no"]


@dataclass(frozen=True)
class Filters:
    """The filters of a list. `status`: a key of STATUS; `q`: part of a name, e-mail or staff number."""

    status: str = ""
    q: str = ""
    department: str = ""

    def where(self) -> str:
        """The SQL condition on `listed`, without filters on facts. An unknown status matches no employee."""
        conditions = ["true"]
        if self.status:
            conditions.append(STATUS.get(self.status, "false"))
        if self.department:
            conditions.append(f"department = {sql_literal(clean_text(self.department))}")
        if text := clean_text(self.q):
            escaped = text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
            part = sql_literal(f"%{escaped}%")
            conditions.append(f"(name ILIKE {part} OR staff_no ILIKE {part} OR email ILIKE {part})")
        return " AND ".join(conditions)


@dataclass(frozen=True)
class Row:
    """One employee's standing, as pages, CSV files and the API show it."""

    employee_id: int
    staff_no: str
    name: str
    email: str
    department: str
    manager_staff_no: str
    counted: int
    target: int
    remaining: int
    red: bool
    exempt: bool
    pace: str
    quiet_days: int | None
    target_reached_at: datetime | None
    status_since: datetime | None
    verdict_changed_at: datetime | None
    pending_since: datetime | None
    has_team: bool
    under_review: bool | None = None

    @property
    def stale(self) -> bool:
        """Whether the cached verdict is being updated; the numbers here come from the facts."""
        return self.pending_since is not None

    @property
    def still(self) -> bool:
        """Whether a red employee is stalled: no new counted contact for a week."""
        return self.red and self.quiet_days is not None and self.quiet_days >= rules.STALLED_AFTER_DAYS


COLUMNS = ", ".join(Row.__dataclass_fields__)


@dataclass(frozen=True)
class Page:
    """Rows of a list, and the token of the next page (empty at the end)."""

    rows: list[Row]
    next: str


@dataclass(frozen=True)
class Totals:
    """Headcounts by standing. `done` and `at_target` are the same people; `to_go`: contacts missing in total.

    `keeping_pace`: ahead or on pace. `still`: red with no new counted contact for a week. `at_zero`: no counted
    contact.
    """

    people: int
    red: int
    at_target: int
    exempt: int
    done: int
    ahead: int
    on_pace: int
    behind: int
    keeping_pace: int
    still: int
    at_zero: int
    counted: int
    to_go: int
    stale: int
    under_review: int
    quartile_1: int
    median: int
    quartile_3: int


# Employees with equal standing, with how many of them are stalled, pending re-evaluation and under review.
BUCKETS_SQL = """
SELECT counted, target, exempt, count(*)::int, pace, count(*) FILTER (WHERE {still})::int, count(pending_since)::int,
    count(*) FILTER (WHERE under_review)::int
FROM listed WHERE {where} GROUP BY 1, 2, 3, 5
"""


class Distribution(NamedTuple):
    """The aggregated standings: buckets of equal standing, headcounts by pace, and three counts."""

    buckets: list[StandingBucket]
    paces: dict[str, int]
    still: int
    stale: int
    under_review: int


class Standings(TeamReport):
    """The standings of `people` in a campaign: cached for now, or re-evaluated from the facts as of a past instant.

    The caller checks access first with `Employee.objects.visible_to`. `show_reviews` shows which standings are under
    review: only for HR, or for an employee's own standing.
    """

    def __init__(
        self,
        campaign: Campaign,
        people: People,
        as_of: datetime | None = None,
        filters: Filters | None = None,
        result: FrozenResult | None = None,
        *,
        show_reviews: bool = False,
        reviews_at: datetime | None = None,
        now: datetime | None = None,
        use_summaries: bool = True,
        assume_up_to_date: bool = True,
    ):
        """Arguments:

        `result`: a version of a frozen campaign's result; the newest by default. An `as_of` before the cut-off
        evaluates the facts, frozen or not. `show_reviews`: show which standings are under review; beside a frozen
        result as of `reviews_at`, or now. `now`: the wall clock when the request began. `use_summaries=False`: read all
        employees' rows. `assume_up_to_date=False`: each statement re-evaluates pending employees, even when there are
        none.
        """
        self.campaign, self.people, self.filters, self.show_reviews = (
            campaign,
            people,
            filters or Filters(),
            show_reviews,
        )
        self.as_of, self._reviews_at, self._began = as_of, reviews_at, now
        self.rule = campaign.rule if as_of is None else campaign.rule_at(as_of)
        self.result: FrozenResult | None = None
        if as_of is None or as_of >= self.rule.cutoff_at:
            self.result = result or campaign.newest_result
        if self.result is not None:
            self.as_of = None
        # Marking no longer touches it and no result exists yet: cached standings may be older than the facts.
        kept = campaign.state == Campaign.State.CLOSING and campaign.snapshot_at is not None
        self.being_frozen = kept and as_of is None
        self._use_summaries = use_summaries
        # The rows of all employees that match the filters, once a page has read them all.
        self._everybody: list[Row] | None = None
        # Whether to use cached standings, until a statement reports a pending re-evaluation.
        self.assume_up_to_date = assume_up_to_date and self.result is None and as_of is None and not self.being_frozen

    @cached_property
    def now(self) -> datetime:
        """The instant of these numbers: the requested one, the cut-off of a frozen campaign, or when the request began;
        else the database's time at first use.
        """
        if self.result is not None:
            return self.result.cutoff_at
        if self.being_frozen:
            return self.rule.cutoff_at
        return self.as_of or self._began or db_now()

    @property
    def _under_review(self) -> str:
        return under_review_sql(self.campaign.pk, self.now) if self.show_reviews else ""

    @cached_property
    def reviews_at(self) -> datetime:
        """The instant for review marks beside a frozen result."""
        return self._reviews_at or db_now()

    @cached_property
    def _cached_ctes(self) -> str:
        """The CTEs of `sources`, without re-evaluating pending employees."""
        return base_ctes(
            self.campaign,
            self.rule,
            self.people,
            self.now,
            historical=False,
            under_review=self._under_review,
            assume_up_to_date=True,
        )

    @cached_property
    def sources(self) -> str:
        """The CTEs that every query here uses."""
        if self.result is not None:
            return frozen_sources(self.result, self.people, self.reviews_at if self.show_reviews else None)
        past = self.as_of is not None or self.being_frozen
        return base_ctes(
            self.campaign, self.rule, self.people, self.now, historical=past, under_review=self._under_review
        )

    @property
    def narrowed(self) -> bool:
        """Whether the filters exclude any employee."""
        return self.filters != Filters()

    @cached_property
    def where(self) -> str:
        """The SQL condition on `listed` for the employees that match the filters."""
        touched, at = "", min(self.now, self.rule.cutoff_at)
        if self.filters.status == "ended_soon":
            touched = f"contact.employee_id {churned_early_sql(self.rule, at, self.result)}"
        elif self.filters.status == "handed_in_twice":
            touched = f"submission.employee_id {submissions_sql(self.rule, at)} AND submission.duplicates > 0"
        return self.filters.where() + (f" AND employee_id IN (SELECT {touched})" if touched else "")

    @property
    def _few(self) -> bool:
        """Whether this is one employee or a small, unfiltered team: a frequent and always small query."""
        few = isinstance(self.people, OneEmployee) or (isinstance(self.people, Team) and self.people.few)
        return few and not self.narrowed

    @cached_property
    def summary(self) -> TeamSummary | None:
        """The summaries of these people today, where they exist and the team is large."""
        today = self._use_summaries and self.as_of is None and self.result is None and not self.being_frozen
        if not today or self.narrowed or not isinstance(self.people, WholeCompany | Team):
            return None
        return team_summary_for(
            self.campaign, self.rule, self.people, self.now, assume_up_to_date=self.assume_up_to_date
        )

    def ask(self, select: str, ctes: str = "", *, prepared: bool = True) -> list[tuple]:
        """The rows of a SELECT over `listed`, `days` and `chosen`, and over more CTEs that begin with a comma.

        `prepared`: for statements that repeat except for typed values, so that a prepared plan pays off
        (apps.core.prepared_statements).
        """
        if self.assume_up_to_date:
            none_pending = none_pending_sql(self.campaign.pk, "SELECT id FROM chosen")
            rows = query_if(none_pending, f"{self._cached_ctes}{ctes}", select, prepared=prepared and self._few)
            if rows is not None:
                return rows
            self.assume_up_to_date = False
        return read_rows(f"{self.sources}{ctes} {select}")

    def page(self, sort: str = "help", after: str = "", limit: int = 50) -> Page:
        """Up to `limit` rows after the token `after`. An unknown sort or token starts from the first page."""
        keys = order_of(sort)
        behind = decode_cursor(after, keys)
        skip = f"AND ({', '.join(keys)}) > ({', '.join(map(sql_literal, behind))})" if behind else ""
        select = f"""SELECT {COLUMNS}, {", ".join(keys)} FROM listed WHERE {self.where} {skip}
            ORDER BY {", ".join(keys)} LIMIT {limit + 1}"""
        records = self._indexed_page(sort, behind, select, limit + 1)
        if records is None:
            records = self.ask(select, prepared=not behind)
        rows = [Row(*record[: -len(keys)]) for record in records[:limit]]
        more = records[limit - 1][-len(keys) :] if len(records) > limit else None
        if not behind and not more:
            self._everybody = rows
        return Page(rows, encode_cursor(more) if more else "")

    def _indexed_page(self, sort: str, behind: list[Any] | None, select: str, size: int) -> list[tuple] | None:
        """The same rows of many people in an indexed order, without reading all rows; None when that fails."""
        if self.summary is None:
            return None
        if sort in BY_COLUMN:
            parts = page_by_column(self.summary, sort, behind, size)
        elif order_of(sort) == order_of("help"):
            parts = page_by_priority(self.summary, self.buckets, behind, size)
        else:
            return None
        rows = indexed_page(self.summary, parts, select)
        return rows if len(rows) == size else None

    @cached_property
    def _distribution(self) -> Distribution:
        return self._from_page_rows() or self._from_summaries() or self._from_query()

    @property
    def buckets(self) -> list[StandingBucket]:
        """Buckets of the employees that match the filters."""
        return self._distribution.buckets

    def _from_page_rows(self) -> Distribution | None:
        """The distribution from a page that already holds all rows."""
        if self._everybody is None:
            return None
        rows = self._everybody
        people_by_standing = Counter((row.counted, row.target, row.exempt) for row in rows)
        paces = dict.fromkeys(rules.PACES, 0) | Counter(row.pace for row in rows)
        still, stale = sum(row.still for row in rows), sum(row.stale for row in rows)
        buckets = [StandingBucket(*terms, people) for terms, people in people_by_standing.items()]
        return Distribution(buckets, paces, still, stale, sum(row.under_review is True for row in rows))

    def _from_summaries(self) -> Distribution | None:
        rows = self.summary.totals(show_reviews=self.show_reviews) if self.summary else None
        if rows is None:
            return None
        buckets = [StandingBucket(row[0], row[1], row[2], int(row[3])) for row in rows if row[3]]
        paces, rule = dict.fromkeys(rules.PACES, 0), self.rule
        for bucket in buckets:
            pace = rules.pace(bucket.counted, bucket.target, rule.opens_at, rule.cutoff_at, self.now)
            paces[pace] += bucket.people
        return Distribution(buckets, paces, *map(int, rows[0][4:] if rows else [0, 0, 0]))

    def _from_query(self) -> Distribution:
        rows = self.ask(BUCKETS_SQL.format(where=self.where, still=STALLED))
        paces = dict.fromkeys(rules.PACES, 0)
        for row in rows:
            paces[row[4]] += row[3]
        others = (sum(row[column] for row in rows) for column in (5, 6, 7))
        return Distribution([StandingBucket(*row[:4]) for row in rows], paces, *others)

    def one(self, employee_id: int) -> Row | None:
        """The standing of one employee, or None when they are not in the campaign's population."""
        rows = self.ask(f"SELECT {COLUMNS} FROM listed WHERE employee_id = {employee_id:d}::bigint")
        return Row(*rows[0]) if rows else None

    def totals(self) -> Totals:
        """Headcounts of the employees that match the filters."""
        buckets, paces, still, stale, under_review = self._distribution
        return Totals(
            people=headcount(buckets),
            red=headcount(bucket for bucket in buckets if bucket.red),
            at_target=headcount(bucket for bucket in buckets if bucket.counted >= bucket.target),
            exempt=headcount(bucket for bucket in buckets if bucket.exempt),
            **paces,
            keeping_pace=paces["ahead"] + paces["on_pace"],
            still=still,
            at_zero=headcount(bucket for bucket in buckets if bucket.counted == 0),
            counted=counted(buckets),
            to_go=contacts_remaining(buckets),
            stale=stale,
            under_review=under_review,
            quartile_1=quantile(buckets, 0.25),
            median=quantile(buckets, 0.5),
            quartile_3=quantile(buckets, 0.75),
        )
