"""How long deliveries are kept: thirty days, as long as the page that lists them needs them."""

from __future__ import annotations

from datetime import datetime, timedelta

from apps.core.sql import execute, statement

KEPT = timedelta(days=30)
# The most rows that one call deletes; the next call, minutes later, continues.
MAX_ROWS = 50_000
DELETE_OLD = statement("notifications", "webhooks", "delete_old")


def delete_old_deliveries(now: datetime) -> int:
    """Delete deliveries that ended and are older than thirty days; returns how many."""
    return execute(DELETE_OLD, {"before": now - KEPT, "most": MAX_ROWS})
