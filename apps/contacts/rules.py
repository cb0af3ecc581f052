"""What can be recorded at all, as pure functions: drafts, and how each fares against what is already there.

Whether a stored contact counts is no business of this app: quotas decides it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from apps.ledger.rules import NAME_LIMIT, RAW_LIMIT, Identity, storable_part

CREATED, UPDATED, UNCHANGED, DUPLICATE = "created", "updated", "unchanged", "duplicate"
INVALID, OVERLAP, BAD_TIME, UNKNOWN_EMPLOYEE = "invalid_identity", "overlap", "bad_time", "unknown_employee"
# Somebody who has asked the company to forget them.
OBJECTED = "objected"
# What cannot even be cut out of its file as one record.
UNTERMINATED_QUOTE, UNTERMINATED_CARD, TOO_LONG = "unterminated_quote", "unterminated_card", "too_long"
UNREADABLE = frozenset({UNTERMINATED_QUOTE, UNTERMINATED_CARD, TOO_LONG})
REJECTED = frozenset({INVALID, OVERLAP, BAD_TIME, UNKNOWN_EMPLOYEE, OBJECTED}) | UNREADABLE
KIND_LIMIT = 20
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


class Checked(NamedTuple):
    """A draft after the choke point: its usable identities, or why it is none. Times are the trusted feed's."""

    name: str
    identities: tuple[Identity, ...]
    line: int | None = None
    recorded_at: datetime | None = None
    confirmed_at: datetime | None = None
    ended_at: datetime | None = None
    refused: Outcome | None = None
    left_out: tuple[str, ...] = ()


class Known(NamedTuple):
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


def match_feed_row(
    known: list[Known], row: Draft, beside: Callable[[Known], Iterable[Known]] = lambda match: ()
) -> tuple[str, Known | None]:
    """How a trusted feed's row fares: `duplicate` or `updated` with the contact it matches, `overlap`, or `created`.

    A row matches the contact with the same recording instant, else one whose period contains it. `known` are the
    contacts that share an identity with the row, `beside(match)` those that share one with the contact it matches:
    a new end must not reach into them.
    """
    at = row.recorded_at
    if at is None:
        raise ValueError("a feed row has its instant")
    match = next((old for old in known if old.recorded_at == at), None) or next(
        (old for old in known if old.contains(at)), None
    )
    if match is None:
        clash = next((old for old in known if old.overlaps(at, row.ended_at)), None)
        return (OVERLAP, clash) if clash else (CREATED, None)
    confirmed_at, ended_at = row.confirmed_at or match.confirmed_at, row.ended_at or match.ended_at
    if (confirmed_at, ended_at) == (match.confirmed_at, match.ended_at):
        return DUPLICATE, match
    if ended_at != match.ended_at:
        others = [old for old in (*known, *beside(match)) if old.contact_id != match.contact_id]
        clash = next((old for old in others if old.overlaps(match.recorded_at, ended_at)), None)
        if clash:
            return OVERLAP, clash
    return UPDATED, match


class Shelf:
    """The contacts an employee has, by identity key, while a batch is judged: what is in the batch joins them."""

    def __init__(self) -> None:
        self._contacts: dict[int, Known] = {}
        self._ids: dict[Hashable, set[int]] = {}
        self._keys: dict[int, set[Hashable]] = {}

    def add(self, employee_id: int, key: tuple[str, bytes], contact: Known) -> None:
        """Put a contact on the shelf under one of its identities; its newest state holds under all of them."""
        self._contacts[contact.contact_id] = contact
        self._ids.setdefault((employee_id, key), set()).add(contact.contact_id)
        self._keys.setdefault(contact.contact_id, set()).add((employee_id, key))

    def update(self, contact: Known) -> None:
        """The newest state of a contact that is on the shelf."""
        self._contacts[contact.contact_id] = contact

    def sharing(self, employee_id: int, identities: Iterable[Identity]) -> list[Known]:
        """The employee's contacts that share an identity, each once, oldest first."""
        return self._of((employee_id, one.key) for one in identities)

    def beside(self, contact: Known) -> list[Known]:
        """The contacts that share an identity with this one, itself among them."""
        return self._of(self._keys.get(contact.contact_id, ()))

    def _of(self, keys: Iterable[Hashable]) -> list[Known]:
        found = {contact_id for key in keys for contact_id in self._ids.get(key, ())}
        return sorted(
            (self._contacts[contact_id] for contact_id in found),
            key=lambda contact: (contact.recorded_at, contact.contact_id),
        )
