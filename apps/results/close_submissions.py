"""From open to closing and to the snapshot: what was submitted before the cut-off is recorded, or refused and reported.

The exclusive facts lock is taken once after the cut-off. It makes the list of submissions complete: the writer of an
uncommitted submission holds the shared lock until it commits.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Q, QuerySet

from apps.campaigns.models import Campaign, CampaignRule
from apps.contacts.imports import import_submission
from apps.contacts.models import Source, Submission
from apps.contacts.services.submissions import finish_submission, refuse_submission
from apps.core.audit import Actor, audit
from apps.core.clock import db_now
from apps.core.closed_periods import block_backdated_writes, close_period
from apps.core.events import record_event
from apps.core.locks import lock_facts
from apps.standings.campaign_lifecycle import approval_detail

logger = logging.getLogger(__name__)
# While a campaign is closing, a submission without progress for this long is refused.
# Longer than any import between two checkpoints, and short enough for a result in the night of the deadline.
STUCK_AFTER = timedelta(minutes=30)
# Stored in the report of a submission: pages and this module find the refusals by it.
REFUSED_CODE = "campaign_closed"


class CutoffNotReached(RuntimeError):
    """A campaign that cannot be frozen now, with a message."""


def begin_closing(campaign: Campaign, by: Actor, approved_by: Actor | None = None) -> None:
    """Move an open campaign to closing, after all current writers; nothing happens in another state.

    Raises CutoffNotReached before the cut-off.

    `approved_by`: the second person; close_or_request decides who needs one.
    """
    # Without the lock first: its wait would delay all writers. The rule may change until the lock is held.
    _require_cutoff(campaign, db_now())
    still_open = Campaign.objects.filter(pk=campaign.pk, state=Campaign.State.OPEN)
    if not still_open.exists():
        return
    with transaction.atomic():
        # After the cut-off: any writer that read the clock before it has committed once this lock is held.
        lock_facts(exclusive=True)
        now = db_now()
        # Again under the lock: an extension of the deadline may have been stored while this call waited.
        rule = _require_cutoff(campaign, now)
        if still_open.update(state=Campaign.State.CLOSING, closing_at=now):
            close_period(campaign.slug, rule.opens_at, rule.cutoff_at)
            audit("campaign.closing", by=by, kind="campaign", id=campaign.slug, label=campaign.name,
                  detail=approval_detail(approved_by))  # fmt: skip
            record_event("campaign_closing", subject=campaign.pk, campaign_id=campaign.pk)


def _require_cutoff(campaign: Campaign, now: datetime) -> CampaignRule:
    rule = campaign.rules.latest("version")
    if now < rule.cutoff_at:
        raise CutoffNotReached(f"{campaign.name} runs until {rule.cutoff_at.isoformat()}: its cut-off has not passed")
    return rule


def unfinished(campaign: Campaign) -> QuerySet[Submission]:
    """Submissions received before the cut-off, or from a feed with an extension, neither recorded nor refused."""
    in_time = Q(received_at__lt=campaign.rule.cutoff_at)
    # Only the feed gets an extension: it reports events with their own time, hours later.
    if campaign.feed_until is not None:
        in_time |= Q(source=Source.FEED, received_at__lt=campaign.feed_until)
    # In the order of receipt: in an exclusive campaign the earlier contact claims the person.
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
            # Neither payload nor file: an upload through a command that holds the file itself.
            elif submission.file_id is not None:
                import_submission(submission.pk, queued=False)
        except Exception:
            # A failing submission must not block the others; it is retried until it is stuck.
            logger.exception("submission %s could not be finished before the freeze", submission.pk)
    now = db_now()
    stuck = unfinished(campaign).filter(
        Q(advanced_at=None) | Q(advanced_at__lt=now - STUCK_AFTER), received_at__lt=now - STUCK_AFTER
    )
    # What waited in a long queue before the closing gets the full time too.
    if campaign.closing_at is None or now - campaign.closing_at >= STUCK_AFTER:
        for submission in stuck:
            if refuse_submission(submission.pk, REFUSED_CODE):
                logger.error("submission %s was refused: it was not finished in time for the freeze", submission.pk)
    return unfinished(campaign).count()


def fix_snapshot(campaign: Campaign, by: Actor) -> bool:
    """Store the snapshot's instant when no submission from before the cut-off is left. False otherwise or if too early.

    From then on changes of the past are blocked until the result is stored.
    """
    with transaction.atomic():
        lock_facts(exclusive=True)
        now = db_now()
        locked = Campaign.objects.lock(campaign.pk).get()
        # Another process was faster; for the caller that is progress as well.
        if locked.state != Campaign.State.CLOSING or locked.snapshot_at is not None:
            return True
        if locked.feed_until is not None and now < locked.feed_until:
            return False
        # Under the exclusive lock the list is final: every writer that received a submission in time has committed it.
        if now < locked.rule.cutoff_at or unfinished(locked).exists():
            return False
        # In the same transaction as the instant, or a feed could change the past between the two.
        block_backdated_writes(locked.slug, True)
        Campaign.objects.filter(pk=locked.pk).update(snapshot_at=now)
        detail = {"snapshot_at": now.isoformat()}
        # The name of the action is older than the word snapshot; entries of both must be found together.
        audit("campaign.kept", by=by, kind="campaign", id=locked.slug, label=locked.name, detail=detail)
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
    submitted: int | None


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
