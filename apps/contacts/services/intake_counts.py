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

# One statement, so concurrent readers always see an exact sum. Of two concurrent runs the second finds no rows left.
SUM_UP = """
WITH many AS (SELECT quarter, source FROM contacts_intakecount GROUP BY 1, 2 HAVING count(*) > 1),
taken AS (DELETE FROM contacts_intakecount tally USING many
    WHERE tally.quarter = many.quarter AND tally.source = many.source RETURNING tally.quarter, tally.source, tally.n)
INSERT INTO contacts_intakecount (quarter, source, n)
SELECT quarter, source, sum(n) FROM taken GROUP BY 1, 2 HAVING sum(n) <> 0
"""


def sum_up_tally() -> None:
    """Compact the rows of each quarter of an hour and source into one row."""
    with connection.cursor() as cursor:
        cursor.execute(SUM_UP)


COUNT_HANDLES = """
SELECT count(*), count(*) FILTER (WHERE handles_alone) FROM (
    SELECT bool_and(kind = 'handle') AS handles_alone FROM contacts_contactidentity WHERE live
    GROUP BY employee_id, contact_id) contact
"""
HANDLES_JOB = "count_handles"


@dataclass(frozen=True)
class Handles:
    """The number of live contacts that only a handle identifies, and the time of the count."""

    contacts: int
    by_handle_alone: int
    at: datetime


def count_handles_daily(now: datetime) -> bool:
    """Count the contacts that only a handle identifies, once a day of TIME_ZONE.

    Returns False when today's count exists already.
    """
    day = now.astimezone(ZoneInfo(settings.TIME_ZONE)).date().isoformat()
    with transaction.atomic():
        if not claim_job(HANDLES_JOB, day):
            return False
        disable_statement_timeout()
        with connection.cursor() as cursor:
            cursor.execute(COUNT_HANDLES)
            contacts, alone = cursor.fetchone()
        Job.objects.filter(job=HANDLES_JOB, period=day).update(detail={"contacts": contacts, "alone": alone})
    return True


def handles_counted() -> Handles | None:
    """Return the newest daily count; None before the first."""
    job = Job.objects.filter(job=HANDLES_JOB).order_by("-done_at").first()
    return Handles(job.detail["contacts"], job.detail["alone"], job.done_at) if job else None
