"""Stored contacts that a feed's rows are connected to, the feed's sightings of them, and the changes to write."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Any

from django.db import connection

from apps.contacts.models import EndReason
from apps.contacts.timelines import Key, Sighting, Stay, earliest
from apps.core.identity import Identity

# All contacts of an employee that shared identities connect with the wanted ones, in any number of steps. LATERAL with
# OFFSET 0 forces one index look-up per row: a planner that overestimates the list would read whole tables.
CONNECTED = """
WITH RECURSIVE wanted AS MATERIALIZED (
    SELECT owner AS employee_id, kind, decode(hex, 'hex') AS digest
    FROM unnest(%s::bigint[], string_to_array(%s, ','), string_to_array(%s, ',')) AS sent(owner, kind, hex)),
connected AS (
    SELECT met.employee_id, met.contact_id FROM wanted
    JOIN LATERAL (SELECT * FROM contacts_contactidentity one WHERE one.employee_id = wanted.employee_id
                  AND one.kind = wanted.kind AND one.digest = wanted.digest OFFSET 0) AS met ON true
    UNION
    SELECT beside.employee_id, beside.contact_id FROM connected
    JOIN LATERAL (SELECT * FROM contacts_contactidentity one WHERE one.employee_id = connected.employee_id
                  AND one.contact_id = connected.contact_id OFFSET 0) AS own ON true
    JOIN LATERAL (SELECT * FROM contacts_contactidentity one WHERE one.employee_id = own.employee_id
                  AND one.kind = own.kind AND one.digest = own.digest OFFSET 0) AS beside ON true)
SELECT connected.employee_id, contact.id, contact.name, contact.recorded_at, contact.confirmed_at, contact.ended_at,
    contact.end_reason, array_agg(held.kind), array_agg(held.value), array_agg(held.digest)
FROM connected
JOIN LATERAL (SELECT * FROM contacts_contact one WHERE one.employee_id = connected.employee_id
              AND one.id = connected.contact_id OFFSET 0) AS contact ON contact.end_reason IS DISTINCT FROM 'merged'
JOIN LATERAL (SELECT * FROM contacts_contactidentity one WHERE one.employee_id = connected.employee_id
              AND one.contact_id = connected.contact_id OFFSET 0) AS held ON true
GROUP BY 1, 2, 3, 4, 5, 6, 7 ORDER BY contact.recorded_at, contact.id
"""
SIGHTINGS = """
SELECT contact_id, id, keys, seen_at, confirmed_at, ended_at FROM contacts_sighting
WHERE contact_id = ANY(%s) ORDER BY id
"""
BRING = """
UPDATE contacts_contact SET recorded_at = news.recorded_at, confirmed_at = news.confirmed_at, ended_at = news.ended_at,
    name = CASE WHEN contacts_contact.name = '' THEN news.name ELSE contacts_contact.name END,
    end_reason = CASE WHEN news.ended_at IS NULL THEN NULL ELSE coalesce(news.reason, end_reason, 'withdrawn') END
FROM unnest(%s::bigint[], %s::timestamptz[], %s::timestamptz[], %s::timestamptz[], %s::text[], %s::text[])
    AS news(id, recorded_at, confirmed_at, ended_at, name, reason)
WHERE contacts_contact.id = news.id
"""
ADD_IDENTITIES = """
INSERT INTO contacts_contactidentity (employee_id, contact_id, kind, value, domain, digest, live)
SELECT contact.employee_id, contact.id, kind, value, nullif(domain, ''), decode(hex, 'hex'), contact.live
FROM unnest(%s::bigint[], %s::text[], %s::text[], %s::text[], %s::text[]) AS sent(contact_id, kind, value, domain, hex)
JOIN contacts_contact contact ON contact.id = sent.contact_id
"""
ADD_SIGHTINGS = """
INSERT INTO contacts_sighting (employee_id, contact_id, keys, seen_at, confirmed_at, ended_at)
SELECT employee_id, contact_id, string_to_array(keys, ','), seen_at, confirmed_at, ended_at
FROM unnest(%s::bigint[], %s::bigint[], %s::text[], %s::timestamptz[], %s::timestamptz[], %s::timestamptz[])
    AS sent(employee_id, contact_id, keys, seen_at, confirmed_at, ended_at)
"""
MOVE_SIGHTINGS = """
UPDATE contacts_sighting SET contact_id = news.contact_id, confirmed_at = news.confirmed_at, ended_at = news.ended_at
FROM unnest(%s::bigint[], %s::bigint[], %s::timestamptz[], %s::timestamptz[])
    AS news(id, contact_id, confirmed_at, ended_at)
WHERE contacts_sighting.id = news.id
"""


@dataclass(eq=False)
class Stored:
    """A stored contact, and its stored sightings with their ids."""

    contact_id: int
    name: str | None
    recorded_at: datetime
    confirmed_at: datetime | None
    ended_at: datetime | None
    end_reason: str | None
    identities: tuple[Identity, ...]
    kept: dict[Sighting, int] = field(default_factory=dict)

    @cached_property
    def keys(self) -> frozenset[Key]:
        return frozenset(one.key for one in self.identities)

    @property
    def erased(self) -> bool:
        return self.name is None

    @property
    def takes_part(self) -> bool:
        """Return whether the feed may change it: not when it was corrected, undone with its file, or erased."""
        return not self.erased and self.end_reason not in (EndReason.CORRECTED, EndReason.UNDONE)

    @cached_property
    def itself(self) -> Sighting:
        return Sighting(self.keys, self.recorded_at, self.confirmed_at, self.ended_at)

    @property
    def stay(self) -> Stay:
        return Stay(self.keys, self.recorded_at, self.confirmed_at, self.ended_at, ())

    @property
    def sightings(self) -> list[Sighting]:
        """Return everything known of the contact. An end entered by a person is stored only on the contact itself."""
        ended_by_people = self.ended_at is not None and self.end_reason != EndReason.WITHDRAWN
        return [*self.kept, self.itself] if ended_by_people or not self.kept else list(self.kept)

    def settles(self, row: Sighting) -> bool:
        """Return whether a row concerns only what this contact has settled, so that the contact stays unchanged."""
        if self.takes_part or self.end_reason == EndReason.UNDONE or not self.keys & row.keys:
            return False
        seen_until = row.ended_at if self.erased else row.at
        return self.stay.overlaps(Stay(row.keys, row.at, None, seen_until, ()))

    def touches(self, stay: Stay | None, opens_at: datetime, cutoff_at: datetime) -> bool:
        """Return whether changing to this stay (None: merged into another contact) changes a campaign's count.

        The campaign's period is given by `opens_at` and `cutoff_at`.
        """
        inside = opens_at <= self.recorded_at < cutoff_at
        if stay is None or stay.keys != self.keys:
            return inside
        if stay.start != self.recorded_at:
            return inside or opens_at <= stay.start < cutoff_at
        times = ((stay.end, self.ended_at), (stay.confirmed_at, self.confirmed_at))
        return inside and any(new != old and _before(earliest(new, old), cutoff_at) for new, old in times)


def _before(at: datetime | None, cutoff_at: datetime) -> bool:
    return at is not None and at < cutoff_at


def load_groups(wanted: Iterable[tuple[int, Identity]]) -> Iterator[tuple[int, Stored]]:
    """Yield (employee id, contact) for every stored contact that is connected with one of these identities."""
    sent = dict.fromkeys((owner, one.kind, one.digest) for owner, one in wanted)
    if not sent:
        return
    owners, kinds, digests = zip(*sent, strict=True)
    with connection.cursor() as cursor:
        values: list[Any] = [list(owners), ",".join(kinds), ",".join(digest.hex() for digest in digests)]
        cursor.execute(CONNECTED, values)
        found = [(row[0], _stored(row)) for row in cursor.fetchall()]
        if not found:
            return
        by_id = {contact.contact_id: contact for _owner, contact in found}
        cursor.execute(SIGHTINGS, [list(by_id)])
        for contact_id, number, keys, *times in cursor.fetchall():
            by_id[contact_id].kept[Sighting(frozenset(map(_key, keys)), *times)] = number
    yield from found


def _stored(row: tuple[Any, ...]) -> Stored:
    _owner, contact_id, name, recorded_at, confirmed_at, ended_at, reason, *held = row
    identities = tuple(Identity(kind, value, bytes(digest)) for kind, value, digest in zip(*held, strict=True))
    return Stored(contact_id, name, recorded_at, confirmed_at, ended_at, reason, identities)


def _key(text: str) -> Key:
    kind, _colon, digest = text.partition(":")
    return kind, bytes.fromhex(digest)


@dataclass
class Writes:
    """Pending changes to stored contacts. `moved`: (contact id, start before, start now); `merged`: contact ids."""

    moved: list[tuple[int, datetime, datetime]] = field(default_factory=list)
    merged: list[int] = field(default_factory=list)
    _news: list[tuple[Any, ...]] = field(default_factory=list)
    _identities: list[tuple[Any, ...]] = field(default_factory=list)
    _sightings: list[tuple[Any, ...]] = field(default_factory=list)
    _sightings_moved: list[tuple[Any, ...]] = field(default_factory=list)

    def absorb(self, contact: Stored) -> None:
        """Merge a contact into another one: it ends at its start, so it counts at no instant."""
        at = contact.recorded_at
        self._news.append((contact.contact_id, at, contact.confirmed_at, at, "", EndReason.MERGED.value))
        self.merged.append(contact.contact_id)

    def bring(self, contact: Stored, stay: Stay, added: Sequence[Identity], name: str) -> None:
        """Update a contact to match its stay."""
        now = (stay.start, stay.confirmed_at, stay.end)
        if now != (contact.recorded_at, contact.confirmed_at, contact.ended_at) or (name and not contact.name):
            self._news.append((contact.contact_id, *now, name, None))
        if stay.start != contact.recorded_at:
            self.moved.append((contact.contact_id, contact.recorded_at, stay.start))
        self._identities += [(contact.contact_id, one.kind, one.value, one.domain, one.digest.hex()) for one in added]

    def keep_sightings(self, owner: int, contact_id: int, stay: Stay, stored: Iterable[Stored]) -> None:
        """Store all sightings of a stay with its contact; `stored`: contacts that may already have some of them."""
        kept = {(row.at, row.keys): (row, number, one.contact_id) for one in stored for row, number in one.kept.items()}
        for row in stay.sightings:
            before = kept.get((row.at, row.keys))
            if before is None:
                keys = ",".join(sorted(f"{kind}:{digest.hex()}" for kind, digest in row.keys))
                self._sightings.append((owner, contact_id, keys, row.at, row.confirmed_at, row.ended_at))
            elif (row, contact_id) != (before[0], before[2]):
                self._sightings_moved.append((before[1], contact_id, row.confirmed_at, row.ended_at))

    def close(self) -> None:
        """Write the ends of contacts first: a new live contact may use their identities."""
        _write(BRING, [one for one in self._news if one[3] is not None])

    def write(self) -> None:
        """Write everything else, after the new contacts are stored."""
        _write(BRING, [one for one in self._news if one[3] is None])
        _write(ADD_IDENTITIES, self._identities)
        _write(ADD_SIGHTINGS, self._sightings)
        _write(MOVE_SIGHTINGS, self._sightings_moved)


def _write(statement: str, rows: Sequence[tuple[Any, ...]]) -> None:
    if rows:
        with connection.cursor() as cursor:
            cursor.execute(statement, [list(column) for column in zip(*rows, strict=True)])
