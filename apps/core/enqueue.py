"""Tasks for the workers. A message carries only ids, and no data depends on its delivery."""

import logging
import uuid
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

from celery import current_app
from django.conf import settings
from django.db import connection, transaction

from apps.core.request_id import request_id

logger = logging.getLogger(__name__)
# Names, not imports: the tasks import every app, and core may import none of them.
MARK_PENDING = "apps.operations.tasks.mark_touched"
PROCESS_RANGE = "apps.operations.tasks.process_range"
CREATE_RESULT_VERSION = "apps.operations.tasks.make_version"
CONTINUE_FREEZE = "apps.operations.tasks.freeze_due"
CREATE_EXPORT = "apps.operations.tasks.make_export"
UPDATE_SUMMARIES = "apps.operations.tasks.roll_up"
MAKE_FORECASTS = "apps.operations.tasks.make_forecasts"
SEND_ANSWER_MAILS = "apps.operations.tasks.send_answer_mails"
IMPORT_SUBMISSION = "apps.operations.tasks.import_submission"
MAIL_PASSWORD_LINK = "apps.operations.tasks.mail_link"  # noqa: S105 # nosec B105 # a task
PROCESS_ROSTER_IMPORT = "apps.operations.tasks.work_on_load"
APPLY_DIRECTORY = "apps.operations.tasks.apply_directory"
CREATE_PREVIEW = "apps.operations.tasks.make_preview"
SEND_NOTIFICATIONS = "apps.operations.tasks.send_notifications"
SEND_WEBHOOKS = "apps.operations.tasks.send_webhooks"


def enqueue_marking() -> None:
    """After the commit, ask a worker to re-evaluate all queued employees; one message for a transaction.

    Never waits for a broker, never raises: when the message is lost, the sweep finds the outbox rows and the ranges of
    a run.
    """
    # A savepoint that is rolled back removes its callbacks from this list, so that later rows are announced again.
    if not any(entry[1] is _publish_marking for entry in connection.run_on_commit):
        transaction.on_commit(_publish_marking, robust=True)


def _after_commit(task: str, *arguments: Any) -> None:
    transaction.on_commit(lambda: _publish(lambda options: _send(task, options, *arguments)), robust=True)


def _publish_marking() -> None:
    _publish(lambda options: _send(MARK_PENDING, options))


def enqueue_import(submission_id: uuid.UUID) -> None:
    """After the commit, ask a worker to record a submitted file and then to re-evaluate its employees.

    Never waits, never raises: when the message is lost, the sweep finds the file.
    """
    transaction.on_commit(lambda: _publish(partial(_apply, IMPORT_SUBMISSION, submission_id)), robust=True)


def enqueue_preview(file_id: uuid.UUID) -> None:
    """After the commit, ask a worker to read an uploaded file. Never waits, never raises: the sweep asks too."""
    _after_commit(CREATE_PREVIEW, str(file_id))


def enqueue_roster_import(load_id: uuid.UUID) -> None:
    """After the commit, ask a worker to preview or apply a roster and then to re-evaluate its employees.

    Never waits, never raises: when the message is lost, the sweep finds the load.
    """
    transaction.on_commit(lambda: _publish(partial(_apply, PROCESS_ROSTER_IMPORT, load_id)), robust=True)


def enqueue_directory() -> None:
    """After the commit, ask a worker to bring changes of the company's directory to the roster.

    Never waits, never raises: the sweep asks too.
    """
    _after_commit(APPLY_DIRECTORY)


def enqueue_answer_mails() -> None:
    """After the commit, ask a worker to send the answer mails. Never waits, never raises: beat asks too."""
    _after_commit(SEND_ANSWER_MAILS)


def enqueue_notifications() -> None:
    """After the commit, ask a worker to plan and send notifications; one message for a transaction.

    Never waits, never raises: beat asks too.
    """
    if not any(entry[1] is _publish_notifications for entry in connection.run_on_commit):
        transaction.on_commit(_publish_notifications, robust=True)


def _publish_notifications() -> None:
    _publish(lambda options: _send(SEND_NOTIFICATIONS, options))


def enqueue_webhooks() -> None:
    """After the commit, ask a worker to send webhooks. Never waits, never raises: beat asks too."""
    _after_commit(SEND_WEBHOOKS)


def enqueue_summaries() -> None:
    """After the commit, ask a worker to update the summaries. Never waits, never raises: the sweep asks too."""
    _after_commit(UPDATE_SUMMARIES)


def enqueue_forecasts() -> None:
    """After the commit, ask a worker to make the forecasts that are due. Never waits, never raises: beat asks too."""
    _after_commit(MAKE_FORECASTS)


def enqueue_freeze() -> None:
    """After the commit, ask a worker to continue the freeze. Never waits, never raises: beat asks too."""
    _after_commit(CONTINUE_FREEZE)


def enqueue_result_version(correction_id: int) -> None:
    """After the commit, ask a worker to create the result version of an approved correction. The sweep asks too."""
    _after_commit(CREATE_RESULT_VERSION, correction_id)


def enqueue_export(export_id: uuid.UUID) -> None:
    """After the commit, ask a worker to create a file. The sweep asks too."""
    _after_commit(CREATE_EXPORT, str(export_id))


def enqueue_password_mail(account_id: int, employee_id: int, language: str) -> None:
    """Ask a worker to mail a link. When the message is lost, no mail arrives and the user asks again."""
    _after_commit(MAIL_PASSWORD_LINK, account_id, employee_id, language)


def enqueue_ranges(ranges: Iterable[int]) -> None:
    """After the commit, enqueue a task for each range. The first that finds no broker ends the loop."""

    def send(options: dict[str, Any]) -> None:
        for range_id in ranges:
            _send(PROCESS_RANGE, options, range_id)

    transaction.on_commit(lambda: _publish(send), robust=True)


def _send(task: str, options: dict[str, Any], *arguments: Any) -> None:
    current_app.send_task(task, args=arguments, **options)


def _apply(task: str, id: uuid.UUID, options: dict[str, Any]) -> None:
    """Like `_send`, but where tasks run eagerly, this one runs too."""
    # `send_task` knows a name only and sends even where tasks run eagerly; a signature finds the task's code.
    current_app.signature(task, args=[str(id)], immutable=True).apply_async(**options)


def _publish(send: Callable[[dict[str, Any]], None]) -> None:
    """One attempt, over a connection on which no wait exceeds the timeout of the settings."""
    timeout = settings.CELERY_BROKER_CONNECTION_TIMEOUT
    options: dict[str, Any] = {"retry": False, "ignore_result": True, "confirm_timeout": timeout}
    if cause := request_id():
        # Only for the log lines of the task: a lost message loses it.
        options["headers"] = {"request_id": cause}
    try:
        if current_app.conf.task_always_eager:
            send(options)
            return
        with current_app.producer_or_acquire() as producer:
            try:
                _limit_socket_waits(
                    producer.connection.ensure_connection(max_retries=0, interval_start=0).connection, timeout
                )
                send(options | {"producer": producer})
            except BaseException:
                # A late answer would be taken for that of the next message: close the connection.
                producer.connection.collect(timeout)
                raise
    # Every transport raises its own exceptions; none may fail a request whose data is stored already.
    except Exception as error:
        logger.error("no broker took the message (%s): the sweep will find the work", type(error).__name__)


def _limit_socket_waits(connection: Any, timeout: float) -> None:
    """Limit every wait for RabbitMQ, including open and declare; for Redis the transport options do so."""
    socket = getattr(getattr(connection, "transport", None), "sock", None)
    if socket is not None:
        socket.settimeout(timeout)
