"""The changes to stored contacts that a batch of a feed makes, collected first and then written by a few statements."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db import connection

from apps.contacts.drafts import Key
from apps.contacts.feed_groups import StoredContact
from apps.contacts.models import EndReason
from apps.contacts.timelines import DerivedContact
from apps.core.identity import Identity
from apps.core.sql import statement

CHANGE_CONTACTS = statement("contacts", "feed", "change_contacts")
ADD_IDENTITIES = statement("contacts", "feed", "add_identities")
SET_CLAIMS = statement("contacts", "feed", "set_claims")
ADD_SIGHTINGS = statement("contacts", "feed", "add_sightings")
CHANGE_SIGHTINGS = statement("contacts", "feed", "change_sightings")
# The parameters of one of these statements for one row, by name.
Row = dict[str, Any]


@dataclass
class PendingWrites:
    """Changes to write. `start_changes`: (contact id, start before, start now); `merged`: contact ids.

    `forwarded`: ids of contacts changed by rows about the contact that they replaced.
    """

    start_changes: list[tuple[int, datetime, datetime]] = field(default_factory=list)
    merged: list[int] = field(default_factory=list)
    forwarded: list[int] = field(default_factory=list)
    _contacts: list[Row] = field(default_factory=list)
    _identities: list[Row] = field(default_factory=list)
    _claims: list[Row] = field(default_factory=list)
    _new_sightings: list[Row] = field(default_factory=list)
    _changed_sightings: list[Row] = field(default_factory=list)

    def merge(self, contact: StoredContact) -> None:
        """Merge a contact into another one: it ends at its start, so it counts at no instant."""
        start = contact.recorded_at
        self._change(contact, start, contact.confirmed_at, start, end_reason=EndReason.MERGED.value)
        self.merged.append(contact.contact_id)

    def update(
        self, contact: StoredContact, derived: DerivedContact, added: Sequence[Identity], name: str, *,
        withdrawn: bool = False,
    ) -> None:  # fmt: skip
        """Change a contact into the derived one. `withdrawn`: the feed also ends what the employee had ended."""
        times = (derived.start, derived.confirmed_at, derived.end)
        # The employee's own name for the person stays: a feed only fills in a missing one.
        changed = times != (contact.recorded_at, contact.confirmed_at, contact.ended_at)
        if changed or withdrawn or (name and not contact.name):
            end_reason = EndReason.WITHDRAWN.value if withdrawn else None
            self._change(contact, *times, name=name, end_reason=end_reason)
        if derived.start != contact.recorded_at:
            self.start_changes.append((contact.contact_id, contact.recorded_at, derived.start))
        self._identities += [
            {
                "contact_id": contact.contact_id, "kind": identity.kind, "value": identity.value,
                "domain": identity.domain, "digest": identity.digest.hex(),
            }
            for identity in added
        ]  # fmt: skip

    def _change(
        self, contact: StoredContact, recorded_at: datetime, confirmed_at: datetime | None, ended_at: datetime | None,
        *, name: str = "", end_reason: str | None = None,
    ) -> None:  # fmt: skip
        self._contacts.append({
            "contact_id": contact.contact_id, "recorded_at": recorded_at, "confirmed_at": confirmed_at,
            "ended_at": ended_at, "name": name, "end_reason": end_reason,
        })  # fmt: skip

    def claim(self, employee_id: int, contact_id: int, claims: Mapping[Key, datetime | None]) -> None:
        """Set from when a contact's identities were named; None: from the contact's start."""
        self._claims += [
            {
                "employee_id": employee_id, "contact_id": contact_id, "kind": kind, "digest": digest.hex(),
                "claimed_from": at,
            }
            for (kind, digest), at in claims.items()
        ]  # fmt: skip

    def store_sightings(
        self, employee_id: int, contact_id: int, derived: DerivedContact, stored: Iterable[StoredContact]
    ) -> None:
        """Store all sightings of a derived contact; `stored`: contacts that may already have some of them."""
        existing = {
            (sighting.at, sighting.keys): (sighting, sighting_id, contact.contact_id)
            for contact in stored
            for sighting, sighting_id in contact.sighting_ids.items()
        }
        for sighting in derived.sightings:
            times = {"confirmed_at": sighting.confirmed_at, "ended_at": sighting.ended_at}
            before = existing.get((sighting.at, sighting.keys))
            if before is None:
                # Sorted, because a set has another order in every process, and the rows must be reproducible.
                keys = ",".join(sorted(f"{kind}:{digest.hex()}" for kind, digest in sighting.keys))
                self._new_sightings.append({
                    "employee_id": employee_id, "contact_id": contact_id, "keys": keys, "seen_at": sighting.at, **times,
                })  # fmt: skip
            elif (sighting, contact_id) != (before[0], before[2]):
                self._changed_sightings.append({"sighting_id": before[1], "contact_id": contact_id, **times})

    def write_ends(self) -> None:
        """Write the ends of contacts first: a new live contact may use their identities."""
        _write(CHANGE_CONTACTS, [change for change in self._contacts if change["ended_at"] is not None])

    def write(self) -> None:
        """Write everything else, after the new contacts are stored."""
        _write(CHANGE_CONTACTS, [change for change in self._contacts if change["ended_at"] is None])
        _write(ADD_IDENTITIES, self._identities)
        _write(SET_CLAIMS, self._claims)
        _write(ADD_SIGHTINGS, self._new_sightings)
        _write(CHANGE_SIGHTINGS, self._changed_sightings)


def _write(query: str, rows: Sequence[Row]) -> None:
    """Run a statement once for all rows: each parameter is the array of one column, for unnest()."""
    if rows:
        with connection.cursor() as cursor:
            cursor.execute(query, {name: [row[name] for row in rows] for name in rows[0]})
