"""Names that HR writes and that mails to others contain: none may read as a link or as a message of its own."""

import re

from apps.core.text import clean_text

MAX_MAILED_CHARS = 80
# What mail programs turn into a link: a scheme, a mailbox, and a dot before a letter, also the ideographic one.
ADDRESS_MARKS = re.compile(r":?/{2,}|@")
DOT_IN_WORD = re.compile(r"(?<=\w)[.。](?=[^\W\d_])")


def is_mailable(name: str) -> bool:
    """Whether a cleaned name can stand in a mail unchanged."""
    return len(name) <= MAX_MAILED_CHARS and not ADDRESS_MARKS.search(name) and not DOT_IN_WORD.search(name)


def mailed_name(name: str) -> str:
    """The name for a mail: shortened, and no part of it becomes a link."""
    cleaned = clean_text(name, MAX_MAILED_CHARS + 1)
    if len(cleaned) > MAX_MAILED_CHARS:
        cleaned = cleaned[: MAX_MAILED_CHARS - 1].rstrip() + "…"
    return DOT_IN_WORD.sub(". ", ADDRESS_MARKS.sub(" ", cleaned)).strip()
