"""The whole freeze, as tasks and commands call it: idempotent and safe to run concurrently."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from datetime import datetime
from typing import Any

import psycopg2
from django.db import IntegrityError, OperationalError, transaction
from django.db.models import Q

from apps.campaigns.models import Campaign
from apps.core.audit import Actor, audit
from apps.core.clock import db_now
from apps.core.locks import advisory_lock
from apps.core.signing_key import CannotSign, private_key
from apps.results.close_submissions import CutoffNotReached, begin_closing, finish_received, fix_snapshot
from apps.results.models import FrozenResult
from apps.results.store_result import store_result

logger = logging.getLogger(__name__)
POLL_SECONDS = 0.5


class NotSigned(CutoffNotReached):
    """A campaign that waits for a key to sign its result."""


def freeze(
    *,
    campaign: Campaign,
    by: Actor,
    wait: bool,
    progress: Callable[[int, int], None] = lambda done, total: None,
    waiting: Callable[[int], None] = lambda left: None,
) -> FrozenResult | None:
    """Bring a campaign to its result and return it; for a frozen campaign, version 1.

    Each step commits on its own, so the next call continues after a crash. `wait=True` waits for whatever must end
    first and passes the number of open submissions to `waiting`. Otherwise it returns None, and the caller tries again
    later. Raises CutoffNotReached before the cut-off, for a draft or cancelled campaign, and without a signing key.
    """
    with advisory_lock(f"freeze:{campaign.pk}", wait=float("inf") if wait else 0) as locked:
        while locked:
            result, moved = _try_step(campaign, by, progress, waiting)
            if result is not None:
                return result
            if not moved:
                if not wait:
                    return None
                time.sleep(POLL_SECONDS)
    return None


def _try_step(campaign: Campaign, *arguments: Any) -> tuple[FrozenResult | None, bool]:
    """The next step; no progress when another writer holds a lock longer than the lock timeout."""
    try:
        return _step(Campaign.objects.get(pk=campaign.pk), *arguments)
    except IntegrityError:
        # Behind a connection pool the advisory lock may not protect: another process has stored the result first.
        if not FrozenResult.objects.filter(campaign=campaign).exists():
            raise
        return None, True
    except OperationalError as error:
        if not isinstance(error.__cause__, psycopg2.errors.LockNotAvailable):
            raise
        return None, False


def _step(
    now: Campaign, by: Actor, progress: Callable[[int, int], None], waiting: Callable[[int], None]
) -> tuple[FrozenResult | None, bool]:
    """Run the next step for the campaign's state. Returns the result once it stands, and whether there was progress."""
    if now.state == Campaign.State.FROZEN:
        return FrozenResult.objects.select_related("campaign").get(campaign=now, version=1), True
    if now.state in (Campaign.State.DRAFT, Campaign.State.CANCELLED):
        raise CutoffNotReached(f"{now.name} is {now.get_state_display()}: there is nothing to freeze")
    if now.state == Campaign.State.OPEN:
        begin_closing(now, by)
    elif now.snapshot_at is None:
        if left := finish_received(now):
            waiting(left)
        return None, not left and fix_snapshot(now, by)
    else:
        _require_key(now)
        store_result(now, by, progress)
    return None, True


def _require_key(campaign: Campaign) -> None:
    """Check before the expensive evaluation. The snapshot is fixed, so later facts do not count, however long this
    takes.
    """
    try:
        private_key()
    except CannotSign as error:
        raise NotSigned(f"{campaign.name} is closed and cannot be frozen. {error}") from error


def freeze_due(by: Actor) -> list[FrozenResult]:
    """Freeze campaigns that were opened before their cut-off once it has passed, and those that a person began to
    close.

    The next call continues with what must wait.
    """
    at, frozen = db_now(), []
    by_itself = Q(state=Campaign.State.OPEN, backdated=False) | Q(state=Campaign.State.CLOSING)
    for campaign in Campaign.objects.filter(by_itself).order_by("pk"):
        if campaign.rule.cutoff_at > at:
            continue
        try:
            result = freeze(campaign=campaign, by=by, wait=False)
        except NotSigned as error:
            logger.error("%s", error)
        except CutoffNotReached:
            # Its rule has changed since the query, or it was cancelled.
            logger.info("%s is not to be frozen now", campaign.slug)
        except Exception:
            # The other campaigns have their deadline too.
            logger.exception("%s could not be frozen", campaign.slug)
        else:
            frozen += [result] if result else []
    return frozen


def wait_for_feed(*, campaign: Campaign, until: datetime, by: Actor) -> bool:
    """Let the feed continue until an instant: the snapshot waits for it. False: the snapshot exists, or the campaign is
    over.
    """
    with transaction.atomic():
        open_still = Campaign.objects.filter(pk=campaign.pk, state__in=["open", "closing"], snapshot_at=None)
        if not open_still.update(feed_until=until):
            return False
        detail = {"until": until.isoformat()}
        audit("campaign.waits_for_feed", by=by, kind="campaign", id=campaign.slug, label=campaign.name, detail=detail)
    return True
