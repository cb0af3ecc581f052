"""Binary search in a list of breached passwords, in the Have I Been Pwned format: sorted `SHA-1:count` lines.

The full list has about 40 GB. A search needs about 35 short reads, and nothing stays in memory.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

LINE = re.compile(rb"([0-9A-Fa-f]{40}):[0-9]+\r?\n?")
# Longer than any valid line. The bound limits a read in a file of another format.
LONGEST = 100
# Number of sampled lines that must be in order: a file ordered by count would never match.
LOOKS = 32


class PasswordListError(Exception):
    """The file cannot be used; the text is the reason, as part of a sentence."""


def is_known(path: Path, password: str) -> bool:
    """Whether the list holds this password. Raises PasswordListError when the file cannot be read."""
    # SHA-1 is the list's format here, not a protection.
    digest = hashlib.sha1(password.encode(), usedforsecurity=False).hexdigest().upper().encode()
    try:
        with path.open("rb") as file:
            return has_line(file, digest)
    except OSError as error:
        raise PasswordListError(f"cannot be read: {error.strerror}") from error


def has_line(file: BinaryIO, digest: bytes) -> bool:
    """Whether a list has a line that begins with this digest, 40 hex digits in upper case."""
    low, high = 0, file.seek(0, 2)
    # Invariant: a matching line starts at or after `low`, which is the start of a line, and before `high`.
    while low < high:
        middle = (low + high) // 2
        begins = _next_line(file, middle)
        if begins >= high:
            high = middle
            continue
        line = file.readline(LONGEST)
        found = line[:40].upper()
        if found == digest:
            return True
        if found < digest:
            low = begins + len(line)
        else:
            high = middle
    return False


def look_at(path: Path) -> None:
    """Sample the file; raise PasswordListError unless the lines have the right format and order."""
    try:
        with path.open("rb") as file:
            digests = list(_here_and_there(file))
    except OSError as error:
        raise PasswordListError(f"cannot be read: {error.strerror}") from error
    if digests != sorted(digests):
        raise PasswordListError("is not in the order of its digests")


def _here_and_there(file: BinaryIO) -> Iterator[bytes]:
    size = file.seek(0, 2)
    for part in range(LOOKS):
        begins = _next_line(file, size * part // LOOKS)
        line = file.readline(LONGEST)
        if begins >= size > 0:
            return
        known = LINE.fullmatch(line)
        if known is None:
            raise PasswordListError(f"has no line `SHA-1:count` at byte {begins}")
        yield known[1].upper()


def _next_line(file: BinaryIO, position: int) -> int:
    """Move to the first line that begins at or after `position`; return its offset in bytes."""
    if position == 0:
        return file.seek(0)
    file.seek(position - 1)
    return position - 1 + len(file.readline(LONGEST))
