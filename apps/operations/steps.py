"""Independent steps of one periodic task: the failure of one does not keep the others from running."""

import logging
from collections.abc import Callable, Iterable
from typing import Any

from celery.exceptions import SoftTimeLimitExceeded
from django.db import connection

logger = logging.getLogger(__name__)


def run_all(*steps: Callable[[], Any]) -> None:
    """Call every step in order, whatever the others do. Raises the first error at the end, so that the task fails.

    The time limit ends the whole task at once: what is left would be killed in its middle.
    """
    first_error: Exception | None = None
    for step in steps:
        try:
            step()
        except SoftTimeLimitExceeded:
            raise
        except Exception as error:
            # The worker logs only the error that the task raises.
            if first_error:
                logger.exception("A later step of the task failed too")
            first_error = first_error or error
            # Otherwise a lost connection fails all steps after it.
            if not connection.in_atomic_block:
                connection.close_if_unusable_or_obsolete()
    if first_error:
        raise first_error


def for_each(ids: Callable[[], Iterable[Any]], enqueue: Callable[[Any], Any]) -> Callable[[], None]:
    """Return a step that enqueues work for each of the ids, which are read when the step runs."""

    def step() -> None:
        for work_id in ids():
            enqueue(work_id)

    return step
