"""Split the bytes of a file into physical lines, in constant memory whatever the length of file or line."""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from typing import IO

CHUNK_BYTES = 1 << 16
# Only the beginning of a longer line is stored, with enough to show that it is too long.
MAX_LINE_BYTES = 20_000
# UTF-32 first: its little-endian mark begins with that of UTF-16.
MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
    (codecs.BOM_UTF8, "utf-8"),
)
# A file without a byte order mark shows UTF-16 by its first word.
UTF16_BEGINS = (("utf-16-le", "BEGIN".encode("utf-16-le")), ("utf-16-be", "BEGIN".encode("utf-16-be")))
# In these encodings an ASCII byte may be half of a character: they are converted to UTF-8 before any search.
NOT_ASCII_SUPERSET = re.compile(r"utf.?(16|32|7)|iso.?2022|hz", re.IGNORECASE)


def wide_encoding(head: bytes) -> tuple[str, int]:
    """The encoding and the length of the mark shown by a file's first bytes: ("", 0) when they show none."""
    for mark, name in MARKS:
        if head.startswith(mark):
            return name, len(mark)
    for name, word in UTF16_BEGINS:
        at = head[:2000].upper().find(word)
        # At an odd position it is the other byte order.
        if at >= 0 and at % 2 == 0:
            return name, 0
    return "", 0


def lines_of(raw: IO[bytes], encoding: str) -> tuple[bool, Iterator[bytes]]:
    """Whether the text is certainly UTF-8, and the physical lines without their ends (CR, LF, CRLF).

    CR CR LF, a result of copying through two systems, is one line end.
    """
    raw.seek(0)
    declared, mark = wide_encoding(raw.read(2000))
    raw.seek(mark)
    if NOT_ASCII_SUPERSET.match(declared) or (not declared and NOT_ASCII_SUPERSET.match(encoding)):
        return True, _split(_recoded(raw, declared or encoding))
    return bool(declared), _split(iter(lambda: raw.read(CHUNK_BYTES), b""))


def _recoded(raw: IO[bytes], encoding: str) -> Iterator[bytes]:
    # "replace": one damaged character must not cost the rest of the file.
    decoder = codecs.getincrementaldecoder(encoding)("replace")
    while chunk := raw.read(CHUNK_BYTES):
        yield decoder.decode(chunk).encode("utf-8", "replace")
    yield decoder.decode(b"", final=True).encode("utf-8", "replace")


def _split(chunks: Iterator[bytes]) -> Iterator[bytes]:
    rest = pending = b""
    for chunk in chunks:
        text = pending + chunk
        # A chunk may end between the CR and the LF of one line end.
        pending = text[max(len(text.rstrip(b"\r")), len(text) - 2) :]
        text = text[: len(text) - len(pending)]
        lines = text.replace(b"\r\r\n", b"\n").replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n")
        lines[0] = rest + lines[0]
        rest = lines.pop()[:MAX_LINE_BYTES]
        yield from lines
    yield from (rest + pending.replace(b"\r", b"\n")).split(b"\n")
