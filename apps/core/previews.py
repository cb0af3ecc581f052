"""Uploaded files are previewed by a worker: asked for by a page, made once, stored beside the file, gone with it.

One file of a person is read at a time, and of the large files one in the company: whatever people send, workers are
left for everything else. Whatever kills a worker, the sweep finds the preview that waits.
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
from django.db.models import F, Q, QuerySet
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
GAVE_UP = {"problem": "gave_up"}


@dataclass(frozen=True)
class Made:
    """What a preview stores: a report for the page, and rejected lines as CSV."""

    report: dict[str, Any]
    attachment: bytes = b""


Maker = Callable[[StoredFile, dict[str, Any]], Made]


def ask_preview(stored: StoredFile, asked: Mapping[str, Any]) -> FilePreview:
    """Ask that a file is read as `asked` says; `language` is the one of the sentences in its report.

    While it waits, asking again in the same words changes nothing.
    """
    with transaction.atomic():
        now = db_now()
        given = {"asked": dict(asked), "asked_at": now, "advanced_at": now}
        held, created = FilePreview.objects.select_for_update().get_or_create(file=stored, defaults=given)
        if not created and (held.state != State.WAITING or held.asked != given["asked"]):
            FilePreview.objects.filter(pk=stored.pk).update(
                **given, state=State.WAITING, version=F("version") + 1, attempts=0, report={}, attachment=b""
            )
            held.refresh_from_db()
    return held


def make_preview(file_id: uuid.UUID, makers: Mapping[str, Maker]) -> list[uuid.UUID]:
    """Make the preview of a file by the maker of its content type; returns what may be asked for next.

    Does nothing while another file of the same account is being read, or, for a large one, while another large one is
    read or recorded; that worker asks for this one next. Given out twice, late or again, a preview is made once.
    """
    stored = StoredFile.objects.filter(pk=file_id, preview__state=State.WAITING).first()
    if stored is None or stored.content_type not in makers:
        return []
    with ExitStack() as held:
        names = [f"preview:{stored.owner_id}", *([LARGE_FILE] if stored.size > LARGE_BYTES else [])]
        if not all(held.enter_context(advisory_lock(name)) for name in names):
            return []
        _make(stored, makers[stored.content_type])
    # Only now: whoever asks for one of these while it was held has been sent away.
    waiting = FilePreview.objects.filter(state=State.WAITING).exclude(pk=file_id)
    return _next(waiting, stored)


def _next(waiting: QuerySet[FilePreview], after: StoredFile) -> list[uuid.UUID]:
    lanes = [Q(file__owner_id=after.owner_id)]
    if after.size > LARGE_BYTES:
        lanes.append(Q(file__size__gt=LARGE_BYTES))
    found = (waiting.filter(lane).order_by("asked_at").values_list("pk", flat=True).first() for lane in lanes)
    return list(dict.fromkeys(pk for pk in found if pk))


def next_large_previews() -> list[uuid.UUID]:
    """The large file that has waited longest for its preview, if any; asked for when a large one is recorded."""
    waiting = FilePreview.objects.filter(state=State.WAITING, file__size__gt=LARGE_BYTES)
    return list(waiting.order_by("asked_at").values_list("pk", flat=True)[:1])


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
