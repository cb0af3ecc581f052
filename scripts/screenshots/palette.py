"""Small PNG files: 256 colours are enough for a page, and take a third of the bytes."""

import struct
import zlib
from collections import Counter

SIGNATURE = b"\x89PNG\r\n\x1a\n"
MAX_COLOURS = 256
Colour = tuple[int, int, int]


def reduced(png: bytes) -> bytes:
    """The picture with at most 256 colours; `png` is a browser's screenshot: 8 bits, RGB, not interlaced."""
    width, height, depth, kind = struct.unpack(">IIBB", png[16:26])
    if (depth, kind) != (8, 2):
        raise ValueError(f"not a picture in RGB of 8 bits: depth {depth}, colour type {kind}")
    rows = _rows(zlib.decompress(b"".join(body for name, body in _chunks(png) if name == b"IDAT")), width * 3)
    lines: list[list[Colour]] = [[*zip(row[::3], row[1::3], row[2::3], strict=True)] for row in rows]
    palette, places = _palette(Counter(colour for line in lines for colour in line))
    pixels = b"".join(b"\0" + bytes(map(places.__getitem__, line)) for line in lines)
    header = struct.pack(">IIBBBBB", width, height, 8, 3, 0, 0, 0)
    chunks = {b"IHDR": header, b"PLTE": palette, b"IDAT": zlib.compress(pixels, 9), b"IEND": b""}
    return SIGNATURE + b"".join(
        struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))
        for name, body in chunks.items()
    )


def _chunks(png: bytes) -> list[tuple[bytes, bytes]]:
    chunks, at = [], len(SIGNATURE)
    while at < len(png):
        (length,) = struct.unpack(">I", png[at : at + 4])
        chunks.append((png[at + 4 : at + 8], png[at + 8 : at + 8 + length]))
        at += length + 12
    return chunks


def _rows(data: bytes, size: int) -> list[bytes]:
    """The lines of `size` bytes without their filters (PNG specification, section 9)."""
    rows, above = [], bytes(size)
    for at in range(0, len(data), size + 1):
        above = _unfiltered(data[at], data[at + 1 : at + 1 + size], above)
        rows.append(above)
    return rows


def _unfiltered(kind: int, line: bytes, above: bytes) -> bytes:
    if kind == 0:
        return line
    if kind == 2:
        return bytes((byte + up) & 255 for byte, up in zip(line, above, strict=True))
    row = bytearray(3)  # the pixel before the first one
    for at, byte in enumerate(line):
        left, up, corner = row[at], above[at], above[at - 3] if at >= 3 else 0
        predicted = left if kind == 1 else (left + up) // 2 if kind == 3 else _paeth(left, up, corner)
        row.append((byte + predicted) & 255)
    return bytes(row[3:])


def _paeth(left: int, up: int, corner: int) -> int:
    distances = abs(up - corner), abs(left - corner), abs(left + up - 2 * corner)
    return (left, up, corner)[distances.index(min(distances))]


def _palette(counts: Counter[Colour]) -> tuple[bytes, dict[Colour, int]]:
    """The bytes of the palette, and each colour's place in it: similar ones share that of their most frequent."""
    for bits in range(8):
        places: dict[Colour, int] = {}
        leaders: list[Colour] = []
        groups: dict[tuple[int, ...], int] = {}
        for colour, _count in counts.most_common():
            group = tuple(part >> bits for part in colour)
            if group not in groups:
                groups[group] = len(leaders)
                leaders.append(colour)
            places[colour] = groups[group]
        if len(leaders) <= MAX_COLOURS:
            break
    return bytes(part for colour in leaders for part in colour), places
