"""How somebody's phone, e-mail, handle or name may stand in a text that nobody has normalised.

One expression for Python and PostgreSQL, so that what a query finds is what is blanked.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import phonenumbers

from apps.ledger.rules import DROPPED_CATEGORIES

# What people put between the digits of a phone number.
BETWEEN = r"[^0-9A-Za-z]{0,3}"
LETTERS = "[A-Za-z0-9_]"
SHORTEST_NAME = 2


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


def _phone(value: str) -> str:
    national = str(phonenumbers.parse(value, None).national_number)
    return BETWEEN.join(national)


def _email(value: str) -> str:
    local, _at, domain = value.rpartition("@")
    try:
        written = domain.encode("ascii").decode("idna")
    except UnicodeError:
        written = domain
    return "|".join(_word(f"{local}@{one}") for one in dict.fromkeys((domain, written)))


@dataclass(frozen=True)
class Traces:
    """Somebody's identities as (kind, normalised value), and the names they were recorded by."""

    identities: tuple[tuple[str, str], ...]
    names: tuple[str, ...] = ()

    @property
    def pattern(self) -> str:
        """A regular expression for a text in NFKC, to be matched without regard to case. Never empty."""
        ways = {"phone": _phone, "email": _email, "handle": _word}
        found = [ways[kind](value) for kind, value in self.identities]
        found += [_word(_plain(name)) for name in self.names if len(name) >= SHORTEST_NAME]
        return "|".join(f"(?:{one})" for one in found) or r"(?!)"

    def stand_in(self, texts: Iterable[str]) -> bool:
        """Whether one of these texts shows any of it."""
        pattern = re.compile(self.pattern, re.IGNORECASE)
        return any(pattern.search(_plain(text)) for text in texts)

    def blanked(self, value: Any) -> Any:
        """A JSON value whose texts are empty where they showed any of it."""
        pattern = re.compile(self.pattern, re.IGNORECASE)

        def blank(one: Any) -> Any:
            if isinstance(one, str):
                return "" if pattern.search(_plain(one)) else one
            if isinstance(one, list):
                return [blank(each) for each in one]
            if isinstance(one, dict):
                return {key: blank(each) for key, each in one.items()}
            return one

        return blank(value)
