"""Binary search in a list of breached passwords, in the Have I Been Pwned format: sorted `SHA-1:count` lines.

The full list has about 40 GB. A search needs about 35 short reads, and nothing stays in memory.
"""

import hashlib
import re
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

LINE = re.compile(rb"([0-9A-Fa-f]{40}):[0-9]+\r?\n?")
# Longer than any valid line. The bound limits a read in a file of another format.
MAX_LINE_BYTES = 100
# Number of sampled lines that must be in order: a file ordered by count would never match.
SAMPLES = 32


class PasswordListError(Exception):
    """The file cannot be used; the text is the reason, as part of a sentence."""


def is_breached(path: Path, password: str) -> bool:
    """Whether the list holds this password. Raises PasswordListError when the file cannot be read."""
    # SHA-1 is the list's format here, not a protection.
    digest = hashlib.sha1(password.encode(), usedforsecurity=False).hexdigest().upper().encode()
    try:
        with path.open("rb") as file:
            return contains_digest(file, digest)
    except OSError as error:
        raise PasswordListError(f"cannot be read: {error.strerror}") from error


def contains_digest(file: BinaryIO, digest: bytes) -> bool:
    """Whether a list has a line that begins with this digest, 40 hex digits in upper case."""
    low, high = 0, file.seek(0, 2)
    # Invariant: a matching line starts at or after `low`, which is the start of a line, and before `high`.
    while low < high:
        middle = (low + high) // 2
        begins = _next_line(file, middle)
        if begins >= high:
            high = middle
            continue
        line = file.readline(MAX_LINE_BYTES)
        line_digest = line[:40].upper()
        if line_digest == digest:
            return True
        if line_digest < digest:
            low = begins + len(line)
        else:
            high = middle
    return False


def check_list_format(path: Path) -> None:
    """Sample the file; raise PasswordListError unless the lines have the right format and order."""
    try:
        with path.open("rb") as file:
            digests = list(_sampled_digests(file))
    except OSError as error:
        raise PasswordListError(f"cannot be read: {error.strerror}") from error
    if digests != sorted(digests):
        raise PasswordListError("is not in the order of its digests")


def _sampled_digests(file: BinaryIO) -> Iterator[bytes]:
    size = file.seek(0, 2)
    for part in range(SAMPLES):
        begins = _next_line(file, size * part // SAMPLES)
        line = file.readline(MAX_LINE_BYTES)
        # The last sample may fall into the last line; an empty file instead has no line and is refused below.
        if begins >= size > 0:
            return
        match = LINE.fullmatch(line)
        if match is None:
            raise PasswordListError(f"has no line `SHA-1:count` at byte {begins}")
        yield match[1].upper()


def _next_line(file: BinaryIO, position: int) -> int:
    """Move to the first line that begins at or after `position`; return its offset in bytes."""
    if position == 0:
        return file.seek(0)
    # One byte earlier: a line that begins exactly at `position` follows a line break, which this read consumes.
    file.seek(position - 1)
    return position - 1 + len(file.readline(MAX_LINE_BYTES))
