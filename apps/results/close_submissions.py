"""From open to closing and to the snapshot: everything submitted before the cut-off is recorded, or refused with a
receipt.

The exclusive facts lock is taken once after the cut-off. It makes the list of submissions complete: the writer of an
uncommitted submission holds the shared lock until it commits.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Q, QuerySet

from apps.campaigns.models import Campaign
from apps.contacts.imports import import_submission
from apps.contacts.models import Source, Submission
from apps.contacts.services.submissions import finish_submission, refuse_submission
from apps.core.audit import Actor, audit
from apps.core.clock import db_now
from apps.core.closed_periods import block_backdated_writes, close_past
from apps.core.locks import lock_facts
from apps.standings.campaign_lifecycle import approval_detail

logger = logging.getLogger(__name__)
# While a campaign is closing, a submission without progress for this long is refused.
STUCK_AFTER = timedelta(minutes=30)
REFUSED_CODE = "campaign_closed"


class CutoffNotReached(RuntimeError):
    """A campaign that cannot be frozen now, with a message."""


def begin_closing(campaign: Campaign, by: Actor, approved_by: Actor | None = None) -> None:
    """Move an open campaign to closing, after all current writers. Raises CutoffNotReached before the cut-off.

    `approved_by`: the second person; close_or_request decides who needs one.
    """
    with transaction.atomic():
        # After the cut-off: any writer that read the clock before it has committed once this lock is held.
        lock_facts(exclusive=True)
        now = db_now()
        # Read after the lock: the rule may have changed since.
        rule = campaign.rules.latest("version")
        cutoff_at = rule.cutoff_at
        if now < cutoff_at:
            raise CutoffNotReached(f"{campaign.name} runs until {cutoff_at.isoformat()}: its cut-off has not passed")
        moved = Campaign.objects.filter(pk=campaign.pk, state=Campaign.State.OPEN)
        if moved.update(state=Campaign.State.CLOSING, closing_at=now):
            close_past(campaign.slug, rule.opens_at, cutoff_at)
            audit("campaign.closing", by=by, kind="campaign", id=campaign.slug, label=campaign.name,
                  detail=approval_detail(approved_by))  # fmt: skip


def unfinished(campaign: Campaign) -> QuerySet[Submission]:
    """Submissions received before the cut-off, or from a feed with an extension, neither recorded nor refused."""
    in_time = Q(received_at__lt=campaign.rule.cutoff_at)
    if campaign.feed_until is not None:
        in_time |= Q(source=Source.FEED, received_at__lt=campaign.feed_until)
    return Submission.objects.filter(in_time, state=Submission.State.RECEIVED).order_by("received_at")


def finish_received(campaign: Campaign) -> int:
    """Finish what was received before the cut-off, in the order of receipt; returns how many are left.

    The next call retries submissions that another process records, or that only their command can read. After
    STUCK_AFTER without progress they are refused with a receipt.
    """
    for submission in unfinished(campaign):
        try:
            if submission.payload is not None:
                finish_submission(submission.pk)
            elif submission.file_id is not None:
                import_submission(submission.pk, queued=False)
        except Exception:
            # A failing submission must not block the others; it is retried until it is stuck.
            logger.exception("submission %s could not be finished before the freeze", submission.pk)
    now = db_now()
    stuck = unfinished(campaign).filter(
        Q(advanced_at=None) | Q(advanced_at__lt=now - STUCK_AFTER), received_at__lt=now - STUCK_AFTER
    )
    if campaign.closing_at is None or now - campaign.closing_at >= STUCK_AFTER:
        for submission in stuck:
            if refuse_submission(submission.pk, REFUSED_CODE):
                logger.error("submission %s was refused: it did not end for the freeze", submission.pk)
    return unfinished(campaign).count()


def fix_snapshot(campaign: Campaign, by: Actor) -> bool:
    """Store the snapshot's instant when no submission from before the cut-off is left. False otherwise or if too early.

    From then on changes of the past are blocked until the result is stored.
    """
    with transaction.atomic():
        lock_facts(exclusive=True)
        now = db_now()
        held = Campaign.objects.select_for_update(no_key=True).get(pk=campaign.pk)
        if held.state != Campaign.State.CLOSING or held.snapshot_at is not None:
            return True
        if held.feed_until is not None and now < held.feed_until:
            return False
        if now < held.rule.cutoff_at or unfinished(held).exists():
            return False
        block_backdated_writes(held.slug, True)
        Campaign.objects.filter(pk=held.pk).update(snapshot_at=now)
        detail = {"snapshot_at": now.isoformat()}
        audit("campaign.kept", by=by, kind="campaign", id=held.slug, label=held.name, detail=detail)
    return True


# -- refusals, as people see them --------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Refusal:
    """A submission before the cut-off that did not finish in time: its employee, time, source and size."""

    staff_no: str
    name: str
    received_at: datetime
    source: str
    recorded: int
    handed_in: int | None


def refused_at_closing(campaign: Campaign) -> list[Refusal]:
    """The submissions that the closing of this campaign refused, by receipt."""
    if campaign.closing_at is None:
        return []
    refused = Submission.objects.filter(
        state=Submission.State.REFUSED, report__refused=REFUSED_CODE, received_at__lt=campaign.rule.cutoff_at,
        done_at__gte=campaign.closing_at,
    )  # fmt: skip
    return [
        Refusal(
            submission.employee.staff_no if submission.employee else "",
            submission.employee.name if submission.employee else submission.actor_label,
            submission.received_at, submission.source, submission.report.get("created", 0),
            submission.report.get("handed_in", submission.total),
        )
        for submission in refused.select_related("employee").order_by("received_at")
    ]  # fmt: skip
