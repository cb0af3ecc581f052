"""Files in the database: no process depends on another's disk, and one backup holds everything."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime
from tempfile import SpooledTemporaryFile
from typing import IO

from django.db import transaction
from django.db.models import Max, QuerySet

from apps.core.models import StoredChunk, StoredFile

CHUNK = 256 * 1024
IN_MEMORY = 4 * 1024 * 1024


def store_file(
    *, name: str, content: Iterable[bytes], content_type: str, expires_at: datetime, owner_id: int | None
) -> StoredFile:
    """Store chunks of bytes under a new id, all or nothing. `expires_at`: when `expire_files` may delete them."""
    sha256, size = hashlib.sha256(), 0
    with transaction.atomic():
        stored = StoredFile.objects.create(
            name=name, content_type=content_type, size=0, sha256=b"", owner_id=owner_id, expires_at=expires_at
        )
        for position, chunk in enumerate(_chunks(content)):
            sha256.update(chunk)
            size += len(chunk)
            StoredChunk.objects.create(file=stored, position=position, content=chunk)
        stored.size, stored.sha256 = size, sha256.digest()
        stored.save(update_fields=["size", "sha256"])
    return stored


def append(stored: StoredFile, content: bytes) -> None:
    """Add bytes to the end of a stored file, in the caller's transaction; only one process at a time may do so."""
    last = stored.storedchunk_set.aggregate(last=Max("position"))["last"]
    begin = 0 if last is None else last + 1
    for position, chunk in enumerate(_chunks([content]), begin):
        StoredChunk.objects.create(file=stored, position=position, content=chunk)
    stored.size += len(content)
    # A digest is stored only for a file written at once; none is needed for one that grows.
    stored.sha256 = b""
    stored.save(update_fields=["size", "sha256"])


def read_file(stored: StoredFile) -> Iterator[bytes]:
    """The bytes of a stored file in order, one chunk at a time."""
    for content in stored.storedchunk_set.order_by("position").values_list("content", flat=True).iterator(chunk_size=4):
        yield bytes(content)


@contextmanager
def opened(stored: StoredFile) -> Iterator[IO[bytes]]:
    """The bytes as a seekable file, on disk above a few megabytes; deleted when the block ends."""
    with SpooledTemporaryFile(max_size=IN_MEMORY) as raw:
        for chunk in read_file(stored):
            raw.write(chunk)
        raw.seek(0)
        yield raw


def keep_file(file_id: uuid.UUID, until: datetime) -> bool:
    """Extend the life of a file; it cannot be deleted before the caller's transaction ends. False: it is gone."""
    return bool(StoredFile.objects.filter(pk=file_id).update(expires_at=until))


def delete_files(doomed: QuerySet[StoredFile]) -> int:
    """Delete these files except those that another transaction is extending; returns the number deleted."""
    with transaction.atomic():
        locked_ids = list(doomed.select_for_update(skip_locked=True).values_list("pk", flat=True))
        # Queried again under the lock: another transaction may have extended a file since the first query.
        _, deleted = doomed.filter(pk__in=locked_ids).delete()
    return deleted.get("core.StoredFile", 0)


def expire_files(at: datetime) -> int:
    """Delete files that expired at or before `at`; returns the number deleted."""
    return delete_files(StoredFile.objects.filter(expires_at__lte=at))


def _chunks(content: Iterable[bytes]) -> Iterator[bytes]:
    rest = bytearray()
    for chunk in content:
        rest += chunk
        while len(rest) >= CHUNK:
            yield bytes(rest[:CHUNK])
            del rest[:CHUNK]
    if rest:
        yield bytes(rest)
