"""The state of the installation for its operator: checks, queues, jobs and failed deliveries. Only sums, no person."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Count, Max, Min, QuerySet
from django.utils.dateparse import parse_datetime

from apps.accounts.models import SecurityEvent
from apps.contacts.models import Submission
from apps.core.health import FAILING_CHANNEL, current_checks
from apps.core.models import Event, FilePreview, Job, OutboxRow, Setting
from apps.exports.models import Export
from apps.notifications.models import Notification
from apps.notifications.webhooks.models import WebhookDelivery, WebhookEndpoint
from apps.roster.imports import WAITING
from apps.roster.models import RosterImport
from apps.standings.effective_dates import PROCESSED_UNTIL

# The scheduler starts the shortest of its jobs every minute.
SCHEDULER_LATE = timedelta(minutes=5)
NIGHTLY_LATE = timedelta(hours=36)
NIGHTLY = ("recount", "retention", "forecast")
# For how long the failed deliveries are counted.
FAILED_FOR = timedelta(days=1)


@dataclass(frozen=True)
class Queue:
    """Rows that wait for a worker: their number, since when the oldest waits, and whether that is too long."""

    code: str
    waiting: int
    oldest: datetime | None
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


def health_checks() -> list[tuple[str, str]]:
    """(code, state) of each check of `/health/ready`; `ok`, or what is wrong."""
    return list(current_checks().items())


def queues(now: datetime) -> list[Queue]:
    """The queues of workers, with the age at which each is late."""
    unsent = SecurityEvent.objects.filter(sent_at=None)
    loads = RosterImport.objects.filter(state__in=WAITING)
    files = Submission.objects.filter(state=Submission.State.RECEIVED, file__isnull=False)
    previews = FilePreview.objects.filter(state=FilePreview.State.WAITING)
    return [
        _queue("standings", OutboxRow.objects.all(), "queued_at", now, minutes=2),
        _queue("previews", previews, "asked_at", now, minutes=15),
        _queue("imports", files, "advanced_at", now, minutes=15),
        _queue("roster", loads, "advanced_at", now, minutes=15),
        _queue("exports", Export.objects.waiting().order_by(), "asked_at", now, minutes=30),
        _queue("events", Event.objects.all(), "at", now, minutes=5),
        _queue("mails", unsent, "at", now, minutes=10),
    ]


def _queue(code: str, rows: QuerySet[Any], since: str, now: datetime, *, minutes: int) -> Queue:
    totals = rows.aggregate(waiting=Count("pk"), oldest=Min(since))
    oldest = totals["oldest"]
    return Queue(code, totals["waiting"], oldest, oldest is not None and now - oldest > timedelta(minutes=minutes))


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
