"""What Celery runs for facts. A task carries an id and calls one service; the broker carries no truth."""

import uuid

from celery import shared_task

from apps.contacts import imports


@shared_task
def import_submission(submission_id: str) -> None:
    """Record what is left of a file that was handed in."""
    imports.import_submission(uuid.UUID(submission_id))
