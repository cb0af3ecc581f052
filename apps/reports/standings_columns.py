"""The columns of a list of standings, each specified once for files, the API and the page.

docs/development.md has the steps to add one.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy

from apps.campaigns import rules

# TEXT comes from the roster, so files guard it against formulas; CODE is a word of the application.
TEXT, CODE, NUMBER, YES_NO, DAY, INSTANT = "text", "code", "number", "yes_no", "day", "instant"
# Across the target since an earlier instant, and back.
TURNS = ("reached", "fell_back")


@dataclass(frozen=True)
class Row:
    """One employee's standing: the fields that every report query selects from its CTE `listed`."""

    # Rows are built by position: this order is the SELECT list.
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
    last_counted_on: date | None
    target_reached_at: datetime | None
    status_since: datetime | None
    verdict_changed_at: datetime | None
    pending_since: datetime | None
    has_team: bool
    under_review: bool | None = None
    counted_before: int | None = None
    change: int | None = None
    turned: str | None = None

    @property
    def stale(self) -> bool:
        """Whether the cached verdict is being updated; the numbers here come from the facts."""
        return self.pending_since is not None

    @property
    def stalled(self) -> bool:
        """Whether a red employee is stalled: no new counted contact for a week."""
        return self.red and self.quiet_days is not None and self.quiet_days >= rules.STALLED_AFTER_DAYS


SELECT_LIST = ", ".join(Row.__dataclass_fields__)


@dataclass(frozen=True)
class Column:
    """A column as readers see it. `name` and `kind` are published: docs/exports.md, /api/v1/schema/.

    `example`, `help`: in the description of the API. `nullable`: may have no value. `choices`: the values of a CODE.
    `field`: of Row, where its name differs. `heading`: shows a plain cell on the page's list, behind the pace.
    """

    name: str
    kind: str
    example: Any
    help: str | Promise = ""
    nullable: bool = False
    choices: tuple[str, ...] = ()
    field: str = ""
    heading: str | Promise = ""

    @property
    def source(self) -> str:
        return self.field or self.name


_COLUMNS = (
    Column("staff_no", TEXT, "A001"),
    Column("name", TEXT, "Alice 艾"),
    Column("email", TEXT, "alice@corp.example.com"),
    Column("department", TEXT, "Sales"),
    Column("manager_staff_no", TEXT, "B001"),
    Column("counted", NUMBER, 99, gettext_lazy("Contacts that count.")),
    Column("target", NUMBER, 100, gettext_lazy("The campaign's, or the one adjusted for this person.")),
    Column("remaining", NUMBER, 1),
    Column("red", YES_NO, True, gettext_lazy("`counted` < `target`, and not exempt.")),
    Column("exempt", YES_NO, False),
    Column("pace", CODE, "ahead", choices=rules.PACES),
    Column(
        "quiet_days", NUMBER, 0,
        gettext_lazy(
            "Whole local days, today included, without a new contact that counts; null once the cut-off has passed."
        ),
        nullable=True,
    ),
    Column(
        "reached_at", INSTANT, None, gettext_lazy("When the target was reached."),
        nullable=True, field="target_reached_at",
    ),
    Column(
        "since", INSTANT, "2026-11-01T00:00:02.114Z",
        gettext_lazy("Red, or not red, since this instant; null for a past instant, and before the first evaluation."),
        nullable=True, field="status_since",
    ),
    Column(
        "computed_at", INSTANT, "2026-11-23T03:59:58.207Z",
        gettext_lazy("When the stored status last changed; null for a past instant, and before the first evaluation."),
        nullable=True, field="verdict_changed_at",
    ),
    Column(
        "stale", YES_NO, False,
        gettext_lazy("The stored status is being updated; these numbers are already correct."),
    ),
    Column("has_team", YES_NO, False),
    # Without a value for readers who may not know: "no" would be an answer.
    Column(
        "under_review", YES_NO, None,
        gettext_lazy("A review of this standing is waiting for HR's answer; null where only HR may know."),
        nullable=True,
    ),
    Column(
        "last_counted_on", DAY, "2026-11-23",
        gettext_lazy("The local day on which the newest counted contact was recorded; null if there is none."),
        nullable=True, heading=gettext_lazy("Last counted"),
    ),
    Column(
        "counted_before", NUMBER, None,
        gettext_lazy(
            "`counted` at the earlier instant `since`; null without one, and for a person who was not in the campaign."
        ),
        nullable=True,
    ),
    Column(
        "change", NUMBER, None,
        gettext_lazy("`counted` less `counted_before`, or less 0 where that is null; null without `since`."),
        nullable=True,
    ),
    Column(
        "turned", CODE, None,
        gettext_lazy("Has reached the target since then, or has fallen back below it; else null."),
        nullable=True, choices=TURNS,
    ),
)  # fmt: skip
COLUMNS = {column.name: column for column in _COLUMNS}
ON_PAGE = [column for column in _COLUMNS if column.heading]

# Other programs read these by position or name: new columns come last, and none is renamed or removed.
IN_FILES = (
    "staff_no", "name", "email", "department", "manager_staff_no", "counted", "target", "remaining", "red", "pace",
    "reached_at", "exempt", "as_of", "under_review", "quiet_days", "last_counted_on", "manager_name", "counted_before",
    "change", "turned", "compared_with",
)  # fmt: skip
# In files `as_of` and `compared_with` are the report's instants, and `manager_name` is looked up. The API computes
# `needed_per_day` and `adjustments`.
IN_API = (
    "staff_no", "name", "email", "department", "manager_staff_no", "counted", "target", "remaining", "red", "exempt",
    "pace", "needed_per_day", "quiet_days", "reached_at", "since", "computed_at", "stale", "has_team", "under_review",
    "adjustments", "last_counted_on", "counted_before", "change", "turned",
)  # fmt: skip
