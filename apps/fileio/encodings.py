"""Detect the encoding of a text file and read its physical lines, in constant memory. No Django.

A wrong guess would store mojibake as names, so this module returns only certain answers; otherwise it asks the user.
"""

from __future__ import annotations

import codecs
import hashlib
import io
import re
from collections.abc import Callable, Iterator
from typing import IO

from apps.fileio.encoding_guess import is_certainly_chinese, plausibility
from apps.fileio.encoding_names import LEGACY, SINGLE_BYTE, named_encoding
from apps.fileio.errors import BinaryFile, TooLarge, UnreadableFile, UnsureEncoding

SEPARATORS = (",", ";", "\t")
HEADER_CELL_BREAK = re.compile("[,;\t]")
# UTF-32 first: its little-endian mark begins with that of UTF-16.
BYTE_ORDER_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF32_LE, "utf-32"), (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"),
)  # fmt: skip
# The index of the byte that is zero in every UTF-32 character, and of the one that is at most 16.
UTF_32 = (("utf-32-le", 3, 2), ("utf-32-be", 0, 1))
CHUNK_BYTES = 1 << 18
# A million rows, each with a blank line after it. A file of line ends alone would cost seconds per megabyte.
MAX_LINES = 2_000_000
# Holds the header of any real file, and enough of it to recognise UTF-16 by its NULs.
HEAD_BYTES = 1 << 16
MAX_SAMPLE_CHARS = 200
ADVICE = "Save the file as CSV UTF-8 and try again"
# The first bytes of workbooks (zip and OLE), archives, documents and pictures. No text list begins like that.
BINARY_SIGNATURES = (
    b"PK\x03\x04", b"\xd0\xcf\x11\xe0", b"\x1f\x8b\x08", b"7z\xbc\xaf", b"Rar!\x1a\x07", b"%PDF-",
    b"\x89PNG", b"\xff\xd8\xff", b"GIF87a", b"GIF89a",
)  # fmt: skip
# Marks that programs put before a header, or between letters for a line break: no reader sees them in a name.
INVISIBLE = dict.fromkeys(map(ord, "\u200b\u200c\u200d\u200e\u200f\u2060\ufeff"))
C1_BYTE = re.compile(rb"[\x80-\x9f]")
NON_ASCII_BYTE = re.compile(rb"[\x80-\xff]")
# A file without blanks would otherwise be searched back to its start.
MAX_WORD_BYTES = 40
MAX_NAMED_CANDIDATES = 4


def strip_invisible(text: str) -> str:
    """The text without byte order marks and zero-width characters."""
    return text if text.isascii() else text.translate(INVISIBLE)


def physical_lines(text: IO[str], limit: int) -> Iterator[str]:
    """The lines of a text with their ends, CRLF, LF or CR; a line longer than `limit` is cut soon after it.

    Memory stays constant even without line ends. Raises TooLarge.
    """
    rest, count = "", 0
    while chunk := text.read(CHUNK_BYTES):
        lines = list(io.StringIO(rest + chunk, newline=""))
        # A CR at the end of a chunk may be half of a CRLF.
        rest = "" if lines[-1].endswith("\n") else lines.pop()
        count += len(lines)
        if count > MAX_LINES:
            raise TooLarge(MAX_LINES, "lines", MAX_LINES + 1)
        yield from lines
        # The last character is kept: it may be the CR of a CRLF.
        if len(rest) > limit + 1:
            rest = rest[: limit + 1] + rest[-1]
    if rest:
        yield rest


def detect_encoding(raw: IO[bytes], *, vocabulary: frozenset[str] = frozenset()) -> str:
    """The codec that decodes all of a seekable file strictly; leaves the file at its start.

    A byte order mark wins, then UTF-16 by its NULs, then UTF-8 if the whole file is valid. Otherwise a legacy encoding:
    the one that turns most header cells with non-ASCII letters into words of `vocabulary` (lower-case header words of
    many languages). Every other encoding that does so must read all letters of the file the same way. Under a plain
    ASCII header only unmistakable Chinese is recognised.

    Raises UnsureEncoding when that does not decide, UnreadableFile when no codec decodes the file, and its BinaryFile.
    """
    refuse_binary(raw)
    try:
        return _detect(raw, vocabulary)
    finally:
        raw.seek(0)


def refuse_binary(raw: IO[bytes]) -> None:
    """Raises BinaryFile for a workbook, an archive, a document or a picture; leaves the file at its start.

    A legacy encoding would decode such bytes into meaningless names.
    """
    raw.seek(0)
    head = raw.read(8)
    raw.seek(0)
    if head.startswith(BINARY_SIGNATURES):
        raise BinaryFile(f"a workbook or a packed file, not text. {ADVICE}")


def check_encoding(raw: IO[bytes], encoding: str) -> str:
    """The codec of a named encoding, if it decodes the whole file; leaves the file at its start.

    Raises UnreadableFile with the line at which the file has another encoding.
    """
    codec = named_encoding(encoding)
    refuse_binary(raw)
    broken = _undecodable_line(raw, codec)
    raw.seek(0)
    if broken:
        raise UnreadableFile(
            f"near line {broken}: not {encoding.upper()} text. Choose another encoding, or s{ADVICE[1:]}"
        )
    return codec


def sample_lines(raw: IO[bytes], encoding: str, lines: int = 3) -> list[str]:
    """The first lines with non-ASCII characters, decoded with a possibly wrong encoding, cut at 200 characters."""
    raw.seek(0)
    text = io.TextIOWrapper(raw, encoding=encoding, errors="replace", newline="")
    lines_found: list[str] = []
    try:
        for line in physical_lines(text, CHUNK_BYTES):
            if not line.isascii():
                lines_found.append(line.strip()[:MAX_SAMPLE_CHARS])
            if len(lines_found) == lines:
                break
    finally:
        text.detach().seek(0)
    return lines_found


def _detect(raw: IO[bytes], vocabulary: frozenset[str]) -> str:
    raw.seek(0)
    head = raw.read(HEAD_BYTES)
    declared = _declared(head)
    broken = _undecodable_line(raw, declared or "utf-8")
    if not broken:
        return declared or "utf-8"
    header = _header(head)
    used = _distinct_bytes(raw)
    candidates = [] if declared else [encoding for encoding in LEGACY if _can_be_text(raw, encoding, used)]
    # Damaged UTF-8 whose header is intact must not be read as anything else: that would be mojibake.
    if not candidates or _known_header_words(header, "utf-8", vocabulary):
        raise UnreadableFile(_undecodable_message(broken, declared or "utf-8"), broken)
    # cp950 is Microsoft's big5: of a file that is valid in both, only one reading is worth a question.
    if "big5" in candidates and "cp950" in candidates:
        candidates.remove("cp950")
    if header.isascii():
        best = ["gb18030"] if "gb18030" in candidates and is_certainly_chinese(raw) else []
    else:
        hits = {encoding: len(_known_header_words(header, encoding, vocabulary)) for encoding in candidates}
        most = max(hits.values())
        best = [encoding for encoding in candidates if most and hits[encoding] == most]
    # Readings that agree on every character are one: cp1252 and cp1254 differ in a few letters that most files lack.
    best = _distinct_readings(raw, best, used)
    if len(best) == 1:
        return best[0]
    ranked = sorted(candidates, key=_implausible(_non_ascii_part(raw), best))
    raise UnsureEncoding(_unsure_message(broken, best), _distinct_readings(raw, ranked, used))


def _distinct_readings(raw: IO[bytes], encodings: list[str], used: bytes) -> list[str]:
    """The encodings without those that read the whole file like an earlier one."""
    by_reading: dict[bytes, str] = {}
    for encoding in encodings:
        by_reading.setdefault(_reading_digest(raw, encoding, used), encoding)
    return list(by_reading.values())


def encodings_of(text: bytes) -> list[str]:
    """The possible legacy encodings of a text, likeliest first."""
    candidates = [encoding for encoding in LEGACY if _decodes(text, encoding)]
    return sorted(candidates, key=_implausible(text, []))


def _implausible(text: bytes, best: list[str]) -> Callable[[str], tuple[bool, float]]:
    return lambda encoding: (encoding not in best, -plausibility(text, encoding))


def _unsure_message(line: int, best: list[str]) -> str:
    if not best:
        return f"near line {line}: not UTF-8 text, and the file does not show its encoding. {ADVICE}"
    names = " and as ".join(best[:MAX_NAMED_CANDIDATES])
    return (
        f"near line {line}: not UTF-8 text, and it reads differently as {names}: the file does not show which "
        f"is meant. {ADVICE}"
    )


def _distinct_bytes(raw: IO[bytes]) -> bytes:
    used: set[int] = set()
    raw.seek(0)
    while chunk := raw.read(CHUNK_BYTES):
        used.update(chunk)
    return bytes(sorted(used))


def _can_be_text(raw: IO[bytes], encoding: str, used: bytes) -> bool:
    # A single-byte encoding maps each byte by itself, so the distinct bytes stand for the whole file.
    if encoding not in SINGLE_BYTE:
        return not _undecodable_line(raw, encoding)
    # ISO 8859 has control characters there, which texts do not contain.
    return _decodes(used, encoding) and not (encoding.startswith("iso") and C1_BYTE.search(used))


def _decodes(text: bytes, encoding: str) -> bool:
    try:
        text.decode(encoding)
    except UnicodeDecodeError:
        return False
    return True


def _declared(head: bytes) -> str:
    """The encoding shown by a byte order mark or by the NULs at the beginning, else ""."""
    for mark, encoding in BYTE_ORDER_MARKS:
        if head.startswith(mark):
            return encoding
    for encoding, high, middle in UTF_32:
        if any(head) and len(head) >= 8 and not any(head[high::4]) and max(head[middle::4]) <= 0x10:
            return encoding
    even, odd = head[::2].count(0), head[1::2].count(0)
    # Ordinary text has at most a stray NUL; UTF-16 has one in every separator and line end, on one side of it. On the
    # other side are the NULs of a few letters, such as U+4E00.
    if max(even, odd) < 2 or min(even, odd) * 4 > max(even, odd) or max(even, odd) * 20 < len(head) // 2:
        return ""
    encoding = "utf-16-le" if odd > even else "utf-16-be"
    text = head[: len(head) // 2 * 2].decode(encoding, errors="replace")
    return encoding if re.search(r"[,;\t\r\n]", text) else ""


def _undecodable_line(raw: IO[bytes], encoding: str) -> int:
    """The line near which the file stops being in this encoding; 0 if all of it is."""
    decoder = codecs.getincrementaldecoder(encoding)()
    raw.seek(0)
    line = 1
    try:
        while chunk := raw.read(CHUNK_BYTES):
            line += decoder.decode(chunk).count("\n")
        decoder.decode(b"", final=True)
    except UnicodeDecodeError as error:
        return line + error.object[: error.start].count(b"\n")
    return 0


def _undecodable_message(line: int, encoding: str) -> str:
    return f"near line {line}: not {encoding.removesuffix('-sig').upper()} text. {ADVICE}"


def _header(head: bytes) -> bytes:
    """The first non-blank line, with the lines covered by its open quotes."""
    header = b""
    for line in head.splitlines(keepends=True):
        # A line "sep=;" is for Excel and precedes the header.
        if header or (line.strip(b' ",;\t\r\n') and not line.lower().startswith((b"sep=", b'"sep='))):
            header += line
            if header.count(b'"') % 2 == 0:
                break
    return header


def _known_header_words(header: bytes, encoding: str, vocabulary: frozenset[str]) -> set[str]:
    """The non-ASCII words of the vocabulary that are header cells in this encoding."""
    try:
        text = header.decode(encoding)
    except UnicodeDecodeError:
        return set()
    cells = HEADER_CELL_BREAK.split(text)
    words = {strip_invisible(cell).strip().strip('"').strip().lower() for cell in cells}
    # An ASCII word is the same in every encoding and decides nothing.
    return {word for word in words if not word.isascii()} & vocabulary


def _reading_digest(raw: IO[bytes], encoding: str, used: bytes) -> bytes:
    """Equal for two encodings that decode the whole file to the same text."""
    if encoding in SINGLE_BYTE:
        return used.decode(encoding).encode()
    decoder, digest = codecs.getincrementaldecoder(encoding)(), hashlib.sha256()
    raw.seek(0)
    while chunk := raw.read(CHUNK_BYTES):
        digest.update(decoder.decode(chunk).encode())
    return digest.digest()


def _non_ascii_part(raw: IO[bytes]) -> bytes:
    """A part of the file from the first non-ASCII byte on, with the word before it."""
    raw.seek(0)
    while chunk := raw.read(HEAD_BYTES):
        match = NON_ASCII_BYTE.search(chunk)
        if match:
            # With the letters before it: a whole word is more informative.
            start = match.start()
            while start > max(match.start() - MAX_WORD_BYTES, 0) and chunk[start - 1 : start].isalpha():
                start -= 1
            return chunk[start:] + raw.read(HEAD_BYTES)
    return b""
