"""Patterns for a person's phone, e-mail, handle or name in free text that is not normalised.

Python and PostgreSQL use the same expression, so that the erasure blanks exactly what the query finds.
"""

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import phonenumbers

from apps.core.text import DROPPED_CATEGORIES

# Characters that people write between the digits of a phone number.
# At most three, so that two numbers in neighbouring cells do not become one.
SEPARATOR = r"[^0-9A-Za-z]{0,3}"
WORD_CHARACTER = "[A-Za-z0-9_]"
# A single letter would match half of all texts.
MIN_NAME_CHARS = 2
# Alternatives in one expression.
MAX_ALTERNATIVES = 20


def _searchable(text: str) -> str:
    """Return the text in its form for searching: NFKC, without invisible characters."""
    # Most cells of a file. A printable text has no character of the dropped categories, and NFKC keeps ASCII.
    if text.isascii() and text.isprintable():
        return text
    return unicodedata.normalize("NFKC", "".join(sign for sign in text if not _is_invisible(sign)))


def _is_invisible(sign: str) -> bool:
    return not sign.isspace() and unicodedata.category(sign) in DROPPED_CATEGORIES


def _escape(text: str) -> str:
    """Escape a text for both regex dialects: a backslash before each character that is neither letter nor digit."""
    return "".join(sign if sign.isalnum() or ord(sign) > 127 else f"\\{sign}" for sign in text)


def _word(text: str) -> str:
    return f"(?<!{WORD_CHARACTER}){_escape(text)}(?!{WORD_CHARACTER})"


def _handle(value: str) -> str:
    """Match the handle with its @. A bare word matches only when its form shows that it is a handle."""
    return _word(value) if re.search(r"[0-9_.-]", value) else _word(f"@{value}")


def _phone(value: str) -> str:
    """Match the whole number, with or without country code and trunk prefix, but not as part of a longer number."""
    number = phonenumbers.parse(value, None)
    country, national = SEPARATOR.join(str(number.country_code)), SEPARATOR.join(str(number.national_number))
    return f"(?<![0-9])(?:(?:00{SEPARATOR})?{country}{SEPARATOR}(?:0{SEPARATOR})?|0{SEPARATOR})?{national}(?![0-9])"


def _email(value: str) -> str:
    local, _at, domain = value.rpartition("@")
    try:
        written = domain.encode("ascii").decode("idna")
    except UnicodeError:
        written = domain
    return "|".join(_word(f"{local}@{spelling}") for spelling in dict.fromkeys((domain, written)))


@dataclass(frozen=True)
class PiiPattern:
    """A person's identities as (kind, normalised value), and the names under which employees recorded them.

    `bare_handles`: also match a handle without its @. Use it only where nearly every such word means this person.
    """

    identities: tuple[tuple[str, str], ...]
    names: tuple[str, ...] = ()
    bare_handles: bool = False

    @property
    def patterns(self) -> list[str]:
        """Return regular expressions for a text in NFKC, to match case-insensitively; always at least one.

        Each has only ALTERNATIVES alternatives, because PostgreSQL needs gigabytes for one expression with hundreds.
        """
        builders = {"phone": _phone, "email": _email, "handle": _word if self.bare_handles else _handle}
        alternatives = [builders[kind](value) for kind, value in self.identities]
        alternatives += [_word(_searchable(name)) for name in self.names if len(name) >= MIN_NAME_CHARS]
        # Without an alternative the expression would match every text; `(?!)` matches none.
        alternatives = [f"(?:{alternative})" for alternative in alternatives] or ["(?!)"]
        return [
            "|".join(alternatives[start : start + MAX_ALTERNATIVES])
            for start in range(0, len(alternatives), MAX_ALTERNATIVES)
        ]

    @cached_property
    def _compiled(self) -> re.Pattern[str]:
        return re.compile("|".join(self.patterns), re.IGNORECASE)

    def matches(self, texts: Iterable[str]) -> bool:
        pattern = self._compiled
        return any(pattern.search(_searchable(text)) for text in texts)

    def blanked(self, value: Any) -> Any:
        """Return the JSON value with every text that mentions the person replaced by an empty one."""
        pattern = self._compiled

        def blank(item: Any) -> Any:
            if isinstance(item, str):
                return "" if pattern.search(_searchable(item)) else item
            if isinstance(item, list):
                return [blank(part) for part in item]
            if isinstance(item, dict):
                return {key: blank(part) for key, part in item.items()}
            return item

        return blank(value)
