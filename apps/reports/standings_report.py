"""Standings of a population in one campaign, now or as of a past instant: rows, totals, distribution, curves."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property
from typing import Any

from apps.campaigns.models import Campaign
from apps.core.clock import db_now
from apps.core.cursors import decode_cursor, encode_cursor
from apps.core.read_replica import read_rows
from apps.core.sql import sql_literal, statement
from apps.reports.activity_facts import churned_early_sql, submissions_sql
from apps.reports.distribution import StandingBucket
from apps.reports.fast_path import none_pending_sql, query_if
from apps.reports.indexed_pages import BY_COLUMN, indexed_page, page_by_column, page_by_priority
from apps.reports.report_sources import ReportSources
from apps.reports.standings_columns import SELECT_LIST, Row
from apps.reports.standings_filters import STALLED, Filters, order_of
from apps.reports.summaries import TeamSummary, team_summary_for
from apps.reports.team_report import TeamReport
from apps.reports.totals import (
    Distribution,
    Totals,
    distribution_of_buckets,
    distribution_of_rows,
    distribution_of_sums,
)
from apps.results.models import FrozenResult
from apps.standings.report_people import EmployeeIds, OneEmployee, People, Team, WholeCompany

BUCKETS = statement("reports", "standings", "buckets")
# Up to this many rows the first page of a list reads all of them: its totals then need no further query.
SHORT_LIST = 50


@dataclass(frozen=True)
class Page:
    """Rows of a list, the tokens of the pages around them (empty at the ends), and the position of the first row."""

    rows: list[Row]
    next: str
    previous: str = ""
    first: int = 1


class Standings(ReportSources, TeamReport):
    """The standings of `people` in a campaign: cached for now, or re-evaluated from the facts as of a past instant.

    The caller checks access first with `Employee.objects.visible_to`. `show_reviews` shows which standings are under
    review: only for HR, or for an employee's own standing.
    """

    def __init__(
        self, campaign: Campaign, people: People, as_of: datetime | None = None, filters: Filters | None = None,
        result: FrozenResult | None = None, *, show_reviews: bool = False, reviews_at: datetime | None = None,
        since: datetime | None = None, now: datetime | None = None, use_summaries: bool = True,
        assume_up_to_date: bool = True,
    ):  # fmt: skip
        """Arguments:

        `result`: a version of a frozen campaign's result; the newest by default. An `as_of` before the cut-off
        evaluates the facts, frozen or not. `show_reviews`: show which standings are under review; beside a frozen
        result as of `reviews_at`, or now. `since`: an earlier instant, with which each person is compared. `now`: the
        wall clock when the request began. `use_summaries=False`: read all employees' rows. `assume_up_to_date=False`:
        each statement re-evaluates pending employees, even when there are none.
        """
        self.campaign, self.people, self.show_reviews = campaign, people, show_reviews
        self.filters = filters or Filters()
        self._reviews_at, self._began, self.since = reviews_at, now, since
        self.rule = campaign.rule if as_of is None else campaign.rule_at(as_of)
        # From the cut-off on the signed result is the answer; before it the facts, even of a frozen campaign.
        from_facts = as_of is not None and as_of < self.rule.cutoff_at
        self.result: FrozenResult | None = None if from_facts else result or campaign.newest_result
        # A result has one instant, its cut-off.
        self.as_of = None if self.result else as_of
        # Marking no longer touches it and no result exists yet: cached standings may be older than the facts.
        is_snapshot = campaign.state == Campaign.State.CLOSING and campaign.snapshot_at is not None
        self.being_frozen = is_snapshot and as_of is None
        self._use_summaries = use_summaries
        # What a cursor of the list belongs to.
        self.listed_as = f"{people} {self.filters} {since if self.filters.change else ''}".rstrip()
        # The rows of all employees that match the filters, once a page has read them all.
        self._all_rows: list[Row] | None = None
        # Whether to use cached standings, until a statement reports a pending re-evaluation.
        self.assume_up_to_date = assume_up_to_date and self.result is None and as_of is None and not self.being_frozen

    @cached_property
    def now(self) -> datetime:
        """The instant of these numbers: the cut-off of a frozen campaign, the requested instant, or when the request
        began; else the database's time at first use.
        """
        if self.result is not None:
            return self.result.cutoff_at
        if self.being_frozen:
            return self.rule.cutoff_at
        return self.as_of or self._began or db_now()

    @property
    def is_filtered(self) -> bool:
        """Whether the filters exclude any employee."""
        return self.filters != Filters()

    @cached_property
    def where(self) -> str:
        # Facts end at the cut-off, however late the reader asks.
        touched, at = "", min(self.now, self.rule.cutoff_at)
        if self.filters.status == "ended_soon":
            touched = f"contact.employee_id {churned_early_sql(self.rule, at, self.result)}"
        elif self.filters.status == "handed_in_twice":
            touched = f"submission.employee_id {submissions_sql(self.rule, at)} AND submission.duplicates > 0"
        return self.filters.where() + (f" AND employee_id IN (SELECT {touched})" if touched else "")

    @property
    def _is_small(self) -> bool:
        """Whether this is one employee or a small, unfiltered team: a frequent and always small query."""
        few = isinstance(self.people, OneEmployee) or (isinstance(self.people, Team) and self.people.is_small)
        return few and not self.is_filtered

    @cached_property
    def summary(self) -> TeamSummary | None:
        """The summaries of these people today, where they exist and the team is large."""
        # Sums hold no names, no single status and no past: for those the rows are read.
        today = self._use_summaries and self.as_of is None and self.result is None and not self.being_frozen
        if not today or self.is_filtered or not isinstance(self.people, WholeCompany | Team):
            return None
        return team_summary_for(self.campaign, self.rule, self.people, self.now)

    @property
    def totals_as_of(self) -> datetime:
        """The instant of totals and charts: that of the stored sums for a large team, else `now`."""
        return self.summary.as_of if self.summary else self.now

    def query(self, select: str, ctes: str = "", *, prepared: bool = True) -> list[tuple]:
        """The rows of a SELECT over `listed`, `days` and `chosen`, and over more `ctes`, which begin with a comma.

        `prepared`: for statements that repeat except for typed values, so that a prepared plan pays off
        (apps.core.prepared_statements).
        """
        if self.assume_up_to_date:
            none_pending = none_pending_sql(self.campaign.pk, "SELECT id FROM chosen")
            rows = query_if(none_pending, f"{self._cached_ctes}{ctes}", select, prepared=prepared and self._is_small)
            if rows is not None:
                return rows
            # It stays false: all statements of a report should come from the same evaluation.
            self.assume_up_to_date = False
        return read_rows(f"{self.sources}{ctes} {select}")

    def page(self, sort: str = "help", after: str = "", limit: int = 50) -> Page:
        """Up to `limit` rows at the token `after`; an unknown sort is the default one. Raises InvalidCursor."""
        if self._changed is not None:
            return self._changed.page(sort, after, limit)
        keys = order_of(sort)
        listing = f"standings by {keys} of {self.campaign.pk} {self.listed_as}, with positions"
        # A token names the row it begins at: whether the page lies before it, the row's position and its sort keys.
        backwards, position, *last_key = decode_cursor(listing, after) or [False, 0]
        comparison, direction = ("<", " DESC") if backwards else (">", "")
        order = ", ".join(f"{key}{direction}" for key in keys)
        skip = f"AND ({', '.join(keys)}) {comparison} ({', '.join(map(sql_literal, last_key))})" if last_key else ""
        # One more says whether there is a further page; a short list is read as a whole, for its totals.
        size = (limit if last_key or self.summary else max(limit, SHORT_LIST)) + 1
        # The sort keys are selected too, for the tokens.
        select = f"""SELECT {SELECT_LIST}, {", ".join(keys)} FROM listed WHERE {self.where} {skip}
            ORDER BY {order} LIMIT {size}"""
        records = None if backwards else self._indexed_page(sort, last_key, select, size)
        if records is None:
            # A later page holds a key of its own, so its plan would never be used again.
            records = self.query(select, prepared=not last_key)
        if not last_key and len(records) < size:
            self._all_rows = [Row(*record[: -len(keys)]) for record in records]
        has_more, records = len(records) > limit, records[:limit]
        if backwards:
            if not has_more:  # The first page is never shorter than the others, also when rows have moved since.
                return self.page(sort, limit=limit)
            records, first = records[::-1], max(position - len(records), 1)
        else:
            first = position + 1
        rows = [Row(*record[: -len(keys)]) for record in records]

        def token(record: tuple, at: int, *, before: bool) -> str:
            return encode_cursor(listing, [before, at, *record[-len(keys) :]])

        return Page(
            self._with_changes(rows),
            token(records[-1], first + len(records) - 1, before=False) if has_more or backwards else "",
            token(records[0], first, before=True) if first > 1 and records else "",
            first,
        )

    @cached_property
    def _changed(self) -> Standings | None:
        """The people that a filter by change leaves: everyone is evaluated once for the page and its totals."""
        if not self.filters.change:
            return None
        ids = [row[0] for row in self.query(f"SELECT employee_id FROM listed WHERE {self.where}")]
        changed = self._of(ids, replace(self.filters, change=""))
        changed.listed_as = self.listed_as
        return changed

    def _of(self, ids: list[int], filters: Filters | None = None) -> Standings:
        return Standings(
            self.campaign, EmployeeIds(ids), self.as_of, filters, self.result, show_reviews=self.show_reviews,
            reviews_at=self._reviews_at, since=self.since, now=self._began,
        )  # fmt: skip

    def _with_changes(self, rows: list[Row]) -> list[Row]:
        """The rows of a page compared with the earlier instant, for which only these people are evaluated."""
        if self.since is None or not rows:
            return rows
        shown = self._of([row.employee_id for row in rows])
        records = read_rows(f"{shown.compared_sources} SELECT {SELECT_LIST} FROM listed")
        compared = {row.employee_id: row for row in (Row(*record) for record in records)}
        return [compared[row.employee_id] for row in rows if row.employee_id in compared]

    def _indexed_page(self, sort: str, last_key: list[Any] | None, select: str, size: int) -> list[tuple] | None:
        """The rows of `page` for a large team in an indexed order, without reading all rows; None when that fails."""
        if self.summary is None:
            return None
        if sort in BY_COLUMN:
            parts = page_by_column(self.summary, sort, last_key, size)
        elif sort == "reach" or order_of(sort) == order_of("help"):
            fewest_first = sort == "reach"
            parts = page_by_priority(self.summary, self.buckets, last_key, size, fewest_first=fewest_first)
        else:
            return None
        rows = indexed_page(self.summary, parts, select, self.now)
        # With fewer rows it may be the last page, or the sums promised too much: only the full query knows.
        return rows if len(rows) == size else None

    @cached_property
    def distribution(self) -> Distribution:
        if self._changed is not None:
            return self._changed.distribution
        # From the cheapest source that has every employee: rows already read, then sums, then a query.
        if self._all_rows is not None:
            return distribution_of_rows(self._all_rows)
        rows = self.summary.totals(show_reviews=self.show_reviews) if self.summary else None
        if rows is not None:
            return distribution_of_sums(rows, self.rule, self.totals_as_of)
        return distribution_of_buckets(self.query(BUCKETS.format(where=self.where, stalled=STALLED)))

    @property
    def buckets(self) -> list[StandingBucket]:
        return self.distribution.buckets

    def row_of(self, employee_id: int) -> Row | None:
        """The standing of one employee, or None when they are not in the campaign's population."""
        rows = self.query(f"SELECT {SELECT_LIST} FROM listed WHERE employee_id = {employee_id:d}::bigint")
        return Row(*rows[0]) if rows else None

    def totals(self) -> Totals:
        return self.distribution.totals()
