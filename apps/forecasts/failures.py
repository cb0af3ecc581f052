"""Forecasts and judgements that failed: each is tried again on another day, and after MAX_FAILURES no more.

An attempt is noted before it begins and deleted when it succeeds, so that a killed worker leaves its note.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from datetime import date, timedelta
from enum import Enum

from celery.exceptions import SoftTimeLimitExceeded
from django.db.models import QuerySet

from apps.core.clock import db_now
from apps.core.jobs import claim_job
from apps.core.locks import is_temporary
from apps.core.models import Job

logger = logging.getLogger(__name__)
MAX_FAILURES = 4
# The hard limit of a task (config/celery.py): an older attempt without an end was killed.
MAX_DURATION = timedelta(minutes=30)


class State(Enum):
    """`FAILED`: the attempt of this day failed, another day is tried. `GIVEN_UP`: after MAX_FAILURES attempts."""

    DUE = "due"
    RUNNING = "running"
    FAILED = "failed"
    GIVEN_UP = "given_up"


@contextmanager
def noted(job: str, day: date) -> Iterator[None]:
    """Note an attempt, and log its failure, so that other campaigns do not wait for this one. Raises temporary errors
    of the database, which are no failures, and the end of the worker's time.

    The caller is the only one who tries: it holds a lock, and no transaction, in which the note would not be stored.
    """
    claim_job(_failed(job), day.isoformat())
    try:
        yield
    except Exception as error:
        if is_temporary(error):
            _notes(job, day).delete()
            raise
        _notes(job, day).update(detail={"failed": True})
        if isinstance(error, SoftTimeLimitExceeded):
            raise
        logger.exception("%s could not be made", job)
    else:
        _notes(job, day).delete()


def may_try(jobs: Collection[tuple[str, date]]) -> set[str]:
    """Which of the jobs have not failed on this day, nor MAX_FAILURES times."""
    return {job for job, state in states(jobs).items() if state is State.DUE}


def states(jobs: Collection[tuple[str, date]]) -> dict[str, State]:
    """Whether each job may be tried on its day."""
    attempts: dict[str, list[Job]] = {}
    for attempt in Job.objects.filter(job__in=[_failed(job) for job, _day in jobs]):
        attempts.setdefault(attempt.job, []).append(attempt)
    return {job: _state(attempts.get(_failed(job), []), day) for job, day in jobs}


def _state(attempts: Sequence[Job], day: date) -> State:
    today = next((attempt for attempt in attempts if attempt.period == day.isoformat()), None)
    if today and not today.detail.get("failed") and today.done_at > db_now() - MAX_DURATION:
        return State.RUNNING
    if len(attempts) >= MAX_FAILURES:
        return State.GIVEN_UP
    return State.FAILED if today else State.DUE


def _notes(job: str, day: date) -> QuerySet[Job]:
    return Job.objects.filter(job=_failed(job), period=day.isoformat())


def _failed(job: str) -> str:
    return f"{job}, failed"
