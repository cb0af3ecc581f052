"""What Celery runs for people. A task carries an id and calls one service; the broker carries no truth."""

import uuid

from celery import shared_task

from apps.employees import loads


@shared_task
def work_on_load(load_id: str) -> None:
    """Look at a roster that was sent, or apply one that was confirmed."""
    loads.work_on(uuid.UUID(load_id))
