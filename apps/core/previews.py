"""Previews of uploaded files: a page requests one, a worker makes it once, and it is stored and deleted with the file.

Workers read one file per person at a time, and one large file in the whole company, so that other tasks always find a
free worker. Owners of large files take turns: the files of the owner who was read last come after those of all other
owners. If a worker dies, the sweep finds the waiting preview.
"""

from __future__ import annotations

import logging
import uuid
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import F, OuterRef, QuerySet, Subquery
from django.utils import translation

from apps.core.clock import db_now
from apps.core.locks import advisory_lock
from apps.core.models import FilePreview, StoredFile

logger = logging.getLogger(__name__)
State = FilePreview.State
# After this time without a worker, the sweep enqueues the preview again.
ABANDONED_AFTER = timedelta(seconds=30)
# The number of times a file may crash the worker that reads it, before it is refused.
ATTEMPTS = 3
LARGE_BYTES = 1_000_000
# The lock of the worker that previews or records a large file: of two workers, one is always left for other tasks.
LARGE_FILE = "large file"
# The number of waiting files among which a worker looks for the next turn. More are needed only if all their owners
# are busy.
MAX_LOOKED_AHEAD = 100
GAVE_UP = {"problem": "gave_up"}


@dataclass(frozen=True)
class Made:
    """The stored parts of a preview: a report for the page, and the rejected lines as CSV."""

    report: dict[str, Any]
    attachment: bytes = b""


Maker = Callable[[StoredFile, dict[str, Any]], Made]


def ask_preview(stored: StoredFile, asked: Mapping[str, Any], *, again: bool = False) -> FilePreview:
    """Request a preview of a file with the options `asked`; its `language` is that of the sentences in the report.

    An equal request changes nothing while the file waits. Later it does so only with `again`; without it the stored
    report stays the answer.
    """
    with transaction.atomic():
        now = db_now()
        given = {"asked": dict(asked), "asked_at": now, "advanced_at": now}
        held, created = FilePreview.objects.select_for_update().get_or_create(file=stored, defaults=given)
        if not created and (held.asked != given["asked"] or (again and held.state != State.WAITING)):
            FilePreview.objects.filter(pk=stored.pk).update(
                **given, state=State.WAITING, version=F("version") + 1, attempts=0, report={}, attachment=b""
            )
            held.refresh_from_db()
    return held


def make_preview(file_id: uuid.UUID, makers: Mapping[str, Maker]) -> list[uuid.UUID]:
    """Make the preview of a file with the maker of its content type; return the ids of the previews to enqueue next.

    Does nothing while a worker reads another file of the same account, or, for a large file, while one reads or records
    another large file. That worker enqueues this file next. A large file is not read before its turn; the function then
    returns the file whose turn it is. Idempotent: duplicate and late messages make a preview once.
    """
    stored = StoredFile.objects.filter(pk=file_id, preview__state=State.WAITING).first()
    if stored is None or stored.content_type not in makers:
        return []
    with ExitStack() as held:
        large = stored.size > LARGE_BYTES
        names = [_owner_lock(stored), *([LARGE_FILE] if large else [])]
        if not all(held.enter_context(advisory_lock(name)) for name in names):
            return []
        if large and (first := _first_before(stored)):
            return [first]
        _make(stored, makers[stored.content_type])
    # After the locks are released: a worker that got one of these files meanwhile has skipped it.
    waiting = FilePreview.objects.filter(state=State.WAITING).exclude(pk=file_id)
    return _next(waiting, stored)


def _next(waiting: QuerySet[FilePreview], after: StoredFile) -> list[uuid.UUID]:
    found = [waiting.filter(file__owner_id=after.owner_id).order_by("asked_at")]
    if after.size > LARGE_BYTES:
        found.insert(0, _in_turn(waiting))
    firsts = (files.values_list("pk", flat=True).first() for files in found)
    return list(dict.fromkeys(pk for pk in firsts if pk))


def _owner_lock(stored: StoredFile) -> str:
    return f"preview:{stored.owner_id}"


def _in_turn(waiting: QuerySet[FilePreview]) -> QuerySet[FilePreview]:
    """The waiting large files. The owner whose last large file was begun longest ago, or never, comes first."""
    begun = FilePreview.objects.filter(
        file__owner_id=OuterRef("file__owner_id"), file__size__gt=LARGE_BYTES, attempts__gt=0
    )
    last_begun = Subquery(begun.order_by("-advanced_at").values("advanced_at")[:1])
    return waiting.filter(file__size__gt=LARGE_BYTES).order_by(last_begun.asc(nulls_first=True), "asked_at")


def _first_before(stored: StoredFile) -> uuid.UUID | None:
    """The large file whose turn comes before this one's and whose owner has no file being read; None if there is none.

    The caller holds the lock of this file's owner.
    """
    waiting = FilePreview.objects.filter(state=State.WAITING).select_related("file")
    for preview in _in_turn(waiting).only("file__owner_id")[:MAX_LOOKED_AHEAD]:
        if preview.pk == stored.pk:
            return None
        if preview.file.owner_id == stored.owner_id:
            return preview.pk
        with advisory_lock(_owner_lock(preview.file)) as free:
            if free:
                return preview.pk
    return None


def next_large_previews() -> list[uuid.UUID]:
    """The id of the next large file to preview, if any. The caller enqueues it after a large file is recorded."""
    return list(_in_turn(FilePreview.objects.filter(state=State.WAITING)).values_list("pk", flat=True)[:1])


def _make(stored: StoredFile, maker: Maker) -> None:
    preview = FilePreview.objects.filter(pk=stored.pk, state=State.WAITING).first()
    if preview is None:
        return
    FilePreview.objects.filter(pk=stored.pk).update(attempts=F("attempts") + 1, advanced_at=db_now())
    if preview.attempts >= ATTEMPTS:
        logger.warning("the preview of file %s has ended %s processes", stored.pk, preview.attempts)
        made = Made(GAVE_UP)
    else:
        with translation.override(preview.asked.get("language")):
            made = maker(stored, preview.asked)
    # The version guards against a newer request meanwhile. If the file is deleted, nothing is stored.
    FilePreview.objects.filter(pk=stored.pk, state=State.WAITING, version=preview.version).update(
        state=State.MADE, report=_storable(made.report), attachment=made.attachment
    )


def _storable(value: Any) -> Any:
    """The value without NUL characters: a file may contain them, but PostgreSQL cannot store them in JSON."""
    if isinstance(value, str):
        return value.replace("\0", "\ufffd")
    if isinstance(value, dict):
        return {key: _storable(each) for key, each in value.items()}
    return [_storable(each) for each in value] if isinstance(value, list | tuple) else value


def waiting_previews(now: datetime) -> list[uuid.UUID]:
    """Previews that wait and that no worker has begun for a while."""
    waiting = FilePreview.objects.filter(state=State.WAITING, advanced_at__lt=now - ABANDONED_AFTER)
    return list(waiting.order_by("advanced_at").values_list("pk", flat=True)[:100])
