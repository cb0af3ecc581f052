"""Clean texts that people type or paste: pure functions, without Django or a database."""

import re
import unicodedata

MAX_NAME_CHARS = 200
# NUL, and halves of surrogate pairs: PostgreSQL stores neither, and no font shows them.
UNSTORABLE = re.compile("[\0\ud800-\udfff]")
# Control, format (zero-width, direction marks), surrogate, private-use and unassigned characters belong to no name.
DROPPED_CATEGORIES = frozenset({"Cc", "Cf", "Cs", "Co", "Cn"})


def is_storable(text: str) -> bool:
    """Whether a database can hold this text at all: no NUL, no lone surrogate."""
    return UNSTORABLE.search(text) is None


def strip_unstorable(text: str, limit: int) -> str:
    """The first `limit` characters of a text without those that no database can hold."""
    return UNSTORABLE.sub("", text[:limit])


def clean_text(text: str, limit: int = MAX_NAME_CHARS) -> str:
    """NFKC, one space for any run of white space, no control or zero-width character, at most `limit` characters."""
    if len(text) <= limit and text.isascii() and text.isprintable():
        return " ".join(text.split()) if " " in text else text
    # Cut before and after: NFKC can turn one character into eighteen, and a megabyte must not be normalised.
    spaced = " ".join(text[: limit * 4].split())
    if not spaced.isascii() or not spaced.isprintable():
        # Drop these characters first: one between a letter and its accent would prevent their composition.
        kept = "".join(c for c in spaced if unicodedata.category(c) not in DROPPED_CATEGORIES)
        spaced = " ".join(unicodedata.normalize("NFKC", kept).split())
    return spaced[:limit].strip()


def lower_nfkc(text: str) -> str:
    """Lower case, composed again by NFKC: some capitals decompose when lower-cased."""
    return unicodedata.normalize("NFKC", text.lower())


def clean_prose(text: str, limit: int) -> str:
    """Text in lines, without control, zero-width and direction characters; at most one empty line in a row.

    Unlike `clean_text` it keeps the punctuation of Chinese, which NFKC would replace.
    """
    lines: list[str] = []
    for line in text[: limit * 4].splitlines():
        kept = "".join(c for c in " ".join(line.split()) if unicodedata.category(c) not in DROPPED_CATEGORIES)
        cleaned = unicodedata.normalize("NFC", kept).strip()
        if cleaned or (lines and lines[-1]):
            lines.append(cleaned)
    return "\n".join(lines)[:limit].strip()
