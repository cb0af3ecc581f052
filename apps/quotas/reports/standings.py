"""Standings of one campaign and some people, now or as of a past instant: rows, totals, spread, curves."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any

from django.db import connection

from apps.ledger.rules import clean_text, storable
from apps.ledger.services import clock
from apps.quotas import rules
from apps.quotas.models import Campaign, FrozenResult
from apps.quotas.querysets import literal
from apps.quotas.reports.groups import Grouped
from apps.quotas.reports.people import People
from apps.quotas.reports.sources import frozen_sources, sources

STATUS = {
    "red": "red",
    "not_red": "NOT red",
    "to_go": "counted < target",
    "exempt": "exempt",
    "under_review": "under_review",
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
}
TEXT_KEYS = frozenset({"name", "department", "staff_no"})
LARGEST_NUMBER = 2**31 - 1


@dataclass(frozen=True)
class Filters:
    """What a list is narrowed to. `status`: a key of STATUS; `q`: part of a name, e-mail or staff number."""

    status: str = ""
    q: str = ""
    department: str = ""

    def where(self) -> str:
        """The condition on `listed`, as SQL. An unknown status matches nobody."""
        conditions = ["true"]
        if self.status:
            conditions.append(STATUS.get(self.status, "false"))
        if self.department:
            conditions.append(f"department = {literal(clean_text(self.department))}")
        if wanted := clean_text(self.q):
            escaped = wanted.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
            part = literal(f"%{escaped}%")
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


COLUMNS = ", ".join(Row.__dataclass_fields__)


@dataclass(frozen=True)
class Page:
    """Rows of a list, and the token of the next page; empty at the end."""

    rows: list[Row]
    next: str


@dataclass(frozen=True)
class Totals:
    """People and how they stand. `done` and `at_target` are the same people; `to_go` contacts are missing in all."""

    people: int
    red: int
    at_target: int
    exempt: int
    done: int
    ahead: int
    on_pace: int
    behind: int
    counted: int
    to_go: int
    stale: int
    under_review: int
    quartile_1: int
    median: int
    quartile_3: int


TOTALS = """
SELECT count(*), count(*) FILTER (WHERE red), count(*) FILTER (WHERE counted >= target),
    count(*) FILTER (WHERE exempt), count(*) FILTER (WHERE pace = 'done'), count(*) FILTER (WHERE pace = 'ahead'),
    count(*) FILTER (WHERE pace = 'on_pace'), count(*) FILTER (WHERE pace = 'behind'), coalesce(sum(counted), 0),
    coalesce(sum(remaining) FILTER (WHERE NOT exempt), 0), count(stale_since), count(*) FILTER (WHERE under_review),
    coalesce(percentile_disc(0.25) WITHIN GROUP (ORDER BY counted), 0),
    coalesce(percentile_disc(0.5) WITHIN GROUP (ORDER BY counted), 0),
    coalesce(percentile_disc(0.75) WITHIN GROUP (ORDER BY counted), 0)
FROM listed WHERE {where}
"""


class Standings(Grouped):
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
    ):
        """`result`: a version of a frozen campaign's result; without it the newest one. A look at a moment before the
        cut-off judges the facts, frozen or not. `reviews`: the reader is told whose standing is under review.
        """
        self.campaign, self.people, self.filters, self.reviews = campaign, people, filters or Filters(), reviews
        self.as_of = as_of
        self.rule = campaign.rule if as_of is None else campaign.rule_at(as_of)
        self.result: FrozenResult | None = None
        if as_of is None or as_of >= self.rule.cutoff_at:
            self.result = result or campaign.newest_result
        if self.result is not None:
            self.as_of = None
        # Marks leave it alone already, and the result does not stand yet: cached standings may be behind the facts.
        kept = campaign.state == Campaign.State.CLOSING and campaign.kept_until is not None
        self.being_frozen = kept and as_of is None

    @cached_property
    def now(self) -> datetime:
        """The instant these numbers are as of: the one asked for, the cut-off of a frozen campaign, or the database's

        time when first asked.
        """
        if self.result is not None:
            return self.result.cutoff_at
        if self.being_frozen:
            return self.rule.cutoff_at
        return self.as_of or clock()

    @cached_property
    def sources(self) -> str:
        """The CTEs every question here is asked of."""
        if self.result is not None:
            return frozen_sources(self.result, self.people, clock() if self.reviews else None)
        past = self.as_of is not None or self.being_frozen
        return sources(self.campaign, self.rule, self.people, self.now, past=past, reviews=self.reviews)

    def ask(self, select: str) -> list[tuple]:
        """The rows of a SELECT over `listed`, `days` and `chosen`."""
        with connection.cursor() as cursor:
            cursor.execute(f"{self.sources} {select}")
            return cursor.fetchall()

    def page(self, sort: str = "help", after: str = "", limit: int = 50) -> Page:
        """Up to `limit` rows behind the token `after`. An unknown sort or token starts as if none were given."""
        keys = [*SORTS.get(sort, NEED), "staff_no"]
        behind = _key(after, keys)
        skip = f"AND ({', '.join(keys)}) > ({', '.join(map(literal, behind))})" if behind else ""
        found = self.ask(
            f"SELECT {COLUMNS}, {', '.join(keys)} FROM listed WHERE {self.filters.where()} {skip}"
            f" ORDER BY {', '.join(keys)} LIMIT {limit + 1}"
        )
        rows = [Row(*one[: -len(keys)]) for one in found[:limit]]
        more = found[limit - 1][-len(keys) :] if len(found) > limit else None
        return Page(rows, _token(more) if more else "")

    def one(self, employee_id: int) -> Row | None:
        """The standing of one of the people, or None when they are not in the campaign's population."""
        found = self.ask(f"SELECT {COLUMNS} FROM listed WHERE employee_id = {literal(employee_id)}")
        return Row(*found[0]) if found else None

    def totals(self) -> Totals:
        """Counts of the people the filters leave."""
        return Totals(*map(int, self.ask(TOTALS.format(where=self.filters.where()))[0]))


def _token(key: tuple) -> str:
    return base64.urlsafe_b64encode(json.dumps(key).encode()).decode().rstrip("=")


def _key(token: str, keys: list[str]) -> list[Any] | None:
    """The key behind a token, or None for none, or for one of another list."""
    try:
        key = json.loads(base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)))
    except (ValueError, RecursionError):
        return None
    if not isinstance(key, list) or len(key) != len(keys):
        return None
    return key if all(_fits(part, name) for part, name in zip(key, keys, strict=True)) else None


def _fits(part: Any, name: str) -> bool:
    """Whether a part of a key can be compared with that column."""
    if name in TEXT_KEYS:
        return isinstance(part, str) and storable(part)
    return type(part) is int and abs(part) <= LARGEST_NUMBER
