"""Patterns for a person's phone, e-mail, handle or name in free text that is not normalised.

Python and PostgreSQL use the same expression, so that the erasure blanks exactly what the query finds.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import phonenumbers

from apps.core.identity import DROPPED_CATEGORIES

# Characters that people write between the digits of a phone number.
BETWEEN = r"[^0-9A-Za-z]{0,3}"
LETTERS = "[A-Za-z0-9_]"
SHORTEST_NAME = 2
# Alternatives in one expression.
AT_ONCE = 20


def _plain(text: str) -> str:
    """Return the text in its form for searching: NFKC, without invisible characters."""
    return unicodedata.normalize("NFKC", "".join(one for one in text if not _unseen(one)))


def _unseen(sign: str) -> bool:
    return not sign.isspace() and unicodedata.category(sign) in DROPPED_CATEGORIES


def _escaped(text: str) -> str:
    """Escape a text for both regex dialects: a backslash before each character that is neither letter nor digit."""
    return "".join(one if one.isalnum() or ord(one) > 127 else f"\\{one}" for one in text)


def _word(text: str) -> str:
    return f"(?<!{LETTERS}){_escaped(text)}(?!{LETTERS})"


def _handle(value: str) -> str:
    """Match the handle with its @. A bare word matches only when its form shows that it is a handle."""
    return _word(value) if re.search(r"[0-9_.-]", value) else _word(f"@{value}")


def _phone(value: str) -> str:
    """Match the whole number, with or without country code and trunk prefix, but not as part of a longer number."""
    number = phonenumbers.parse(value, None)
    country, national = BETWEEN.join(str(number.country_code)), BETWEEN.join(str(number.national_number))
    return f"(?<![0-9])(?:(?:00{BETWEEN})?{country}{BETWEEN}(?:0{BETWEEN})?|0{BETWEEN})?{national}(?![0-9])"


def _email(value: str) -> str:
    local, _at, domain = value.rpartition("@")
    try:
        written = domain.encode("ascii").decode("idna")
    except UnicodeError:
        written = domain
    return "|".join(_word(f"{local}@{one}") for one in dict.fromkeys((domain, written)))


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

        Each has only AT_ONCE alternatives, because PostgreSQL needs gigabytes for one expression with hundreds.
        """
        ways = {"phone": _phone, "email": _email, "handle": _word if self.bare_handles else _handle}
        found = [ways[kind](value) for kind, value in self.identities]
        found += [_word(_plain(name)) for name in self.names if len(name) >= SHORTEST_NAME]
        found = [f"(?:{one})" for one in found] or ["(?!)"]
        return ["|".join(found[start : start + AT_ONCE]) for start in range(0, len(found), AT_ONCE)]

    @cached_property
    def _compiled(self) -> re.Pattern[str]:
        return re.compile("|".join(self.patterns), re.IGNORECASE)

    def stand_in(self, texts: Iterable[str]) -> bool:
        """Return whether one of these texts mentions the person."""
        pattern = self._compiled
        return any(pattern.search(_plain(text)) for text in texts)

    def blanked(self, value: Any) -> Any:
        """Return the JSON value with every text that mentions the person replaced by an empty one."""
        pattern = self._compiled

        def blank(one: Any) -> Any:
            if isinstance(one, str):
                return "" if pattern.search(_plain(one)) else one
            if isinstance(one, list):
                return [blank(each) for each in one]
            if isinstance(one, dict):
                return {key: blank(each) for key, each in one.items()}
            return one

        return blank(value)
