"""Standings of one campaign and some people, now or as of a past instant: rows, totals, spread, curves."""

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
from apps.reports.activity_facts import ended_soon_sql, handed_in_sql
from apps.reports.cursors import decode_cursor, encode_cursor
from apps.reports.distribution import StandingBucket, counted, number, quantile, to_go
from apps.reports.fast_path import ask_if, calm_sql
from apps.reports.frozen_query import frozen_sources
from apps.reports.indexed_pages import BY_PERSON, indexed_page, page_by_column, page_by_priority
from apps.reports.summaries import TeamSummary, team_summary_for
from apps.reports.team_report import TeamReport
from apps.results.models import FrozenResult
from apps.reviews.models import under_review_sql
from apps.standings.base_query import base_ctes
from apps.standings.population import OneEmployee, People, Team, WholeCompany

# Red, and nothing new for a week; `moved` says nothing that quiet_days does not, and spares first days at work.
STALLED = f"red AND NOT moved AND quiet_days >= {rules.STALLED_AFTER_DAYS}"
STATUS = {
    "red": "red",
    "not_red": "NOT red",
    "to_go": "counted < target",
    "exempt": "exempt",
    "at_zero": "counted = 0",
    "updating": "stale_since IS NOT NULL",
    # These two are asked of the facts: Standings.where.
    "ended_soon": "true",
    "handed_in_twice": "true",
    "under_review": "under_review",
    "keeping_pace": "pace IN ('ahead', 'on_pace')",
    "still": STALLED,
    **{word: f"pace = '{word}'" for word in rules.PACES},
}
# What a page is ordered by, each ascending; the staff number makes it total.
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
    """What `listed` is ordered by, as SQL, each ascending. An unknown sort is help needed first."""
    return [*SORTS.get(sort, NEED), "staff_no"]


@dataclass(frozen=True)
class Filters:
    """What a list is narrowed to. `status`: a key of STATUS; `q`: part of a name, e-mail or staff number."""

    status: str = ""
    q: str = ""
    department: str = ""

    def where(self) -> str:
        """The condition on `listed`, as SQL, without what is asked of facts. An unknown status matches nobody."""
        conditions = ["true"]
        if self.status:
            conditions.append(STATUS.get(self.status, "false"))
        if self.department:
            conditions.append(f"department = {sql_literal(clean_text(self.department))}")
        if wanted := clean_text(self.q):
            escaped = wanted.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
            part = sql_literal(f"%{escaped}%")
            conditions.append(f"(name ILIKE {part} OR staff_no ILIKE {part} OR email ILIKE {part})")
        return " AND ".join(conditions)


@dataclass(frozen=True)
class Row:
    """One person's standing, as a page, a CSV or the API shows it."""

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
    reached_at: datetime | None
    since: datetime | None
    computed_at: datetime | None
    stale_since: datetime | None
    has_team: bool
    under_review: bool | None = None

    @property
    def stale(self) -> bool:
        """Whether the cached verdict is being brought up to date; the numbers here are from the facts."""
        return self.stale_since is not None

    @property
    def still(self) -> bool:
        """Whether somebody red has come to a standstill: nothing new has counted for a week."""
        return self.red and self.quiet_days is not None and self.quiet_days >= rules.STALLED_AFTER_DAYS


COLUMNS = ", ".join(Row.__dataclass_fields__)


@dataclass(frozen=True)
class Page:
    """Rows of a list, and the token of the next page; empty at the end."""

    rows: list[Row]
    next: str


@dataclass(frozen=True)
class Totals:
    """People and how they stand. `done` and `at_target` are the same people; `to_go` contacts are missing in all.

    `keeping_pace` are those ahead or on pace, `still` those red for whom nothing new has counted for a week; `at_zero`
    have nobody who counts.
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


# Who stands alike, with how many of them stand still, wait to be judged again and are under review.
ALIKE = """
SELECT counted, target, exempt, count(*)::int, pace, count(*) FILTER (WHERE {still})::int, count(stale_since)::int,
    count(*) FILTER (WHERE under_review)::int
FROM listed WHERE {where} GROUP BY 1, 2, 3, 5
"""


class Told(NamedTuple):
    """All that is told of people in sums: who stands alike, at which pace, and three counts beside."""

    alike: list[StandingBucket]
    paces: dict[str, int]
    still: int
    stale: int
    under_review: int


class Standings(TeamReport):
    """The standings of `people` in a campaign, now, or judged again from the facts as of a past instant.

    Whether the reader may see these people is decided before, by `Employee.objects.visible_to`. With `reviews` the
    reader is HR, or sees the own standing alone: told whose is under review. Nobody else is.
    """

    def __init__(
        self,
        campaign: Campaign,
        people: People,
        as_of: datetime | None = None,
        filters: Filters | None = None,
        result: FrozenResult | None = None,
        *,
        reviews: bool = False,
        reviews_at: datetime | None = None,
        now: datetime | None = None,
        summed: bool = True,
        calm: bool = True,
    ):
        """`result`: a version of a frozen campaign's result; without it the newest one. A look at a moment before the
        cut-off judges the facts, frozen or not. `reviews`: the reader is told whose standing is under review, beside a
        frozen result as of `reviews_at`, or now. `now`: what the clock said when the look began. Without `summed`
        everybody's rows are read, sums or not; without `calm` each statement judges whoever waits for that, even when
        nobody does.
        """
        self.campaign, self.people, self.filters, self.reviews = campaign, people, filters or Filters(), reviews
        self.as_of, self._reviews_at, self._began = as_of, reviews_at, now
        self.rule = campaign.rule if as_of is None else campaign.rule_at(as_of)
        self.result: FrozenResult | None = None
        if as_of is None or as_of >= self.rule.cutoff_at:
            self.result = result or campaign.newest_result
        if self.result is not None:
            self.as_of = None
        # Marks leave it alone already, and the result does not stand yet: cached standings may be behind the facts.
        kept = campaign.state == Campaign.State.CLOSING and campaign.kept_until is not None
        self.being_frozen = kept and as_of is None
        self._summed = summed
        # The rows of all whom the filters leave, once a page has had them all.
        self._everybody: list[Row] | None = None
        # Whether to believe what is stored, until a statement has said that somebody of them waits to be judged again.
        self.calm = calm and self.result is None and as_of is None and not self.being_frozen

    @cached_property
    def now(self) -> datetime:
        """The instant these numbers are as of: the one asked for, the cut-off of a frozen campaign, or when the look

        began; else the database's time when first asked.
        """
        if self.result is not None:
            return self.result.cutoff_at
        if self.being_frozen:
            return self.rule.cutoff_at
        return self.as_of or self._began or db_now()

    @property
    def _under_review(self) -> str:
        return under_review_sql(self.campaign.pk, self.now) if self.reviews else ""

    @cached_property
    def reviews_at(self) -> datetime:
        """The instant at which a standing beside a frozen result is under review or is not."""
        return self._reviews_at or db_now()

    @cached_property
    def _believed(self) -> str:
        """The CTEs of `sources` as if nobody waited to be judged again."""
        return base_ctes(
            self.campaign, self.rule, self.people, self.now, past=False, under_review=self._under_review, calm=True
        )

    @cached_property
    def sources(self) -> str:
        """The CTEs every question here is asked of."""
        if self.result is not None:
            return frozen_sources(self.result, self.people, self.reviews_at if self.reviews else None)
        past = self.as_of is not None or self.being_frozen
        return base_ctes(self.campaign, self.rule, self.people, self.now, past=past, under_review=self._under_review)

    @property
    def narrowed(self) -> bool:
        """Whether the filters leave somebody out."""
        return self.filters != Filters()

    @cached_property
    def where(self) -> str:
        """The condition on `listed` of whom the filters leave, as SQL."""
        touched, at = "", min(self.now, self.rule.cutoff_at)
        if self.filters.status == "ended_soon":
            touched = f"contact.employee_id {ended_soon_sql(self.rule, at, self.result)}"
        elif self.filters.status == "handed_in_twice":
            touched = f"handed.employee_id {handed_in_sql(self.rule, at)} AND handed.duplicates > 0"
        return self.filters.where() + (f" AND employee_id IN (SELECT {touched})" if touched else "")

    @property
    def _few(self) -> bool:
        """Whether these are somebody or a small team, all of it: asked often, and never of many more."""
        few = isinstance(self.people, OneEmployee) or (isinstance(self.people, Team) and self.people.few)
        return few and not self.narrowed

    @cached_property
    def rolled(self) -> TeamSummary | None:
        """The sums of these people today, where there are any and they are many."""
        today = self._summed and self.as_of is None and self.result is None and not self.being_frozen
        if not today or self.narrowed or not isinstance(self.people, WholeCompany | Team):
            return None
        return team_summary_for(self.campaign, self.rule, self.people, self.now, calm=self.calm)

    def ask(self, select: str, ctes: str = "", *, kept: bool = True) -> list[tuple]:
        """The rows of a SELECT over `listed`, `days` and `chosen`, and over more CTEs that begin with a comma.

        Without `kept` it is too rarely the same, but for its typed values, for its plan to be kept
        (apps.core.prepared_statements).
        """
        if self.calm:
            waits_for_none = calm_sql(self.campaign.pk, "SELECT id FROM chosen")
            found = ask_if(waits_for_none, f"{self._believed}{ctes}", select, kept=kept and self._few)
            if found is not None:
                return found
            self.calm = False
        return read_rows(f"{self.sources}{ctes} {select}")

    def page(self, sort: str = "help", after: str = "", limit: int = 50) -> Page:
        """Up to `limit` rows behind the token `after`. An unknown sort or token starts as if none were given."""
        keys = order_of(sort)
        behind = decode_cursor(after, keys)
        skip = f"AND ({', '.join(keys)}) > ({', '.join(map(sql_literal, behind))})" if behind else ""
        select = f"""SELECT {COLUMNS}, {", ".join(keys)} FROM listed WHERE {self.where} {skip}
            ORDER BY {", ".join(keys)} LIMIT {limit + 1}"""
        found = self._nearest(sort, behind, select, limit + 1)
        if found is None:
            found = self.ask(select, kept=not behind)
        rows = [Row(*one[: -len(keys)]) for one in found[:limit]]
        more = found[limit - 1][-len(keys) :] if len(found) > limit else None
        if not behind and not more:
            self._everybody = rows
        return Page(rows, encode_cursor(more) if more else "")

    def _nearest(self, sort: str, behind: list[Any] | None, select: str, size: int) -> list[tuple] | None:
        """The same rows, of many people in an order that an index has, without reading all; None where that fails."""
        if self.rolled is None:
            return None
        if sort in BY_PERSON:
            parts = page_by_column(self.rolled, sort, behind, size)
        elif order_of(sort) == order_of("help"):
            parts = page_by_priority(self.rolled, self.alike, behind, size)
        else:
            return None
        found = indexed_page(self.rolled, parts, select)
        return found if len(found) == size else None

    @cached_property
    def _told(self) -> Told:
        return self._from_page_rows() or self._from_summaries() or self._from_query()

    @property
    def alike(self) -> list[StandingBucket]:
        """How many of the people the filters leave stand alike."""
        return self._told.alike

    def _from_page_rows(self) -> Told | None:
        """What a page that has everybody says of them already."""
        if self._everybody is None:
            return None
        rows = self._everybody
        found = Counter((row.counted, row.target, row.exempt) for row in rows)
        paces = dict.fromkeys(rules.PACES, 0) | Counter(row.pace for row in rows)
        still, stale = sum(row.still for row in rows), sum(row.stale for row in rows)
        alike = [StandingBucket(*terms, people) for terms, people in found.items()]
        return Told(alike, paces, still, stale, sum(row.under_review is True for row in rows))

    def _from_summaries(self) -> Told | None:
        rows = self.rolled.totals(reviews=self.reviews) if self.rolled else None
        if rows is None:
            return None
        found = [StandingBucket(one[0], one[1], one[2], int(one[3])) for one in rows if one[3]]
        paces, rule = dict.fromkeys(rules.PACES, 0), self.rule
        for one in found:
            paces[rules.pace(one.counted, one.target, rule.opens_at, rule.cutoff_at, self.now)] += one.people
        return Told(found, paces, *map(int, rows[0][4:] if rows else [0, 0, 0]))

    def _from_query(self) -> Told:
        rows = self.ask(ALIKE.format(where=self.where, still=STALLED))
        paces = dict.fromkeys(rules.PACES, 0)
        for row in rows:
            paces[row[4]] += row[3]
        others = (sum(row[column] for row in rows) for column in (5, 6, 7))
        return Told([StandingBucket(*row[:4]) for row in rows], paces, *others)

    def one(self, employee_id: int) -> Row | None:
        """The standing of one of the people, or None when they are not in the campaign's population."""
        found = self.ask(f"SELECT {COLUMNS} FROM listed WHERE employee_id = {employee_id:d}::bigint")
        return Row(*found[0]) if found else None

    def totals(self) -> Totals:
        """Counts of the people the filters leave."""
        alike, paces, still, stale, under_review = self._told
        return Totals(
            people=number(alike),
            red=number(one for one in alike if one.red),
            at_target=number(one for one in alike if one.counted >= one.target),
            exempt=number(one for one in alike if one.exempt),
            **paces,
            keeping_pace=paces["ahead"] + paces["on_pace"],
            still=still,
            at_zero=number(one for one in alike if one.counted == 0),
            counted=counted(alike),
            to_go=to_go(alike),
            stale=stale,
            under_review=under_review,
            quartile_1=quantile(alike, 0.25),
            median=quantile(alike, 0.5),
            quartile_3=quantile(alike, 0.75),
        )
