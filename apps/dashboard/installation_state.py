"""The state of the installation for its operator: queues, jobs and failed deliveries. Only sums, no person."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Max
from django.utils.dateparse import parse_datetime

from apps.core.health import FAILING_CHANNEL
from apps.core.models import Job, Setting
from apps.monitoring.waiting_work import Backlog, waiting_work
from apps.notifications.models import Notification
from apps.notifications.webhooks.models import WebhookDelivery, WebhookEndpoint
from apps.standings.effective_dates import PROCESSED_UNTIL

# The scheduler starts the shortest of its jobs every minute.
SCHEDULER_LATE = timedelta(minutes=5)
NIGHTLY_LATE = timedelta(hours=36)
NIGHTLY = ("recount", "retention", "forecast")
# Users of the directory wait for up to two hours while a second person decides about others.
LATE_AFTER_MINUTES = {
    "outbox": 2, "ranges": 15, "previews": 15, "submissions": 15, "roster_loads": 15, "directory": 180, "exports": 30,
    "events": 5, "security_mails": 10, "audit_stream": 15,
}  # fmt: skip
# For how long the failed deliveries are counted.
FAILED_FOR = timedelta(days=1)


@dataclass(frozen=True)
class Queue:
    """A kind of work that waits for a worker, and whether the oldest has waited too long."""

    work: str
    backlog: Backlog
    is_late: bool


@dataclass(frozen=True)
class JobState:
    code: str
    done_at: datetime | None
    is_late: bool


@dataclass(frozen=True)
class Failures:
    """Failed deliveries of the last day, and what fails now: endpoints that are failing, codes of channels by name."""

    notifications: int
    webhooks: int
    failing_endpoints: list[WebhookEndpoint]
    failing_channels: dict[str, str]


def queues(now: datetime) -> list[Queue]:
    return [
        Queue(work, backlog, backlog.oldest_seconds > 60 * LATE_AFTER_MINUTES[work])
        for work, backlog in waiting_work(now).items()
    ]


def jobs(now: datetime) -> list[JobState]:
    """When the scheduler's minute task and the nightly jobs ran last. A nightly job that never ran is not late."""
    stored = Setting.objects.filter(name=PROCESSED_UNTIL).values_list("value", flat=True).first()
    ticked = parse_datetime(stored) if stored else None
    last = {code: _latest(code) for code in NIGHTLY}
    return [
        JobState("scheduler", ticked, ticked is None or now - ticked > SCHEDULER_LATE),
        *(JobState(code, at, at is not None and now - at > NIGHTLY_LATE) for code, at in last.items()),
    ]


def _latest(code: str) -> datetime | None:
    """The last run of a job, of any campaign."""
    latest: datetime | None = Job.objects.filter(job__regex=f"^{code}(:|$)").aggregate(at=Max("done_at"))["at"]
    return latest


def failures(now: datetime) -> Failures:
    since = now - FAILED_FOR
    channels: Iterable[Setting] = Setting.objects.filter(name__startswith=FAILING_CHANNEL)
    return Failures(
        notifications=Notification.objects.filter(state="failed", created_at__gte=since).count(),
        webhooks=WebhookDelivery.objects.filter(state=WebhookDelivery.State.FAILED, ended_at__gte=since).count(),
        failing_endpoints=list(
            WebhookEndpoint.objects.filter(enabled=True, failing_since__isnull=False).order_by("failing_since")
        ),
        failing_channels={row.name.removeprefix(FAILING_CHANNEL): str(row.value) for row in channels},
    )
