"""Forecasts and judgements that failed: each is tried again on another day, and after MAX_FAILURES no more."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date

from apps.core.jobs import claim_job
from apps.core.models import Job

MAX_FAILURES = 4


def note_failure(job: str, day: date) -> None:
    claim_job(_failed(job), day.isoformat())


def may_try(jobs: Collection[tuple[str, date]]) -> set[str]:
    """Which of the jobs have not failed on this day, nor MAX_FAILURES times."""
    days: dict[str, set[str]] = {}
    for job, day in Job.objects.filter(job__in=[_failed(job) for job, _day in jobs]).values_list("job", "period"):
        days.setdefault(job, set()).add(day)
    failed = {job: days.get(_failed(job), set()) for job, _day in jobs}
    return {job for job, day in jobs if day.isoformat() not in failed[job] and len(failed[job]) < MAX_FAILURES}


def _failed(job: str) -> str:
    return f"{job}, failed"
