"""The doorbell: tells a worker that somebody was touched. It carries nothing, and nothing depends on it."""

import logging
import uuid
from collections.abc import Callable

from celery import chain, current_app
from django.db import transaction

logger = logging.getLogger(__name__)
MARK_TOUCHED = "apps.quotas.tasks.mark_touched"
TELL_ANSWERS = "apps.quotas.tasks.tell_answers"
IMPORT_SUBMISSION = "apps.contacts.tasks.import_submission"


def ring() -> None:
    """After the commit, ask a worker to mark whoever was touched. Never waits for a broker, never raises.

    When nobody hears it, the sweep finds the notes in the outbox.
    """
    transaction.on_commit(lambda: _ring(_mark), robust=True)


def ring_for_file(submission_id: uuid.UUID) -> None:
    """After the commit, ask a worker to record a file that was handed in, and then to mark whom it touched.

    Never waits, never raises: when nobody hears it, the sweep finds the file.
    """
    transaction.on_commit(lambda: _ring(lambda: _import_and_mark(submission_id)), robust=True)


def ring_for_answer() -> None:
    """After the commit, ask a worker to mail whoever was answered. Never waits, never raises: beat asks too."""
    transaction.on_commit(lambda: _ring(_tell), robust=True)


def _tell() -> None:
    current_app.send_task(TELL_ANSWERS, retry=False, ignore_result=True)


def _mark() -> None:
    current_app.send_task(MARK_TOUCHED, retry=False, ignore_result=True)


def _import_and_mark(submission_id: uuid.UUID) -> None:
    first = current_app.signature(IMPORT_SUBMISSION, args=[str(submission_id)], immutable=True)
    chain(first, current_app.signature(MARK_TOUCHED, immutable=True)).apply_async(retry=False, ignore_result=True)


def _ring(send: Callable[[], None]) -> None:
    try:
        send()
    except Exception as error:
        logger.error("the doorbell found no broker (%s): the sweep will mark what was touched", type(error).__name__)
