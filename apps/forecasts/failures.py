"""Forecasts and judgements that failed: each is tried again on another day, and after MAX_FAILURES no more."""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from datetime import date

from celery.exceptions import SoftTimeLimitExceeded

from apps.core.jobs import claim_job
from apps.core.locks import is_temporary
from apps.core.models import Job

logger = logging.getLogger(__name__)
MAX_FAILURES = 4


@contextmanager
def noted(job: str, day: date) -> Iterator[None]:
    """Note and log a failure, so that other campaigns do not wait for this one. Raises temporary errors of the
    database, which are no failures, and the end of the worker's time.
    """
    try:
        yield
    except Exception as error:
        if is_temporary(error):
            raise
        claim_job(_failed(job), day.isoformat())
        if isinstance(error, SoftTimeLimitExceeded):
            raise
        logger.exception("%s could not be made", job)


def may_try(jobs: Collection[tuple[str, date]]) -> set[str]:
    """Which of the jobs have not failed on this day, nor MAX_FAILURES times."""
    days: dict[str, set[str]] = {}
    for job, day in Job.objects.filter(job__in=[_failed(job) for job, _day in jobs]).values_list("job", "period"):
        days.setdefault(job, set()).add(day)
    failed = {job: days.get(_failed(job), set()) for job, _day in jobs}
    return {job for job, day in jobs if day.isoformat() not in failed[job] and len(failed[job]) < MAX_FAILURES}


def _failed(job: str) -> str:
    return f"{job}, failed"
