"""Progress of long work: a row that the one who waits can look at, whatever process does the work."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

from django.db import connection

from apps.core.models import Progress
from apps.core.querysets import Clock

SAID_EVERY = 0.5


def begin(kind: str, *, owner_id: int | None = None, total: int | None = None) -> Progress:
    """A new piece of work, nothing done yet."""
    return Progress.objects.create(kind=kind, owner_id=owner_id, total=total)


def advance(progress: Progress, done: int) -> None:
    """`done` of `total` so far. Call it outside the work's own transaction, or nobody sees it."""
    Progress.objects.filter(pk=progress.pk, finished_at=None).update(done=done, updated_at=Clock())


def finish(progress: Progress, result: dict[str, Any], *, failed: bool = False) -> None:
    """The work is over; a second call changes nothing."""
    Progress.objects.filter(pk=progress.pk, finished_at=None).update(
        result=result, failed=failed, finished_at=Clock(), updated_at=Clock()
    )


@contextmanager
def track_progress(kind: str, total: int | None) -> Iterator[Callable[[int], None]]:
    """How far a transaction is, written over a connection of its own: nobody would see it on the transaction's.

    Yields what is to be called with how much is done; failed when the block raises.
    """
    last = time.monotonic()
    with ThreadPoolExecutor(1) as beside:
        row = beside.submit(begin, kind, total=total).result()

        def tell(done: int) -> None:
            nonlocal last
            if time.monotonic() - last >= SAID_EVERY:
                last = time.monotonic()
                beside.submit(advance, row, done).result()

        failed = True
        try:
            yield tell
            failed = False
        finally:
            beside.submit(finish, row, {}, failed=failed).result()
            beside.submit(lambda: connection.close()).result()  # that thread's, not this one's
