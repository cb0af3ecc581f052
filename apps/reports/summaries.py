"""Reports from summaries: whole blocks of the tree, plus single employees that no summary covers correctly.

Those are the members in partial blocks at the ends of a team, employees marked since the summary, and
pending ones. What the summaries hold of them is subtracted. It is all one statement, so that no marking or summarising
can happen in between.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from apps.campaigns import rules
from apps.campaigns.models import Campaign, CampaignRule
from apps.campaigns.population import effective_as_of
from apps.core.read_replica import read_rows
from apps.core.sql import sql_literal
from apps.employees.models import Employee
from apps.employees.org_tree import TREE_VERSION_SQL
from apps.reports.fast_path import none_pending_sql, query_if
from apps.reviews.models import under_review_sql
from apps.standings import metrics
from apps.standings.base_query import base_ctes
from apps.standings.evaluation import pending_sql
from apps.standings.population import EmployeeQuery, Team, WholeCompany

# Above this many changed employees, a report reads all employees.
MAX_CHANGED_EMPLOYEES = 5_000
# A team with fewer blocks is as fast without summaries.
MIN_BLOCKS = 3
# Above this share of the company it is cheaper to exclude non-members.
NEAR_COMPANY_SHARE = 0.9
TreeInterval = tuple[int, int]


@dataclass(frozen=True)
class BlockCover:
    """A tree interval as blocks `low` to `high`: all inner blocks, and each end block if more than half of it belongs.

    `uncovered`: places of the interval outside these blocks. `excess`: places in these blocks outside the interval.
    """

    low: int
    high: int
    uncovered: list[TreeInterval]
    excess: list[TreeInterval]


def block_cover(span: TreeInterval) -> BlockCover:
    """Which blocks of an interval are read as summaries, which places are added and which are subtracted."""
    (first, last), size = span, metrics.BLOCK
    # A block at either end needs more than half; otherwise two neighbouring intervals could share one.
    low = first // size + (2 * (first % size) >= size)
    high = last // size - (2 * (last % size + 1) <= size)
    if low > high:
        return BlockCover(low, low - 1, [span], [])
    cover = BlockCover(low, high, [], [])
    begin, end = cover.low * size, (cover.high + 1) * size - 1
    for inner, outer in (((first, begin - 1), (begin, first - 1)), ((end + 1, last), (last + 1, end))):
        cover.uncovered.extend([inner] if inner[0] <= inner[1] else [])
        cover.excess.extend([outer] if outer[0] <= outer[1] else [])
    return cover


def _among(column: str, spans: list[TreeInterval]) -> str:
    """The SQL condition that a column lies in one of these intervals."""
    return f"({' OR '.join(f'{column} BETWEEN {low} AND {high}' for low, high in spans) or 'false'})"


@dataclass(frozen=True)
class BlockSet:
    """Parts of the tree, as SQL conditions on a block number or a place. No block is in two parts."""

    covers: list[BlockCover]

    @property
    def size(self) -> int:
        return sum(cover.high - cover.low + 1 for cover in self.covers)

    def blocks(self, block: str) -> str:
        return _among(block, [(cover.low, cover.high) for cover in self.covers if cover.low <= cover.high])

    def in_blocks(self, first: str) -> str:
        size = metrics.BLOCK
        return _among(
            first,
            [(cover.low * size, cover.high * size + size - 1) for cover in self.covers if cover.low <= cover.high],
        )

    def in_uncovered(self, first: str) -> str:
        return _among(first, [span for cover in self.covers for span in cover.uncovered])

    def excess(self, first: str) -> str:
        return _among(first, [span for cover in self.covers for span in cover.excess])


@dataclass(frozen=True)
class SubTeamLead:
    """A direct report with a team, and its position in the tree."""

    id: int
    name: str
    staff_no: str
    span: TreeInterval


@dataclass(frozen=True)
class GroupKey:
    """The column that groups a relation, and the joins it needs."""

    key: str
    joined: str


@dataclass(frozen=True)
class TeamSummary:
    """The summaries of one campaign over version `tree` of the tree, for the company or for the interval `span`.

    `share`: the team's share of all places. `assume_up_to_date`: nothing was pending when this was made.
    """

    campaign: Campaign
    rule: CampaignRule
    at: datetime
    tree: int
    span: TreeInterval | None
    share: float
    assume_up_to_date: bool

    def figures(self, kind: str, select: str) -> list[tuple] | None:
        """The rows of a SELECT over `figure` (day, low, high, exempt, n). None when the summaries are outdated."""
        return self._ask(self._block_set, f", figure AS ({self._combined(kind, self._block_set)})", select)

    def by_department(self, select: str) -> list[tuple] | None:
        """The same for standings, with the department as `key`."""
        here = GroupKey("coalesce(node.department, '')", "LEFT JOIN employees_treenode node USING (employee_id)")
        combined = self._verdicts(GroupKey("department", ""), here, here, None)
        return self._ask(None, f", figure AS ({combined})", select)

    def by_head(self, heads: list[SubTeamLead], select: str) -> list[tuple] | None:
        """The same, with the id of the sub-team's lead as `key`. None also where teams are too small for summaries."""
        covers = [block_cover(head.span) for head in heads]
        block_set = BlockSet(covers)
        if block_set.size < MIN_BLOCKS:
            return None
        # A place belongs to one lead, but its block may be summarised under another.
        rows = ", ".join(
            f"({head.id}, {head.span[0]}, {head.span[1]}, {cover.low}, {cover.high})"
            for head, cover in zip(heads, covers, strict=True)
        )
        node = "JOIN employees_treenode node USING (employee_id) JOIN head ON"
        combined = self._verdicts(
            GroupKey("head.id", "JOIN head ON block BETWEEN head.low AND head.high"),
            GroupKey("head.id", f"{node} node.first / {metrics.BLOCK} BETWEEN head.low AND head.high"),
            GroupKey("head.id", f"{node} node.first BETWEEN head.first AND head.last"),
            block_set,
        )
        ctes = f", head (id, first, last, low, high) AS (VALUES {rows}), figure AS ({combined})"
        return self._ask(block_set, ctes, select)

    def totals(self, *, show_reviews: bool) -> list[tuple] | None:
        """Rows of (counted, target, exempt, people), each with how many are stalled, pending and under review."""
        block_set = self._block_set
        return self._ask(
            block_set,
            f""", figure AS ({self._combined("verdict", block_set)}),
                quiet AS ({self._combined("quiet", block_set, self._not_hired())})""",
            f"""SELECT low, high, exempt, sum(n), (SELECT coalesce(sum(n), 0) FROM quiet WHERE {self._week()}),
                    (SELECT count(*) FROM current WHERE pending_since IS NOT NULL),
                    ({self._reviews(block_set, show_reviews)})
                FROM figure GROUP BY 1, 2, 3 ORDER BY 1""",
            also=self._hired(),
        )

    @property
    def holds(self) -> str:
        """The condition, inside the statement itself, that summaries and tree places are still the same."""
        return f"""EXISTS (SELECT FROM standings_summarystate WHERE campaign_id = {self.campaign.pk} AND state = 'ready'
            AND tree = {self.tree} AND tree = {TREE_VERSION_SQL})"""

    @property
    def near_company_size(self) -> bool:
        """Whether this team is nearly the whole company."""
        return self.span is not None and self.share > NEAR_COMPANY_SHARE

    @property
    def everyone_placed(self) -> str:
        """The condition that every employee with a standing has a place in the tree, by the summaries and the changes
        since.
        """
        return f"""NOT EXISTS (SELECT FROM standings_summarycell
                WHERE campaign_id = {self.campaign.pk} AND kind = 'verdict' AND block = {metrics.NOWHERE} AND n <> 0)
            AND NOT EXISTS (SELECT FROM standings_summarydelta change WHERE campaign_id = {self.campaign.pk}
                AND NOT EXISTS (SELECT FROM employees_treenode node WHERE node.employee_id = change.employee_id))"""

    @property
    def _block_set(self) -> BlockSet | None:
        return BlockSet([block_cover(self.span)]) if self.span else None

    def ask(
        self, ctes: Callable[[bool], str], select: str, holds: str = "true", extra_condition: str = "true"
    ) -> list[tuple] | None:
        """The rows of a SELECT over CTEs. The CTEs take whether cached standings are valid (fast_path.py).

        `quiet`: the condition for that. None when `holds` is false.
        """
        if self.assume_up_to_date:
            rows = query_if(
                f"{holds} AND {none_pending_sql(self.campaign.pk)} AND {extra_condition}", ctes(True), select
            )
            if rows is not None:
                return rows
        return query_if(holds, ctes(False), select)

    def _ask(self, block_set: BlockSet | None, also_ctes: str, select: str, also: str = "") -> list[tuple] | None:
        return self.ask(
            lambda up_to_date: self._ctes(block_set, also, assume_up_to_date=up_to_date) + also_ctes, select, self.holds
        )

    def _ctes(self, block_set: BlockSet | None, also: str, *, assume_up_to_date: bool) -> str:
        """The base CTEs for the employees read one by one, and `held`: what the summaries hold of them."""
        campaign = self.campaign.pk
        change = f"SELECT * FROM standings_summarydelta WHERE campaign_id = {campaign}"
        whose = "SELECT employee_id FROM differing"
        chosen = f"SELECT DISTINCT employee_id AS id FROM ({whose}) inside"
        if block_set is not None:
            nodes = "SELECT node.employee_id FROM employees_treenode node"
            excess = f"{nodes} WHERE {block_set.excess('node.first')}"
            whose = f"""{nodes} JOIN differing USING (employee_id) WHERE {block_set.in_blocks("node.first")}
                UNION {excess}"""
            chosen = f"""SELECT employee_id AS id FROM (
                (SELECT employee_id FROM inside EXCEPT {excess})
                UNION {nodes} WHERE {block_set.in_uncovered("node.first")}
) near"""
        stale = "" if assume_up_to_date else f"UNION SELECT employee_id FROM ({pending_sql(campaign)}) stale"
        first = f"""differing AS MATERIALIZED (
            SELECT employee_id FROM ({change}) change
            {stale} {also}),
        inside AS MATERIALIZED ({whose}),
        first_change AS MATERIALIZED (
            SELECT DISTINCT ON (employee_id) * FROM ({change}) change ORDER BY employee_id, id),
        held AS MATERIALIZED (
            SELECT employee_id, counted, target, exempt FROM first_change JOIN inside USING (employee_id)
            WHERE counted IS NOT NULL
            UNION ALL SELECT employee_id, counted, target, exempt
            FROM standings_standing JOIN inside USING (employee_id)
            WHERE campaign_id = {campaign} AND employee_id NOT IN (SELECT employee_id FROM first_change)),
        held_days AS MATERIALIZED (
            SELECT employee_id, day, count FROM first_change JOIN inside USING (employee_id),
                unnest(days, counts) AS counted_on (day, count)
            UNION ALL SELECT employee_id, day, count FROM standings_dailycount JOIN inside USING (employee_id)
            WHERE campaign_id = {campaign} AND employee_id NOT IN (SELECT employee_id FROM first_change)), """
        return base_ctes(
            self.campaign,
            self.rule,
            EmployeeQuery(chosen),
            self.at,
            historical=False,
            before=first,
            assume_up_to_date=assume_up_to_date,
        )

    def _combined(self, kind: str, block_set: BlockSet | None, whose: str = "") -> str:
        """Sums of whole blocks, minus what they hold of the single employees, plus those employees' own values."""
        held = metrics.figures_sql(kind, people="held", days="held_days", sign="-")
        current = metrics.figures_sql(kind, people="current", days="days")
        return f"""SELECT day, low, high, exempt, n FROM standings_summarycell WHERE {self._summed(kind, block_set)}
            UNION ALL SELECT day, low, high, exempt, n FROM ({held}) held
            UNION ALL SELECT day, low, high, exempt, n FROM ({current}) figure {whose}"""

    def _verdicts(self, summed: GroupKey, held: GroupKey, current: GroupKey, block_set: BlockSet | None) -> str:
        return f"""SELECT {summed.key} AS key, summed.low, summed.high, exempt, n
            FROM standings_summarycell summed {summed.joined} WHERE {self._summed("verdict", block_set)}
            UNION ALL SELECT {held.key}, counted, target, exempt, -1 FROM held {held.joined}
            UNION ALL SELECT {current.key}, counted, target, exempt, 1 FROM current {current.joined}"""

    def _summed(self, kind: str, block_set: BlockSet | None) -> str:
        blocks = f"block = {metrics.DEPARTMENTS}" if block_set is None else block_set.blocks("block")
        return f"campaign_id = {self.campaign.pk} AND kind = '{kind}' AND {blocks}"

    # -- stalled employees: depends on the first day of employment, which no summary holds -----------------------------

    @property
    def _week_ago(self) -> date:
        return rules.day_of(self.at, self.rule.time_zone) - timedelta(days=rules.STALLED_AFTER_DAYS)

    def _week(self) -> str:
        """The condition on an employee's last counted day that nothing counted for a week."""
        if self.at >= self.rule.cutoff_at or self.rule.opens_on - timedelta(days=1) > self._week_ago:
            return "false"
        return f"day <= {sql_literal(self._week_ago.isoformat())}::date"

    def _began_lately(self) -> str:
        """The condition on `work` (an employment) that it is too short for a week without contacts."""
        look, zone = effective_as_of(self.rule, self.at), self.rule.time_zone
        # The first condition is for the index.
        return f"""work.starts_at >= {sql_literal(rules.start_of_day(self._week_ago, zone))}
            AND (work.starts_at AT TIME ZONE {sql_literal(zone)})::date - 1
                > {sql_literal(self._week_ago.isoformat())}::date
            AND in_force(work.starts_at, work.ends_at, {look})"""

    def _hired(self) -> str:
        return f"UNION SELECT work.employee_id FROM employees_employment work WHERE {self._began_lately()}"

    def _not_hired(self) -> str:
        return f"""WHERE NOT EXISTS (SELECT FROM employees_employment work
            WHERE work.employee_id = figure.employee_id AND {self._began_lately()})"""

    def _reviews(self, block_set: BlockSet | None, show_reviews: bool) -> str:
        if not show_reviews:
            return "0"
        asked = f"employee_id IN ({under_review_sql(self.campaign.pk, self.at)})"
        place = "" if block_set is None else "JOIN employees_treenode node USING (employee_id)"
        inside = "true"
        if block_set is not None:
            inside = f"{block_set.in_blocks('node.first')} AND NOT {block_set.excess('node.first')}"
        return f"""(SELECT count(*) FROM current WHERE {asked})
            + (SELECT count(*) FROM standings_standing {place} WHERE campaign_id = {self.campaign.pk} AND {asked}
                AND {inside} AND employee_id NOT IN (SELECT id FROM chosen))"""


def team_summary_for(
    campaign: Campaign, rule: CampaignRule, people: WholeCompany | Team, at: datetime, *, assume_up_to_date: bool
) -> TeamSummary | None:
    """The summaries of these people, where they are valid and faster. One cheap query.

    With `assume_up_to_date=False` each statement re-evaluates pending employees, even when there are none.
    """
    root = people.employee.pk if isinstance(people, Team) else 0
    node = getattr(people.employee, "node", None) if isinstance(people, Team) else None
    # Too few by a recent tree. Then each employee is read, which is correct whatever changed in the tree since.
    if node is not None and _blocks(node.first, node.last) < MIN_BLOCKS:
        return None
    rows = read_rows(f"""
        SELECT tree, top.first, top.last, (SELECT max(first) FROM employees_treenode),
            (SELECT count(*) FROM (SELECT FROM core_outbox LIMIT {MAX_CHANGED_EMPLOYEES + 1}) queued)
                > {MAX_CHANGED_EMPLOYEES}
            OR (SELECT count(*) FROM (SELECT FROM standings_summarydelta WHERE campaign_id = {campaign.pk}
                LIMIT {2 * MAX_CHANGED_EMPLOYEES + 1}) changed) > {2 * MAX_CHANGED_EMPLOYEES}
            OR EXISTS (SELECT FROM standings_markrange part JOIN standings_markrun run ON run.id = part.run_id
                WHERE run.invalidates AND run.campaign_id = {campaign.pk} AND part.state = 'waiting'),
            {none_pending_sql(campaign.pk)}
        FROM standings_summarystate LEFT JOIN employees_treenode top ON top.employee_id = {root}
        WHERE campaign_id = {campaign.pk} AND state = 'ready' AND tree = {TREE_VERSION_SQL}""")
    if not rows or rows[0][4]:
        return None
    tree, first, last, places, _many, none_pending = rows[0]
    assume_up_to_date = assume_up_to_date and none_pending
    if not root:
        return TeamSummary(campaign, rule, at, tree, None, 1.0, assume_up_to_date)
    if first is None or _blocks(first, last) < MIN_BLOCKS:
        return None
    return TeamSummary(campaign, rule, at, tree, (first + 1, last), (last - first) / places, assume_up_to_date)


def _blocks(first: int, last: int) -> int:
    """How many whole or nearly whole blocks lie below an employee at place `first` whose team ends at `last`."""
    return BlockSet([block_cover((first + 1, last))]).size


def heads_of(root: Employee) -> list[SubTeamLead]:
    """The direct reports with a team of their own, by name, as of today."""
    rows = read_rows(f"""SELECT head.id, head.name, head.staff_no, node.first, node.last
        FROM employees_treenode node JOIN employees_employee head ON head.id = node.employee_id
        WHERE node.manager_id = {root.pk} AND node.last > node.first ORDER BY head.name""")
    return [SubTeamLead(row[0], row[1], row[2], (row[3], row[4])) for row in rows]
