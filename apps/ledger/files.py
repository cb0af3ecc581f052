"""Bytes in the database: no process relies on another's disk, and one backup holds everything."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from datetime import datetime

from django.db import transaction

from apps.ledger.models import StoredChunk, StoredFile

CHUNK = 256 * 1024


def store_file(
    *, name: str, content: Iterable[bytes], content_type: str, expires_at: datetime, owner_id: int | None
) -> StoredFile:
    """Store pieces of bytes under a new id, all or nothing. `expires_at`: when `expire_files` may delete them."""
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


def read_file(stored: StoredFile) -> Iterator[bytes]:
    """The bytes of a stored file, piece by piece, in order."""
    for content in stored.storedchunk_set.order_by("position").values_list("content", flat=True).iterator(chunk_size=4):
        yield bytes(content)


def expire_files(at: datetime) -> int:
    """Delete what expired at or before `at`; returns how many files went."""
    _, deleted = StoredFile.objects.filter(expires_at__lte=at).delete()
    return deleted.get("ledger.StoredFile", 0)


def _chunks(content: Iterable[bytes]) -> Iterator[bytes]:
    rest = bytearray()
    for piece in content:
        rest += piece
        while len(rest) >= CHUNK:
            yield bytes(rest[:CHUNK])
            del rest[:CHUNK]
    if rest:
        yield bytes(rest)
