"""A backup file: a tar with the dump, the manifest and, of an embedded installation, its secrets.

It is there whole or not at all, and nobody but its owner reads it. Everything in it can be had with `tar` and
`pg_restore` alone.
"""

import fcntl
import hashlib
import io
import json
import os
import tarfile
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

DUMP, MANIFEST, SECRETS = "database.dump", "manifest.json", "secrets.json"
FORMAT = 1
# What a manifest of this form says beside its members.
NEEDED = {"made_at", "installation", "identity_key_check", "pg_dump"}
NEEDED |= {"tables", "guards", "migrations", "campaigns", "digest"}
PIECE = 1 << 20
LONGEST_TEXT = 64 * PIECE


class BackupError(Exception):
    """It cannot be done; the text is a sentence for whoever typed the command."""


@contextmanager
def written_whole(path: Path) -> Iterator[IO[bytes]]:
    """A file to write and to seek in; it gets its name when the block ends well, and leaves nothing behind otherwise.

    Raises OSError. What a killed process left beside it is taken away by the next one.
    """
    _take_leftovers_away(path)
    descriptor, unfinished = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".unfinished", dir=path.parent)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        with os.fdopen(descriptor, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
            Path(unfinished).replace(path)
    except BaseException:
        Path(unfinished).unlink(missing_ok=True)
        raise
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _take_leftovers_away(path: Path) -> None:
    """Unfinished files that nobody holds any more: the kernel let go of their locks with their writers."""
    for left in path.parent.iterdir():
        if left.name.startswith(f".{path.name}.") and left.name.endswith(".unfinished"):
            with suppress(OSError), left.open("rb") as file:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                left.unlink()


class Writer:
    """Fills a backup file: first the dump, whose size nobody knows beforehand, then the texts."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self.members: dict[str, dict[str, Any]] = {}

    def add_stream(self, name: str, source: IO[bytes], progress: Callable[[int], None]) -> None:
        """Everything `source` gives; `progress` hears the bytes so far."""
        header = self._file.tell()
        self._file.write(bytes(tarfile.BLOCKSIZE))
        sha256, size = hashlib.sha256(), 0
        while piece := source.read(PIECE):
            self._file.write(piece)
            sha256.update(piece)
            size += len(piece)
            progress(size)
        self._file.write(bytes(-size % tarfile.BLOCKSIZE))
        end = self._file.tell()
        self._file.seek(header)
        self._file.write(_member(name, size).tobuf(tarfile.GNU_FORMAT))
        self._file.seek(end)
        self.members[name] = {"bytes": size, "sha256": sha256.hexdigest()}

    def finish(self, manifest: dict[str, Any], secrets: Mapping[str, str] | None) -> dict[str, Any]:
        """The secrets and the manifest, which knows the digests of what came before it; returns the whole manifest."""
        with tarfile.open(fileobj=self._file, mode="w", format=tarfile.GNU_FORMAT) as tar:
            if secrets is not None:
                content = json.dumps(secrets).encode()
                self.members[SECRETS] = {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
                tar.addfile(_member(SECRETS, len(content)), io.BytesIO(content))
            whole = {"format": FORMAT, **manifest, "members": self.members}
            content = json.dumps(whole, indent=1).encode()
            tar.addfile(_member(MANIFEST, len(content)), io.BytesIO(content))
        return whole


def _member(name: str, size: int) -> tarfile.TarInfo:
    member = tarfile.TarInfo(name)
    member.size, member.mode, member.mtime = size, 0o600, int(time.time())
    return member


@dataclass(frozen=True)
class Backup:
    """A backup file whose table of contents holds together; `check` reads the rest of it."""

    path: Path
    manifest: dict[str, Any]
    secrets: dict[str, str] | None
    offset: int

    @property
    def size(self) -> int:
        """Bytes of the dump."""
        return int(self.manifest["members"][DUMP]["bytes"])

    def check(self, progress: Callable[[int], None]) -> None:
        """Read the dump once; raises BackupError when a single byte of it is not what was written."""
        sha256, done = hashlib.sha256(), 0
        with self.path.open("rb") as file:
            file.seek(self.offset)
            while piece := file.read(min(PIECE, self.size - done)):
                sha256.update(piece)
                done += len(piece)
                progress(done)
        if sha256.hexdigest() != self.manifest["members"][DUMP]["sha256"]:
            raise BackupError(f"{self.path} is damaged: the dump in it is not what was written. Nothing was changed.")


def open_backup(path: Path) -> Backup:
    """The backup at `path`. Raises BackupError for whatever is none, is incomplete or is of a later form."""
    try:
        with tarfile.open(path, "r:") as tar:
            members = {member.name: member for member in tar.getmembers()}
            texts = {name: _text(tar, members[name]) for name in (MANIFEST, SECRETS) if name in members}
    except (OSError, tarfile.TarError) as error:
        if isinstance(error, OSError) and error.strerror:
            raise BackupError(f"{path} cannot be read: {error.strerror}.") from error
        begins = _begins_like_a_backup(path)
        raise BackupError(_incomplete(path) if begins else f"{path} is not a backup of Hundred.") from error
    if DUMP not in members:
        raise BackupError(f"{path} is not a backup of Hundred.")
    if MANIFEST not in members:
        raise BackupError(_incomplete(path))
    manifest = _read_manifest(path, texts[MANIFEST])
    told = manifest["members"]
    if told[DUMP]["bytes"] != members[DUMP].size or (SECRETS in told) != (SECRETS in texts):
        raise BackupError(f"{path} is damaged: it does not hold what its manifest says.")
    secrets = None
    if SECRETS in texts:
        if hashlib.sha256(texts[SECRETS]).hexdigest() != told[SECRETS]["sha256"]:
            raise BackupError(f"{path} is damaged: the secrets in it are not what was written.")
        secrets = json.loads(texts[SECRETS])
    return Backup(path, manifest, secrets, members[DUMP].offset_data)


def _text(tar: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
    file = tar.extractfile(member)
    if file is None or member.size > LONGEST_TEXT:
        raise tarfile.ReadError(f"{member.name} is no text of a backup")
    return file.read()


def _read_manifest(path: Path, text: bytes) -> dict[str, Any]:
    try:
        manifest = json.loads(text)
        later = manifest["format"] > FORMAT
        if not later and not (manifest.keys() >= NEEDED and {"bytes", "sha256"} <= manifest["members"][DUMP].keys()):
            raise KeyError(MANIFEST)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise BackupError(f"{path} is damaged: its manifest cannot be read.") from error
    if later:
        raise BackupError(f"{path} was made by a newer version of Hundred; restore it with that version.")
    return dict(manifest)


def _begins_like_a_backup(path: Path) -> bool:
    with suppress(OSError, tarfile.TarError), path.open("rb") as file:
        return tarfile.TarInfo.frombuf(file.read(tarfile.BLOCKSIZE), "utf-8", "strict").name == DUMP
    return False


def _incomplete(path: Path) -> str:
    return f"{path} is not complete: its end is missing. Take another copy of it; nothing was changed."
