"""The doorbell: tells a worker that there is work. It carries nothing but ids, and nothing depends on it."""

import logging
import uuid
from collections.abc import Callable, Iterable
from typing import Any

from celery import current_app
from django.conf import settings
from django.db import transaction

logger = logging.getLogger(__name__)
MARK_TOUCHED = "apps.operations.tasks.mark_touched"
DO_RANGE = "apps.operations.tasks.process_range"
MAKE_VERSION = "apps.operations.tasks.make_version"
FREEZE_DUE = "apps.operations.tasks.freeze_due"
MAKE_EXPORT = "apps.operations.tasks.make_export"
ROLL_UP = "apps.operations.tasks.roll_up"
TELL_ANSWERS = "apps.operations.tasks.send_answer_mails"
IMPORT_SUBMISSION = "apps.operations.tasks.import_submission"
MAIL_LINK = "apps.operations.tasks.mail_link"
WORK_ON_LOAD = "apps.operations.tasks.work_on_load"
MAKE_PREVIEW = "apps.operations.tasks.make_preview"


def enqueue_marking() -> None:
    """After the commit, ask a worker to mark whoever was touched, or everybody. Never waits for a broker, never raises.

    When nobody hears it, the sweep finds the notes in the outbox and the ranges of a run.
    """
    transaction.on_commit(lambda: _ring(lambda options: _send(MARK_TOUCHED, options)), robust=True)


def enqueue_import(submission_id: uuid.UUID) -> None:
    """After the commit, ask a worker to record a file that was handed in, and then to mark whom it touched.

    Never waits, never raises: when nobody hears it, the sweep finds the file.
    """
    transaction.on_commit(lambda: _ring(lambda options: _apply(IMPORT_SUBMISSION, submission_id, options)), robust=True)


def enqueue_preview(file_id: uuid.UUID) -> None:
    """After the commit, ask a worker to read an uploaded file. Never waits, never raises: the sweep asks too."""
    transaction.on_commit(lambda: _ring(lambda options: _send(MAKE_PREVIEW, options, str(file_id))), robust=True)


def enqueue_roster_import(load_id: uuid.UUID) -> None:
    """After the commit, ask a worker to look at a roster or to apply it, and then to mark whom it touched.

    Never waits, never raises: when nobody hears it, the sweep finds the load.
    """
    transaction.on_commit(lambda: _ring(lambda options: _apply(WORK_ON_LOAD, load_id, options)), robust=True)


def enqueue_answer_mails() -> None:
    """After the commit, ask a worker to mail whoever was answered. Never waits, never raises: beat asks too."""
    transaction.on_commit(lambda: _ring(lambda options: _send(TELL_ANSWERS, options)), robust=True)


def enqueue_summaries() -> None:
    """After the commit, ask a worker to sum up what marks have changed. Never waits, never raises: the sweep asks."""
    transaction.on_commit(lambda: _ring(lambda options: _send(ROLL_UP, options)), robust=True)


def enqueue_freeze() -> None:
    """After the commit, ask a worker to go on with what is being closed. Never waits, never raises: beat asks too."""
    transaction.on_commit(lambda: _ring(lambda options: _send(FREEZE_DUE, options)), robust=True)


def enqueue_result_version(correction_id: int) -> None:
    """After the commit, ask a worker to make what a correction was granted for. The sweep asks too."""
    transaction.on_commit(lambda: _ring(lambda options: _send(MAKE_VERSION, options, correction_id)), robust=True)


def enqueue_export(export_id: uuid.UUID) -> None:
    """After the commit, ask a worker to make a file. The sweep asks too."""
    transaction.on_commit(lambda: _ring(lambda options: _send(MAKE_EXPORT, options, str(export_id))), robust=True)


def enqueue_password_mail(account_id: int, employee_id: int, language: str) -> None:
    """Ask a worker to mail a link. When nobody hears it, no mail comes, and whoever waits for it asks again."""
    arguments = (account_id, employee_id, language)
    transaction.on_commit(lambda: _ring(lambda options: _send(MAIL_LINK, options, *arguments)), robust=True)


def enqueue_ranges(ranges: Iterable[int]) -> None:
    """After the commit, ask for these ranges, a task for each. The first that finds no broker ends it."""

    def send(options: dict[str, Any]) -> None:
        for range_id in ranges:
            _send(DO_RANGE, options, range_id)

    transaction.on_commit(lambda: _ring(send), robust=True)


def _send(task: str, options: dict[str, Any], *arguments: Any) -> None:
    current_app.send_task(task, args=arguments, **options)


def _apply(task: str, id: uuid.UUID, options: dict[str, Any]) -> None:
    """As `_send`; where tasks are run at once, this one is, too."""
    current_app.signature(task, args=[str(id)], immutable=True).apply_async(**options)


def _ring(send: Callable[[dict[str, Any]], None]) -> None:
    """One attempt, over a connection on which no answer is waited for longer than the patience of the settings."""
    patience = settings.CELERY_BROKER_CONNECTION_TIMEOUT
    options = {"retry": False, "ignore_result": True, "confirm_timeout": patience}
    try:
        if current_app.conf.task_always_eager:
            send(options)
            return
        with current_app.producer_or_acquire() as producer:
            try:
                _bound(producer.connection.ensure_connection(max_retries=0, interval_start=0).connection, patience)
                send(options | {"producer": producer})
            except BaseException:
                # An answer that comes late would be taken for the next one's: nobody uses this connection again.
                producer.connection.collect(patience)
                raise
    except Exception as error:
        logger.error("the doorbell found no broker (%s): the sweep will find what is to do", type(error).__name__)


def _bound(connection: Any, patience: float) -> None:
    """Let every wait for RabbitMQ end, opening and declaring too; for Redis its transport's options do."""
    socket = getattr(getattr(connection, "transport", None), "sock", None)
    if socket is not None:
        socket.settimeout(patience)
