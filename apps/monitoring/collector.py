"""The figures as metrics. Dashboards and alerts depend on their names: add, never rename (docs/monitoring)."""

from __future__ import annotations

import logging
import platform
import time
from collections.abc import Iterable, Iterator
from functools import lru_cache
from threading import Lock

from django.db import DatabaseError, connection
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, InfoMetricFamily, Metric
from prometheus_client.registry import Collector

from apps.core.health import current_checks
from apps.core.version import program_version
from apps.monitoring.figures import CampaignFigures, DatabaseFigures, Figures, read_figures

logger = logging.getLogger(__name__)
# Scrapes at one moment wait for one reading and share it.
_reading = Lock()


class StateCollector(Collector):
    """Reads the state of the installation at each scrape; it is the same in every web process.

    While the database does not answer, only the checks, `hundred_figures_ok` and the build are collected.
    """

    def collect(self) -> Iterator[Metric]:
        began = time.monotonic()
        checks = current_checks()
        yield _gauge(
            "hundred_check_ok",
            "1 where /health/ready says ok",
            ["check"],
            [(check, state == "ok") for check, state in checks.items()],
        )
        with _reading:
            figures = _figures(int(time.monotonic()))
        yield _gauge("hundred_figures_ok", "1 where the database answered in time", value=figures is not None)
        yield _gauge("hundred_figures_seconds", "Seconds this collection took", value=time.monotonic() - began)
        yield _build(figures)
        if figures is not None:
            yield from _work(figures)
            yield from _tasks(figures)
            yield from _campaigns(figures.campaigns)
            yield _gauge(
                "hundred_drift_standings",
                "Standings that differed from the facts in the last recount",
                ["campaign"],
                figures.drift.items(),
            )
            yield from _messages(figures)
            yield from _database(figures.database)


# The second is the cache key: several monitors, or one without a token, cost one reading a second.
@lru_cache(maxsize=1)
def _figures(_second: int) -> Figures | None:
    try:
        return read_figures()
    except DatabaseError as error:
        # No message: PostgreSQL may quote rows in it.
        logger.warning("The figures for monitoring could not be read: %s", type(error).__name__)
        connection.close_if_unusable_or_obsolete()
        return None


def _gauge(
    name: str, text: str, labels: list[str] | None = None, rows: Iterable[tuple] = (), *, value: float | None = None
) -> Metric:
    """A gauge with one `value`, or with a row of label values and a number for each sample."""
    family = GaugeMetricFamily(name, text, labels=labels or [])
    if value is not None:
        family.add_metric([], float(value))
    for *names, number in rows:
        family.add_metric([str(part) for part in names], float(number))
    return family


def _build(figures: Figures | None) -> Metric:
    info = InfoMetricFamily("hundred_build", "Versions of the program and what it runs on")
    versions = {"version": program_version(), "python": platform.python_version()}
    info.add_metric([], versions | ({"postgresql": figures.database.version} if figures else {}))
    return info


def _work(figures: Figures) -> Iterator[Metric]:
    waiting = figures.waiting.items()
    yield _gauge(
        "hundred_work_waiting",
        "What waits for a worker, by kind",
        ["work"],
        [(work, backlog.count) for work, backlog in waiting],
    )
    yield _gauge(
        "hundred_work_oldest_seconds",
        "How long the oldest has waited or not advanced; 0 when nothing waits",
        ["work"],
        [(work, backlog.oldest_seconds) for work, backlog in waiting],
    )
    queued, evaluated = figures.outbox_rows
    yield CounterMetricFamily("hundred_outbox_queued", "Outbox rows written: re-evaluations requested", queued)
    yield CounterMetricFamily("hundred_outbox_evaluated", "Outbox rows taken by a mark", evaluated)


def _tasks(figures: Figures) -> Iterator[Metric]:
    tasks = figures.tasks.items()
    yield _gauge(
        "hundred_task_interval_seconds",
        "Seconds between two requests of a scheduled task",
        ["task"],
        [(task, run.interval_seconds) for task, run in tasks],
    )
    yield _gauge(
        "hundred_task_age_seconds",
        "Seconds since a worker last finished a scheduled task",
        ["task"],
        [(task, run.age_seconds) for task, run in tasks],
    )
    yield _gauge(
        "hundred_task_late_seconds",
        "Seconds beyond its interval since a worker last finished a scheduled task",
        ["task"],
        [(task, run.late_seconds) for task, run in tasks],
    )


def _campaigns(campaigns: list[CampaignFigures]) -> Iterator[Metric]:
    yield _gauge(
        "hundred_campaign_state",
        "1 for the state of a campaign that is not finished or was frozen in the last week",
        ["campaign", "state"],
        [(row.slug, row.state, 1) for row in campaigns],
    )
    yield _gauge(
        "hundred_campaign_seconds_to_cutoff",
        "Seconds to the cut-off; negative after it, absent once frozen",
        ["campaign"],
        [(row.slug, row.seconds_to_cutoff) for row in campaigns if row.seconds_to_cutoff is not None],
    )
    yield _gauge(
        "hundred_campaign_freeze_overdue_seconds",
        "Seconds since a campaign should have been frozen by itself; 0 before",
        ["campaign"],
        [(row.slug, row.freeze_overdue_seconds) for row in campaigns],
    )
    yield _gauge(
        "hundred_campaign_recount_age_seconds",
        "Seconds since the last recount of a running campaign ended, or since it began",
        ["campaign"],
        [(row.slug, row.recount_age_seconds) for row in campaigns if row.recount_age_seconds is not None],
    )


def _messages(figures: Figures) -> Iterator[Metric]:
    notifications, webhooks = figures.notifications.items(), figures.webhooks.items()
    yield _gauge(
        "hundred_notifications",
        "Notifications due and being sent; of the newest of the last hour, those that ended",
        ["channel", "state"],
        [(*key, backlog.count) for key, backlog in notifications],
    )
    yield _gauge(
        "hundred_notifications_overdue_seconds",
        "How long the oldest due notification has been due, or the oldest one has been being sent",
        ["channel", "state"],
        [(*key, backlog.oldest_seconds) for key, backlog in notifications if key[1] in ("due", "sending")],
    )
    yield _gauge(
        "hundred_webhook_deliveries",
        "Webhook deliveries due, and those of the last hour that ended",
        ["state"],
        [(state, backlog.count) for state, backlog in webhooks],
    )
    overdue = sum(backlog.oldest_seconds for state, backlog in webhooks if state == "due")
    yield _gauge("hundred_webhook_overdue_seconds", "How long the oldest due delivery has been due", value=overdue)
    yield _gauge(
        "hundred_sign_in_failures",
        "Refused sign-ins in the last 15 minutes; one a minute for each account and address",
        ["reason"],
        figures.sign_in_failures.items(),
    )


def _database(database: DatabaseFigures) -> Iterator[Metric]:
    yield _gauge("hundred_database_bytes", "Size of the database", value=database.database_bytes)
    yield _gauge("hundred_database_connections", "Connections to this database", value=database.connections)
    yield _gauge("hundred_database_connections_max", "Connections the server allows", value=database.max_connections)
    yield _gauge(
        "hundred_database_longest_transaction_seconds",
        "How long the oldest running transaction of Hundred has run",
        value=database.longest_transaction_seconds,
    )
    yield _gauge("hundred_stored_files", "Uploads, reports and exports in the database", value=database.stored_files)
    yield _gauge("hundred_stored_bytes", "Their bytes", value=database.stored_bytes)
