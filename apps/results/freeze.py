"""The whole freeze, as tasks and commands call it: idempotent and safe to run concurrently."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from datetime import datetime
from typing import Any

import psycopg2
from django.db import DatabaseError, IntegrityError, OperationalError, transaction

from apps.campaigns.models import Campaign
from apps.core.audit import Actor, audit
from apps.core.clock import db_now
from apps.core.events import record_event
from apps.core.jobs import claim_job
from apps.core.locks import advisory_lock, is_temporary
from apps.core.signing_key import CannotSign, private_key
from apps.results.close_submissions import CutoffNotReached, begin_closing, finish_received, fix_snapshot
from apps.results.models import FrozenResult
from apps.results.store_result import store_result

logger = logging.getLogger(__name__)
# Submissions end within seconds; a shorter pause would only read the same rows more often.
POLL_SECONDS = 0.5


class NotSigned(CutoffNotReached):
    """A campaign that waits for a key to sign its result."""


def freeze(
    *,
    campaign: Campaign,
    by: Actor,
    wait: bool,
    progress: Callable[[int, int], None] = lambda done, total: None,
    on_unfinished: Callable[[int], None] = lambda unfinished: None,
) -> FrozenResult | None:
    """Bring a campaign to its result and return it; for a frozen campaign, version 1.

    Each step commits on its own, so the next call continues after a crash. `wait=True` waits for what must end
    first, and passes the number of unfinished submissions to `on_unfinished`. Otherwise it returns None, and the caller
    tries again later. Raises CutoffNotReached before the cut-off, for a draft or cancelled campaign, and without a
    signing key.
    """
    # A person who waits at a terminal waits for the other freeze too; a task leaves it to that one.
    with advisory_lock(f"freeze:{campaign.pk}", wait=float("inf") if wait else 0) as locked:
        if not locked:
            return None
        while True:
            result, progressed = _try_step(campaign, by, progress, on_unfinished)
            if result is not None:
                return result
            if not progressed:
                if not wait:
                    return None
                time.sleep(POLL_SECONDS)


def _try_step(campaign: Campaign, *arguments: Any) -> tuple[FrozenResult | None, bool]:
    """The next step; no progress when another writer holds a lock longer than the lock timeout."""
    try:
        # Read anew in each step: the step before, or another process, has changed the state.
        return _step(Campaign.objects.get(pk=campaign.pk), *arguments)
    except IntegrityError:
        # Behind a connection pool the advisory lock may not protect: another process has stored the result first.
        if not FrozenResult.objects.filter(campaign=campaign).exists():
            raise
        return None, True
    except OperationalError as error:
        # Only the lock timeout means "later"; a lost connection is an error of this call.
        if not isinstance(error.__cause__, psycopg2.errors.LockNotAvailable):
            raise
        return None, False


def _step(
    campaign: Campaign, by: Actor, progress: Callable[[int, int], None], on_unfinished: Callable[[int], None]
) -> tuple[FrozenResult | None, bool]:
    """Run the next step for the campaign's state. Returns the result once it stands, and whether there was progress."""
    if campaign.state == Campaign.State.FROZEN:
        return FrozenResult.objects.select_related("campaign").get(campaign=campaign, version=1), True
    if campaign.state in (Campaign.State.DRAFT, Campaign.State.CANCELLED):
        raise CutoffNotReached(f"{campaign.name} is {campaign.get_state_display()}: there is nothing to freeze")
    if campaign.state == Campaign.State.OPEN:
        begin_closing(campaign, by)
    elif campaign.snapshot_at is None:
        if unfinished_count := finish_received(campaign):
            on_unfinished(unfinished_count)
        # While submissions are open there is no progress, and the caller pauses.
        return None, not unfinished_count and fix_snapshot(campaign, by)
    else:
        _require_key(campaign)
        store_result(campaign, by, progress)
    return None, True


def _require_key(campaign: Campaign) -> None:
    # Before the expensive evaluation. The snapshot is fixed: however long the key takes, later facts do not count.
    try:
        private_key()
    except CannotSign as error:
        raise NotSigned(f"{campaign.name} is closed and cannot be frozen. {error}") from error


def freeze_due_campaigns(by: Actor) -> list[FrozenResult]:
    """Freeze the campaigns whose cut-off has passed; return the results.

    The next call continues with what must wait.
    """
    now, frozen = db_now(), []
    for campaign in Campaign.objects.freezing_by_itself().order_by("pk"):
        # In Python, because the newest version of the rule decides.
        if campaign.rule.cutoff_at > now:
            continue
        try:
            result = freeze(campaign=campaign, by=by, wait=False)
        except NotSigned as error:
            logger.error("%s", error)
            _record_failure(campaign, now)
        except CutoffNotReached:
            # Its rule has changed since the query, or it was cancelled.
            logger.info("%s is not due to be frozen now", campaign.slug)
        except Exception as error:
            # The other campaigns have their deadline too.
            logger.exception("%s could not be frozen", campaign.slug)
            # The next call, seconds later, succeeds when the database responds again.
            if not is_temporary(error):
                _record_failure(campaign, now)
        else:
            frozen += [result] if result else []
    return frozen


def _record_failure(campaign: Campaign, now: datetime) -> None:
    """Notify HR of a failed freeze, once a day."""
    try:
        with transaction.atomic():
            if claim_job(f"freeze failed:{campaign.pk}", f"{now:%Y-%m-%d}"):
                record_event("freeze_failed", subject=f"{campaign.pk}:{now:%Y-%m-%d}", campaign_id=campaign.pk)
    except DatabaseError:
        # The database can be the cause of the failure; the next call tries again.
        logger.warning("HR could not be notified of the failed freeze of %s", campaign.slug)


def wait_for_feed(*, campaign: Campaign, until: datetime, by: Actor) -> bool:
    """Let the feed continue until an instant: the snapshot waits for it. False when it is too late for that."""
    with transaction.atomic():
        without_snapshot = Campaign.objects.filter(pk=campaign.pk, state__in=["open", "closing"], snapshot_at=None)
        if not without_snapshot.update(feed_until=until):
            return False
        detail = {"until": until.isoformat()}
        audit("campaign.waits_for_feed", by=by, kind="campaign", id=campaign.slug, label=campaign.name, detail=detail)
    return True
