"""Uploaded files are previewed by a worker: asked for by a page, made once, stored beside the file, gone with it.

One file of a person is read at a time, and of the large files one in the company: whatever people send, workers are
left for everything else. Owners of large files take turns: a file of the owner who was read last comes after the files
of all other owners. Whatever kills a worker, the sweep finds the preview that waits.
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
# No worker has begun for so long: the sweep asks for another.
ABANDONED_AFTER = timedelta(seconds=30)
# So often a file may end the process that reads it before it is refused.
ATTEMPTS = 3
LARGE_BYTES = 1_000_000
# The lock of the worker that previews or records a large file: of two workers, one is always left for other tasks.
LARGE_FILE = "large file"
# Of so many files a worker looks for the one whose turn it is; the owners of all of them would have to be busy.
MAX_LOOKED_AHEAD = 100
GAVE_UP = {"problem": "gave_up"}


@dataclass(frozen=True)
class Made:
    """What a preview stores: a report for the page, and rejected lines as CSV."""

    report: dict[str, Any]
    attachment: bytes = b""


Maker = Callable[[StoredFile, dict[str, Any]], Made]


def ask_preview(stored: StoredFile, asked: Mapping[str, Any], *, again: bool = False) -> FilePreview:
    """Ask that a file is read as `asked` says; `language` is the one of the sentences in its report.

    Asking in the same words changes nothing while the file waits, and afterwards only with `again`: the stored report
    is the answer.
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
    """Make the preview of a file by the maker of its content type; returns what may be asked for next.

    Does nothing while another file of the same account is being read, or, for a large one, while another large one is
    read or recorded; that worker asks for this one next. Reads no large file before its turn, but returns the one whose
    turn it is. Given out twice, late or again, a preview is made once.
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
    # Only now: whoever asks for one of these while it was held has been sent away.
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
    """The large files that wait: first of the owner whose last large file was begun longest ago, or never."""
    begun = FilePreview.objects.filter(
        file__owner_id=OuterRef("file__owner_id"), file__size__gt=LARGE_BYTES, attempts__gt=0
    )
    last_begun = Subquery(begun.order_by("-advanced_at").values("advanced_at")[:1])
    return waiting.filter(file__size__gt=LARGE_BYTES).order_by(last_begun.asc(nulls_first=True), "asked_at")


def _first_before(stored: StoredFile) -> uuid.UUID | None:
    """The large file whose turn is before this one's; its owner has no other file being read. The caller holds the
    lock of this file's owner.
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
    """The large file whose turn it is to be previewed, if any; asked for when a large one is recorded."""
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
    # Whoever asked for another reading meanwhile is given that one; of a file that is gone nothing is stored.
    FilePreview.objects.filter(pk=stored.pk, state=State.WAITING, version=preview.version).update(
        state=State.MADE, report=_storable(made.report), attachment=made.attachment
    )


def _storable(value: Any) -> Any:
    """Without what a database cannot hold in JSON: a file may hold any character."""
    if isinstance(value, str):
        return value.replace("\0", "\ufffd")
    if isinstance(value, dict):
        return {key: _storable(each) for key, each in value.items()}
    return [_storable(each) for each in value] if isinstance(value, list | tuple) else value


def waiting_previews(now: datetime) -> list[uuid.UUID]:
    """Previews that wait and that no worker has begun for a while."""
    waiting = FilePreview.objects.filter(state=State.WAITING, advanced_at__lt=now - ABANDONED_AFTER)
    return list(waiting.order_by("advanced_at").values_list("pk", flat=True)[:100])
