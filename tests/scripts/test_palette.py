"""A picture of the documentation shows what the browser showed, in fewer bytes."""

import struct
import zlib

import pytest

from scripts.screenshots.palette import SIGNATURE, reduced

# Two lines of three pixels in each of the five filters; without its filter, each line is LINE.
LINE = bytes([10, 20, 30, 13, 24, 35, 200, 100, 0])
FILTERED = [
    bytes([0]) + LINE,
    bytes([1, 10, 20, 30, 3, 4, 5, 187, 76, 221]),
    bytes([2]) + bytes(9),
    bytes([3, 5, 10, 15, 2, 2, 3, 94, 38, 239]),
    bytes([4]) + bytes(9),
]


def png(lines: list[bytes], width: int, kind: int = 2) -> bytes:
    header = struct.pack(">IIBBBBB", width, len(lines), 8, kind, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(b"".join(lines))), (b"IEND", b""))
    return SIGNATURE + b"".join(
        struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body)) for name, body in chunks
    )


def pixels(picture: bytes) -> list[bytes]:
    """The lines of a picture with a palette, as RGB."""
    width, height = struct.unpack(">II", picture[16:24])
    at = picture.index(b"PLTE")
    palette = picture[at + 4 :]
    start = picture.index(b"IDAT")
    (length,) = struct.unpack(">I", picture[start - 4 : start])
    data = zlib.decompress(picture[start + 4 : start + 4 + length])
    lines = [data[row * (width + 1) + 1 : (row + 1) * (width + 1)] for row in range(height)]
    return [b"".join(palette[place * 3 : place * 3 + 3] for place in line) for line in lines]


def test_every_filter_of_a_png_is_read():
    assert pixels(reduced(png(FILTERED, 3))) == [LINE] * len(FILTERED)


def test_similar_colours_become_one_and_frequent_ones_stay():
    page = b"\xf4\xf7\xf6" * 5_000 + b"".join(bytes([red, green, 0]) for red in range(60) for green in range(60))
    (line,) = pixels(reduced(png([b"\0" + page], 8_600)))
    assert line[:15_000] == page[:15_000]
    assert len({line[at : at + 3] for at in range(0, len(line), 3)}) <= 256
    assert max(abs(old - new) for old, new in zip(page, line, strict=True)) < 8


def test_another_kind_of_png_is_refused():
    with pytest.raises(ValueError, match="not a picture in RGB"):
        reduced(png([bytes(5)], 1, kind=6))
