"""The figures of an installation for monitoring, read from the database in one short transaction.

No figure names a person: labels are states, channels, names of tasks and the slugs of campaigns.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction

from apps.campaigns.models import Campaign
from apps.core.clock import db_now
from apps.core.health import drift_by_campaign
from apps.core.sql import execute, fetch_all, statement
from apps.core.task_runs import last_runs, scheduled_tasks
from apps.monitoring.waiting_work import Backlog, waiting_work

# A scrape must never occupy the database: a statement that takes longer is given up, and the figures are missing.
STATEMENT_TIMEOUT_MILLISECONDS = 2_000
# For how long a frozen campaign is shown.
FROZEN_SHOWN_FOR = timedelta(days=7)
# Refused sign-ins here. The statement adds those of the company's provider, by the beginning of their actions.
FAILED_SIGN_INS = [
    f"account.{event}" for event in ("sign_in_refused", "locked_out", "factor_refused", "enrolment_code_refused")
]
_process_began = time.monotonic()

OUTBOX_ROWS = statement("monitoring", "figures", "outbox_rows")
RECOUNTS = statement("monitoring", "figures", "recounts")
NOTIFICATIONS = statement("monitoring", "figures", "notifications")
WEBHOOKS = statement("monitoring", "figures", "webhooks")
SIGN_IN_FAILURES = statement("monitoring", "figures", "sign_in_failures")
STORAGE = statement("monitoring", "figures", "storage")
DATABASE = statement("monitoring", "figures", "database")


@dataclass(frozen=True)
class TaskRun:
    """A scheduled task: seconds between two runs, and since the last one."""

    interval_seconds: float
    age_seconds: float

    @property
    def late_seconds(self) -> float:
        return max(0.0, self.age_seconds - self.interval_seconds)


@dataclass(frozen=True)
class CampaignFigures:
    """One campaign. `seconds_to_cutoff` is negative after the cut-off, and None once the campaign is frozen.

    `freeze_overdue_seconds`: since when the scheduler should have frozen it. `recount_age_seconds`: since the last
    recount ended, or since it began before the first one; None before the opening and after the closing.
    """

    slug: str
    state: str
    seconds_to_cutoff: float | None
    freeze_overdue_seconds: float
    recount_age_seconds: float | None


@dataclass(frozen=True)
class DatabaseFigures:
    version: str
    max_connections: int
    connections: int
    longest_transaction_seconds: float
    database_bytes: int
    stored_files: int
    stored_bytes: int


@dataclass(frozen=True)
class Figures:
    """All figures of one moment: `waiting` by kind of work, `notifications` by (channel, state), `webhooks` by state.

    `outbox_rows`: how many rows were written and deleted, as PostgreSQL's statistics count them.
    """

    waiting: Mapping[str, Backlog]
    outbox_rows: tuple[int, int]
    tasks: Mapping[str, TaskRun]
    campaigns: list[CampaignFigures]
    drift: Mapping[str, int]
    notifications: Mapping[tuple[str, str], Backlog]
    webhooks: Mapping[str, Backlog]
    sign_in_failures: Mapping[str, int]
    database: DatabaseFigures


def read_figures() -> Figures:
    """All figures, from one read-only transaction. Raises DatabaseError when the database does not answer in time."""
    now = db_now()
    with _short_read_only_transaction():
        return Figures(
            waiting=waiting_work(now),
            # The statistics have no row of a table that was never used.
            outbox_rows=next(iter(fetch_all(OUTBOX_ROWS)), (0, 0)),
            tasks=_task_runs(now),
            campaigns=_campaigns(now),
            drift=drift_by_campaign(),
            notifications={
                (channel, state): Backlog.at(now, *backlog)
                for channel, state, *backlog in fetch_all(NOTIFICATIONS, {"now": now})
            },
            webhooks={state: Backlog.at(now, *backlog) for state, *backlog in fetch_all(WEBHOOKS, {"now": now})},
            sign_in_failures=dict(fetch_all(SIGN_IN_FAILURES, {"now": now, "actions": FAILED_SIGN_INS})),
            database=_database(),
        )


@contextmanager
def _short_read_only_transaction() -> Iterator[None]:
    with transaction.atomic():
        execute(f"SET LOCAL statement_timeout = {STATEMENT_TIMEOUT_MILLISECONDS}")
        execute("SET TRANSACTION READ ONLY")
        yield
        # It has written nothing; inside another transaction its limits must end here.
        transaction.set_rollback(True)


def _task_runs(now: datetime) -> dict[str, TaskRun]:
    runs = last_runs()
    # Unknown after an installation or update: then it has been missing at least as long as this process exists.
    process_age = time.monotonic() - _process_began
    return {
        task: TaskRun(interval, max(0.0, (now - runs[task]).total_seconds()) if task in runs else process_age)
        for task, interval in scheduled_tasks().items()
    }


def _campaigns(now: datetime) -> list[CampaignFigures]:
    unfinished = Campaign.objects.filter(state__in=[Campaign.State.OPEN, Campaign.State.CLOSING])
    frozen = Campaign.objects.filter(state=Campaign.State.FROZEN, snapshot_at__gt=now - FROZEN_SHOWN_FOR)
    by_itself = set(Campaign.objects.freezing_by_itself().values_list("pk", flat=True))
    recounts = dict(fetch_all(RECOUNTS))
    return [
        _campaign(campaign, now, freezes_by_itself=campaign.pk in by_itself, recounted_at=recounts.get(campaign.pk))
        for campaign in (unfinished | frozen).prefetch_related("rules")
        if campaign.versions
    ]


def _campaign(
    campaign: Campaign, now: datetime, *, freezes_by_itself: bool, recounted_at: datetime | None
) -> CampaignFigures:
    rule, is_frozen = campaign.rule, campaign.state == Campaign.State.FROZEN
    # A freeze waits for a feed that HR has announced.
    due_at = max(rule.cutoff_at, campaign.feed_until or rule.cutoff_at)
    # A campaign can be created after its opening.
    begun_at = max(rule.opens_at, campaign.created_at)
    is_evaluated = campaign.state == Campaign.State.OPEN and rule.opens_at <= now
    return CampaignFigures(
        slug=campaign.slug,
        state=campaign.state,
        seconds_to_cutoff=None if is_frozen else (rule.cutoff_at - now).total_seconds(),
        freeze_overdue_seconds=max(0.0, (now - due_at).total_seconds()) if freezes_by_itself else 0.0,
        recount_age_seconds=max(0.0, (now - (recounted_at or begun_at)).total_seconds()) if is_evaluated else None,
    )


def _database() -> DatabaseFigures:
    [(version, max_connections, connections, longest)] = fetch_all(DATABASE)
    [(files, stored_bytes, database_bytes)] = fetch_all(STORAGE)
    return DatabaseFigures(
        version=version.split()[0],
        max_connections=max_connections,
        connections=connections,
        longest_transaction_seconds=longest,
        database_bytes=database_bytes,
        stored_files=files,
        stored_bytes=int(stored_bytes),
    )
