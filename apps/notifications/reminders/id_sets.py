"""A set of row ids as a short text: a form brings back which rows its page showed, however many."""

from __future__ import annotations

import base64
import zlib
from collections.abc import Collection
from dataclasses import dataclass

# As text and unpacked: a million employees need an eighth of it.
MAX_CHARS, MAX_BYTES = 1_500_000, 1_000_000


@dataclass(frozen=True)
class IdSet:
    """Bit n of `bits`, counted as PostgreSQL's get_bit does, says whether `first` + n is in the set."""

    first: int = 0
    bits: bytes = b"\0"

    @classmethod
    def of(cls, ids: Collection[int]) -> IdSet:
        """Raises ValueError for ids that are too far apart."""
        if not ids:
            return cls()
        first = min(ids)
        if (size := (max(ids) - first) // 8 + 1) > MAX_BYTES:
            raise ValueError("the ids are too far apart")
        bits = bytearray(size)
        for number in ids:
            bits[(number - first) // 8] |= 1 << (number - first) % 8
        return cls(first, bytes(bits))

    def encode(self) -> str:
        return f"{self.first}.{base64.urlsafe_b64encode(zlib.compress(self.bits)).decode()}"

    @classmethod
    def decode(cls, text: str) -> IdSet:
        """Raises ValueError for any text that `encode` does not write."""
        first, _dot, packed = text[:MAX_CHARS].partition(".")
        if not (first.isascii() and first.isdigit() and len(first) < 19):
            raise ValueError("no first id")
        inflate = zlib.decompressobj()
        try:
            # Bounded: a small text can unpack to gigabytes.
            bits = inflate.decompress(base64.urlsafe_b64decode(packed.encode()), MAX_BYTES)
        except zlib.error as error:
            raise ValueError("not packed") from error
        if not bits or not inflate.eof:
            raise ValueError("incomplete or too long")
        return cls(int(first), bits)
