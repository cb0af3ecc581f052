"""What can be recorded at all, as pure functions: drafts, and how each fares against what is already there.

Whether a stored contact counts is no business of this app: quotas decides it.
"""

from __future__ import annotations

import re
from collections.abc import Hashable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from apps.ledger.rules import NAME_LIMIT, RAW_LIMIT, Identity, storable_part

CREATED, UPDATED, UNCHANGED, DUPLICATE = "created", "updated", "unchanged", "duplicate"
INVALID, OVERLAP, BAD_TIME, UNKNOWN_EMPLOYEE = "invalid_identity", "overlap", "bad_time", "unknown_employee"
REJECTED = frozenset({INVALID, OVERLAP, BAD_TIME, UNKNOWN_EMPLOYEE})
KIND_LIMIT = 20
# Digits with the punctuation people put between them: anything else without an @ inside is a handle.
PHONE_SHAPE = re.compile(r"^(tel:)?[+＋(（]?[\d０-９][\d０-９\s()（）./\-–—－＋+]*$", re.IGNORECASE)


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


@dataclass(frozen=True)
class Outcome:
    """What became of one draft. `column` and `message` say what is wrong where something is."""

    code: str
    line: int | None = None
    column: str = ""
    message: str = ""
    contact_id: int | None = None
    existing_contact_id: int | None = None


@dataclass(frozen=True)
class Known:
    """A contact of the employee that shares an identity with a draft, ended or not."""

    contact_id: int
    recorded_at: datetime
    confirmed_at: datetime | None
    ended_at: datetime | None

    def contains(self, at: datetime) -> bool:
        """Whether the instant lies in the contact's period."""
        return self.recorded_at <= at and (self.ended_at is None or at < self.ended_at)

    def overlaps(self, start: datetime, end: datetime | None) -> bool:
        """Whether the contact's period and [start, end) share an instant."""
        return (end is None or self.recorded_at < end) and (self.ended_at is None or start < self.ended_at)


def kind_of(text: str) -> str:
    """The likeliest kind of what somebody typed into one field: an @ inside is an e-mail, digits are a phone."""
    text = text.strip()
    if "@" in text[1:] or "＠" in text[1:]:
        return "email"
    return "phone" if PHONE_SHAPE.match(text) else "handle"


def draft_from_text(name: str, reach: str) -> Draft:
    """A draft of a name and one field that takes a phone number, an e-mail address or a handle."""
    return Draft(name, ((kind_of(reach), reach),))


def match_feed_row(known: list[Known], row: Draft) -> tuple[str, Known | None]:
    """How a trusted feed's row fares: `duplicate` or `updated` with the contact it matches, `overlap`, or `created`.

    A row matches the contact with the same recording instant, else one whose period contains it.
    """
    at = row.recorded_at
    if at is None:
        raise ValueError("a feed row has its instant")
    match = next((old for old in known if old.recorded_at == at), None) or next(
        (old for old in known if old.contains(at)), None
    )
    if match:
        news = (row.confirmed_at or match.confirmed_at, row.ended_at or match.ended_at)
        return (DUPLICATE if news == (match.confirmed_at, match.ended_at) else UPDATED), match
    clash = next((old for old in known if old.overlaps(at, row.ended_at)), None)
    return (OVERLAP, clash) if clash else (CREATED, None)


class Shelf:
    """The contacts an employee has, by identity key, while a batch is judged: what is in the batch joins them."""

    def __init__(self) -> None:
        self._contacts: dict[Hashable, list[Known]] = {}

    def add(self, employee_id: int, key: tuple[str, bytes], contact: Known) -> None:
        """Put a contact on the shelf under one of its identities."""
        held = self._contacts.setdefault((employee_id, key), [])
        held[:] = [old for old in held if old.contact_id != contact.contact_id]
        held.append(contact)

    def sharing(self, employee_id: int, identities: tuple[Identity, ...]) -> list[Known]:
        """The employee's contacts that share an identity, each once, oldest first."""
        found = {
            contact.contact_id: contact
            for one in identities
            for contact in self._contacts.get((employee_id, one.key), ())
        }
        return sorted(found.values(), key=lambda contact: (contact.recorded_at, contact.contact_id))
