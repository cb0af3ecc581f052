"""Counts of all contacts: the intake by time and source, and a daily count of handle-only contacts.

The intake has many rows, which a task compacts regularly.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db import connection, transaction

from apps.core.jobs import claim_job
from apps.core.locks import disable_statement_timeout
from apps.core.models import Job
from apps.core.sql import statement

COMPACT = statement("contacts", "intake_counts", "compact")
COUNT_HANDLES = statement("contacts", "intake_counts", "count_handles")
HANDLES_JOB = "count_handles"


def compact_intake_counts() -> None:
    """Compact the rows of each quarter of an hour and source into one row."""
    with connection.cursor() as cursor:
        cursor.execute(COMPACT)


@dataclass(frozen=True)
class HandleCount:
    """The number of live contacts that only a handle identifies, and the time of the count."""

    contacts: int
    handle_only: int
    at: datetime


def count_handles_daily(now: datetime) -> bool:
    """Count the contacts that only a handle identifies, once a day of TIME_ZONE.

    Returns False when today's count exists already.
    """
    day = now.astimezone(ZoneInfo(settings.TIME_ZONE)).date().isoformat()
    with transaction.atomic():
        if not claim_job(HANDLES_JOB, day):
            return False
        # The count reads every live identity once a day, which takes longer than a request may.
        disable_statement_timeout()
        with connection.cursor() as cursor:
            cursor.execute(COUNT_HANDLES)
            contacts, handle_only = cursor.fetchone()
        Job.objects.filter(job=HANDLES_JOB, period=day).update(detail={"contacts": contacts, "alone": handle_only})
    return True


def latest_handle_count() -> HandleCount | None:
    """Return the newest daily count; None before the first."""
    job = Job.objects.filter(job=HANDLES_JOB).order_by("-done_at").first()
    return HandleCount(job.detail["contacts"], job.detail["alone"], job.done_at) if job else None
