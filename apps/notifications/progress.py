"""Progress of sending notifications: sums for HR and the operator, without recipients."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.conf import settings

from apps.core.sql import fetch_named, statement
from apps.notifications.channels import CHANNELS

STATES = statement("notifications", "progress", "states")
REASONS = statement("notifications", "progress", "reasons")
SUMS_BY_SENDER = statement("notifications", "progress", "sums_by_sender")


@dataclass(frozen=True)
class Progress:
    """Rows by kind and channel, rows by reason, and the minutes that the waiting ones take at their channels' rates."""

    states: list[dict[str, Any]]
    reasons: list[dict[str, Any]]
    minutes_left: int

    @property
    def waiting(self) -> int:
        return sum(row["waiting"] for row in self.states)


def read_progress(now: datetime) -> Progress:
    """The notifications of the last thirty days at `now`."""
    states = fetch_named(STATES, {"now": now})
    seconds = sum(row["waiting"] / _per_second(row["channel"]) for row in states)
    return Progress(states, fetch_named(REASONS, {"now": now}), math.ceil(seconds / 60))


def _per_second(channel: str) -> float:
    limit = CHANNELS[channel].per_second if channel in CHANNELS else math.inf
    return min(settings.NOTIFICATIONS_PER_SECOND, limit)


def sums_by_sender(now: datetime) -> list[dict[str, Any]]:
    """Reminders and offers of help of the last thirty days by sender: sums, for HR alone."""
    return fetch_named(SUMS_BY_SENDER, {"now": now})
