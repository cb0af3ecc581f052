"""Build and update the summaries: sums over all employees, kept up to date with the changes of each evaluation."""

from __future__ import annotations

import logging

from django.db import connection, transaction

from apps.campaigns.models import Campaign
from apps.core.clock import db_now
from apps.core.locks import advisory_lock, disable_statement_timeout
from apps.employees.org_tree import TREE_VERSION_SQL
from apps.standings import metrics
from apps.standings.models import MarkRange, SummaryCell, SummaryDelta, SummaryState

logger = logging.getLogger(__name__)
# In a smaller company, reading every employee's row is as fast as reading sums. In places of the org tree.
WORTH_IT = 5_000


def holds_sql(campaign: Campaign) -> str:
    """The SQL condition that the campaign has valid sums, built for the current org tree."""
    return f"""EXISTS (SELECT FROM standings_summarystate held WHERE held.campaign_id = {campaign.pk} AND held.state =
    'ready'
        AND held.tree = {TREE_VERSION_SQL})"""


SUM = "kind, block, department, day, low, high, exempt"


def _add(campaign: Campaign) -> str:
    return f"""INSERT INTO standings_summarycell (campaign_id, {SUM}, n)
        SELECT {campaign.pk}, placed.* FROM ({_placed()}) placed"""


def _placed() -> str:
    """SELECT of the sums of the CTE `figure`: for each kind, one row per block and one per department."""
    return f"""SELECT kind,
            CASE WHEN grouping(department) = 1 THEN block ELSE {metrics.DEPARTMENTS} END AS block,
            CASE WHEN grouping(department) = 1 THEN '' ELSE department END AS department, day, low, high, exempt,
            sum(n) AS n
        FROM (SELECT figure.*, coalesce(node.first / {metrics.BLOCK}, {metrics.NOWHERE}) AS block,
                coalesce(node.department, '') AS department
            FROM figure LEFT JOIN employees_treenode node USING (employee_id)) placed
        GROUP BY GROUPING SETS ((kind, block, day, low, high, exempt), (kind, department, day, low, high, exempt))
        HAVING sum(n) <> 0 ORDER BY 1, 2, 3, 4, 5, 6, 7"""


# One statement has one snapshot: the sums contain a change exactly when the statement deletes its delta row.
def _built(campaign: Campaign) -> str:
    return f"""WITH taken AS (DELETE FROM standings_summarydelta WHERE campaign_id = {campaign.pk} RETURNING id),
        {_stored(campaign, "NOT MATERIALIZED")},
        figure AS NOT MATERIALIZED ({metrics.all_figures_sql(people="person", days="counted_on")}),
        summed AS ({_add(campaign)} RETURNING n)
        SELECT {TREE_VERSION_SQL}, count(*) FROM summed"""


def _from_summaries(campaign: Campaign) -> str:
    changed = "AND employee_id IN (SELECT employee_id FROM was)"
    return f"""WITH taken AS (DELETE FROM standings_summarydelta WHERE campaign_id = {campaign.pk} RETURNING *),
        was AS MATERIALIZED (SELECT DISTINCT ON (employee_id) * FROM taken ORDER BY employee_id, id),
        held AS (SELECT employee_id, counted, target, exempt FROM was WHERE counted IS NOT NULL),
        held_days AS (SELECT employee_id, day, count FROM was, unnest(days, counts) AS counted_on (day, count)),
        {_stored(campaign, "MATERIALIZED", changed)},
        figure AS ({metrics.all_figures_sql(people="held", days="held_days", sign="-")}
            UNION ALL {metrics.all_figures_sql(people="person", days="counted_on")}),
        summed AS ({_add(campaign)} ON CONFLICT (campaign_id, {SUM})
            DO UPDATE SET n = standings_summarycell.n + excluded.n)
        SELECT count(*) FROM was"""


def _checked(campaign: Campaign) -> str:
    changed = "employee_id NOT IN (SELECT employee_id FROM was)"
    return f"""WITH was AS MATERIALIZED (
            SELECT DISTINCT ON (employee_id) * FROM standings_summarydelta WHERE campaign_id = {campaign.pk}
            ORDER BY employee_id, id),
        {_stored(campaign, "NOT MATERIALIZED", f"AND {changed}")},
        held AS NOT MATERIALIZED (SELECT * FROM person
            UNION ALL SELECT employee_id, counted, target, exempt FROM was WHERE counted IS NOT NULL),
        held_days AS NOT MATERIALIZED (SELECT * FROM counted_on
            UNION ALL SELECT employee_id, day, count FROM was, unnest(days, counts) AS counted_on (day, count)),
        figure AS NOT MATERIALIZED ({metrics.all_figures_sql(people="held", days="held_days")}),
        summed AS (SELECT {SUM}, n FROM standings_summarycell WHERE campaign_id = {campaign.pk} AND n <> 0)
        SELECT count(*) FROM ({_placed()}) fresh FULL JOIN summed USING ({SUM})
        WHERE fresh.n IS DISTINCT FROM summed.n AND {holds_sql(campaign)}"""


def _stored(campaign: Campaign, how: str, whose: str = "") -> str:
    return f"""person AS {how} (SELECT employee_id, counted, target, exempt FROM standings_standing
            WHERE campaign_id = {campaign.pk} {whose}),
        counted_on AS {how} (SELECT employee_id, day, count FROM standings_dailycount
            WHERE campaign_id = {campaign.pk} {whose})"""


def update_summaries() -> None:
    """Bring the sums of every evaluated campaign up to date; delete the sums of the other campaigns.

    A process that is killed midway has changed nothing. Of two concurrent calls the second does nothing.
    """
    judged = list(Campaign.objects.to_mark(db_now()).order_by("pk"))
    for left in SummaryState.objects.exclude(campaign__in=judged):
        _forget(left)
    if _places() < WORTH_IT:
        return
    for campaign in judged:
        with advisory_lock(f"rollup:{campaign.pk}") as mine:
            if mine and not _being_judged(campaign) and not _sum_up(campaign):
                _build(campaign)


def invalidate_summaries(campaign: Campaign) -> None:
    """Mark a campaign's sums as invalid, in the caller's transaction, because all employees are evaluated again."""
    SummaryState.objects.filter(campaign=campaign).update(state=SummaryState.State.VOID)


def verify_summaries(campaign: Campaign) -> int:
    """Compare the sums with the stored standings; return how many differ, 0 where the campaign has no sums.

    A difference is drift: it is logged as an error, all sums become invalid, and the next update builds them again.
    """
    with transaction.atomic(), connection.cursor() as cursor:
        disable_statement_timeout()
        cursor.execute(_checked(campaign))
        wrong = int(cursor.fetchone()[0])
        if wrong:
            invalidate_summaries(campaign)
    if wrong:
        logger.error("drift in %s: %s sums of the roll-up differed, and are built anew", campaign.slug, wrong)
    return wrong


def _places() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT coalesce(max(first), 0) FROM employees_treenode")
        return int(cursor.fetchone()[0])


def _being_judged(campaign: Campaign) -> bool:
    """Whether a run is replacing the stored standings: sums would be wrong for readers and extra work for the run."""
    waiting = MarkRange.objects.filter(run__campaign=campaign, run__invalidates=True, state=MarkRange.State.WAITING)
    return waiting.exists()


def _sum_up(campaign: Campaign) -> bool:
    """Apply the pending deltas to the sums. Returns False when the campaign has no valid sums and must build them."""
    with transaction.atomic(), connection.cursor() as cursor:
        # The row lock lasts until the commit, so no other transaction can invalidate the sums meanwhile.
        cursor.execute(
            f"SELECT {holds_sql(campaign)} FROM standings_summarystate WHERE campaign_id = %s FOR UPDATE", [campaign.pk]
        )
        if cursor.fetchone() != (True,):
            return False
        if SummaryDelta.objects.filter(campaign=campaign).exists():
            disable_statement_timeout()
            cursor.execute(_from_summaries(campaign))
    return True


def _build(campaign: Campaign) -> None:
    """Build the sums over all employees.

    The first commit waits for running evaluations; every later one records its changes as deltas.
    """
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT FROM campaigns_campaign WHERE id = %s FOR NO KEY UPDATE", [campaign.pk])
        SummaryState.objects.update_or_create(
            campaign=campaign, defaults={"state": SummaryState.State.BUILDING, "tree": None}
        )
    with transaction.atomic(), connection.cursor() as cursor:
        disable_statement_timeout()
        SummaryCell.objects.filter(campaign=campaign).delete()
        cursor.execute(_built(campaign))
        tree, rows = cursor.fetchone()
        # Last, so that a transaction that invalidates the sums need not wait for the build.
        building = SummaryState.objects.filter(campaign=campaign, state=SummaryState.State.BUILDING)
        if not building.update(state=SummaryState.State.READY, tree=tree, built_at=db_now()):
            transaction.set_rollback(True)
    logger.info("%s: the roll-up was built, %s rows", campaign.slug, rows)


def _forget(rollup: SummaryState) -> None:
    """Delete the sums of a campaign that is no longer evaluated. Invalidate them first, so that no reader uses them."""
    invalidate_summaries(rollup.campaign)
    with transaction.atomic():
        SummaryCell.objects.filter(campaign=rollup.campaign).delete()
        SummaryDelta.objects.filter(campaign=rollup.campaign).delete()
        rollup.delete()
