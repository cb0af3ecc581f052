"""Guess the script of a text from the share of it that decodes to words. No Django."""

from __future__ import annotations

import codecs
import re
import unicodedata
from typing import IO

CHUNK_BYTES = 1 << 18
NON_ASCII = re.compile(r"[^\x00-\x7f]+")
# Control characters, private use and the replacement character: signs of a wrong reading.
CONTROLS = re.compile(r"[\x7f-\x9f\ue000-\uf8ff\ufffd]")
# Chinese in the two bytes of GB2312: punctuation and full-width forms, then the 3,755 usual characters.
COMMON_GB2312 = re.compile(rb"(?:[\xa1\xa3\xb0-\xd7][\xa1-\xfe])*+\Z")
# Shorter Chinese text may also be read as two or three words of another script.
MIN_HANZI = 8
# The usual characters of each East Asian encoding: the first of two bytes.
COMMON_LEAD_BYTES = {
    "gb18030": (0xB0, 0xD7), "big5": (0xA4, 0xC6), "cp950": (0xA4, 0xC6), "cp932": (0x88, 0x97), "cp949": (0xB0, 0xC8),
}  # fmt: skip


def is_certainly_chinese(raw: IO[bytes]) -> bool:
    """Whether all non-ASCII text of the file is usual simplified Chinese, and enough of it to exclude other scripts."""
    decoder = codecs.getincrementaldecoder("gb18030")()
    hanzi = above = low = high = 0
    raw.seek(0)
    while chunk := raw.read(CHUNK_BYTES):
        pairs = "".join(NON_ASCII.findall(decoder.decode(chunk))).encode("gb18030")
        if not COMMON_GB2312.match(pairs):
            return False
        for lead, trail in zip(pairs[::2], pairs[1::2], strict=True):
            if lead >= 0xB0:
                hanzi, above = hanzi + 1, above + (lead > 0xC8)
                low, high = low + (lead < 0xC0) + (trail < 0xC0), high + (trail > 0xDF)
    # Korean syllables are below C9, Russian and Greek letters from C0 on, and Japanese half-width kana up to DF.
    return hanzi >= MIN_HANZI and above * 8 >= hanzi and low * 4 >= hanzi and high > 0


def plausibility(content: bytes, encoding: str) -> float:
    """The share of a part of the file that reads as words of one script each, from 0 to 1."""
    text = content.decode(encoding, errors="ignore")
    good = sum(_plausible_characters(word, encoding) for word in re.findall(r"\w+", text) if not word.isascii())
    letters = len(re.findall(r"[^\W\x00-\x7f]", text))
    odd = sum(1 if CONTROLS.match(c) else 0.5 for c in re.findall(r"[^\w\x00-\x1f\x20-\x7e]", text))
    return good / (letters + odd) if letters else 0.0


def _plausible_characters(word: str, encoding: str) -> float:
    """The number of the word's non-ASCII characters in plausible positions."""
    beyond = [c for c in word if not c.isascii()]
    scripts = {_script(c) for c in word if not c.isdigit()}
    if len(scripts) > 1 or not all(c.isalpha() for c in beyond):
        return 0
    if encoding in COMMON_LEAD_BYTES:
        first, last = COMMON_LEAD_BYTES[encoding]
        usual = sum(first <= c.encode(encoding)[0] <= last or "\u3040" <= c <= "\u30ff" for c in beyond)
        return usual if scripts <= {"HAN", "HANGUL"} else usual / 4
    # One accent in three letters is a word; only accents are another script, decoded wrongly.
    crowded = "LATIN" in scripts and len(beyond) * 2 > len(word)
    jumping = not word.isupper() and not word[1:].islower()
    return len(beyond) * (0.2 if crowded else 1) * (0.5 if jumping else 1)


def _script(character: str) -> str:
    name = unicodedata.name(character, "?").split(" ", 1)[0].split("-")[0]
    return "HAN" if name in ("CJK", "HIRAGANA", "KATAKANA", "IDEOGRAPHIC") else name
