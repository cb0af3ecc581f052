"""Progress of sending notifications: sums for HR and the operator, without recipients."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from math import ceil
from typing import Any

from django.conf import settings

from apps.core.sql import fetch_named, statement

STATES = statement("notifications", "progress", "states")
REASONS = statement("notifications", "progress", "reasons")


@dataclass(frozen=True)
class Progress:
    """Rows by kind and channel, rows by reason, and the minutes that the waiting ones take at the configured rate."""

    states: list[dict[str, Any]]
    reasons: list[dict[str, Any]]
    minutes_left: int

    @property
    def waiting(self) -> int:
        return sum(row["waiting"] for row in self.states)


def read_progress(now: datetime) -> Progress:
    """The notifications of the last thirty days at `now`."""
    states = fetch_named(STATES, {"now": now})
    waiting = sum(row["waiting"] for row in states)
    minutes = ceil(waiting / (60 * settings.NOTIFICATIONS_PER_SECOND))
    return Progress(states, fetch_named(REASONS, {"now": now}), minutes)
