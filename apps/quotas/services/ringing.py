"""The doorbell: tells a worker that somebody was touched. It carries nothing, and nothing depends on it."""

import logging

from celery import current_app
from django.db import transaction

logger = logging.getLogger(__name__)
MARK_TOUCHED = "apps.quotas.tasks.mark_touched"


def ring() -> None:
    """After the commit, ask a worker to mark whoever was touched. Never waits for a broker, never raises.

    When nobody hears it, the sweep finds the notes in the outbox.
    """
    transaction.on_commit(_ring, robust=True)


def _ring() -> None:
    try:
        current_app.send_task(MARK_TOUCHED, retry=False, ignore_result=True)
    except Exception as error:
        logger.error("the doorbell found no broker (%s): the sweep will mark what was touched", type(error).__name__)
