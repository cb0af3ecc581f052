"""Drafts and their outcomes: the values that recording takes and returns.

Whether a stored contact counts is decided in apps.standings.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, NamedTuple

from apps.core.identity import MAX_RAW_CHARS, Identity
from apps.core.text import MAX_NAME_CHARS, strip_unstorable

# The kind and digest of an identity, which all comparisons use instead of the value.
Key = tuple[str, bytes]


class OutcomeCode(StrEnum):
    """What became of one draft. Reports store these values, and the JSON of the imports shows them."""

    CREATED = "created"
    UPDATED = "updated"
    UNCHANGED = "unchanged"
    DUPLICATE = "duplicate"
    INVALID = "invalid_identity"
    BAD_TIME = "bad_time"
    UNKNOWN_EMPLOYEE = "unknown_employee"
    # The person has objected to being stored.
    OBJECTED = "objected"
    # The handle is the staff number of a colleague.
    NOT_EXTERNAL = "not_external"
    # The row of a feed would change the count of a campaign that is closing or frozen.
    CAMPAIGN_OVER = "campaign_over"
    TOO_MANY_TODAY = "too_many_today"
    # Records that could not be separated from the rest of their file. The readers in apps.fileio use the same values.
    UNTERMINATED_QUOTE = "unterminated_quote"
    UNTERMINATED_CARD = "unterminated_card"
    TOO_LONG = "too_long"


UNREADABLE = frozenset({OutcomeCode.UNTERMINATED_QUOTE, OutcomeCode.UNTERMINATED_CARD, OutcomeCode.TOO_LONG})
REJECTED = frozenset(OutcomeCode) - {
    OutcomeCode.CREATED, OutcomeCode.UPDATED, OutcomeCode.UNCHANGED, OutcomeCode.DUPLICATE,
}  # fmt: skip
# Refusals that reveal stored data: only users who may read that data learn them line by line.
REVEALING = frozenset({OutcomeCode.OBJECTED, OutcomeCode.CAMPAIGN_OVER})
# The message for a duplicate whose phone number was written with an extension.
EXTENSION = "extension"
# The message for TOO_MANY_TODAY when one person was recorded too often.
REPEATED = "repeated"
# A client of the API may send any text as a kind; it is refused later, with the kind as the name of the column.
MAX_KIND_CHARS = 20
# A single word that is not recognisable as a phone, an e-mail or a handle with @. No identity has this kind.
BARE_WORD = "word"
# Digits with usual punctuation between them. Any other text without an @ inside is a handle.
LOOKS_LIKE_PHONE = re.compile(
    r"^(tel:)?[+＋(（]?[\d０-９][\d０-９\s()（）./\-\u2010-\u2015\u2212－＋+]*$", re.IGNORECASE
)


@dataclass(frozen=True)
class Draft:
    """A person to record: a name and raw identities as (kind, text). Only a trusted feed sets the times."""

    name: str
    identities: tuple[tuple[str, str], ...]
    line: int | None = None
    recorded_at: datetime | None = None
    confirmed_at: datetime | None = None
    ended_at: datetime | None = None

    def as_json(self) -> dict[str, Any]:
        """Return the draft as a submission stores it until it is recorded.

        A feed's times are left out, because feeds are read from files. Texts are cut where they would be refused or cut
        anyway, and characters that the database cannot store are removed.
        """
        # One character more than the limit: a text that is too long must still be refused for its length.
        identities = [
            [strip_unstorable(kind, MAX_KIND_CHARS), strip_unstorable(text, MAX_RAW_CHARS + 1)]
            for kind, text in self.identities
        ]
        return {"name": strip_unstorable(self.name, MAX_NAME_CHARS * 4), "identities": identities, "line": self.line}

    @classmethod
    def from_json(cls, stored: dict[str, Any]) -> Draft:
        return cls(stored["name"], tuple((kind, text) for kind, text in stored["identities"]), stored["line"])


class Outcome(NamedTuple):
    """The outcome of one draft. `column` and `message` describe the problem, where there is one."""

    code: str
    line: int | None = None
    column: str = ""
    message: str = ""
    contact_id: int | None = None
    existing_contact_id: int | None = None


# A person has a few. In an exclusive campaign each identity claims a person, so invented ones must not be free.
IDENTITIES_OF_ONE = 3


class NormalisedDraft(NamedTuple):
    """A normalised draft: its valid identities, or the refusal. `dropped`: the kinds of values that were unusable."""

    name: str
    identities: tuple[Identity, ...]
    line: int | None = None
    recorded_at: datetime | None = None
    confirmed_at: datetime | None = None
    ended_at: datetime | None = None
    refused: Outcome | None = None
    dropped: tuple[str, ...] = ()
    extension: bool = False

    @property
    def daily_cost(self) -> int:
        """How many contacts of the daily limit it takes: as many more as it has IDENTITIES_OF_ONE identities more."""
        return max(1, -(-len(self.identities) // IDENTITIES_OF_ONE))


class ContactTimes(NamedTuple):
    contact_id: int
    recorded_at: datetime
    confirmed_at: datetime | None
    ended_at: datetime | None


def kind_of(text: str) -> str:
    """Return the likeliest kind of a search text: with an @ inside an e-mail, digits a phone, a word a handle."""
    text = text.strip()
    if "@" in text[1:] or "＠" in text[1:]:
        return "email"
    return "phone" if LOOKS_LIKE_PHONE.match(text) else "handle"
