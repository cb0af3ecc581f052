"""How somebody's phone, e-mail, handle or name may stand in a text that nobody has normalised.

One expression for Python and PostgreSQL, so that what a query finds is what is blanked.
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

# What people put between the digits of a phone number.
BETWEEN = r"[^0-9A-Za-z]{0,3}"
LETTERS = "[A-Za-z0-9_]"
SHORTEST_NAME = 2
# Ways in one expression.
AT_ONCE = 20


def _plain(text: str) -> str:
    """A text, as it is searched: NFKC, without what cannot be seen."""
    return unicodedata.normalize("NFKC", "".join(one for one in text if not _unseen(one)))


def _unseen(sign: str) -> bool:
    return not sign.isspace() and unicodedata.category(sign) in DROPPED_CATEGORIES


def _escaped(text: str) -> str:
    """Literal in both dialects: a backslash before what is neither letter nor digit."""
    return "".join(one if one.isalnum() or ord(one) > 127 else f"\\{one}" for one in text)


def _word(text: str) -> str:
    return f"(?<!{LETTERS}){_escaped(text)}(?!{LETTERS})"


def _handle(value: str) -> str:
    """With its @. A bare word is a handle only where its shape tells."""
    return _word(value) if re.search(r"[0-9_.-]", value) else _word(f"@{value}")


def _phone(value: str) -> str:
    """The whole number, with or without its country code and trunk prefix: part of a longer number is another one."""
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
    """A person's identities as (kind, normalised value), and the names they were recorded by.

    `bare_handles`: a handle is also found as a word without its @, where nearly every such word is this person.
    """

    identities: tuple[tuple[str, str], ...]
    names: tuple[str, ...] = ()
    bare_handles: bool = False

    @property
    def patterns(self) -> list[str]:
        """Regular expressions for a text in NFKC, one of which matches without regard to case. At least one.

        Each has a few ways alone: PostgreSQL takes gigabytes for one expression of hundreds.
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
        """Whether one of these texts shows any of it."""
        pattern = self._compiled
        return any(pattern.search(_plain(text)) for text in texts)

    def blanked(self, value: Any) -> Any:
        """A JSON value whose texts are empty where they showed any of it."""
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
