"""Progress of long work: a row that the one who waits can look at, whatever process does the work."""

from __future__ import annotations

from typing import Any

from apps.ledger.models import Progress
from apps.ledger.querysets import Clock


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
