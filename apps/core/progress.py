"""Progress of long work: a row that the waiting user can read, whichever process does the work."""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

from django.db import connection

from apps.core.models import Progress
from apps.core.querysets import Clock

# Each update leaves a dead row version, and no page refreshes faster than this.
UPDATE_SECONDS = 0.5


def begin(kind: str, *, owner_id: int | None = None, total: int | None = None) -> Progress:
    return Progress.objects.create(kind=kind, owner_id=owner_id, total=total)


def advance(progress: Progress, done: int) -> None:
    """Store `done` of `total`. Call it outside the work's own transaction, or other sessions cannot see it."""
    Progress.objects.filter(pk=progress.pk, finished_at=None).update(done=done, updated_at=Clock())


def finish(progress: Progress, result: dict[str, Any], *, failed: bool = False) -> None:
    """The work is over; a second call changes nothing."""
    Progress.objects.filter(pk=progress.pk, finished_at=None).update(
        result=result, failed=failed, finished_at=Clock(), updated_at=Clock()
    )


@contextmanager
def track_progress(kind: str, total: int | None) -> Iterator[Callable[[int], None]]:
    """The progress of a transaction, written over a separate connection so that other sessions can see it.

    Yields a function that takes the amount done; records a failure when the block raises.
    """
    last = time.monotonic()
    # A thread, because Django has one connection per thread: the work's own transaction hides its rows until it
    # commits.
    with ThreadPoolExecutor(1) as executor:
        row = executor.submit(begin, kind, total=total).result()

        def report(done: int) -> None:
            nonlocal last
            if time.monotonic() - last >= UPDATE_SECONDS:
                last = time.monotonic()
                executor.submit(advance, row, done).result()

        failed = True
        try:
            yield report
            failed = False
        finally:
            executor.submit(finish, row, {}, failed=failed).result()
            executor.submit(lambda: connection.close()).result()  # the executor thread's connection, not this one's
