"""Files in the database: no process depends on another's disk, and one backup holds everything."""

import hashlib
import uuid
import zipfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime
from io import BytesIO
from tempfile import SpooledTemporaryFile
from typing import IO

from django.db import transaction
from django.db.models import Max, Q, QuerySet, Sum
from django.template.defaultfilters import filesizeformat
from django.utils.translation import gettext as _

from apps.core.errors import Refused
from apps.core.models import StoredChunk, StoredFile

# PostgreSQL reads and sends a value as a whole: a chunk bounds the memory that one row takes on both sides.
CHUNK_BYTES = 256 * 1024
# Most uploads are smaller and never touch the disk of the web server.
MAX_MEMORY_BYTES = 4 * 1024 * 1024

# Above this size a file is large, whatever it unpacks to (apps/core/previews.py).
LARGE_BYTES = 1_000_000
# Of all uploads of one account, and of the differences that workers make of them.
MAX_UPLOADED_BYTES = 2 * 1024**3
# Exports and rejected lines have media types, and limits of their own; an upload has the type of its reader.
HAS_MEDIA_TYPE = Q(content_type__startswith="text/") | Q(content_type__startswith="application/")


def require_upload_space(owner_id: int | None) -> None:
    """Raise Refused when the uploads of this account take MAX_UPLOADED_BYTES; a command has no limit."""
    uploads = StoredFile.objects.filter(owner_id=owner_id).exclude(HAS_MEDIA_TYPE)
    used = 0 if owner_id is None else uploads.aggregate(bytes=Sum("size"))["bytes"] or 0
    if used >= MAX_UPLOADED_BYTES:
        message = _(
            "Your uploads use %(size)s, the limit for one person. A file is deleted a day after its upload, and the "
            "difference of an applied roster after 90 days. Upload this file then."
        )
        raise Refused("too_many", message % {"size": filesizeformat(used)}, "file", conflict=True)


def store_file(
    *, name: str, content: Iterable[bytes], content_type: str, expires_at: datetime, owner_id: int | None
) -> StoredFile:
    """Store chunks of bytes under a new id, all or nothing. `expires_at`: when `expire_files` may delete them."""
    sha256, size, small = hashlib.sha256(), 0, BytesIO()
    with transaction.atomic():
        # Size and digest are known only at the end, so the row is written twice in one transaction.
        stored = StoredFile.objects.create(
            name=name, content_type=content_type, size=0, sha256=b"", owner_id=owner_id, expires_at=expires_at
        )
        for position, chunk in enumerate(_chunks(content)):
            sha256.update(chunk)
            size += len(chunk)
            if size <= LARGE_BYTES:
                small.write(chunk)
            StoredChunk.objects.create(file=stored, position=position, content=chunk)
        stored.size, stored.sha256 = size, sha256.digest()
        stored.unpacked_size = _unpacked_size(small) if size <= LARGE_BYTES else 0
        stored.save(update_fields=["size", "sha256", "unpacked_size"])
    return stored


def _unpacked_size(raw: IO[bytes]) -> int:
    """The unpacked size of an archive according to its directory, which no reader exceeds; 0 for any other file."""
    try:
        with zipfile.ZipFile(raw) as archive:
            return sum(part.file_size for part in archive.infolist())
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError):
        return 0


def append_to_file(stored: StoredFile, content: bytes) -> None:
    """Add bytes to the end of a stored file, in the caller's transaction; only one process at a time may do so."""
    last = stored.storedchunk_set.aggregate(last=Max("position"))["last"]
    first_position = 0 if last is None else last + 1
    for position, chunk in enumerate(_chunks([content]), first_position):
        StoredChunk.objects.create(file=stored, position=position, content=chunk)
    stored.size += len(content)
    # A digest is stored only for a file written at once; none is needed for one that grows.
    stored.sha256 = b""
    stored.save(update_fields=["size", "sha256"])


def read_file(stored: StoredFile) -> Iterator[bytes]:
    """The bytes of a stored file in order, one chunk at a time."""
    # psycopg2 fetches a whole batch into memory: four chunks are a megabyte.
    for content in stored.storedchunk_set.order_by("position").values_list("content", flat=True).iterator(chunk_size=4):
        yield bytes(content)


@contextmanager
def open_file(stored: StoredFile) -> Iterator[IO[bytes]]:
    """The bytes as a seekable file, on disk above a few megabytes; deleted when the block ends."""
    with SpooledTemporaryFile(max_size=MAX_MEMORY_BYTES) as raw:
        for chunk in read_file(stored):
            raw.write(chunk)
        raw.seek(0)
        yield raw


def extend_file(file_id: uuid.UUID, until: datetime) -> bool:
    """Extend the life of a file; it cannot be deleted before the caller's transaction ends. False: it is gone."""
    # The update locks the row until the caller commits, so that `delete_files` skips it.
    return bool(StoredFile.objects.filter(pk=file_id).update(expires_at=until))


def delete_files(files: QuerySet[StoredFile]) -> int:
    """Delete these files except those that another transaction is extending; returns the number deleted."""
    with transaction.atomic():
        locked_ids = list(files.select_for_update(skip_locked=True).values_list("pk", flat=True))
        # Queried again under the lock: another transaction may have extended a file since the first query.
        _, deleted = files.filter(pk__in=locked_ids).delete()
    return deleted.get("core.StoredFile", 0)


def expire_files(at: datetime) -> int:
    """Delete files that expired at or before `at`; returns the number deleted."""
    return delete_files(StoredFile.objects.filter(expires_at__lte=at))


def _chunks(content: Iterable[bytes]) -> Iterator[bytes]:
    buffer = bytearray()
    for chunk in content:
        buffer += chunk
        while len(buffer) >= CHUNK_BYTES:
            yield bytes(buffer[:CHUNK_BYTES])
            del buffer[:CHUNK_BYTES]
    if buffer:
        yield bytes(buffer)
