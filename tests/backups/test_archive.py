"""A backup file is complete or absent, and the refusal of an invalid one gives the reason."""

import io
import os
import random
import subprocess
import sys
import tarfile
from pathlib import Path
from typing import Any

import pytest

from apps.backups.archive import DUMP, MANIFEST, REQUIRED_KEYS, SECRETS, BackupError, Writer, atomic_write, open_backup
from tests.localstack.stack import eventually

MANIFEST_OF: dict[str, Any] = {**dict.fromkeys(REQUIRED_KEYS), "digest": "d"}
KEYS = {"IDENTITY_KEY": "a key"}


def write(path: Path, dump: bytes = b"PGDMP" * 5000, secrets: dict[str, str] | None = None) -> Path:
    with atomic_write(path) as file:
        writer = Writer(file)
        writer.add_stream(DUMP, io.BytesIO(dump), lambda done: None)
        writer.finish(MANIFEST_OF, secrets)
    return path


def test_a_backup_is_read_back_unchanged(tmp_path: Path) -> None:
    backup = open_backup(write(tmp_path / "a.backup", b"x" * 70_001, KEYS))
    heard: list[int] = []
    backup.check(heard.append)
    assert (backup.size, backup.secrets, heard[-1]) == (70_001, KEYS, 70_001)
    assert backup.manifest["digest"] == "d"


def test_tar_alone_can_unpack_a_backup(tmp_path: Path) -> None:
    """A backup must be useful without Hundred."""
    path = write(tmp_path / "a.backup", b"the dump", KEYS)

    def tar(*arguments: str) -> bytes:
        return subprocess.run(["/bin/tar", *arguments], check=True, capture_output=True).stdout

    assert tar("-tf", str(path)).decode().split() == [DUMP, SECRETS, MANIFEST]
    assert tar("-xOf", str(path), DUMP) == b"the dump"


def test_a_dump_of_more_than_eight_gigabytes_has_its_size_in_the_header() -> None:
    member = tarfile.TarInfo(DUMP)
    member.size = 20 * 2**30
    header = member.tobuf(tarfile.GNU_FORMAT)
    assert len(header) == tarfile.BLOCKSIZE
    assert tarfile.TarInfo.frombuf(header, "utf-8", "strict").size == member.size


def test_a_truncated_backup_is_reported_as_incomplete(tmp_path: Path) -> None:
    whole = write(tmp_path / "a.backup", secrets=KEYS).read_bytes()
    manifest_ends = whole.rindex(b"}") + 1
    cut = tmp_path / "cut.backup"
    for length in (512, 513, 9_000, *range(25_000, manifest_ends, 97)):
        cut.write_bytes(whole[:length])
        with pytest.raises(BackupError, match=r"is not complete|is damaged"):
            open_backup(cut)


def damaged(path: Path) -> bool:
    try:
        open_backup(path).check(lambda done: None)
    except BackupError as error:
        return "damaged" in str(error)
    return False


def test_every_changed_byte_of_the_dump_or_the_secrets_is_detected(tmp_path: Path) -> None:
    path = write(tmp_path / "a.backup", secrets=KEYS)
    whole = path.read_bytes()
    seed = random.randrange(2**32)
    chance = random.Random(seed)
    secrets_at = whole.index(b'{"IDENTITY_KEY"')
    places = [tarfile.BLOCKSIZE + chance.randrange(25_000) for _ in range(300)]
    for place in [*places, *range(secrets_at, secrets_at + 25)]:
        wounded = bytearray(whole)
        wounded[place] ^= 1 << chance.randrange(8)
        path.write_bytes(wounded)
        assert damaged(path), f"seed {seed}: byte {place}"


def test_other_files_are_refused_as_backups(tmp_path: Path) -> None:
    path = tmp_path / "other"
    invalid = io.BytesIO()
    with tarfile.open(fileobj=invalid, mode="w") as tar:
        tar.addfile(tarfile.TarInfo("photo.jpg"))
    for content in (b"", b"hello", os.urandom(5000), invalid.getvalue(), bytes(20_000)):
        path.write_bytes(content)
        with pytest.raises(BackupError, match="is not a backup of Hundred"):
            open_backup(path)


@pytest.mark.parametrize("manifest", [b"[]", b"{}", b'{"format": 1}', b"{", b"\xff", b'{"format": "1"}', b"null"])
def test_an_invalid_manifest_is_refused(tmp_path: Path, manifest: bytes) -> None:
    path = tmp_path / "a.backup"
    with tarfile.open(path, "w") as tar:
        for name, content in ((DUMP, b"x"), (MANIFEST, manifest)):
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    with pytest.raises(BackupError, match="its manifest cannot be read"):
        open_backup(path)


def test_a_failed_write_leaves_only_the_older_file(tmp_path: Path) -> None:
    path = write(tmp_path / "a.backup", b"yesterday")
    before = path.read_bytes()

    def broken() -> bytes:
        raise OSError("no more of it")

    with pytest.raises(OSError, match="no more"), atomic_write(path) as file:
        file.writelines(broken() for _ in range(2))
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_only_the_owner_can_read_a_backup_whatever_the_umask(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        path = write(tmp_path / "a.backup")
    finally:
        os.umask(before)
    assert path.stat().st_mode & 0o777 == 0o600


HALF = """
import sys, time
from pathlib import Path
from apps.backups.archive import atomic_write
with atomic_write(Path(sys.argv[1])) as file:
    file.write(b"half of it"); file.flush()
    print("here", flush=True)
    time.sleep(600)
"""


def test_only_leftovers_of_a_killed_writer_are_removed(tmp_path: Path) -> None:
    path = tmp_path / "a [b].backup"
    command: list[Any] = [sys.executable, "-c", HALF, path]
    with (
        subprocess.Popen(command, stdout=subprocess.PIPE) as killed,
        subprocess.Popen(command, stdout=subprocess.PIPE) as going_on,
    ):
        assert killed.stdout
        assert going_on.stdout
        assert killed.stdout.readline() == going_on.stdout.readline() == b"here\n"
        killed.kill()
        killed.wait()
        assert not path.exists()
        write(path)
        leftovers = [entry.name for entry in tmp_path.iterdir() if entry != path]
        assert len(leftovers) == 1, "the file being written stays"
        going_on.kill()
        going_on.wait()
    write(path)
    assert eventually(lambda: list(tmp_path.iterdir()) == [path])
