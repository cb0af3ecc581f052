"""Planning: from the events of one transaction to deliveries, set-based."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from apps.core.enqueue import enqueue_webhooks
from apps.core.sql import execute, statement
from apps.notifications.webhooks.event_types import EVENT_KINDS
from apps.reports.small_groups import MIN_GROUP_SIZE

PLAN = statement("notifications", "webhooks", "plan")


def plan_webhooks(events: Sequence[int], now: datetime) -> int:
    """Plan the deliveries of these events in the caller's transaction, which deletes them; returns how many."""
    planned = execute(PLAN, {
        "ids": list(events), "now": now, "types": list(EVENT_KINDS), "kinds": list(EVENT_KINDS.values()),
        "least": MIN_GROUP_SIZE,
    })  # fmt: skip
    if planned:
        enqueue_webhooks()
    return planned
