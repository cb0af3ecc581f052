"""Previews of uploaded files: a page requests one, a worker makes it once, and it is stored and deleted with the file.

Workers read one file per person at a time, and one large file in the whole company, so that other tasks always find a
free worker. Owners of large files take turns: the files of the owner who was read last come after those of all other
owners. If a worker dies, the sweep finds the waiting preview.
"""

import logging
import uuid
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import F, OuterRef, Q, QuerySet, Subquery
from django.utils import translation

from apps.core.clock import db_now
from apps.core.files import LARGE_BYTES
from apps.core.locks import advisory_lock
from apps.core.models import FilePreview, LargeFileTurn, StoredFile
from apps.core.text import UNSTORABLE

logger = logging.getLogger(__name__)
State = FilePreview.State
# After this time without a worker, the sweep enqueues the preview again.
# A duplicate message is harmless, so this only has to exceed the usual wait for a free worker.
REQUEUE_AFTER = timedelta(seconds=30)
# The number of times a file may crash the worker that reads it, before it is refused.
# A file that exhausts the memory kills the worker with all its other tasks, so it gets few chances.
MAX_ATTEMPTS = 3
# A file of at most LARGE_BYTES, and at most this size when unpacked, is read within seconds and needs no turn.
LARGE_UNPACKED_BYTES = 5_000_000
# The lock of the worker that previews or records a large file: of two workers, one is always left for other tasks.
LARGE_FILE_LOCK = "large file"
# The number of waiting files among which a worker looks for the next turn. More are needed only if all their owners
# are busy.
MAX_LOOKAHEAD = 100
GAVE_UP_REPORT = {"problem": "gave_up"}


@dataclass(frozen=True)
class PreviewResult:
    """The stored parts of a preview: a report for the page, and the rejected lines as CSV."""

    report: dict[str, Any]
    attachment: bytes = b""


PreviewBuilder = Callable[[StoredFile, dict[str, Any]], PreviewResult]


def request_preview(stored: StoredFile, asked: Mapping[str, Any], *, again: bool = False) -> FilePreview:
    """Request a preview of a file with the options `asked`; its `language` is that of the sentences in the report.

    An equal request changes nothing while the file waits. Later it does so only with `again`; without it the stored
    report stays the answer.
    """
    with transaction.atomic():
        now = db_now()
        values = {"asked": dict(asked), "asked_at": now, "advanced_at": now}
        preview, created = FilePreview.objects.select_for_update().get_or_create(file=stored, defaults=values)
        if not created and (preview.asked != values["asked"] or (again and preview.state != State.WAITING)):
            FilePreview.objects.filter(pk=stored.pk).update(
                **values, state=State.WAITING, version=F("version") + 1, attempts=0, report={}, attachment=b""
            )
            preview.refresh_from_db()
    return preview


def build_preview(file_id: uuid.UUID, builders: Mapping[str, PreviewBuilder]) -> list[uuid.UUID]:
    """Build the preview of a file with the builder of its content type; return the ids of the previews to enqueue next.

    Does nothing while a worker reads or records another file of the same account, or, for a large file, another large
    file. That worker enqueues this file next. A large file is not read before its turn; the function then returns the
    file whose turn it is. Idempotent: duplicate and late messages build a preview once.
    """
    stored = StoredFile.objects.filter(pk=file_id, preview__state=State.WAITING).first()
    if stored is None or stored.content_type not in builders:
        return []
    # Both locks or neither: a worker that keeps one and waits for the other could starve the owner's small files.
    with ExitStack() as locks:
        large = is_large(stored)
        names = [owner_lock(stored.owner_id), *([LARGE_FILE_LOCK] if large else [])]
        if not all(locks.enter_context(advisory_lock(name)) for name in names):
            return []
        if large and (first := _first_before(stored)):
            return [first]
        _build_and_store(stored, builders[stored.content_type])
    # After the locks are released: a worker that got one of these files meanwhile has skipped it.
    waiting = FilePreview.objects.filter(state=State.WAITING).exclude(pk=file_id)
    return _next_previews(waiting, stored)


def _next_previews(waiting: QuerySet[FilePreview], after: StoredFile) -> list[uuid.UUID]:
    queues = [waiting.filter(file__owner_id=after.owner_id).order_by("asked_at")]
    if is_large(after):
        queues.insert(0, _large_files_in_turn(waiting))
    next_ids = (files.values_list("pk", flat=True).first() for files in queues)
    return list(dict.fromkeys(pk for pk in next_ids if pk))


def is_large(stored: StoredFile) -> bool:
    """Whether the file needs a turn; `large_files` asks the same of many."""
    return stored.size > LARGE_BYTES or stored.unpacked_size > LARGE_UNPACKED_BYTES


def large_files(path: str = "file__") -> Q:
    """The condition of `is_large` on the stored file at `path`."""
    return Q(**{f"{path}size__gt": LARGE_BYTES}) | Q(**{f"{path}unpacked_size__gt": LARGE_UNPACKED_BYTES})


def owner_lock(owner_id: int | None) -> str:
    """The lock of the worker that reads or records a file of this account, so that it never has two workers."""
    return f"file of:{owner_id}"


def _large_files_in_turn(waiting: QuerySet[Any], then_by: str = "asked_at") -> QuerySet[Any]:
    """The waiting large files. The owner whose last large file was begun longest ago, or never, comes first."""
    last_turn = LargeFileTurn.objects.filter(pk=OuterRef("file__owner_id")).values("begun_at")
    large = waiting.filter(large_files()).alias(last_begun=Subquery(last_turn))
    return large.order_by(F("last_begun").asc(nulls_first=True), then_by).select_related("file")


def earlier_large_files(waiting: QuerySet[Any], owner_id: int, then_by: str) -> QuerySet[Any]:
    """The first large files of other owners, each of whom has waited longer for a turn than this one; in turn.

    `waiting`: rows with a `file`; `then_by` orders those of one owner. None for an owner's first large file.
    """
    begun_at = LargeFileTurn.objects.filter(pk=owner_id).values_list("begun_at", flat=True).first()
    if begun_at is None:
        return waiting.none()
    earlier = Q(last_begun=None) | Q(last_begun__lt=begun_at)
    return _large_files_in_turn(waiting, then_by).filter(earlier).exclude(file__owner_id=owner_id)[:MAX_LOOKAHEAD]


def _first_before(stored: StoredFile) -> uuid.UUID | None:
    """The large file whose turn comes before this one's and whose owner has no file being read; None if there is none.

    The caller holds the lock of this file's owner.
    """
    waiting = FilePreview.objects.filter(state=State.WAITING)
    for preview in _large_files_in_turn(waiting).only("file__owner_id")[:MAX_LOOKAHEAD]:
        if preview.pk == stored.pk:
            return None
        if preview.file.owner_id == stored.owner_id:
            return preview.pk
        with advisory_lock(owner_lock(preview.file.owner_id)) as free:
            if free:
                return preview.pk
    return None


def record_turn(stored: StoredFile) -> None:
    """Record that a worker now begins this file, if it is large. Call it before the work, so that a crash counts."""
    if is_large(stored) and stored.owner_id is not None:
        LargeFileTurn.objects.update_or_create(owner_id=stored.owner_id, defaults={"begun_at": db_now()})


def has_earlier_large_preview(owner_id: int) -> bool:
    """Whether a large preview waits whose turn is before this owner's, and whose owner has no file being read.

    Files in other queues, such as rosters, wait for it.
    """
    waiting = FilePreview.objects.filter(state=State.WAITING).only("file__owner_id")
    for preview in earlier_large_files(waiting, owner_id, "asked_at"):
        with advisory_lock(owner_lock(preview.file.owner_id)) as free:
            if free:
                return True
    return False


def next_large_previews() -> list[uuid.UUID]:
    """The id of the next large file to preview, if any. The caller enqueues it after a large file is recorded."""
    return list(_large_files_in_turn(FilePreview.objects.filter(state=State.WAITING)).values_list("pk", flat=True)[:1])


def _build_and_store(stored: StoredFile, builder: PreviewBuilder) -> None:
    preview = FilePreview.objects.filter(pk=stored.pk, state=State.WAITING).first()
    if preview is None:
        return
    record_turn(stored)
    # Counted before the work: a worker that dies in it leaves its attempt behind.
    FilePreview.objects.filter(pk=stored.pk).update(attempts=F("attempts") + 1, advanced_at=db_now())
    if preview.attempts >= MAX_ATTEMPTS:
        logger.warning("the preview of file %s was given up: %s attempts did not finish", stored.pk, preview.attempts)
        result = PreviewResult(GAVE_UP_REPORT)
    else:
        with translation.override(preview.asked.get("language")):
            result = builder(stored, preview.asked)
    # The version guards against a newer request meanwhile. If the file is deleted, nothing is stored.
    FilePreview.objects.filter(pk=stored.pk, state=State.WAITING, version=preview.version).update(
        state=State.MADE, report=_storable(result.report), attachment=result.attachment
    )


def _storable(value: Any) -> Any:
    """The value without NUL and lone surrogates: a file may contain them, but PostgreSQL cannot store them in JSON."""
    if isinstance(value, str):
        return UNSTORABLE.sub("\ufffd", value)
    if isinstance(value, dict):
        return {key: _storable(each) for key, each in value.items()}
    return [_storable(each) for each in value] if isinstance(value, list | tuple) else value


def abandoned_previews(now: datetime) -> list[uuid.UUID]:
    """Previews that wait and that no worker has begun for a while."""
    waiting = FilePreview.objects.filter(state=State.WAITING, advanced_at__lt=now - REQUEUE_AFTER)
    return list(waiting.order_by("advanced_at").values_list("pk", flat=True)[:100])
