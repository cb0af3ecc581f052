"""Build and update the summaries: sums by manager and department, kept up to date with the changes of each mark."""

from __future__ import annotations

import logging
from typing import Any

from django.db import connection, transaction

from apps.campaigns.models import Campaign
from apps.core.clock import db_now
from apps.core.locks import advisory_lock, disable_statement_timeout
from apps.core.sql import statement
from apps.employees.org_tree import TREE_VERSION_SQL
from apps.standings.metrics import all_figures_sql
from apps.standings.models import MarkRange, SummaryCell, SummaryDelta, SummaryState

logger = logging.getLogger(__name__)
# For a smaller team a report reads every employee's row, which is fast enough without stored sums (ADR 77).
MIN_SUMMARY_PEOPLE = 2_000
CELLS = statement("standings", "summaries", "cells")
VALID = statement("standings", "summaries", "valid").format(tree_version=TREE_VERSION_SQL)
OLDEST_CHANGE = statement("standings", "summaries", "oldest_change")
BUILD = statement("standings", "summaries", "build")
ADD_CHANGES = statement("standings", "summaries", "add_changes")
DIFFERING = statement("standings", "summaries", "differing")


def update_summaries() -> None:
    """Bring the sums of every evaluated campaign up to date; delete the sums of the other campaigns.

    A process that is killed midway has changed nothing. Of two concurrent calls the second does nothing.
    """
    campaigns = list(Campaign.objects.to_mark(db_now()).order_by("pk"))
    # First, so that the sums of a frozen or cancelled campaign disappear even when the company has become small.
    for state in SummaryState.objects.exclude(campaign__in=campaigns):
        _delete(state)
    if _tree_size() < MIN_SUMMARY_PEOPLE:
        return
    for campaign in campaigns:
        # The lock's name is older than the word summary; processes of two versions must use the same one.
        with advisory_lock(f"rollup:{campaign.pk}") as locked:
            if locked and not _is_reevaluated(campaign) and not _add_changes(campaign):
                _build(campaign)


def invalidate_summaries(campaign: Campaign) -> None:
    """Mark a campaign's sums as invalid, in the caller's transaction, because all employees are evaluated again."""
    SummaryState.objects.filter(campaign=campaign).update(state=SummaryState.State.VOID)


def verify_summaries(campaign: Campaign) -> int:
    """Compare the sums with the stored standings; return how many differ, 0 where the campaign has no sums.

    A difference is drift: it is logged as an error, all sums become invalid, and the next update builds them again.
    """
    with transaction.atomic():
        disable_statement_timeout()
        # Reads all standings: minutes for a million people, which is why only recounts call it.
        differing = int(_execute(_with_parts(DIFFERING), campaign)[0])
        if differing:
            invalidate_summaries(campaign)
    if differing:
        # After the commit: the alarm must not outlive a rollback.
        logger.error("drift in %s: %s sums of the summaries differed and are rebuilt", campaign.slug, differing)
    return differing


def _with_parts(text: str) -> str:
    return text.format(
        cells=CELLS, valid=VALID, tree_version=TREE_VERSION_SQL,
        figures=all_figures_sql(people="standing", days="daily"),
        former_figures=all_figures_sql(people="former_standing", days="former_daily", sign="-"),
    )  # fmt: skip


def _execute(sql: str, campaign: Campaign) -> tuple[Any, ...]:
    """Run the statement; returns its first row, or () for a statement that returns none."""
    with connection.cursor() as cursor:
        cursor.execute(sql, {"campaign": campaign.pk, "large_team": MIN_SUMMARY_PEOPLE})
        # ADD_CHANGES is an INSERT without RETURNING.
        return cursor.fetchone() if cursor.description else ()


def _tree_size() -> int:
    with connection.cursor() as cursor:
        # The highest number of the nested set is the number of people in the tree.
        cursor.execute("SELECT coalesce(max(first), 0) FROM employees_treenode")
        return int(cursor.fetchone()[0])


def _is_reevaluated(campaign: Campaign) -> bool:
    """Whether a run is replacing the stored standings: sums built now would be wrong, and slow the run down."""
    waiting = MarkRange.objects.filter(run__campaign=campaign, run__invalidates=True, state=MarkRange.State.WAITING)
    return waiting.exists()


def _as_of() -> Any:
    """The instant up to which the stored standings contain every change: now, or the oldest change not marked yet."""
    with connection.cursor() as cursor:
        # An outbox row of another campaign makes the instant earlier than necessary, never too late.
        cursor.execute(OLDEST_CHANGE, {"now": db_now()})
        return cursor.fetchone()[0]


def _add_changes(campaign: Campaign) -> bool:
    """Apply the pending deltas to the sums. Returns False when the campaign has no valid sums and must build them."""
    with transaction.atomic():
        as_of = _as_of()
        # The row lock lasts until the commit, so no other transaction can invalidate the sums meanwhile.
        SummaryState.objects.select_for_update().filter(campaign=campaign).first()
        if _execute(f"SELECT {VALID}", campaign) != (True,):
            return False
        # Without deltas only the instant moves: no change up to now is also news for the reader.
        if SummaryDelta.objects.filter(campaign=campaign).exists():
            disable_statement_timeout()
            _execute(_with_parts(ADD_CHANGES), campaign)
        SummaryState.objects.filter(campaign=campaign).update(as_of=as_of)
    return True


def _build(campaign: Campaign) -> None:
    """Build the sums over all employees.

    The first commit waits for running evaluations; every later one records its changes as deltas.
    """
    with transaction.atomic():
        # Evaluations hold this row in shared mode until they commit: this lock waits for all that recorded no deltas.
        Campaign.objects.lock(campaign.pk).get()
        SummaryState.objects.update_or_create(
            campaign=campaign, defaults={"state": SummaryState.State.BUILDING, "tree": None}
        )
    with transaction.atomic():
        disable_statement_timeout()
        as_of = _as_of()
        SummaryCell.objects.filter(campaign=campaign).delete()
        tree, rows = _execute(_with_parts(BUILD), campaign)
        # Last, so that a transaction that invalidates the sums need not wait for the build.
        building = SummaryState.objects.filter(campaign=campaign, state=SummaryState.State.BUILDING)
        if not building.update(state=SummaryState.State.READY, tree=tree, as_of=as_of):
            # A run over all employees has invalidated the sums during the build: they are of no use.
            transaction.set_rollback(True)
    logger.info("%s: the summaries were built, %s rows", campaign.slug, rows)


def _delete(state: SummaryState) -> None:
    """Delete the sums of a campaign that is no longer evaluated. Invalidate them first, so that no reader uses them."""
    invalidate_summaries(state.campaign)
    with transaction.atomic():
        SummaryCell.objects.filter(campaign=state.campaign).delete()
        SummaryDelta.objects.filter(campaign=state.campaign).delete()
        state.delete()
