"""Drafts and their outcomes: the values that recording takes and returns.

Whether a stored contact counts is decided in apps.standings.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from apps.core.identity import NAME_LIMIT, RAW_LIMIT, Identity, storable_part

CREATED, UPDATED, UNCHANGED, DUPLICATE = "created", "updated", "unchanged", "duplicate"
INVALID, BAD_TIME, UNKNOWN_EMPLOYEE = "invalid_identity", "bad_time", "unknown_employee"
# A person who has objected to being stored, and a colleague named by staff number.
OBJECTED, NOT_EXTERNAL = "objected", "not_external"
# A feed's row that would change the count of a campaign that is closing or frozen.
CAMPAIGN_OVER = "campaign_over"
# The employee has reached the daily limit.
TOO_MANY_TODAY = "too_many_today"
# Records that could not be separated from the rest of their file.
UNTERMINATED_QUOTE, UNTERMINATED_CARD, TOO_LONG = "unterminated_quote", "unterminated_card", "too_long"
UNREADABLE = frozenset({UNTERMINATED_QUOTE, UNTERMINATED_CARD, TOO_LONG})
REJECTED = UNREADABLE | {
    INVALID, BAD_TIME, UNKNOWN_EMPLOYEE, OBJECTED, NOT_EXTERNAL, CAMPAIGN_OVER, TOO_MANY_TODAY,
}  # fmt: skip
# Refusals that reveal stored data: only users who may read that data learn them line by line.
STORED_DECIDES = frozenset({OBJECTED, CAMPAIGN_OVER})
KIND_LIMIT = 20
# A single word that is not recognisable as a phone, an e-mail or a handle with @. No identity has this kind.
WORD = "word"
# Digits with usual punctuation between them. Any other text without an @ inside is a handle.
PHONE_SHAPE = re.compile(r"^(tel:)?[+＋(（]?[\d０-９][\d０-９\s()（）./\-\u2010-\u2015\u2212－＋+]*$", re.IGNORECASE)


@dataclass(frozen=True)
class Draft:
    """A person to record: a name and raw identities as (kind, text). Only a trusted feed sets the times."""

    name: str
    identities: tuple[tuple[str, str], ...]
    line: int | None = None
    employee_id: int | None = None
    recorded_at: datetime | None = None
    confirmed_at: datetime | None = None
    ended_at: datetime | None = None

    def as_json(self) -> dict[str, Any]:
        """Return the draft as a submission stores it until it is recorded.

        A feed's times are left out, because feeds are read from files. Texts are cut where they would be refused or cut
        anyway, and characters that the database cannot store are removed.
        """
        identities = [
            [storable_part(kind, KIND_LIMIT), storable_part(text, RAW_LIMIT + 1)] for kind, text in self.identities
        ]
        return {"name": storable_part(self.name, NAME_LIMIT * 4), "identities": identities, "line": self.line}

    @classmethod
    def from_json(cls, kept: dict[str, Any]) -> Draft:
        """Return the draft that a submission stored."""
        return cls(kept["name"], tuple((kind, text) for kind, text in kept["identities"]), kept["line"])


class Outcome(NamedTuple):
    """The outcome of one draft. `column` and `message` describe the problem, where there is one."""

    code: str
    line: int | None = None
    column: str = ""
    message: str = ""
    contact_id: int | None = None
    existing_contact_id: int | None = None


class NormalisedDraft(NamedTuple):
    """A normalised draft: its valid identities, or the refusal. Only a trusted feed sets the times."""

    name: str
    identities: tuple[Identity, ...]
    line: int | None = None
    recorded_at: datetime | None = None
    confirmed_at: datetime | None = None
    ended_at: datetime | None = None
    refused: Outcome | None = None
    left_out: tuple[str, ...] = ()


class ExistingContact(NamedTuple):
    """A contact's id and its times."""

    contact_id: int
    recorded_at: datetime
    confirmed_at: datetime | None
    ended_at: datetime | None


def kind_of(text: str) -> str:
    """Return the likeliest kind of a search text: with an @ inside an e-mail, digits a phone, a word a handle."""
    text = text.strip()
    if "@" in text[1:] or "＠" in text[1:]:
        return "email"
    return "phone" if PHONE_SHAPE.match(text) else "handle"
