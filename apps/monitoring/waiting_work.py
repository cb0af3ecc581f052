"""What waits for a worker: counted here alone, for the operator's page and for metrics."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.conf import settings

from apps.core.sql import fetch_all, statement
from apps.roster.models import RosterSource

WAITING = statement("monitoring", "waiting", "waiting")


@dataclass(frozen=True)
class Backlog:
    """How much waits, and since when and for how many seconds the oldest of it has; 0 when nothing waits."""

    count: int
    since: datetime | None
    oldest_seconds: float

    @classmethod
    def at(cls, now: datetime, count: int, since: datetime | None) -> Backlog:
        return cls(count, since, max(0.0, (now - since).total_seconds()) if since else 0.0)


def waiting_work(now: datetime) -> dict[str, Backlog]:
    """What waits, by kind. `audit_stream` and `directory` only where they are switched on."""
    waiting = {work: Backlog.at(now, count, since) for work, count, since in fetch_all(WAITING)}
    if not settings.AUDIT_STREAM:
        del waiting["audit_stream"]
    if settings.ROSTER_SOURCE != RosterSource.SCIM:
        del waiting["directory"]
    return waiting
