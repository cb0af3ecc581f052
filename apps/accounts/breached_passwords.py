"""A list of passwords that became known elsewhere, in the form of Have I Been Pwned's: lines `SHA-1:count`, in order.

The whole of it is some 40 GB. A line is found by halving the file, some 35 short reads, and nothing of it is kept.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

LINE = re.compile(rb"([0-9A-Fa-f]{40}):[0-9]+\r?\n?")
# More than any line of such a list; a file of another form is never read to a line's end that is not there.
LONGEST = 100
# Lines from all over the list that are looked at for its order: one that is ordered by counts would find nobody.
LOOKS = 32


class PasswordListError(Exception):
    """The file cannot be used; the text says why, in a part of a sentence."""


def is_known(path: Path, password: str) -> bool:
    """Whether the list has this password. Raises NoSuchList for a file that cannot be read."""
    # The list's own form, and no protection of anything.
    digest = hashlib.sha1(password.encode(), usedforsecurity=False).hexdigest().upper().encode()
    try:
        with path.open("rb") as file:
            return has_line(file, digest)
    except OSError as error:
        raise PasswordListError(f"cannot be read: {error.strerror}") from error


def has_line(file: BinaryIO, digest: bytes) -> bool:
    """Whether a list has a line that begins with this digest, 40 digits in upper case."""
    low, high = 0, file.seek(0, 2)
    # The line, if there is one, begins from `low`, where a line begins, and before `high`.
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
    """Raises NoSuchList unless the file is such a list and in order, as far as a look here and there tells."""
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
    """Go to where the first line begins that does so at this position or behind it; returns that place."""
    if position == 0:
        return file.seek(0)
    file.seek(position - 1)
    return position - 1 + len(file.readline(LONGEST))
