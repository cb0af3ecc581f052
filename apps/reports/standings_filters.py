"""The filters and sort orders of a list of standings, as SQL on the CTE `listed`."""

from __future__ import annotations

import re
from dataclasses import dataclass

from apps.campaigns import rules
from apps.core.sql import sql_literal
from apps.core.text import clean_text

# Red with no new counted contact for a week. `active_recently` also excludes employees in their first days of
# employment.
STALLED = f"red AND NOT active_recently AND quiet_days >= {rules.STALLED_AFTER_DAYS}"
# Red people with at most so many contacts to go: the filters of those within reach of their target.
WITHIN_REACH = (5, 10)
STATUS = {
    "red": "red",
    "not_red": "NOT red",
    "to_go": "remaining > 0",
    "exempt": "exempt",
    "exempt_below": "exempt AND remaining > 0",
    "at_zero": "counted = 0",
    "updating": "pending_since IS NOT NULL",
    # The facts answer these two: Standings.where.
    "ended_soon": "true",
    "handed_in_twice": "true",
    "under_review": "under_review",
    "keeping_pace": "pace IN ('ahead', 'on_pace')",
    "still": STALLED,
    **{f"within_{most}": f"red AND remaining <= {most}" for most in WITHIN_REACH},
    # The quarters of the target, as the metric `step` has them; the last one is the target or more.
    **{f"band_{band}": f"least(counted * 4 / target, 4) = {band}" for band in range(5)},
    **{word: f"pace = '{word}'" for word in rules.PACES},
}
# Since the instant that a report is compared with; without one they match no employee.
CHANGES = {
    "moved": "change > 0",
    # Who was not in the campaign then has not stalled.
    "stalled": "red AND counted <= counted_before",
    "reached": "turned = 'reached'",
    "fell_back": "turned = 'fell_back'",
}
COUNTED = re.compile(r"([0-9]{1,6})-([0-9]{0,6})")
# The sort keys of a page, each ascending; the staff number makes the order total.
PRIORITY = ["(NOT red)::int", "-remaining"]
SORTS = {
    "help": PRIORITY,
    "reach": ["(NOT red)::int", "remaining"],
    "remaining_per_day": PRIORITY,
    "name": ["name"],
    "counted": ["counted"],
    "-counted": ["-counted"],
    "department": ["department", "-remaining"],
    "staff_no": [],
    "quiet": ["(NOT red)::int", "-coalesce(quiet_days, 0)"],
}


def order_of(sort: str) -> list[str]:
    """The ORDER BY of `listed`, as SQL, each ascending. An unknown sort falls back to priority."""
    return [*SORTS.get(sort, PRIORITY), "staff_no"]


def counted_range(low: int, high: int | None) -> str:
    """The filter `counted` for a number of counted contacts from `low` to `high`, both included, or without an end."""
    return f"{low}-{'' if high is None else high}"


def read_counted_range(text: str) -> tuple[int, int | None] | None:
    """The ends of such a filter; None for any other text."""
    found = COUNTED.fullmatch(text)
    return (int(found[1]), int(found[2]) if found[2] else None) if found else None


def _counted_sql(text: str) -> str:
    ends = read_counted_range(text)
    if ends is None:
        return "false"
    low, high = ends
    return f"counted >= {low}" if high is None else f"counted BETWEEN {low} AND {high}"


@dataclass(frozen=True)
class Filters:
    """The filters of a list. `status`: a key of STATUS; `q`: part of a name, e-mail or staff number; `counted`: as
    counted_range; `change`: a key of CHANGES.
    """

    status: str = ""
    q: str = ""
    department: str = ""
    counted: str = ""
    change: str = ""

    def where(self) -> str:
        """The SQL condition on `listed`, without filters on facts. An unknown status matches no employee."""
        conditions = ["true"]
        if self.status:
            conditions.append(STATUS.get(self.status, "false"))
        if self.department:
            conditions.append(f"department = {sql_literal(clean_text(self.department))}")
        if self.counted:
            conditions.append(_counted_sql(self.counted))
        if self.change:
            conditions.append(CHANGES.get(self.change, "false"))
        if text := clean_text(self.q):
            escaped = text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
            part = sql_literal(f"%{escaped}%")
            conditions.append(f"(name ILIKE {part} OR staff_no ILIKE {part} OR email ILIKE {part})")
        return " AND ".join(conditions)
