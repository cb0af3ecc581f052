"""What can be recorded at all, as pure functions: drafts, and how each fares against what is already there.

Whether a stored contact counts is no business of this app: standings decide it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from apps.core.identity import NAME_LIMIT, RAW_LIMIT, Identity, storable_part

CREATED, UPDATED, UNCHANGED, DUPLICATE = "created", "updated", "unchanged", "duplicate"
INVALID, BAD_TIME, UNKNOWN_EMPLOYEE = "invalid_identity", "bad_time", "unknown_employee"
# Somebody who has asked the company to forget them, and a colleague by the staff number.
OBJECTED, NOT_EXTERNAL = "objected", "not_external"
# A feed's row that would change what counted in a campaign that is closing or frozen.
CAMPAIGN_OVER = "campaign_over"
# More than an employee may record in a day.
TOO_MANY_TODAY = "too_many_today"
# What cannot even be cut out of its file as one record.
UNTERMINATED_QUOTE, UNTERMINATED_CARD, TOO_LONG = "unterminated_quote", "unterminated_card", "too_long"
UNREADABLE = frozenset({UNTERMINATED_QUOTE, UNTERMINATED_CARD, TOO_LONG})
REJECTED = UNREADABLE | {
    INVALID, BAD_TIME, UNKNOWN_EMPLOYEE, OBJECTED, NOT_EXTERNAL, CAMPAIGN_OVER, TOO_MANY_TODAY,
}  # fmt: skip
# Refusals that say something of what is stored: only who may read that learns them line by line.
STORED_DECIDES = frozenset({OBJECTED, CAMPAIGN_OVER})
KIND_LIMIT = 20
# A single word that says of itself neither what it is nor that it is a handle. No identity is of this kind.
WORD = "word"
# Digits with the punctuation people put between them: anything else without an @ inside is a handle.
PHONE_SHAPE = re.compile(r"^(tel:)?[+＋(（]?[\d０-９][\d０-９\s()（）./\-\u2010-\u2015\u2212－＋+]*$", re.IGNORECASE)


@dataclass(frozen=True)
class Draft:
    """Somebody to record: a name and raw identities as (kind, text). Times are the trusted feed's alone."""

    name: str
    identities: tuple[tuple[str, str], ...]
    line: int | None = None
    employee_id: int | None = None
    recorded_at: datetime | None = None
    confirmed_at: datetime | None = None
    ended_at: datetime | None = None

    def as_json(self) -> dict[str, Any]:
        """The draft as a submission keeps it until it is recorded (no feed's times: a feed is read from its file).

        Cut where it would be refused or cut anyway, and without what a database cannot hold.
        """
        identities = [
            [storable_part(kind, KIND_LIMIT), storable_part(text, RAW_LIMIT + 1)] for kind, text in self.identities
        ]
        return {"name": storable_part(self.name, NAME_LIMIT * 4), "identities": identities, "line": self.line}

    @classmethod
    def from_json(cls, kept: dict[str, Any]) -> Draft:
        """The draft a submission kept."""
        return cls(kept["name"], tuple((kind, text) for kind, text in kept["identities"]), kept["line"])


class Outcome(NamedTuple):
    """What became of one draft. `column` and `message` say what is wrong where something is."""

    code: str
    line: int | None = None
    column: str = ""
    message: str = ""
    contact_id: int | None = None
    existing_contact_id: int | None = None


class NormalisedDraft(NamedTuple):
    """A draft after the choke point: its usable identities, or why it is none. Times are the trusted feed's."""

    name: str
    identities: tuple[Identity, ...]
    line: int | None = None
    recorded_at: datetime | None = None
    confirmed_at: datetime | None = None
    ended_at: datetime | None = None
    refused: Outcome | None = None
    left_out: tuple[str, ...] = ()


class ExistingContact(NamedTuple):
    """A contact by its number and its times."""

    contact_id: int
    recorded_at: datetime
    confirmed_at: datetime | None
    ended_at: datetime | None


def kind_of(text: str) -> str:
    """The likeliest kind of what somebody looks for: an @ inside is an e-mail, digits are a phone, a word a handle."""
    text = text.strip()
    if "@" in text[1:] or "＠" in text[1:]:
        return "email"
    return "phone" if PHONE_SHAPE.match(text) else "handle"
