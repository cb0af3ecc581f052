"""Bytes of a file to its physical lines, in memory that does not grow with the file or with a line."""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from typing import IO

PIECE = 1 << 16
# Of a longer line only the beginning is kept, and enough more to see that it is too long for anything we read.
LINE_LIMIT = 20_000
MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
    (codecs.BOM_UTF8, "utf-8"),
)
SIXTEEN = (("utf-16-le", "BEGIN".encode("utf-16-le")), ("utf-16-be", "BEGIN".encode("utf-16-be")))
# In these an ASCII byte may be half of a character: they are turned to UTF-8 before lines and colons are looked for.
STATEFUL = re.compile(r"utf.?(16|32|7)|iso.?2022|hz", re.IGNORECASE)


def wide_encoding(head: bytes) -> tuple[str, int]:
    """The encoding a file's first bytes give away and the length of its mark: ("", 0) when they do not."""
    for mark, name in MARKS:
        if head.startswith(mark):
            return name, len(mark)
    for name, word in SIXTEEN:
        at = head[:2000].upper().find(word)
        # At an odd place it is the other byte order.
        if at >= 0 and at % 2 == 0:
            return name, 0
    return "", 0


def lines_of(raw: IO[bytes], encoding: str) -> tuple[bool, Iterator[bytes]]:
    """Whether the text is UTF-8 for certain, and the physical lines without their ends (CR, LF, CRLF).

    CR CR LF, which copying through two systems makes, is one line end.
    """
    raw.seek(0)
    found, mark = wide_encoding(raw.read(2000))
    raw.seek(mark)
    if STATEFUL.match(found) or (not found and STATEFUL.match(encoding)):
        return True, _split(_recoded(raw, found or encoding))
    return bool(found), _split(iter(lambda: raw.read(PIECE), b""))


def _recoded(raw: IO[bytes], encoding: str) -> Iterator[bytes]:
    decoder = codecs.getincrementaldecoder(encoding)("replace")
    while piece := raw.read(PIECE):
        yield decoder.decode(piece).encode("utf-8", "replace")
    yield decoder.decode(b"", final=True).encode("utf-8", "replace")


def _split(pieces: Iterator[bytes]) -> Iterator[bytes]:
    rest = held = b""
    for piece in pieces:
        text = held + piece
        # A piece may end between the CR and the LF of one line end.
        held = text[max(len(text.rstrip(b"\r")), len(text) - 2) :]
        text = text[: len(text) - len(held)]
        lines = text.replace(b"\r\r\n", b"\n").replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n")
        lines[0] = rest + lines[0]
        rest = lines.pop()[:LINE_LIMIT]
        yield from lines
    yield from (rest + held.replace(b"\r", b"\n")).split(b"\n")
