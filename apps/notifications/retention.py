"""How long notifications are kept: a year, and as long as their campaign runs. Deliveries of webhooks: thirty days."""

from __future__ import annotations

from datetime import datetime, timedelta

from apps.core.sql import execute, statement

KEPT = timedelta(days=365)
# As long as the page that lists them needs them.
DELIVERIES_KEPT = timedelta(days=30)
# The most rows that one call deletes; the next call, minutes later, continues.
MAX_ROWS = 50_000
DELETE_NOTIFICATIONS = statement("notifications", "retention", "delete_notifications")
DELETE_REMINDERS = statement("notifications", "retention", "delete_reminders")
DELETE_LAST_REMINDERS = statement("notifications", "retention", "delete_last_reminders")
DELETE_HELP_OFFERS = statement("notifications", "retention", "delete_help_offers")
DELETE_PREFERENCES = statement("notifications", "retention", "delete_preferences")
DELETE_DELIVERIES = statement("notifications", "webhooks", "delete_old")
# Notifications first: they show what the others hold.
ALL = (DELETE_NOTIFICATIONS, DELETE_REMINDERS, DELETE_LAST_REMINDERS, DELETE_HELP_OFFERS, DELETE_PREFERENCES)


def delete_old_notifications(now: datetime) -> int:
    """Delete what is older than a year, and the preferences of employees who left before; returns how many rows."""
    values = {"before": now - KEPT, "most": MAX_ROWS}
    return sum(execute(query, values) for query in ALL)


def delete_old_deliveries(now: datetime) -> int:
    """Delete deliveries that ended and are older than thirty days; returns how many."""
    return execute(DELETE_DELIVERIES, {"before": now - DELIVERIES_KEPT, "most": MAX_ROWS})
