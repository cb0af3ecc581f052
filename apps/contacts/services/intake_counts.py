"""Counts of all contacts: the tally by time and way in, of which many rows become one, and a daily look at handles."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db import connection, transaction

from apps.core.jobs import claim_job
from apps.core.locks import disable_statement_timeout
from apps.core.models import Job

# Exact for whoever reads meanwhile, for it is one statement; of two at once the second finds nothing left to take.
SUM_UP = """
WITH many AS (SELECT quarter, source FROM contacts_intakecount GROUP BY 1, 2 HAVING count(*) > 1),
taken AS (DELETE FROM contacts_intakecount tally USING many
    WHERE tally.quarter = many.quarter AND tally.source = many.source RETURNING tally.quarter, tally.source, tally.n)
INSERT INTO contacts_intakecount (quarter, source, n)
SELECT quarter, source, sum(n) FROM taken GROUP BY 1, 2 HAVING sum(n) <> 0
"""


def sum_up_tally() -> None:
    """Make one row of each quarter of an hour and way in."""
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
    """How many of the live contacts were known by nothing but a handle, and when that was counted."""

    contacts: int
    by_handle_alone: int
    at: datetime


def count_handles_daily(now: datetime) -> bool:
    """Count, once a day of TIME_ZONE, whom only a handle identifies. False: it was done today."""
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
    """The newest daily count; None before the first."""
    job = Job.objects.filter(job=HANDLES_JOB).order_by("-done_at").first()
    return Handles(job.detail["contacts"], job.detail["alone"], job.done_at) if job else None
