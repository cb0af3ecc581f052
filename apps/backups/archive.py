"""A backup file: a tar with the dump, the manifest and, for an embedded installation, its secrets.

The file appears only when it is complete, and only its owner can read it. `tar` and `pg_restore` alone can read
everything in it.
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
# Raised only when an older version could no longer restore a file. New keys of the manifest do not change it.
FORMAT_VERSION = 1
# The keys that every manifest of this format holds in addition to its members.
REQUIRED_KEYS = {"made_at", "installation", "identity_key_check", "pg_dump"}
REQUIRED_KEYS |= {"tables", "guards", "migrations", "campaigns", "digest"}
CHUNK_BYTES = 1 << 20
# Manifest and secrets are read into memory; a larger one would be another file under this name.
MAX_TEXT_BYTES = 64 * CHUNK_BYTES


class BackupError(Exception):
    """The command cannot go on; the text is a sentence for its user."""


@contextmanager
def atomic_write(path: Path) -> Iterator[IO[bytes]]:
    """Yield a seekable file that gets its name when the block ends without an error; otherwise nothing remains.

    Raises OSError. The next call removes what a killed process left behind.
    """
    _remove_leftovers(path)
    descriptor, unfinished = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".unfinished", dir=path.parent)
    try:
        # The lock shows other processes that this file is still being written.
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        with os.fdopen(descriptor, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
            Path(unfinished).replace(path)
    except BaseException:
        # Also for KeyboardInterrupt: Ctrl-C must leave nothing behind.
        Path(unfinished).unlink(missing_ok=True)
        raise
    # The new name is on disk only after the folder is (fsync of the file is not enough).
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _remove_leftovers(path: Path) -> None:
    """Remove unfinished files without a lock: the kernel released the locks when their writers ended."""
    for leftover in path.parent.iterdir():
        if leftover.name.startswith(f".{path.name}.") and leftover.name.endswith(".unfinished"):
            with suppress(OSError), leftover.open("rb") as file:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                leftover.unlink()


class Writer:
    """Fills a backup file: first the dump, whose size is unknown beforehand, then the texts."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self.members: dict[str, dict[str, Any]] = {}

    def add_stream(self, name: str, source: IO[bytes], progress: Callable[[int], None]) -> None:
        """Add all bytes of `source`; `progress` receives the number of bytes so far."""
        header = self._file.tell()
        # Room for the header: it holds the size, which is known only after the dump.
        self._file.write(bytes(tarfile.BLOCKSIZE))
        sha256, size = hashlib.sha256(), 0
        while chunk := source.read(CHUNK_BYTES):
            self._file.write(chunk)
            sha256.update(chunk)
            size += len(chunk)
            progress(size)
        self._file.write(bytes(-size % tarfile.BLOCKSIZE))
        end = self._file.tell()
        self._file.seek(header)
        self._file.write(_member(name, size).tobuf(tarfile.GNU_FORMAT))
        self._file.seek(end)
        self.members[name] = {"bytes": size, "sha256": sha256.hexdigest()}

    def finish(self, manifest: dict[str, Any], secrets: Mapping[str, str] | None) -> dict[str, Any]:
        """Add the secrets and the manifest with the digests of the earlier members; return the complete manifest."""
        with tarfile.open(fileobj=self._file, mode="w", format=tarfile.GNU_FORMAT) as tar:
            if secrets is not None:
                content = json.dumps(secrets).encode()
                self.members[SECRETS] = {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
                tar.addfile(_member(SECRETS, len(content)), io.BytesIO(content))
            whole = {"format": FORMAT_VERSION, **manifest, "members": self.members}
            content = json.dumps(whole, indent=1).encode()
            tar.addfile(_member(MANIFEST, len(content)), io.BytesIO(content))
        return whole


def _member(name: str, size: int) -> tarfile.TarInfo:
    member = tarfile.TarInfo(name)
    # 0600, because `tar -x` gives the extracted secrets this mode.
    member.size, member.mode, member.mtime = size, 0o600, int(time.time())
    return member


@dataclass(frozen=True)
class Backup:
    """A backup file with a consistent table of contents; `check` reads the dump itself."""

    path: Path
    manifest: dict[str, Any]
    secrets: dict[str, str] | None
    offset: int

    @property
    def size(self) -> int:
        return int(self.manifest["members"][DUMP]["bytes"])

    def check(self, progress: Callable[[int], None]) -> None:
        """Read the dump once; raises BackupError when a single byte differs from what was written."""
        sha256, done = hashlib.sha256(), 0
        with self.path.open("rb") as file:
            file.seek(self.offset)
            while chunk := file.read(min(CHUNK_BYTES, self.size - done)):
                sha256.update(chunk)
                done += len(chunk)
                progress(done)
        if sha256.hexdigest() != self.manifest["members"][DUMP]["sha256"]:
            raise BackupError(
                f"{self.path} is damaged: its database dump differs from what was written. Nothing was changed."
            )


def open_backup(path: Path) -> Backup:
    """Open the backup at `path`. Raises BackupError when it is not a backup, is incomplete or has a later format."""
    try:
        # Uncompressed only: `offset` must be the place of the dump in the file itself.
        with tarfile.open(path, "r:") as tar:
            members = {member.name: member for member in tar.getmembers()}
            texts = {name: _read_member(tar, members[name]) for name in (MANIFEST, SECRETS) if name in members}
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
    members_listed = manifest["members"]
    if members_listed[DUMP]["bytes"] != members[DUMP].size or (SECRETS in members_listed) != (SECRETS in texts):
        raise BackupError(f"{path} is damaged: it differs from its manifest.")
    secrets = None
    if SECRETS in texts:
        if hashlib.sha256(texts[SECRETS]).hexdigest() != members_listed[SECRETS]["sha256"]:
            raise BackupError(f"{path} is damaged: its secrets differ from what was written.")
        secrets = json.loads(texts[SECRETS])
    return Backup(path, manifest, secrets, members[DUMP].offset_data)


def _read_member(tar: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
    file = tar.extractfile(member)
    if file is None or member.size > MAX_TEXT_BYTES:
        raise tarfile.ReadError(f"{member.name} is not a text of a backup")
    return file.read()


def _read_manifest(path: Path, text: bytes) -> dict[str, Any]:
    try:
        manifest = json.loads(text)
        later = manifest["format"] > FORMAT_VERSION
        if not later and not (
            manifest.keys() >= REQUIRED_KEYS and {"bytes", "sha256"} <= manifest["members"][DUMP].keys()
        ):
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
