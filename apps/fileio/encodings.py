"""Detects the encoding of a text file and reads its physical lines, in constant memory. No Django.

A wrong guess would store mojibake as names, so this module returns only certain answers; otherwise it asks the user.
"""

from __future__ import annotations

import codecs
import hashlib
import io
import re
from collections.abc import Callable, Iterator
from typing import IO

from apps.fileio.encoding_guess import plausibility, surely_chinese

SEPARATORS = (",", ";", "\t")
# The user's choices, most used first.
ENCODINGS = (
    "utf-8", "utf-16-le", "utf-16-be", "gb18030", "big5", "cp950", "cp932", "cp949", "cp1252", "cp1251", "cp1250",
    "iso8859-2", "cp1254", "cp1257",
)  # fmt: skip
# UTF-32 first: its little-endian mark begins with that of UTF-16.
BYTE_ORDER_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF32_LE, "utf-32"), (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"),
)  # fmt: skip
# The index of the byte that is zero in every UTF-32 character, and of the one that is at most 16.
UTF_32 = (("utf-32-le", 3, 2), ("utf-32-be", 0, 1))
LEGACY = ENCODINGS[3:]
ONE_BYTE = frozenset(ENCODINGS[8:])
# Names of encodings in other programs, and the supersets that contain what they mean.
WIDER = {
    "shift_jis": "cp932", "gb2312": "gb18030", "gbk": "gb18030", "euc_kr": "cp949", "iso8859-1": "cp1252",
    "iso8859-9": "cp1254", "ascii": "utf-8",
}  # fmt: skip
# Encodings that change plain ASCII do not occur in files, and some of them run code or emit warnings.
UNSAFE = frozenset({"unicode_escape", "raw_unicode_escape", "idna", "punycode", "charmap"})
PROBE = b"A+AGE-\\x41 xn--~{"
PIECE = 1 << 18
# A million rows, each with a blank line after it. A file of line ends alone would cost seconds per megabyte.
MOST_LINES = 2_000_000
HEAD = 1 << 16
SAMPLE_WIDTH = 200
ADVICE = "Save the file as CSV UTF-8 and try again"
# The first bytes of workbooks (zip and OLE), archives, documents and pictures. No text list begins like that.
PACKED = (
    b"PK\x03\x04", b"\xd0\xcf\x11\xe0", b"\x1f\x8b\x08", b"7z\xbc\xaf", b"Rar!\x1a\x07", b"%PDF-",
    b"\x89PNG", b"\xff\xd8\xff", b"GIF87a", b"GIF89a",
)  # fmt: skip
INVISIBLE = dict.fromkeys(map(ord, "\u200b\u200c\u200d\u200e\u200f\u2060\ufeff"))
C1_BYTE = re.compile(rb"[\x80-\x9f]")
BEYOND_ASCII_BYTE = re.compile(rb"[\x80-\xff]")
WORD_WIDTH = 40
NAMED_CANDIDATES = 4


class UnreadableFile(ValueError):
    """The file as a whole cannot be read; the sentence gives the reason and the place. `line`: nearby line, 0 for
    none.
    """

    def __init__(self, message: str, line: int = 0):
        super().__init__(message)
        self.line = line


class TooLarge(UnreadableFile):
    """The file exceeds a limit: `limit` of `unit`, a plural in lower case."""

    def __init__(self, limit: int, unit: str, line: int = 0):
        super().__init__(f"line {line:,}: more than {limit:,} {unit}" if line else f"more than {limit:,} {unit}", line)
        self.limit, self.unit = limit, unit


class PackedFile(UnreadableFile):
    """The file is a workbook, an archive, a document or a picture instead of text."""


class UnsureEncoding(UnreadableFile):
    """The file is legacy text of an uncertain encoding. `candidates`: codec names, likeliest first."""

    def __init__(self, message: str, candidates: list[str]):
        super().__init__(message)
        self.candidates = candidates


def visible(text: str) -> str:
    """The text without byte order marks and zero-width characters."""
    return text if text.isascii() else text.translate(INVISIBLE)


def physical_lines(text: IO[str], limit: int) -> Iterator[str]:
    """The lines of a text with their ends, CRLF, LF or CR; a line longer than `limit` is cut soon after it.

    Memory stays constant even without line ends. Raises TooLarge.
    """
    rest, count = "", 0
    while chunk := text.read(PIECE):
        lines = list(io.StringIO(rest + chunk, newline=""))
        # A CR at the end of a chunk may be half of a CRLF.
        rest = "" if lines[-1].endswith("\n") else lines.pop()
        count += len(lines)
        if count > MOST_LINES:
            raise TooLarge(MOST_LINES, "lines", MOST_LINES + 1)
        yield from lines
        if len(rest) > limit + 1:
            rest = rest[: limit + 1] + rest[-1]
    if rest:
        yield rest


def detect_encoding(
    raw: IO[bytes], *, vocabulary: frozenset[str] = frozenset(), separators: tuple[str, ...] = SEPARATORS
) -> str:
    """The codec that decodes all of a seekable file strictly; leaves the file at its start.

    A byte order mark wins, then UTF-16 by its NULs, then UTF-8 if the whole file is valid. Otherwise a legacy encoding:
    the one that turns most header cells with non-ASCII letters into words of `vocabulary` (lower-case header words of
    many languages). Every other encoding that does so must read all letters of the file the same way. Under a plain
    ASCII header only unmistakable Chinese is recognised.

    Raises UnsureEncoding when that does not decide, UnreadableFile when no codec decodes the file, and its PackedFile.
    """
    refuse_packed(raw)
    try:
        return _detected(raw, vocabulary, separators)
    finally:
        raw.seek(0)


def refuse_packed(raw: IO[bytes]) -> None:
    """Raises PackedFile for a workbook, an archive, a document or a picture; leaves the file at its start.

    A legacy encoding would decode such bytes into meaningless names.
    """
    raw.seek(0)
    head = raw.read(8)
    raw.seek(0)
    if head.startswith(PACKED):
        raise PackedFile(f"a workbook or a packed file, and no text. {ADVICE}")


def codec_of(name: str) -> str:
    """The codec for an encoding name of other programs (windows-1250, latin2, GBK), "" for one that is not text."""
    try:
        codec = codecs.lookup(name.strip().lower().removeprefix("x-")).name
        codec = WIDER.get(codec, codec)
        if codec.startswith(("utf-16", "utf-32")):
            return codec
        safe = codec not in UNSAFE and PROBE.decode(codec) == PROBE.decode()
        return codec if safe else ""
    except (LookupError, ValueError):
        return ""


def named_encoding(name: str) -> str:
    """The codec of an encoding that the user named. Raises UnreadableFile."""
    codec = codec_of(name)
    if not codec:
        raise UnreadableFile(f"{name} is no encoding that is read here: take one of {', '.join(ENCODINGS)}")
    return codec


def check_encoding(raw: IO[bytes], encoding: str) -> str:
    """The codec of a named encoding, if it decodes the whole file; leaves the file at its start.

    Raises UnreadableFile with the line at which the file has another encoding.
    """
    codec = named_encoding(encoding)
    refuse_packed(raw)
    broken = _breaks(raw, codec)
    raw.seek(0)
    if broken:
        raise UnreadableFile(
            f"near line {broken}: not {encoding.upper()} text. Choose another encoding, or s{ADVICE[1:]}"
        )
    return codec


def sample(raw: IO[bytes], encoding: str, lines: int = 3) -> list[str]:
    """The first lines with non-ASCII characters, decoded with a possibly wrong encoding, cut at 200 characters."""
    raw.seek(0)
    text = io.TextIOWrapper(raw, encoding=encoding, errors="replace", newline="")
    lines_found: list[str] = []
    try:
        for line in physical_lines(text, PIECE):
            if not line.isascii():
                lines_found.append(line.strip()[:SAMPLE_WIDTH])
            if len(lines_found) == lines:
                break
    finally:
        text.detach().seek(0)
    return lines_found


def _detected(raw: IO[bytes], vocabulary: frozenset[str], separators: tuple[str, ...]) -> str:
    raw.seek(0)
    head = raw.read(HEAD)
    for encoding in _declared(head):
        broken = _breaks(raw, encoding)
        if broken:
            raise UnreadableFile(_undecodable(broken, encoding), broken)
        return encoding
    broken = _breaks(raw, "utf-8")
    if not broken:
        return "utf-8"
    header = _header(head)
    if _hits(header, "utf-8", vocabulary, separators):
        # Damaged UTF-8: every other reading of it is mojibake.
        raise UnreadableFile(_undecodable(broken, "utf-8"), broken)
    used = _bytes_used(raw)
    candidates = [encoding for encoding in LEGACY if _legible(raw, encoding, used)]
    if "big5" in candidates and "cp950" in candidates:
        candidates.remove("cp950")
    if not candidates:
        raise UnreadableFile(_undecodable(broken, "utf-8"), broken)
    if header.isascii():
        best = ["gb18030"] if "gb18030" in candidates and surely_chinese(raw) else []
    else:
        best = _best({encoding: _hits(header, encoding, vocabulary, separators) for encoding in candidates})
    best = _apart(raw, best, used)
    if len(best) == 1:
        return best[0]
    ranked = sorted(candidates, key=_implausible(_beyond_ascii(raw), best))
    raise UnsureEncoding(_unsure(broken, best), _apart(raw, ranked, used))


def _best(hits: dict[str, set[str]]) -> list[str]:
    """The encodings that turn most header cells into known words."""
    most = max(map(len, hits.values()))
    return [encoding for encoding in hits if most and len(hits[encoding]) == most]


def _apart(raw: IO[bytes], encodings: list[str], used: bytes) -> list[str]:
    """The encodings without those that read the whole file like an earlier one."""
    by_reading: dict[bytes, str] = {}
    for encoding in encodings:
        by_reading.setdefault(_reading(raw, encoding, used), encoding)
    return list(by_reading.values())


def encodings_of(text: bytes) -> list[str]:
    """The possible legacy encodings of a text, likeliest first."""
    candidates = [encoding for encoding in LEGACY if _decodes(text, encoding)]
    return sorted(candidates, key=_implausible(text, []))


def _implausible(text: bytes, best: list[str]) -> Callable[[str], tuple[bool, float]]:
    return lambda encoding: (encoding not in best, -plausibility(text, encoding))


def _unsure(line: int, best: list[str]) -> str:
    """The sentence for a file that several encodings can read."""
    if not best:
        return f"near line {line}: not UTF-8 text, and the file does not show its encoding. {ADVICE}"
    names = " and as ".join(best[:NAMED_CANDIDATES])
    return (
        f"near line {line}: not UTF-8 text, and it reads differently as {names}: the file does not show which "
        f"is meant. {ADVICE}"
    )


def _bytes_used(raw: IO[bytes]) -> bytes:
    """The distinct bytes of the file."""
    used: set[int] = set()
    raw.seek(0)
    while chunk := raw.read(PIECE):
        used.update(chunk)
    return bytes(sorted(used))


def _legible(raw: IO[bytes], encoding: str, used: bytes) -> bool:
    if encoding not in ONE_BYTE:
        return not _breaks(raw, encoding)
    # ISO 8859 has control characters there, which texts do not contain.
    return _decodes(used, encoding) and not (encoding.startswith("iso") and C1_BYTE.search(used))


def _decodes(text: bytes, encoding: str) -> bool:
    try:
        text.decode(encoding)
    except UnicodeDecodeError:
        return False
    return True


def _declared(head: bytes) -> list[str]:
    """The encoding shown by a byte order mark or by the NULs at the beginning, if any."""
    for mark, encoding in BYTE_ORDER_MARKS:
        if head.startswith(mark):
            return [encoding]
    for encoding, high, middle in UTF_32:
        if any(head) and len(head) >= 8 and not any(head[high::4]) and max(head[middle::4]) <= 0x10:
            return [encoding]
    even, odd = head[::2].count(0), head[1::2].count(0)
    # Ordinary text has at most a stray NUL; UTF-16 has one in every separator and line end, on one side of it. On the
    # other side are the NULs of a few letters, such as U+4E00.
    if max(even, odd) < 2 or min(even, odd) * 4 > max(even, odd) or max(even, odd) * 20 < len(head) // 2:
        return []
    encoding = "utf-16-le" if odd > even else "utf-16-be"
    text = head[: len(head) // 2 * 2].decode(encoding, errors="replace")
    return [encoding] if re.search(r"[,;\t\r\n]", text) else []


def _breaks(raw: IO[bytes], encoding: str) -> int:
    """The line near which the file stops being in this encoding; 0 if all of it is."""
    decoder = codecs.getincrementaldecoder(encoding)()
    raw.seek(0)
    line = 1
    try:
        while chunk := raw.read(PIECE):
            line += decoder.decode(chunk).count("\n")
        decoder.decode(b"", final=True)
    except UnicodeDecodeError as error:
        return line + error.object[: error.start].count(b"\n")
    return 0


def _undecodable(line: int, encoding: str) -> str:
    name = encoding.removesuffix("-sig").upper()
    return f"near line {line}: not {name} text. {ADVICE}"


def _header(head: bytes) -> bytes:
    """The first non-blank line, with the lines covered by its open quotes."""
    header = b""
    for line in head.splitlines(keepends=True):
        if header or (line.strip(b' ",;\t\r\n') and not line.lower().startswith((b"sep=", b'"sep='))):
            header += line
            if header.count(b'"') % 2 == 0:
                break
    return header


def _hits(header: bytes, encoding: str, vocabulary: frozenset[str], separators: tuple[str, ...]) -> set[str]:
    """The non-ASCII words of the vocabulary that are header cells in this encoding."""
    try:
        text = header.decode(encoding)
    except UnicodeDecodeError:
        return set()
    cells = re.split("[" + re.escape("".join(separators)) + "]", text)
    words = {visible(cell).strip().strip('"').strip().lower() for cell in cells}
    return {word for word in words if not word.isascii()} & vocabulary


def _reading(raw: IO[bytes], encoding: str, used: bytes) -> bytes:
    """Equal for two encodings that decode the whole file to the same text."""
    if encoding in ONE_BYTE:
        return used.decode(encoding).encode()
    decoder, digest = codecs.getincrementaldecoder(encoding)(), hashlib.sha256()
    raw.seek(0)
    while chunk := raw.read(PIECE):
        digest.update(decoder.decode(chunk).encode())
    return digest.digest()


def _beyond_ascii(raw: IO[bytes]) -> bytes:
    """A part of the file from the first non-ASCII byte on, with the word before it."""
    raw.seek(0)
    while chunk := raw.read(HEAD):
        match = BEYOND_ASCII_BYTE.search(chunk)
        if match:
            # With the letters before it: a whole word is more informative.
            start = match.start()
            while start > max(match.start() - WORD_WIDTH, 0) and chunk[start - 1 : start].isalpha():
                start -= 1
            return chunk[start:] + raw.read(HEAD)
    return b""
